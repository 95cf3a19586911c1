/* One look at everything that an operator asks first: what fires and when it may act, what was
 * started, what was decided, and how those are that the relay needs. JSON; times are unix ms, 0 or
 * null where there is none. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/core/core_private.h"
#include "relay/engine/window.h"

#include <inttypes.h>
#include <string.h>

#define REQUESTS_SHOWN      25
#define NOTIFICATIONS_SHOWN 25
#define OUTCOMES_SHOWN      25
#define DECISIONS_BYTES_MAX (256 * 1024) /* so much of what the notifications came to */

static void add_text(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "\"%s\":", name);
    if (value == NULL || value[0] == '\0')
        buf_add_text(out, "null");
    else
        buf_add_json_string(out, value);
}

/* A relay time as wall time: by how far it is from now. */
static int64_t to_wall(struct core *c, int64_t relay_ms)
{
    if (relay_ms == 0 || relay_ms == WINDOW_NO_END)
        return 0;
    return clock_wall(c->ports.clock).ms + (relay_ms - relay_time_now(&c->time));
}

static void add_at(struct core *c, struct buf *out, const char *name, int64_t relay_ms)
{
    buf_addf(out, "\"%s\":%" PRId64, name, to_wall(c, relay_ms));
}

/* --- how things are ------------------------------------------------------------------------------
 */

static void add_store(struct core *c, struct buf *out)
{
    buf_addf(out, "\"store\":{\"ok\":%s,", c->store_ok ? "true" : "false");
    add_at(c, out, "since", c->store_ok ? 0 : c->store_failed_at);
    buf_add_char(out, ',');
    add_text(out, "error", c->store_ok ? NULL : c->store_error.text);
    buf_add_char(out, '}');
}

static void add_trouble(struct buf *out, const struct trouble *t)
{
    buf_addf(out, "\"since\":%" PRId64 ",", t->since_wall);
    add_text(out, "fault", t->fault);
}

static void add_config(struct core *c, struct buf *out)
{
    buf_add_text(out, "\"config\":{");
    add_trouble(out, &c->troubles[CORE_CONFIG]);
    buf_add_text(out, ",\"sources\":[");
    for (size_t i = 0; i < c->conf->n_sources; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        buf_add_json_string(out, c->conf->sources[i].name);
    }
    buf_add_text(out, "]},\"grafana\":{");
    add_text(out, "url", c->conf->grafana.url);
    buf_add_char(out, ',');
    add_trouble(out, &c->troubles[CORE_GRAFANA]);
    buf_add_char(out, '}');
}

static void add_credentials(struct core *c, struct buf *out)
{
    int64_t now = relay_time_now(&c->time);
    buf_add_text(out, "\"credentials\":[");
    for (size_t i = 0; i < c->n_credentials; i++) {
        const struct credential *one = &c->credentials[i];
        bool blocked = one->not_before > now;
        buf_add_text(out, i == 0 ? "{" : ",{");
        add_text(out, "name", one->name);
        buf_add_char(out, ',');
        add_at(c, out, "blocked_until", blocked ? one->not_before : 0);
        buf_add_char(out, ',');
        add_text(out, "reason", blocked ? one->reason : NULL);
        buf_addf(out, ",\"remaining\":%" PRId64 ",\"token_expires_s\":%" PRId64 "}", one->remaining,
                 one->token_expiry_s);
    }
    buf_add_char(out, ']');
}

