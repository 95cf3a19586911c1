/* The listings: pages of keys, requests, notifications and changes, narrowed by what is asked for.
 */
#include "relay/base/scope.h"
#include "relay/core/core_views.h"

#include <errno.h>
#include <string.h>

const char *const core_field_names[CORE_FIELDS] = {
    [FIELD_STATE] = "state",   [FIELD_ROUTE] = "route",   [FIELD_KEY] = "key",
    [FIELD_TARGET] = "target", [FIELD_CAUSE] = "cause",   [FIELD_CONCLUSION] = "conclusion",
    [FIELD_EFFECT] = "effect", [FIELD_REASON] = "reason", [FIELD_VERDICT] = "verdict",
    [FIELD_SOURCE] = "source", [FIELD_ACTION] = "action", [FIELD_WHO] = "who",
    [FIELD_NAME] = "name",
};

#define BIT(field) (1U << (field))
static const unsigned fields_of_keys = BIT(FIELD_STATE) | BIT(FIELD_ROUTE);
static const unsigned fields_of_requests =
    BIT(FIELD_STATE) | BIT(FIELD_ROUTE) | BIT(FIELD_KEY) | BIT(FIELD_TARGET) | BIT(FIELD_CAUSE) |
    BIT(FIELD_CONCLUSION) | BIT(FIELD_EFFECT) | BIT(FIELD_REASON);
static const unsigned fields_of_notifications =
    BIT(FIELD_ROUTE) | BIT(FIELD_KEY) | BIT(FIELD_REASON) | BIT(FIELD_VERDICT) | BIT(FIELD_SOURCE);
static const unsigned fields_of_changes = BIT(FIELD_ACTION) | BIT(FIELD_WHO) | BIT(FIELD_NAME);

static unsigned fields_of(enum core_query query)
{
    if (query == QUERY_KEYS)
        return fields_of_keys;
    if (query == QUERY_REQUESTS)
        return fields_of_requests;
    return query == QUERY_CHANGES ? fields_of_changes : fields_of_notifications;
}

struct listing {
    struct core *core;
    struct buf *out;
    char *const *filter;
};

/* Is that what is asked for, if anything is? */
static bool fits(char *const *filter, enum core_field field, const char *value)
{
    return filter[field] == NULL || strcmp(filter[field], value) == 0;
}

/* --- notifications ------------------------------------------------------------------------------
 */

/* "name":"value" as core_write_decisions writes it: a quote inside of a text stands behind a
 * backslash, so this is found nowhere else. */
static bool says(const char *alert, size_t len, enum core_field field, const char *value)
{
    if (value == NULL)
        return true;
    SCOPED(buf_free) struct buf wanted = BUF_INIT(64 * 1024);
    view_text(&wanted, core_field_names[field], value);
    const char *text = buf_text(&wanted);
    return !buf_failed(&wanted) && memmem(alert, len, text, strlen(text)) != NULL;
}

/* Does one alert say all of it? */
static bool alerts_say(const char *alerts, char *const *filter)
{
    static const char start[] = "{\"fingerprint\":";
    if (filter[FIELD_ROUTE] == NULL && filter[FIELD_KEY] == NULL && filter[FIELD_REASON] == NULL &&
        filter[FIELD_VERDICT] == NULL)
        return true;
    const char *alert = strstr(alerts, start);
    while (alert != NULL) {
        const char *next = strstr(alert + sizeof(start) - 1, start);
        size_t len = next == NULL ? strlen(alert) : (size_t)(next - alert);
        if (says(alert, len, FIELD_ROUTE, filter[FIELD_ROUTE]) &&
            says(alert, len, FIELD_KEY, filter[FIELD_KEY]) &&
            says(alert, len, FIELD_VERDICT, filter[FIELD_VERDICT]) &&
            says(alert, len, FIELD_REASON, filter[FIELD_REASON]))
            return true;
        alert = next;
    }
    return false;
}

static bool list_notification(void *context, const struct store_notification *n)
{
    struct listing *l = context;
    if (!fits(l->filter, FIELD_SOURCE, n->source) || !alerts_say(n->alerts, l->filter))
        return false;
    view_notification(n, l->out);
    return true;
}

/* --- changes ------------------------------------------------------------------------------------
 */

static bool list_change(void *context, const struct store_change *c)
{
    struct listing *l = context;
    if (!fits(l->filter, FIELD_ACTION, c->action) || !fits(l->filter, FIELD_WHO, c->who) ||
        !fits(l->filter, FIELD_NAME, c->name))
        return false;
    view_open(l->out, NULL, '{');
    view_time(l->out, "at", c->at_wall);
    view_word(l->out, "who", c->who);
    view_text(l->out, "action", c->action);
    view_text(l->out, "scope", c->scope);
    view_text(l->out, "name", c->name);
    view_word(l->out, "why", c->why);
    view_word(l->out, "detail", c->detail);
    buf_add_char(l->out, '}');
    return true;
}

/* --- requests -----------------------------------------------------------------------------------
 */

struct ids {
    char *const *filter;
    char items[STORE_LIST_MAX][ULID_SIZE];
    size_t n;
};

