/* One look at everything that an operator asks first: what fires and when it may act, what was
 * started, what was decided, and how those are that the relay needs. JSON; times are unix ms, 0
 * where there is none. */
#include "relay/core/core_views.h"
#include "relay/engine/window.h"

#include <string.h>

#define REQUESTS_SHOWN      25
#define NOTIFICATIONS_SHOWN 25
#define OUTCOMES_SHOWN      25
#define CHANGES_SHOWN       10
#define DECISIONS_BYTES_MAX (256 * 1024) /* so much of what the notifications came to */

void overview_at(struct core *c, struct buf *out, const char *name, int64_t relay_ms)
{
    view_int(out, name,
             relay_ms == WINDOW_NO_END ? 0 : view_wall(c, relay_ms, relay_time_now(&c->time)));
}

/* --- how things are ------------------------------------------------------------------------------
 */

static void add_store(struct core *c, struct buf *out)
{
    view_open(out, "store", '{');
    view_bool(out, "ok", c->store_ok);
    overview_at(c, out, "since", c->store_ok ? 0 : c->store_failed_at);
    view_text(out, "error", c->store_ok ? NULL : c->store_error.text);
    buf_add_char(out, '}');
}

static void add_trouble(struct buf *out, const struct trouble *t)
{
    view_int(out, "since", t->since_wall);
    view_text(out, "fault", t->fault);
    buf_add_char(out, '}');
}

static void add_config(struct core *c, struct buf *out)
{
    view_open(out, "sources", '[');
    for (size_t i = 0; i < c->conf->n_sources; i++)
        view_text(out, NULL, c->conf->sources[i].name);
    buf_add_char(out, ']');
    view_open(out, "config", '{');
    add_trouble(out, &c->troubles[CORE_CONFIG]);
    view_open(out, "grafana", '{');
    view_text(out, "url", c->conf->grafana.url);
    add_trouble(out, &c->troubles[CORE_GRAFANA]);
}

