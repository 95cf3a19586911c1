/* core_fixture.h - the real core without its thread: a memory store, a clock that the test moves, a
 * forge that keeps what it is given until the test answers. One route "kospi" to target "retrain".
 */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/core/core.h"
#include "relay/store/memory.h"
#include "tests/unit/conf_fixture.h"

#include <sodium.h>

#define KEY_TEXT      "kospi/m1"
#define FLIGHTS       16
#define MINUTE_MS     60000
#define WALL_START    INT64_C(1764000000000)
#define SETTLED_AFTER 1000 /* steps without the clock moving: more would be a spin */

struct core_reply_kept {
    bool there;
    enum core_verdict verdict;
    char *body;
};

struct core_fixture {
    int64_t boot_ms, wall_ms;
    struct clock clock;
    struct memory_store *memory;
    struct store store;
    const struct store_ops *ops; /* instead of the memory store's own; NULL */
    struct metrics *metrics;
    struct core *core;
    struct exchange *flights[FLIGHTS]; /* started, not answered */
    size_t n_flights;
    unsigned n_posts, n_polls, n_lists, n_bodies;
    bool stop_file;
    bool online;              /* the targets are asked about */
    bool signed_time;         /* notifications have a MAC and a signed time */
    const char *model;        /* their label, of which the key is made */
    const char *state_reason; /* NULL: none */
    bool dry;                 /* and nothing of them is to be stored */
    int64_t start_ms;         /* between the decision to start an exchange and its leaving */
    int64_t wait;             /* what the last step said */
};

static inline struct wall fixture_wall(void *self)
{
    return (struct wall){((struct core_fixture *)self)->wall_ms};
}

static inline struct mono fixture_mono(void *self)
{
    return (struct mono){((struct core_fixture *)self)->boot_ms};
}

static inline int64_t fixture_boot(void *self)
{
    return ((struct core_fixture *)self)->boot_ms;
}

static inline void fixture_boot_id(void *self, char out[static BOOT_ID_MAX])
{
    (void)self;
    (void)snprintf(out, BOOT_ID_MAX, "boot");
}

static inline void fixture_start(void *self, struct exchange *x)
{
    struct core_fixture *f = self;
    assert_true(f->n_flights < FLIGHTS);
    f->boot_ms += f->start_ms;
    f->wall_ms += f->start_ms;
    f->flights[f->n_flights++] = x;
    f->n_posts += x->kind == EXCHANGE_DISPATCH;
    f->n_polls += x->kind == EXCHANGE_RUN;
    f->n_lists += x->kind == EXCHANGE_RUNS;
}

/* target: its name; more: more lines of it; route: of the route. */
static inline struct conf *core_conf_of(const char *target, const char *more, const char *route)
{
    char text[4096];
    char secret[256];
    char token[256];
    (void)snprintf(
        text, sizeof(text),
        "sources = ( { name = \"grafana\"; format = \"grafana\"; auth = { scheme = "
        "\"grafana-hmac\"; secret_files = ( \"%s\" ); }; } );\n"
        "targets = ( { name = \"%s\"; repository = \"acme/kospi\"; workflow = \"retrain.yml\"; "
        "ref = \"main\"; token_file = \"%s\"; %s } );\n"
        "routes = ( { name = \"kospi\"; match = ( \"action=retrain\" ); key = ( \"model\" ); "
        "target = \"%s\"; %s } );\n",
        in_folder(secret, "secret"), target, in_folder(token, "token"), more, target, route);
    struct conf *conf = NULL;
    struct conf_report report = {0};
    if (conf_load_text(&conf, "core", text, &report) != 0)
        fail_msg("%s", report.n_faults > 0 ? report.faults[0] : "no config");
    conf_report_clear(&report);
    return conf;
}

static inline struct conf *core_conf(const char *target, const char *route)
{
    return core_conf_of(target, "", route);
}