static void add_pauses(struct core *c, struct buf *out)
{
    enum engine_scope scope;
    const char *name;
    buf_addf(out, "\"stop_file\":%s,\"paused\":[", c->stop ? "true" : "false");
    for (size_t i = 0; (name = engine_paused_at(c->engine, i, &scope)) != NULL; i++) {
        buf_addf(out, "%s{\"scope\":\"%s\",", i == 0 ? "" : ",",
                 scope == ENGINE_ROUTE ? "route" : "target");
        add_text(out, "name", name);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* --- keys ----------------------------------------------------------------------------------------
 */

/* What acts, or will by itself, comes first. */
static const char *const states_in_order[] = {"open",     "held",     "deferred", "firing",
                                              "disarmed", "cooldown", "quiet"};
#define STATES (sizeof(states_in_order) / sizeof(states_in_order[0]))

static size_t rank_of(const char *state)
{
    size_t rank = 0;
    while (rank < STATES - 1 && strcmp(states_in_order[rank], state) != 0)
        rank++;
    return rank;
}

struct ranked {
    const struct key *key;
    size_t rank;
};

struct selection {
    struct ranked
        items[STORE_LIST_MAX + 1]; /* one more than a page, to know whether there is one */
    size_t n, wanted;
    size_t counts[STATES];
    size_t firing;
    size_t after_rank;
    const char *after; /* the last of the page before, NULL at first */
};

static int compare(size_t rank, const char *text, size_t other_rank, const char *other)
{
    return rank != other_rank ? (rank < other_rank ? -1 : 1) : strcmp(text, other);
}

/* The first ones stay, in order; most keys are turned away by one comparison. */
static void select_key(struct selection *s, const struct key *k, size_t rank)
{
    if (s->after != NULL && compare(rank, k->text, s->after_rank, s->after) <= 0)
        return;
    size_t at = s->n;
    while (at > 0 && compare(rank, k->text, s->items[at - 1].rank, s->items[at - 1].key->text) < 0)
        at--;
    if (at > s->wanted)
        return;
    if (s->n <= s->wanted)
        s->n++;
    memmove(&s->items[at + 1], &s->items[at], (s->n - 1 - at) * sizeof(s->items[0]));
    s->items[at] = (struct ranked){k, rank};
}

static void add_windows(struct core *c, const struct key *k, int64_t until, struct buf *out)
{
    const struct conf_route *route = conf_route_by_name(c->conf, k->route);
    const struct policy *policy = route == NULL ? &policy_default : &route->route.policy;
    const struct window_rules rules = {.policy = policy};
    bool held = k->hold_began != 0;
    add_at(c, out, "held_from", k->hold_began);
    buf_add_char(out, ',');
    add_at(c, out, "held_until", held ? (until != 0 ? until : window_hold_end(k, &rules)) : 0);
    buf_add_char(out, ',');
    add_at(c, out, "deferred_from", k->deferred_at);
    buf_add_char(out, ',');
    add_text(out, "deferred_for", k->deferred_at == 0 ? NULL : reason_text(k->deferred_for));
    buf_add_char(out, ',');
    add_at(c, out, "cooldown_from",
           k->cooldown_from > k->retry_from ? k->cooldown_from : k->retry_from);
    buf_add_char(out, ',');
    add_at(c, out, "cooldown_until", window_cooldown_end(k, policy));
    buf_add_char(out, ',');
    add_at(c, out, "disarmed_from", k->disarmed_at);
    buf_add_char(out, ',');
    add_at(c, out, "disarmed_until", window_disarmed_end(k, &rules));
    buf_addf(out, ",\"min_alerts\":%" PRId64 ",\"settle_ms\":%" PRId64, policy->min_alerts,
             policy->settle_ms);
}

static void add_request(struct core *c, const struct request *r, struct buf *out)
{
    buf_add_char(out, '{');
    add_text(out, "relay_id", r->relay_id);
    buf_addf(out, ",\"state\":\"%s\",", request_state_text(r->state));
    add_text(out, "reason", r->reason);
    buf_add_char(out, ',');
    add_text(out, "detail", r->detail);
    buf_add_char(out, ',');
    add_text(out, "key", r->key);
    buf_add_char(out, ',');
    add_text(out, "target", r->target);
    buf_add_char(out, ',');
    add_text(out, "cause", r->cause);
    buf_addf(out, ",\"created\":%" PRId64 ",\"ended\":%" PRId64 ",\"attempts\":%" PRId64 ",",
             r->created_wall, r->ended_wall, r->attempts);
    add_at(c, out, "posted", r->posted_at);
    buf_add_char(out, ',');
    add_at(c, out, "next", request_is_open(r->state) ? r->next_at : 0);
    buf_add_char(out, ',');
    add_text(out, "run_url", r->run_url);
    buf_addf(out, ",\"run_id\":%" PRId64 ",", r->run_id);
    add_text(out, "run_status", r->run_status);
    buf_add_char(out, ',');
    add_text(out, "conclusion", r->conclusion);
    buf_add_char(out, ',');
    add_text(out, "effect", r->effect);
    buf_add_char(out, '}');
}

static const struct request *open_request(struct core *c, const char *relay_id)
{
    for (size_t i = 0; i < c->n_open; i++) {
        if (strcmp(c->open[i]->relay_id, relay_id) == 0)
            return c->open[i];
    }
    return NULL;
}

static void add_key(struct core *c, const struct key *k, struct buf *out)
{
    int64_t until;
    const char *state = engine_key_state(c->engine, k, relay_time_now(&c->time), &until);
    const struct conf_route *route = conf_route_by_name(c->conf, k->route);
    size_t firing = key_firing(k);
    buf_add_char(out, '{');
    add_text(out, "key", k->text);
    buf_addf(out, ",\"state\":\"%s\",\"firing\":%zu,\"blind\":%zu,", state, firing,
             k->n_members - firing);
    add_at(c, out, "until", until);
    buf_add_char(out, ',');
    add_at(c, out, "quiet_since", k->quiet_since);
    buf_addf(out, ",\"paused\":%s,",
             c->stop || engine_is_paused(c->engine, ENGINE_ROUTE, k->route) ||
                     (route != NULL && route->route.target != NULL &&
                      engine_is_paused(c->engine, ENGINE_TARGET, route->route.target))
                 ? "true"
                 : "false");
    add_windows(c, k, until, out);
    const struct request *open = k->relay_id[0] == '\0' ? NULL : open_request(c, k->relay_id);
    if (open != NULL) {
        buf_add_text(out, ",\"request\":");
        add_request(c, open, out);
    }
    buf_add_char(out, '}');
}

/* cursor: "RANK KEY" of the last one shown. */
static void start_after(struct selection *s, const char *cursor)
{
    if (cursor[0] < '0' || cursor[0] >= (char)('0' + STATES) || cursor[1] != ' ')
        return;
    s->after_rank = (size_t)(cursor[0] - '0');
    s->after = cursor + 2;
}

static void add_keys(struct core *c, const struct message *m, struct buf *out)
{
    size_t only = rank_of(m->u.query.id); /* no state: all */
    bool all = strcmp(states_in_order[only], m->u.query.id) != 0;
    struct selection s = {.wanted = m->u.query.limit};
    int64_t now = relay_time_now(&c->time);
    start_after(&s, m->u.query.cursor);
    for (size_t i = 0; i < engine_n_keys(c->engine); i++) {
        const struct key *k = engine_key_at(c->engine, i);
        int64_t until;
        const char *state = engine_key_state(c->engine, k, now, &until);
        size_t rank = rank_of(state);
        s.counts[rank]++;
        s.firing += key_firing(k) > 0;
        if (all || rank == only)
            select_key(&s, k, rank);
    }
    buf_addf(out, "\"keys_firing\":%zu,\"key_states\":{", s.firing);
    for (size_t i = 0; i < STATES; i++)
        buf_addf(out, "%s\"%s\":%zu", i == 0 ? "" : ",", states_in_order[i], s.counts[i]);
    buf_add_text(out, "},\"keys\":[");
    size_t shown = s.n < s.wanted ? s.n : s.wanted;
    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        add_key(c, s.items[i].key, out);
    }
    buf_add_text(out, "],");
    SCOPED(buf_free) struct buf next = BUF_INIT(out->max);
    if (s.n > shown && shown > 0)
        buf_addf(&next, "%zu %s", s.items[shown - 1].rank, s.items[shown - 1].key->text);
    add_text(out, "next", buf_text(&next));
}

/* --- what happened -------------------------------------------------------------------------------
 */

struct listing {
    struct core *c;
    struct buf *out;
    size_t n, bytes;
};

static bool list_request(void *context, const struct request *r)
{
    struct listing *l = context;
    if (l->n++ > 0)
        buf_add_char(l->out, ',');
    add_request(l->c, r, l->out);
    return true;
}

static bool list_notification(void *context, const struct store_notification *n)
{
    struct listing *l = context;
    if (l->n++ > 0)
        buf_add_char(l->out, ',');
    size_t len = strlen(n->alerts);
    buf_add_char(l->out, '{');
    add_text(l->out, "id", n->id);
    buf_add_char(l->out, ',');
    add_text(l->out, "source", n->source);
    buf_addf(l->out, ",\"received\":%" PRId64 ",\"alerts\":", n->received_wall);
    l->bytes += len;
    if (l->bytes <= DECISIONS_BYTES_MAX)
        buf_add(l->out, n->alerts, len);
    else
        buf_add_text(l->out, "null");
    buf_add_char(l->out, '}');
    return true;
}

static void list_outcome(void *context, const struct store_outcome_row *o)
{
    struct listing *l = context;
    if (l->n >= OUTCOMES_SHOWN)
        return;
    buf_addf(l->out, "%s{\"at\":%" PRId64 ",\"verdict\":\"%s\",\"reason\":\"%s\",",
             l->n++ == 0 ? "" : ",", o->at_wall, o->verdict, o->reason);
    add_text(l->out, "key", o->key);
    buf_add_char(l->out, '}');
}

static void add_open(const struct core *c, struct buf *out)
{
    size_t waiting = 0;
    size_t unsent = 0;
    int64_t since = 0;
    for (size_t i = 0; i < c->n_open; i++) { /* oldest first */
        const struct request *r = c->open[i];
        waiting += r->state == REQUEST_QUEUED;
        if (r->state != REQUEST_QUEUED || strcmp(r->reason, outcome_text(OUTCOME_NOT_SENT)) != 0)
            continue;
        unsent++;
        since = since == 0 ? r->created_wall : since;
    }
    buf_addf(out, ",\"waiting\":%zu,\"under_way\":%zu,\"unsent\":%zu,\"unsent_since\":%" PRId64,
             waiting, c->n_open - waiting, unsent, since);
}

static int add_history(struct core *c, struct buf *out, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    char next[64];
    struct listing l = {.c = c, .out = out};
    buf_add_text(out, ",\"requests\":[");
    int r =
        ops->list_requests(c->ports.store.self, "", REQUESTS_SHOWN, list_request, &l, next, err);
    if (r != 0)
        return r;
    l.n = 0;
    buf_add_text(out, "],\"notifications\":[");
    r = ops->list_notifications(c->ports.store.self, "", NOTIFICATIONS_SHOWN, list_notification, &l,
                                next, err);
    if (r != 0)
        return r;
    l.n = 0;
    buf_add_text(out, "],\"outcomes\":[");
    r = ops->list_outcomes(c->ports.store.self, NULL, list_outcome, &l, err);
    buf_add_char(out, ']');
    return r;
}

int core_overview(struct core *c, struct message *m, struct error *err)
{
    struct buf *out = &m->reply;
    buf_addf(out, "{\"now\":%" PRId64 ",\"ready\":%s,", clock_wall(c->ports.clock).ms,
             core_is_ready(c) ? "true" : "false");
    add_text(out, "version", DRIFT_RELAY_VERSION);
    buf_add_char(out, ',');
    add_store(c, out);
    buf_add_char(out, ',');
    add_config(c, out);
    int r = 0;
    if (c->store_ok) { /* else what is in memory is not to be trusted */
        buf_add_char(out, ',');
        add_credentials(c, out);
        buf_add_text(out, ",\"findings\":");
        core_online_show(c, out);
        buf_add_char(out, ',');
        add_pauses(c, out);
        buf_add_char(out, ',');
        add_keys(c, m, out);
        add_open(c, out);
        r = add_history(c, out, err);
    }
    buf_add_text(out, "}\n");
    m->verdict = CORE_FOUND;
    return r;
}
