/* engine_fixture.h - routes, alerts and notifications in memory, and an engine over them.
 *
 * One source "grafana", one route "kospi" (key label model) to target "retrain". Times are relay ms
 * from START; a fixture's clock is what a test sets in `now`. */
#ifndef TESTS_UNIT_ENGINE_FIXTURE_H
#define TESTS_UNIT_ENGINE_FIXTURE_H

#include "relay/base/scope.h"
#include "relay/engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)
#define HOUR     (60 * MINUTE)
#define START    INT64_C(1764000000000)
#define KEY      "kospi/m1"
#define ALERTS   16
#define NO_UNTIL 0

struct fixture {
    struct engine *engine;
    struct route routes[2];
    const struct route *in_order[2];
    struct engine_target target;
    struct engine_config config;
    struct engine_ports ports;
    int64_t now;
    unsigned n_notifications;
    char notification[ULID_SIZE];
    struct effects effects; /* of the last event */
    int inputs_result;      /* what the inputs port answers */
    char inputs_say[64];    /* … and why */
    unsigned n_inputs;      /* how often it was asked */
    char led_by[64];        /* fingerprint of the leading member it was asked for */
    bool led_here;          /* that one's alert is in the notification at hand */
    size_t led_count;
    struct label labels[ALERTS][2];
    struct alert alerts[ALERTS];
    size_t n_alerts;
};

static char fixture_kospi[] = "kospi", fixture_other[] = "other", fixture_target[] = "retrain",
            fixture_model[] = "model", fixture_action[] = "action", fixture_retrain[] = "retrain",
            fixture_again[] = "again";
static char *fixture_key_labels[] = {fixture_model};
static struct matcher fixture_match[] = {
    {.name = fixture_action, .op = MATCH_EQUAL, .value = fixture_retrain}};
static struct matcher fixture_match_other[] = {
    {.name = fixture_action, .op = MATCH_EQUAL, .value = fixture_again}};

static inline int fixture_inputs(void *self, const struct route *route, const char *key,
                                 const char *relay_id, const struct leading *leading, char **json,
                                 struct error *err)
{
    struct fixture *f = self;

    assert_non_null(route);
    assert_non_null(strstr(key, route->name));
    assert_true(ulid_is_valid(relay_id));
    f->n_inputs++;
    (void)snprintf(f->led_by, sizeof(f->led_by), "%s", leading->member->fingerprint);
    f->led_here = leading->alert != NULL;
    if (f->led_here)
        assert_string_equal(leading->alert->fingerprint, f->led_by);
    f->led_count = leading->count;
    if (f->inputs_result == 0)
        assert_non_null(*json = strdup("{}"));
    else
        (void)error_set(err, f->inputs_result, "%s", f->inputs_say);
    return f->inputs_result;
}

static inline void fixture_configure(struct fixture *f)
{
    struct error err = {0};

    f->config = (struct engine_config){
        .routes = f->in_order, .n_routes = 2, .targets = &f->target, .n_targets = 1};
    assert_int_equal(engine_configure(f->engine, &f->config, f->now, &err), 0);
}

static inline void fixture_init(struct fixture *f)
{
    struct error err = {0};

    assert_true(sodium_init() >= 0);
    *f = (struct fixture){.now = START, .target = {.name = fixture_target}};
    f->routes[0] = (struct route){.name = fixture_kospi,
                                  .matchers = fixture_match,
                                  .n_matchers = 1,
                                  .key_labels = fixture_key_labels,
                                  .n_key_labels = 1,
                                  .policy = policy_default,
                                  .target = fixture_target};
    f->routes[1] = f->routes[0];
    f->routes[1].name = fixture_other;
    f->routes[1].matchers = fixture_match_other;
    f->in_order[0] = &f->routes[0];
    f->in_order[1] = &f->routes[1];
    f->ports = (struct engine_ports){.self = f, .rng = rng_system(), .inputs = fixture_inputs};
    assert_int_equal(engine_new(&f->engine, &f->ports, &err), 0);
    fixture_configure(f);
}

static inline void fixture_clear(struct fixture *f)
{
    effects_clear(&f->effects);
    engine_free(f->engine);
}

static inline struct policy *fixture_policy(struct fixture *f)
{
    return &f->routes[0].policy;
}

/* Adds an alert to the body at hand. ends_at follows starts_at by a second for a resolve. */
static inline struct alert *body_add(struct fixture *f, enum alert_kind kind,
                                     const char *fingerprint, const char *model, int64_t starts_at)
{
    assert_true(f->n_alerts < ALERTS);
    struct label *labels = f->labels[f->n_alerts];
    struct alert *a = &f->alerts[f->n_alerts++];
    labels[0] = (struct label){"action", "retrain"};
    labels[1] = (struct label){"model", model};
    *a = (struct alert){.kind = kind,
                        .fingerprint = fingerprint,
                        .alertname = "Drift",
                        .starts_at = starts_at,
                        .ends_at = kind == ALERT_RESOLVED ? starts_at + SECOND : TIME_NONE,
                        .labels = labels,
                        .n_labels = 2};
    return a;
}