static inline void core_up(struct core_fixture *f, struct conf *conf)
{
    struct error err = {0};
    metrics_free(f->metrics);
    f->metrics = metrics_new("drift_relay_");
    assert_int_equal(memory_store_open(f->memory, &f->store, &err), 0);
    if (f->ops != NULL)
        f->store.ops = f->ops;
    struct core_options options = {.conf = conf,
                                   .metrics = f->metrics,
                                   .stop_file = f->stop_file,
                                   .online = f->online,
                                   .ports = {.store = f->store,
                                             .forge = {.self = f, .start = fixture_start},
                                             .clock = &f->clock,
                                             .rng = rng_system()}};
    if (core_open(&f->core, &options, &err) != 0)
        fail_msg("%s", err.text);
}

/* The process is gone: what it had in flight is answered by nobody. */
static inline void core_crash(struct core_fixture *f)
{
    core_free(f->core);
    f->core = NULL;
    for (size_t i = 0; i < f->n_flights; i++)
        exchange_free(f->flights[i]);
    f->n_flights = 0;
}

/* Takes conf. */
static inline void core_fixture_init_conf(struct core_fixture *f, struct conf *conf)
{
    struct error err = {0};
    assert_true(sodium_init() >= 0);
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    *f = (struct core_fixture){.wall_ms = WALL_START, .boot_ms = 5000, .model = "m1"};
    f->clock = (struct clock){.self = f,
                              .wall = fixture_wall,
                              .mono = fixture_mono,
                              .boot_ms = fixture_boot,
                              .boot_id = fixture_boot_id};
    assert_int_equal(memory_store_new(&f->memory, &err), 0);
    core_up(f, conf);
    conf_unref(conf);
}

static inline void core_fixture_init(struct core_fixture *f, const char *route)
{
    core_fixture_init_conf(f, core_conf("retrain", route));
}

static inline void core_fixture_clear(struct core_fixture *f)
{
    core_crash(f);
    memory_store_free(f->memory);
    metrics_free(f->metrics);
}

/* Steps until the core wants to sleep; one that never does is a bug. */
static inline void core_settle(struct core_fixture *f)
{
    for (int i = 0; i < SETTLED_AFTER; i++) {
        f->wait = core_step(f->core);
        if (f->wait != 0)
            return;
    }
    fail_msg("the core spins");
}

/* Time passes; the core wakes whenever it wants to. */
static inline void core_pass(struct core_fixture *f, int64_t ms)
{
    int64_t until = f->boot_ms + ms;
    core_settle(f);
    while (f->boot_ms < until) {
        int64_t left = until - f->boot_ms;
        int64_t step = f->wait > 0 && f->wait < left ? f->wait : left;
        f->boot_ms += step;
        f->wall_ms += step;
        core_settle(f);
    }
}

static inline void keep_reply(void *context, const struct core_reply *reply)
{
    struct core_reply_kept *kept = context;
    assert_false(kept->there);
    *kept = (struct core_reply_kept){
        .there = true,
        .verdict = reply->verdict,
        .body = strndup(reply->body == NULL ? "" : reply->body, reply->len)};
}