static bool state_fits(const char *wanted, enum request_state state)
{
    if (wanted == NULL || strcmp(wanted, request_state_text(state)) == 0)
        return true;
    return strcmp(wanted, "open") == 0 && request_is_open(state);
}

static bool gather_id(void *context, const struct request *r)
{
    struct ids *ids = context;
    char *const *filter = ids->filter;
    bool wanted =
        state_fits(filter[FIELD_STATE], r->state) && fits(filter, FIELD_ROUTE, r->route) &&
        fits(filter, FIELD_KEY, r->key) && fits(filter, FIELD_TARGET, r->target) &&
        fits(filter, FIELD_CAUSE, r->cause) && fits(filter, FIELD_REASON, r->reason) &&
        fits(filter, FIELD_CONCLUSION, r->conclusion) && fits(filter, FIELD_EFFECT, r->effect);
    if (wanted && ids->n < STORE_LIST_MAX)
        memcpy(ids->items[ids->n++], r->relay_id, ULID_SIZE);
    return wanted;
}

static int list_requests(struct core *c, struct message *m, char next[static 64], struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    struct ids ids = {.filter = m->u.query.filter};
    int r = ops->list_requests(c->ports.store.self, m->u.query.cursor, m->u.query.limit, gather_id,
                               &ids, next, err);
    for (size_t i = 0; r == 0 && i < ids.n; i++) {
        SCOPED(request_free) struct request request = {.relay_id = ""};
        r = ops->get_request(c->ports.store.self, ids.items[i], &request, err);
        if (r == 0)
            r = view_request(c, &request, &m->reply, err);
        if (r == 0)
            buf_add_char(&m->reply, '}');
    }
    return r;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static int compare_texts(const void *a, const void *b)
{
    return strcmp((*(const struct key *const *)a)->text, (*(const struct key *const *)b)->text);
}

static bool key_fits(struct core *c, const struct key *k, char *const *filter)
{
    int64_t until;
    return fits(filter, FIELD_ROUTE, k->route) &&
           (filter[FIELD_STATE] == NULL ||
            fits(filter, FIELD_STATE,
                 engine_key_state(c->engine, k, relay_time_now(&c->time), &until)));
}

/* Keys by text, after the cursor (a key's text). All are sorted for a page: a page is for people.
 */
static int list_keys(struct core *c, struct message *m, char **next, struct error *err)
{
    size_t n = 0;
    size_t limit = m->u.query.limit;
    SCOPED(free_p) const struct key **keys = calloc(engine_n_keys(c->engine) + 1, sizeof(*keys));
    if (keys == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    for (size_t i = 0; i < engine_n_keys(c->engine); i++) {
        const struct key *k = engine_key_at(c->engine, i);
        if (strcmp(k->text, m->u.query.cursor) > 0 && key_fits(c, k, m->u.query.filter))
            keys[n++] = k;
    }
    qsort(keys, n, sizeof(*keys), compare_texts);
    for (size_t i = 0; i < n && i < limit; i++)
        view_key(c, keys[i], &m->reply);
    *next = n > limit ? strdup(keys[limit - 1]->text) : NULL;
    return 0;
}

/* --- any of them --------------------------------------------------------------------------------
 */

static int check_filter(const struct message *m, struct error *err)
{
    const char *state = m->u.query.filter[FIELD_STATE];
    enum request_state parsed;
    for (size_t i = 0; i < CORE_FIELDS; i++) {
        if (m->u.query.filter[i] != NULL && (fields_of(m->u.query.query) & BIT(i)) == 0)
            return error_set(err, -EINVAL, "%s: this listing has no such field",
                             core_field_names[i]);
    }
    if (state == NULL || m->u.query.query == QUERY_KEYS) {
        size_t i = 0;
        while (state != NULL && engine_key_states[i] != NULL &&
               strcmp(engine_key_states[i], state) != 0)
            i++;
        if (state == NULL || engine_key_states[i] != NULL)
            return 0;
    } else if (strcmp(state, "open") == 0 || request_state_parse(&parsed, state)) {
        return 0;
    }
    return error_set(err, -EINVAL, "state: \"%.32s\" is none", state);
}

int view_list(struct core *c, struct message *m, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    void *store = c->ports.store.self;
    const char *cursor = m->u.query.cursor;
    size_t limit = m->u.query.limit;
    char next[64] = "";
    SCOPED(free_p) char *next_key = NULL;
    struct listing l = {.core = c, .out = &m->reply, .filter = m->u.query.filter};
    int r = check_filter(m, err);
    if (r != 0)
        return r;
    buf_add_text(&m->reply, "{\"items\":[");
    if (m->u.query.query == QUERY_KEYS)
        r = list_keys(c, m, &next_key, err);
    else if (m->u.query.query == QUERY_REQUESTS)
        r = list_requests(c, m, next, err);
    else if (m->u.query.query == QUERY_CHANGES)
        r = ops->list_changes(store, cursor, limit, list_change, &l, next, err);
    else
        r = ops->list_notifications(store, cursor, limit, list_notification, &l, next, err);
    buf_add_char(&m->reply, ']');
    view_word(&m->reply, "next", next_key != NULL ? next_key : next);
    buf_add_text(&m->reply, "}\n");
    m->verdict = CORE_FOUND;
    return r;
}
