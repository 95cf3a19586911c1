/* What people and programs may look at: the decisions of an answer, and the listings of the admin
 * API. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define VIEW_MAX       (64U * 1024 * 1024)
#define OUTCOMES_SHOWN 20

static void add_string(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "\"%s\":", name);
    if (value == NULL)
        buf_add_text(out, "null");
    else
        buf_add_json_string(out, value);
}

static void add_time(struct buf *out, const char *name, int64_t wall_ms)
{
    char text[RFC3339_MAX];
    format_rfc3339_ms(text, wall_ms);
    add_string(out, name, text);
}

/* A relay time as wall time: by how far it is from now. */
static int64_t to_wall(const struct core *c, int64_t relay_ms, int64_t now)
{
    return clock_wall(c->ports.clock).ms + (relay_ms - now);
}

void core_write_decisions(struct core *c, const struct effects *e, const struct alert *alerts,
                          int64_t now, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < e->n_decisions; i++) {
        const struct decision *d = &e->decisions[i];
        buf_add_text(out, i == 0 ? "{" : ",{");
        add_string(out, "fingerprint", alerts[i].fingerprint);
        buf_add_char(out, ',');
        add_string(out, "route", d->route);
        buf_add_char(out, ',');
        add_string(out, "key", d->key);
        buf_addf(out, ",\"verdict\":\"%s\",\"reason\":\"%s\"", verdict_text(d->verdict),
                 reason_text(d->reason));
        if (d->relay_id[0] != '\0')
            buf_addf(out, ",\"relay_id\":\"%s\"", d->relay_id);
        if (d->until != 0) {
            buf_add_char(out, ',');
            add_time(out, "until", to_wall(c, d->until, now));
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_key(struct core *c, const struct key *k, struct buf *out)
{
    int64_t now = relay_time_now(&c->time);
    int64_t until;
    const char *state = engine_key_state(c->engine, k, now, &until);
    buf_add_char(out, '{');
    add_string(out, "key", k->text);
    buf_add_char(out, ',');
    add_string(out, "route", k->route);
    buf_addf(out, ",\"state\":\"%s\",\"members\":[", state);
    for (size_t i = 0; i < k->n_members; i++) {
        const struct member *m = &k->members[i];
        buf_add_text(out, i == 0 ? "{" : ",{");
        add_string(out, "source", m->source);
        buf_add_char(out, ',');
        add_string(out, "fingerprint", m->fingerprint);
        buf_addf(out, ",\"blind\":%s,", m->blind ? "true" : "false");
        add_time(out, "heard_at", to_wall(c, m->heard_at, now));
        buf_add_char(out, '}');
    }
    buf_add_text(out, "],");
    if (until == 0)
        add_string(out, "until", NULL);
    else
        add_time(out, "until", to_wall(c, until, now));
    buf_add_char(out, ',');
    add_string(out, "relay_id", k->relay_id[0] == '\0' ? NULL : k->relay_id);
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
    buf_add_text(list->out, list->n == 1 ? "{" : ",{");
    add_time(list->out, "at", o->at_wall);
    buf_add_text(list->out, ",\"cause\":\"timer\",");
    add_string(list->out, "verdict", o->verdict);
    buf_add_char(list->out, ',');
    add_string(list->out, "reason", o->reason);
    buf_add_char(list->out, ',');
    add_string(list->out, "relay_id", o->relay_id[0] == '\0' ? NULL : o->relay_id);
    buf_add_char(list->out, '}');
}

/* Into the key's object, which is complete: what its timers decided, newest first. */
static int write_outcomes(struct core *c, const struct key *k, struct buf *out, struct error *err)
{
    struct outcome_list list = {.out = out};
    out->len--; /* the brace that closed it */
    buf_add_text(out, ",\"outcomes\":[");
    int r =
        c->ports.store.ops->list_outcomes(c->ports.store.self, k->text, write_outcome, &list, err);
    buf_add_text(out, "]}");
    return r;
}

static void write_attempt(void *context, const struct attempt *a)
{
    struct buf *out = context;
    if (buf_text(out)[out->len - 1] == '}')
        buf_add_char(out, ',');
    buf_add_char(out, '{');
    add_time(out, "at", a->at_wall);
    buf_add_char(out, ',');
    add_string(out, "outcome", a->outcome);
    if (a->http_status == 0)
        buf_add_text(out, ",\"http_status\":null,");
    else
        buf_addf(out, ",\"http_status\":%d,", a->http_status);
    add_string(out, "detail", a->detail);
    buf_add_char(out, '}');
}

static void write_run(const struct request *r, struct buf *out)
{
    if (r->run_id == 0) {
        buf_add_text(out, ",\"run\":null");
        return;
    }
    buf_addf(out, ",\"run\":{\"id\":%" PRId64 ",", r->run_id);
    add_string(out, "url", r->run_url);
    buf_add_char(out, ',');
    add_string(out, "status", r->run_status[0] == '\0' ? NULL : r->run_status);
    buf_add_char(out, ',');
    add_string(out, "conclusion", r->conclusion[0] == '\0' ? NULL : r->conclusion);
    buf_add_char(out, '}');
}

static int write_request(struct core *c, const struct request *r, struct buf *out,
                         struct error *err)
{
    struct request_view view = core_view_of(r);
    int64_t expires = engine_expires_at(c->engine, &view) - r->created_at + r->created_wall;
    buf_add_char(out, '{');
    add_string(out, "relay_id", r->relay_id);
    buf_addf(out, ",\"state\":\"%s\",", request_state_text(r->state));
    add_string(out, "reason", r->reason[0] == '\0' ? NULL : r->reason);
    buf_add_char(out, ',');
    add_string(out, "detail", r->detail[0] == '\0' ? NULL : r->detail);
    buf_add_char(out, ',');
    add_string(out, "route", r->route);
    buf_add_char(out, ',');
    add_string(out, "key", r->key);
    buf_add_char(out, ',');
    add_string(out, "target", r->target);
    buf_add_char(out, ',');
    add_string(out, "cause", r->cause);
    buf_add_char(out, ',');
    add_string(out, "notification", r->notification[0] == '\0' ? NULL : r->notification);
    buf_add_char(out, ',');
    add_time(out, "created_at", r->created_wall);
    buf_add_char(out, ',');
    add_time(out, "expires_at", expires);
    buf_add_char(out, ',');
    if (r->ended_wall == 0)
        add_string(out, "ended_at", NULL);
    else
        add_time(out, "ended_at", r->ended_wall);
    buf_addf(out, ",\"inputs\":%s", r->inputs);
    write_run(r, out);
    buf_addf(out, ",\"duplicate_runs\":[%s],", r->duplicates);
    add_string(out, "effect", r->effect[0] == '\0' ? NULL : r->effect);
    buf_add_text(out, ",\"attempts\":[");
    int result = c->ports.store.ops->list_attempts(c->ports.store.self, r->relay_id, write_attempt,
                                                   out, err);
    buf_add_text(out, "]}");
    return result;
}

static void write_notification(const struct store_notification *n, struct buf *out)
{
    buf_add_char(out, '{');
    add_string(out, "notification", n->id);
    buf_add_char(out, ',');
    add_string(out, "source", n->source);
    buf_add_char(out, ',');
    add_string(out, "format", n->format);
    buf_add_char(out, ',');
    add_time(out, "received_at", n->received_wall);
    if (n->body != NULL)
        buf_addf(out, ",\"body\":%s", n->body); /* it was parsed before it was stored: it is JSON */
    buf_addf(out, ",\"alerts\":%s}", n->alerts);
}

/* --- listings ----------------------------------------------------------------------------------
 */

struct listing {
    struct buf *out;
    size_t n;
};

static void list_notification(void *context, const struct store_notification *n)
{
    struct listing *l = context;
    if (l->n++ > 0)
        buf_add_char(l->out, ',');
    write_notification(n, l->out);
}

struct ids {
    char items[STORE_LIST_MAX][ULID_SIZE];
    size_t n;
};

static void gather_id(void *context, const struct request *r)
{
    struct ids *ids = context;
    if (ids->n < STORE_LIST_MAX)
        memcpy(ids->items[ids->n++], r->relay_id, ULID_SIZE);
}

static int list_requests(struct core *c, struct message *m, char next[static 64], struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    struct ids ids = {.n = 0};
    int r = ops->list_requests(c->ports.store.self, m->u.query.cursor, m->u.query.limit, gather_id,
                               &ids, next, err);
    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        struct request request = {.relay_id = ""};
        r = ops->get_request(c->ports.store.self, ids.items[i], &request, err);
        if (i > 0)
            buf_add_char(&m->reply, ',');
        if (r == 0)
            r = write_request(c, &request, &m->reply, err);
        request_free(&request);
    }
    return r;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp((*(const struct key *const *)a)->text, (*(const struct key *const *)b)->text);
}

/* Keys by text, after the cursor (a key's text). All are sorted for a page: a page is for people.
 */
static int list_keys(struct core *c, struct message *m, char **next)
{
    size_t n = 0;
    SCOPED(free_p) const struct key **keys = calloc(engine_n_keys(c->engine) + 1, sizeof(*keys));
    if (keys == NULL)
        return -1;
    for (size_t i = 0; i < engine_n_keys(c->engine); i++) {
        const struct key *k = engine_key_at(c->engine, i);
        if (strcmp(k->text, m->u.query.cursor) > 0)
            keys[n++] = k;
    }
    qsort(keys, n, sizeof(*keys), compare_texts);
    for (size_t i = 0; i < n && i < m->u.query.limit; i++) {
        if (i > 0)
            buf_add_char(&m->reply, ',');
        write_key(c, keys[i], &m->reply);
    }
    *next = n > m->u.query.limit ? strdup(keys[m->u.query.limit - 1]->text) : NULL;
    return 0;
}

static int list(struct core *c, struct message *m, struct error *err)
{
    char next[64] = "";
    SCOPED(free_p) char *next_key = NULL;
    int r = 0;
    buf_add_text(&m->reply, "{\"items\":[");
    if (m->u.query.query == QUERY_KEYS) {
        r = list_keys(c, m, &next_key);
    } else if (m->u.query.query == QUERY_REQUESTS) {
        r = list_requests(c, m, next, err);
    } else {
        struct listing l = {.out = &m->reply};
        r = c->ports.store.ops->list_notifications(c->ports.store.self, m->u.query.cursor,
                                                   m->u.query.limit, list_notification, &l, next,
                                                   err);
    }
    buf_add_text(&m->reply, "],");
    add_string(&m->reply, "next", next_key != NULL ? next_key : next[0] == '\0' ? NULL : next);
    buf_add_text(&m->reply, "}\n");
    m->verdict = CORE_FOUND;
    return r;
}

/* --- single things -----------------------------------------------------------------------------
 */

static void status(struct core *c, struct message *m)
{
    buf_add_char(&m->reply, '{');
    add_string(&m->reply, "version", DRIFT_RELAY_VERSION);
    buf_addf(&m->reply, ",\"ready\":%s,\"keys\":%zu,\"requests\":{",
             core_is_ready(c) ? "true" : "false", engine_n_keys(c->engine));
    for (int s = 0; s < REQUEST_STATES; s++)
        buf_addf(&m->reply, "%s\"%s\":%" PRId64, s == 0 ? "" : ",",
                 request_state_text((enum request_state)s), c->counts[s]);
    buf_addf(&m->reply, "},\"stop_file\":%s,\"paused\":[", c->stop ? "true" : "false");
    enum engine_scope scope;
    const char *name;
    for (size_t i = 0; (name = engine_paused_at(c->engine, i, &scope)) != NULL; i++) {
        buf_add_text(&m->reply, i == 0 ? "{" : ",{");
        add_string(&m->reply, "scope", scope == ENGINE_ROUTE ? "route" : "target");
        buf_add_char(&m->reply, ',');
        add_string(&m->reply, "name", name);
        buf_add_char(&m->reply, '}');
    }
    buf_add_text(&m->reply, "]}\n");
    m->verdict = CORE_FOUND;
}

static int one(struct core *c, struct message *m, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    const char *id = m->u.query.id;
    int r = 0;
    m->verdict = CORE_NOT_FOUND;
    if (m->u.query.query == QUERY_KEY) {
        const struct key *k = engine_find_key(c->engine, id);
        if (k == NULL)
            return 0;
        write_key(c, k, &m->reply);
        r = write_outcomes(c, k, &m->reply, err);
    } else if (m->u.query.query == QUERY_REQUEST) {
        struct request request = {.relay_id = ""};
        r = ops->get_request(c->ports.store.self, id, &request, err);
        if (r == 0)
            r = write_request(c, &request, &m->reply, err);
        request_free(&request);
    } else {
        SCOPED(store_notification_clear) struct store_notification n = {0};
        r = ops->get_notification(c->ports.store.self, id, &n, err);
        if (r == 0)
            write_notification(&n, &m->reply);
    }
    if (r == STORE_NONE)
        return 0;
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
    case QUERY_KEYS:
    case QUERY_REQUESTS:
    case QUERY_NOTIFICATIONS:
        return list(c, m, err);
    case QUERY_KEY:
    case QUERY_REQUEST:
    case QUERY_NOTIFICATION:
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