static void add_credentials(struct core *c, struct buf *out)
{
    int64_t now = relay_time_now(&c->time);
    view_open(out, "credentials", '[');
    for (size_t i = 0; i < c->n_credentials; i++) {
        const struct credential *one = &c->credentials[i];
        bool blocked = one->not_before > now;
        view_open(out, NULL, '{');
        view_text(out, "name", one->name);
        overview_at(c, out, "blocked_until", blocked ? one->not_before : 0);
        view_word(out, "reason", blocked ? one->reason : "");
        view_int(out, "remaining", one->remaining);
        view_int(out, "token_expires_s", one->token_expiry_s);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_pauses(struct core *c, struct buf *out)
{
    view_bool(out, "stop_file", c->stop);
    view_open(out, "paused", '[');
    for (size_t i = 0; i < c->n_pauses; i++) {
        const struct core_pause *p = &c->pauses[i];
        view_open(out, NULL, '{');
        view_text(out, "scope", p->scope == ENGINE_ROUTE ? "route" : "target");
        view_text(out, "name", p->name);
        view_int(out, "since", p->since_wall);
        overview_at(c, out, "until", p->until);
        view_word(out, "who", p->who);
        view_word(out, "why", p->why);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_open(const struct core *c, struct buf *out)
{
    size_t waiting = 0;
    size_t unsent = 0;
    int64_t since = 0;
    for (size_t i = 0; i < c->open.n; i++) { /* oldest first */
        const struct request *r = c->open.items[i];
        waiting += r->state == REQUEST_QUEUED;
        if (r->state != REQUEST_QUEUED || strcmp(r->reason, outcome_text(OUTCOME_NOT_SENT)) != 0)
            continue;
        unsent++;
        since = since == 0 ? r->created_wall : since;
    }
    view_int(out, "waiting", (int64_t)waiting);
    view_int(out, "under_way", (int64_t)(c->open.n - waiting));
    view_int(out, "unsent", (int64_t)unsent);
    view_int(out, "unsent_since", since);
}

/* --- what happened -------------------------------------------------------------------------------
 */

void overview_request(struct core *c, const struct request *r, const char *name, struct buf *out)
{
    view_open(out, name, '{');
    view_text(out, "relay_id", r->relay_id);
    view_text(out, "state", request_state_text(r->state));
    view_word(out, "reason", r->reason);
    view_word(out, "detail", r->detail);
    view_text(out, "key", r->key);
    view_int(out, "created", r->created_wall);
    view_int(out, "ended", r->ended_wall);
    view_int(out, "attempts", r->attempts);
    overview_at(c, out, "posted", r->posted_at);
    overview_at(c, out, "next", request_is_open(r->state) ? r->next_at : 0);
    view_text(out, "run_url", r->run_url);
    view_int(out, "run_id", r->run_id);
    view_word(out, "run_status", r->run_status);
    view_word(out, "conclusion", r->conclusion);
    view_word(out, "effect", r->effect);
    buf_add_char(out, '}');
}

struct listing {
    struct core *c;
    struct buf *out;
    size_t n, bytes;
};

static bool list_request(void *context, const struct request *r)
{
    struct listing *l = context;
    overview_request(l->c, r, NULL, l->out);
    return true;
}

static bool list_notification(void *context, const struct store_notification *n)
{
    struct listing *l = context;
    l->bytes += strlen(n->alerts);
    view_open(l->out, NULL, '{');
    view_text(l->out, "id", n->id);
    view_text(l->out, "source", n->source);
    view_int(l->out, "received", n->received_wall);
    view_json(l->out, "alerts", l->bytes <= DECISIONS_BYTES_MAX ? n->alerts : "null");
    buf_add_char(l->out, '}');
    return true;
}

static void list_outcome(void *context, const struct store_outcome_row *o)
{
    struct listing *l = context;
    if (l->n++ >= OUTCOMES_SHOWN)
        return;
    view_open(l->out, NULL, '{');
    view_int(l->out, "at", o->at_wall);
    view_text(l->out, "key", o->key);
    view_text(l->out, "verdict", o->verdict);
    view_text(l->out, "reason", o->reason);
    buf_add_char(l->out, '}');
}

static bool list_change(void *context, const struct store_change *change)
{
    struct listing *l = context;
    view_open(l->out, NULL, '{');
    view_int(l->out, "at", change->at_wall);
    view_word(l->out, "who", change->who);
    view_word(l->out, "action", change->action);
    view_word(l->out, "scope", change->scope);
    view_word(l->out, "name", change->name);
    view_word(l->out, "why", change->why);
    view_word(l->out, "detail", change->detail);
    buf_add_char(l->out, '}');
    return true;
}

static int add_history(struct core *c, struct buf *out, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    void *store = c->ports.store.self;
    char next[64];
    struct listing l = {.c = c, .out = out};
    view_open(out, "requests", '[');
    int r = ops->list_requests(store, "", REQUESTS_SHOWN, list_request, &l, next, err);
    buf_add_char(out, ']');
    view_open(out, "notifications", '[');
    if (r == 0)
        r = ops->list_notifications(store, "", NOTIFICATIONS_SHOWN, list_notification, &l, next,
                                    err);
    buf_add_char(out, ']');
    view_open(out, "outcomes", '[');
    if (r == 0)
        r = ops->list_outcomes(store, NULL, list_outcome, &l, err);
    buf_add_char(out, ']');
    view_open(out, "changes", '[');
    if (r == 0)
        r = ops->list_changes(store, "", CHANGES_SHOWN, list_change, &l, next, err);
    buf_add_char(out, ']');
    return r;
}

int core_overview(struct core *c, struct message *m, struct error *err)
{
    struct buf *out = &m->reply;
    int r = 0;
    view_open(out, NULL, '{');
    view_int(out, "now", clock_wall(c->ports.clock).ms);
    view_bool(out, "ready", core_is_ready(c));
    view_text(out, "version", DRIFT_RELAY_VERSION);
    add_store(c, out);
    add_config(c, out);
    if (c->store_ok) { /* else what is in memory is not to be trusted */
        add_credentials(c, out);
        view_open(out, "findings", '[');
        core_online_show(c, out);
        buf_add_char(out, ']');
        add_pauses(c, out);
        add_open(c, out);
        overview_keys(c, m, out);
        r = add_history(c, out, err);
    }
    buf_add_text(out, "}\n");
    m->verdict = CORE_FOUND;
    return r;
}