static inline void body_begin(struct fixture *f)
{
    f->n_alerts = 0;
}

static inline void body_post(struct fixture *f, bool dry)
{
    struct error err = {0};
    const struct notification content = {.receiver = "relay",
                                         .group_key = "{}:{}",
                                         .external_url = "",
                                         .alerts = f->alerts,
                                         .n_alerts = f->n_alerts};

    (void)snprintf(f->notification, sizeof(f->notification), "01JD%022u", ++f->n_notifications);
    const struct engine_event event = {.now = f->now,
                                       .wall = {START},
                                       .source = "grafana",
                                       .notification = f->notification,
                                       .content = &content,
                                       .dry = dry};
    effects_clear(&f->effects);
    assert_int_equal(engine_notification(f->engine, &event, &f->effects, &err), 0);
    assert_int_equal(f->effects.n_decisions, f->n_alerts);
}

/* A body of one alert of model m1; its decision. */
static inline const struct decision *post_one(struct fixture *f, enum alert_kind kind,
                                              const char *fingerprint, int64_t starts_at)
{
    body_begin(f);
    (void)body_add(f, kind, fingerprint, "m1", starts_at);
    body_post(f, false);
    return &f->effects.decisions[0];
}

#define fire(f, fingerprint)    post_one(f, ALERT_FIRING, fingerprint, START)
#define resolve(f, fingerprint) post_one(f, ALERT_RESOLVED, fingerprint, START)

static inline void assert_says_at(const struct decision *d, enum verdict verdict,
                                  enum reason reason, const char *file, int line)
{
    if (d->verdict != verdict || d->reason != reason)
        print_message("%s:%d: %s/%s instead of %s/%s\n", file, line, verdict_text(d->verdict),
                      reason_text(d->reason), verdict_text(verdict), reason_text(reason));
    _assert_int_equal(d->verdict, verdict, file, line);
    _assert_int_equal(d->reason, reason, file, line);
}
#define assert_says(d, verdict, reason)                                                            \
    assert_says_at(d, VERDICT_##verdict, REASON_##reason, __FILE__, __LINE__)

static inline const struct key *the_key(const struct fixture *f)
{
    const struct key *k = engine_find_key(f->engine, KEY);
    assert_non_null(k);
    return k;
}

/* The relay_id of the key's open request, copied. */
static inline void open_request(const struct fixture *f, char out[static ULID_SIZE])
{
    memcpy(out, the_key(f)->relay_id, ULID_SIZE);
    assert_true(ulid_is_valid(out));
}

static inline void posting(struct fixture *f)
{
    struct error err = {0};
    char id[ULID_SIZE];

    open_request(f, id);
    effects_clear(&f->effects);
    assert_int_equal(engine_posting(f->engine, KEY, id, f->now, &f->effects, &err), 0);
}

static inline void ended(struct fixture *f, enum request_end end)
{
    struct error err = {0};
    char id[ULID_SIZE];

    open_request(f, id);
    effects_clear(&f->effects);
    assert_int_equal(engine_ended(f->engine, KEY, id, end, f->now, &f->effects, &err), 0);
}

static inline void timers(struct fixture *f)
{
    struct error err = {0};

    effects_clear(&f->effects);
    assert_int_equal(engine_timers(f->engine, f->now, (struct wall){START}, &f->effects, &err), 0);
    assert_true(engine_next(f->engine) > f->now);
}

static inline void set_stop(struct fixture *f, bool stop)
{
    struct error err = {0};

    assert_int_equal(engine_set_stop(f->engine, stop, f->now, &err), 0);
}

/* Fires one alert, and its run comes to this end at once: what the key keeps are the windows. */
static inline void run_once(struct fixture *f, const char *fingerprint, enum request_end end)
{
    assert_says(fire(f, fingerprint), DISPATCH, FIRST);
    posting(f);
    ended(f, end);
}

/* Everything the engine knows, as text: two equal texts are two equal states. */
static inline void state_text(const struct fixture *f, struct buf *out)
{
    for (size_t i = 0; i < engine_n_keys(f->engine); i++) {
        const struct key *k = engine_key_at(f->engine, i);
        buf_addf(out, "%s %s %lld %lld %lld %lld %s %lld %d %d %lld:", k->text, k->route,
                 (long long)k->quiet_since, (long long)k->disarmed_at, (long long)k->cooldown_from,
                 (long long)k->retry_from, k->relay_id, (long long)k->posted_at, k->executed,
                 k->settled, (long long)k->deadline_);
        buf_addf(out, " %d %lld %lld %lld %s", k->by_operator, (long long)k->hold_began,
                 (long long)k->hold_from, (long long)k->deferred_at, reason_text(k->deferred_for));
        for (size_t j = 0; j < k->n_members; j++) {
            const struct member *m = &k->members[j];
            buf_addf(out, " %s/%s %lld %lld %d %d %s %u", m->source, m->fingerprint,
                     (long long)m->starts_at, (long long)m->heard_at, m->blind,
                     m->in_request + 2 * m->waits, m->notification, m->position);
        }
        buf_add_char(out, '\n');
    }
    assert_false(buf_failed(out));
}

#endif
