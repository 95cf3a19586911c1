/* What people and programs may look at: the decisions of an answer, and the single things of the
 * admin API. */
#include "relay/core/core_views.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <string.h>

#define VIEW_MAX       (64U * 1024 * 1024)
#define OUTCOMES_SHOWN 20

/* --- decisions ----------------------------------------------------------------------------------
 */

void core_write_decisions(struct core *c, const struct effects *e, const struct alert *alerts,
                          int64_t now, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < e->n_decisions; i++) {
        const struct decision *d = &e->decisions[i];
        view_open(out, NULL, '{');
        view_text(out, "fingerprint", alerts[i].fingerprint);
        view_text(out, "route", d->route);
        view_text(out, "key", d->key);
        view_text(out, "verdict", verdict_text(d->verdict));
        view_text(out, "reason", reason_text(d->reason));
        if (d->relay_id[0] != '\0')
            view_text(out, "relay_id", d->relay_id);
        if (d->until != 0)
            view_time(out, "until", view_wall(c, d->until, now));
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* --- keys ---------------------------------------------------------------------------------------
 */

/* began 0: it is not on. */
static void write_timer(struct core *c, struct buf *out, const char *name, int64_t began,
                        int64_t end, int64_t now)
{
    if (began == 0) {
        view_text(out, name, NULL);
        return;
    }
    view_open(out, name, '{');
    view_time(out, "since", view_wall(c, began, now));
    view_time(out, "until", end == INT64_MAX ? 0 : view_wall(c, end, now));
    buf_add_char(out, '}');
}

static void write_timers(struct core *c, const struct key *k, int64_t now, struct buf *out)
{
    struct engine_key_times times;
    engine_key_times(c->engine, k, now, &times);
    view_open(out, "timers", '{');
    write_timer(c, out, "hold", k->hold_began, times.waiting, now);
    write_timer(c, out, "deferral", k->deferred_at, times.waiting, now);
    write_timer(c, out, "disarmed", times.disarmed == 0 ? 0 : k->disarmed_at, times.disarmed, now);
    write_timer(c, out, "cooldown", times.cooldown == 0 ? 0 : times.cooldown_from, times.cooldown,
                now);
    buf_add_char(out, '}');
    view_text(out, "deferred_for", k->deferred_at == 0 ? NULL : reason_text(k->deferred_for));
    view_time(out, "quiet_since", view_wall(c, k->quiet_since, now));
    view_time(out, "posted_at", view_wall(c, k->posted_at, now));
}

void view_key(struct core *c, const struct key *k, struct buf *out)
{
    int64_t now = relay_time_now(&c->time);
    int64_t until;
    const char *state = engine_key_state(c->engine, k, now, &until);
    view_open(out, NULL, '{');
    view_text(out, "key", k->text);
    view_text(out, "route", k->route);
    view_text(out, "state", state);
    view_open(out, "members", '[');
    for (size_t i = 0; i < k->n_members; i++) {
        const struct member *m = &k->members[i];
        view_open(out, NULL, '{');
        view_text(out, "source", m->source);
        view_text(out, "fingerprint", m->fingerprint);
        view_bool(out, "blind", m->blind);
        view_time(out, "heard_at", view_wall(c, m->heard_at, now));
        view_word(out, "notification", m->notification);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    view_time(out, "until", view_wall(c, until, now));
    view_word(out, "relay_id", k->relay_id);
    write_timers(c, k, now, out);
    buf_add_char(out, '}');
}

struct outcome_list {
    struct buf *out;
    int n;
};

static void write_outcome(void *context, const struct store_outcome_row *o)
{
    struct outcome_list *list = context;
    if (list->n++ >= OUTCOMES_SHOWN)
        return;
    view_open(list->out, NULL, '{');
    view_time(list->out, "at", o->at_wall);
    view_text(list->out, "cause", "timer");
    view_text(list->out, "verdict", o->verdict);
    view_text(list->out, "reason", o->reason);
    view_word(list->out, "relay_id", o->relay_id);
    buf_add_char(list->out, '}');
}

/* Into the key's object, which is complete: what its timers decided, newest first. */
static int write_outcomes(struct core *c, const struct key *k, struct buf *out, struct error *err)
{
    struct outcome_list list = {.out = out};
    out->len--; /* the brace that closed it */
    view_open(out, "outcomes", '[');
    int r =
        c->ports.store.ops->list_outcomes(c->ports.store.self, k->text, write_outcome, &list, err);
    buf_add_text(out, "]}");
    return r;
}

/* --- requests -----------------------------------------------------------------------------------
 */

static void write_attempt(void *context, const struct attempt *a)
{
    struct buf *out = context;
    view_open(out, NULL, '{');
    view_time(out, "at", a->at_wall);
    view_text(out, "outcome", a->outcome);
    if (a->http_status == 0)
        view_text(out, "http_status", NULL);
    else
        view_int(out, "http_status", a->http_status);
    view_text(out, "detail", a->detail);
    buf_add_char(out, '}');
}

static void write_run(const struct request *r, struct buf *out)
{
    if (r->run_id == 0) {
        view_text(out, "run", NULL);
        return;
    }
    view_open(out, "run", '{');
    view_int(out, "id", r->run_id);
    view_text(out, "url", r->run_url);
    view_word(out, "status", r->run_status);
    view_word(out, "conclusion", r->conclusion);
    buf_add_char(out, '}');
}

int view_request(struct core *c, const struct request *r, struct buf *out, struct error *err)
{
    struct request_view view = core_view_of(r);
    int64_t expires = engine_expires_at(c->engine, &view) - r->created_at + r->created_wall;
    view_open(out, NULL, '{');
    view_text(out, "relay_id", r->relay_id);
    view_text(out, "state", request_state_text(r->state));
    view_word(out, "reason", r->reason);
    view_word(out, "detail", r->detail);
    view_text(out, "route", r->route);
    view_text(out, "key", r->key);
    view_text(out, "target", r->target);
    view_text(out, "cause", r->cause);
    view_word(out, "notification", r->notification);
    view_word(out, "replaces", r->replaces);
    view_time(out, "created_at", r->created_wall);
    view_time(out, "expires_at", expires);
    view_time(out, "ended_at", r->ended_wall);
    view_json(out, "inputs", r->inputs);
    write_run(r, out);
    view_open(out, "duplicate_runs", '[');
    buf_addf(out, "%s]", r->duplicates);
    view_word(out, "effect", r->effect);
    view_word(out, "cancel", r->cancel);
    view_open(out, "attempts", '[');
    int result = c->ports.store.ops->list_attempts(c->ports.store.self, r->relay_id, write_attempt,
                                                   out, err);
    buf_add_char(out, ']');
    return result;
}

static int one_request(struct core *c, const char *id, struct buf *out, struct error *err)
{
    SCOPED(request_free) struct request request = {.relay_id = ""};
    int r = c->ports.store.ops->get_request(c->ports.store.self, id, &request, err);
    if (r == 0)
        r = view_request(c, &request, out, err);
    if (r == 0)
        r = view_timeline(c, &request, out, err);
    if (r == 0)
        buf_add_char(out, '}');
    return r;
}

/* --- notifications ------------------------------------------------------------------------------
 */

void view_notification(const struct store_notification *n, struct buf *out)
{
    view_open(out, NULL, '{');
    view_text(out, "notification", n->id);
    view_text(out, "source", n->source);
    view_text(out, "format", n->format);
    view_time(out, "received_at", n->received_wall);
    if (n->body != NULL)
        view_json(out, "body", n->body); /* it was parsed before it was stored: it is JSON */
    view_json(out, "alerts", n->alerts);
    buf_add_char(out, '}');
}

static int one_notification(struct core *c, const char *id, struct buf *out, struct error *err)
{
    SCOPED(store_notification_clear) struct store_notification n = {0};
    int r = c->ports.store.ops->get_notification(c->ports.store.self, id, &n, err);
    if (r == 0)
        view_notification(&n, out);
    return r;
}

/* Byte for byte as it was signed. */
static int one_body(struct core *c, const char *id, struct buf *out, struct error *err)
{
    SCOPED(store_notification_clear) struct store_notification n = {0};
    int r = c->ports.store.ops->get_notification(c->ports.store.self, id, &n, err);
    if (r == 0)
        buf_add(out, n.body, n.body_len);
    return r;
}

/* --- single things -----------------------------------------------------------------------------
 */

static void write_pauses(struct core *c, struct buf *out)
{
    int64_t now = relay_time_now(&c->time);
    view_open(out, "paused", '[');
    for (size_t i = 0; i < c->n_pauses; i++) {
        const struct core_pause *p = &c->pauses[i];
        view_open(out, NULL, '{');
        view_text(out, "scope", p->scope == ENGINE_ROUTE ? "route" : "target");
        view_text(out, "name", p->name);
        view_time(out, "since", p->since_wall);
        view_time(out, "until", view_wall(c, p->until, now));
        view_word(out, "who", p->who);
        view_word(out, "why", p->why);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_names(struct core *c, struct buf *out)
{
    view_open(out, "routes", '[');
    for (size_t i = 0; i < c->conf->n_routes; i++)
        view_text(out, NULL, c->conf->routes[i].route.name);
    buf_add_char(out, ']');
    view_open(out, "targets", '[');
    for (size_t i = 0; i < c->conf->n_targets; i++)
        view_text(out, NULL, c->conf->targets[i].name);
    buf_add_char(out, ']');
}

static void status(struct core *c, struct message *m)
{
    struct buf *out = &m->reply;
    view_open(out, NULL, '{');
    view_text(out, "version", DRIFT_RELAY_VERSION);
    view_bool(out, "ready", core_is_ready(c));
    view_time(out, "now", clock_wall(c->ports.clock).ms);
    view_int(out, "keys", (int64_t)engine_n_keys(c->engine));
    view_open(out, "requests", '{');
    for (int s = 0; s < REQUEST_STATES; s++)
        view_int(out, request_state_text((enum request_state)s), c->counts[s]);
    buf_add_char(out, '}');
    view_bool(out, "stop_file", c->stop);
    write_pauses(c, out);
    write_names(c, out);
    buf_add_text(out, "}\n");
    m->verdict = CORE_FOUND;
}

static int one(struct core *c, struct message *m, struct error *err)
{
    const char *id = m->u.query.id;
    int r = 0;
    m->verdict = CORE_NOT_FOUND;
    if (m->u.query.query == QUERY_KEY) {
        const struct key *k = engine_find_key(c->engine, id);
        if (k == NULL)
            return 0;
        view_key(c, k, &m->reply);
        r = write_outcomes(c, k, &m->reply, err);
    } else if (m->u.query.query == QUERY_REQUEST) {
        r = one_request(c, id, &m->reply, err);
    } else if (m->u.query.query == QUERY_BODY) {
        r = one_body(c, id, &m->reply, err);
    } else {
        r = one_notification(c, id, &m->reply, err);
    }
    if (r == STORE_NONE)
        return 0;
    if (m->u.query.query != QUERY_BODY)
        buf_add_char(&m->reply, '\n');
    m->verdict = CORE_FOUND;
    return r;
}

static int look(struct core *c, struct message *m, struct error *err)
{
    switch (m->u.query.query) {
    case QUERY_STATUS:
        status(c, m);
        return 0;
    case QUERY_READY:
        m->verdict = core_is_ready(c) ? CORE_FOUND : CORE_UNAVAILABLE;
        buf_add_text(&m->reply, core_is_ready(c) ? "ready\n" : "draining");
        return 0;
    case QUERY_METRICS:
        if (c->store_ok)
            core_metrics_refresh(c);
        metrics_write(c->metrics.registry, &m->reply);
        m->verdict = CORE_FOUND;
        return 0;
    case QUERY_BACKUP:
        view_backup(c, &m->reply);
        m->verdict = CORE_FOUND;
        return 0;
    case QUERY_KEYS:
    case QUERY_REQUESTS:
    case QUERY_NOTIFICATIONS:
    case QUERY_CHANGES:
        return view_list(c, m, err);
    case QUERY_KEY:
    case QUERY_REQUEST:
    case QUERY_NOTIFICATION:
    case QUERY_BODY:
        return one(c, m, err);
    case QUERY_OVERVIEW:
        return core_overview(c, m, err);
    }
    return 0;
}

void core_query(struct core *c, struct message *m)
{
    struct error err = {0};
    m->reply = BUF_INIT(VIEW_MAX);
    /* Without a working store the state in memory is not to be trusted; the metrics say that it
     * fails. */
    bool trusted =
        c->store_ok || m->u.query.query == QUERY_METRICS || m->u.query.query == QUERY_OVERVIEW;
    int r = trusted ? look(c, m, &err) : error_set(&err, -EIO, "the store cannot be written");
    if (r == 0 && !buf_failed(&m->reply))
        return;
    /* A reading that fails is the reader's bad news only. */
    buf_clear(&m->reply);
    m->verdict = r == -EINVAL ? CORE_BAD_QUERY : CORE_UNAVAILABLE;
    buf_add_text(&m->reply, err.text[0] == '\0' ? "the answer could not be made" : err.text);
}