/* Puts a notification of one alert into the mailbox; its reply comes with a step. */
static inline void core_send(struct core_fixture *f, const char *status, const char *fingerprint,
                             struct core_reply_kept *kept)
{
    char body[1024];
    struct error err = {0};
    static const struct alert_limits limits = {.alerts = 100, .labels = 64, .depth = 16};
    (void)snprintf(body, sizeof(body),
                   "{\"receiver\":\"relay\",\"status\":\"firing\",\"orgId\":1,\"groupKey\":\"{}\","
                   "\"externalURL\":\"\",\"version\":\"1\",\"title\":\"%u\",\"alerts\":[{"
                   "\"status\":\"%s\",\"labels\":{\"alertname\":\"Drift\",\"action\":\"retrain\","
                   "\"model\":\"%s\"},\"annotations\":{%s%s%s},\"fingerprint\":\"%s\",\"startsAt\":"
                   "\"2025-11-24T00:00:00Z\",\"endsAt\":\"%s\"}]}",
                   ++f->n_bodies, status, f->model,
                   f->state_reason == NULL ? "" : "\"grafana_state_reason\":\"",
                   f->state_reason == NULL ? "" : f->state_reason,
                   f->state_reason == NULL ? "" : "\"", fingerprint,
                   strcmp(status, "resolved") == 0 ? "2025-11-25T00:00:00Z"
                                                   : "0001-01-01T00:00:00Z");
    *kept = (struct core_reply_kept){0};
    struct intake *in = must_alloc(1, sizeof(*in));
    *in =
        (struct intake){.source = strdup("grafana"),
                        .format = ALERT_FORMAT_GRAFANA,
                        .received_wall = f->wall_ms,
                        .signed_time = f->signed_time,
                        .dry = f->dry,
                        .claim = {.signed_at_ms = f->wall_ms, .mac = {(unsigned char)f->n_bodies}},
                        .body = strdup(body),
                        .body_len = strlen(body),
                        .reply = keep_reply,
                        .context = kept};
    assert_int_equal(
        notification_parse(&in->content, in->format, in->body, in->body_len, &limits, &err), 0);
    assert_true(core_submit(f->core, in));
}

/* Sends one, steps, and wants this of its reply: a verdict, and words in its body ("": any). */
static inline void core_post(struct core_fixture *f, const char *status, const char *fingerprint,
                             enum core_verdict verdict, const char *words)
{
    struct core_reply_kept kept;
    core_send(f, status, fingerprint, &kept);
    core_settle(f);
    assert_true(kept.there);
    assert_int_equal(kept.verdict, verdict);
    if (words[0] != '\0' && strstr(kept.body, words) == NULL)
        fail_msg("%s: not in %s", words, kept.body);
    free(kept.body);
}

/* The oldest flight is answered: a status with a body, or (status 0) that transport. header: its
 * name, NULL: none. */
static inline void core_answer_flight_with(struct core_fixture *f, int status, const char *body,
                                           enum exchange_transport transport, const char *header,
                                           const char *value)
{
    assert_true(f->n_flights > 0);
    struct exchange *x = f->flights[0];
    memmove(&f->flights[0], &f->flights[1], (--f->n_flights) * sizeof(f->flights[0]));
    struct exchange_answer a = {.transport = transport,
                                .status = status,
                                .body = strdup(body),
                                .body_len = strlen(body),
                                .duration_ms = 1};
    if (header != NULL) {
        a.headers = must_alloc(1, sizeof(*a.headers));
        a.headers[a.n_headers++] = (struct exchange_header){strdup(header), strdup(value)};
    }
    core_answer(f->core, x->kind, x->relay_id, &a);
    exchange_free(x);
}

static inline void core_answer_flight_at(struct core_fixture *f, int status, const char *body,
                                         enum exchange_transport transport, const char *date)
{
    core_answer_flight_with(f, status, body, transport, "date", date);
}

static inline void core_answer_flight(struct core_fixture *f, int status, const char *body,
                                      enum exchange_transport transport)
{
    core_answer_flight_with(f, status, body, transport, NULL, NULL);
}

#define RUN_URL "https://api.github.com/repos/acme/kospi/actions/runs/43000000001"
#define ACCEPTED                                                                                   \
    "{\"workflow_run_id\":43000000001,\"run_url\":\"" RUN_URL                                      \
    "\",\"html_url\":\"https://github.com/acme/kospi/actions/runs/43000000001\"}"

static inline void core_accept(struct core_fixture *f)
{
    core_answer_flight(f, 200, ACCEPTED, EXCHANGE_ANSWERED);
    core_settle(f);
}

/* The view of a query must hold these words. */
static inline void core_shows(struct core_fixture *f, enum core_query query, const char *id,
                              const char *words)
{
    struct core_reply_kept kept = {0};
    assert_true(core_ask(f->core, query, id, "", 200, keep_reply, &kept));
    core_settle(f);
    assert_true(kept.there);
    if (strstr(kept.body, words) == NULL)
        fail_msg("%s: not in %s", words, kept.body);
    free(kept.body);
}

#endif
