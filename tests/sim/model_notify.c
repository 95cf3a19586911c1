/* Notifications: who is a member of which key, and rows 1 to 4. */
#include "tests/sim/model.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct model_key *model_find(struct model *m, const char *text)
{
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        if (m->keys[i].used && strcmp(m->keys[i].text, text) == 0)
            return &m->keys[i];
    }
    return NULL;
}

struct model_key *model_find_or_add(struct model *m, const char *text, int route, int64_t now)
{
    struct model_key *free_one = NULL, *found = model_find(m, text);
    int64_t n = 0;
    if (found != NULL)
        return found;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        n += m->keys[i].used && m->keys[i].route == route;
        if (!m->keys[i].used && free_one == NULL)
            free_one = &m->keys[i];
    }
    if (n >= model_policy(m, route)->max_keys)
        return NULL;
    if (free_one == NULL) {
        m->trouble = "too many keys";
        return NULL;
    }
    *free_one =
        (struct model_key){.used = true, .route = route, .request = NO_REQUEST, .quiet_since = now};
    (void)snprintf(free_one->text, sizeof(free_one->text), "%s", text);
    return free_one;
}

static int find_route(const struct sim_conf *c, const struct event *e, const struct sim_item *item)
{
    const char *action = sim_instances[item->instance].action;
    for (int i = 0; i < SIM_ROUTES; i++) {
        const struct sim_route *r = &c->routes[i];
        if (r->present && (r->source < 0 || r->source == e->source) &&
            (r->action == NULL || strcmp(r->action, action) == 0))
            return i;
    }
    return -1;
}

static void add_value(char text[static MODEL_TEXT], const char *value)
{
    size_t n = strlen(text);
    text[n++] = '/';
    for (const char *c = value == NULL ? "" : value; *c != '\0'; c++) {
        bool plain = isalnum((unsigned char)*c) || strchr("._~-", *c) != NULL;
        int w = plain ? snprintf(text + n, MODEL_TEXT - n, "%c", *c)
                      : snprintf(text + n, MODEL_TEXT - n, "%%%02X", (unsigned char)*c);
        n += (size_t)w;
    }
    text[n] = '\0';
}

static void key_text(const struct sim_conf *c, int route, const struct sim_item *item,
                     char text[static MODEL_TEXT])
{
    const struct sim_instance *instance = &sim_instances[item->instance];
    (void)snprintf(text, MODEL_TEXT, "%s", sim_routes[route]);
    if (c->routes[route].key_labels > 0)
        add_value(text, instance->model);
    if (c->routes[route].key_labels > 1)
        add_value(text, instance->zone);
}

static struct model_member *find_member(struct model_key *k, int source, int instance)
{
    for (size_t i = 0; i < k->n_members; i++) {
        if (k->members[i].source == source && k->members[i].instance == instance)
            return &k->members[i];
    }
    return NULL;
}

/* False: too many keys or members. */
static bool hear(struct model *m, const struct event *e, const struct sim_item *item,
                 const struct model_decision *d, int64_t now)
{
    struct model_key *k = model_find_or_add(m, d->key, d->route, now);
    if (k == NULL)
        return false;
    struct model_member *x = find_member(k, e->source, item->instance);
    if (x == NULL) {
        if ((int64_t)k->n_members >= model_policy(m, d->route)->max_members)
            return false;
        x = &k->members[k->n_members++];
        *x = (struct model_member){.source = e->source,
                                   .instance = item->instance,
                                   .starts_at = item->starts_at,
                                   .blind = true};
    }
    x->heard_at = now;
    if (item->kind == ALERT_FIRING && item->starts_at > x->starts_at)
        x->starts_at = item->starts_at;
    if (item->kind == ALERT_FIRING) {
        x->blind = false;
        x->value_null = item->value_null;
    }
    return true;
}

static bool leaves(struct model_key *k, int source, const struct sim_item *item)
{
    struct model_member *x = find_member(k, source, item->instance);
    if (x == NULL || (item->ends_at != TIME_NONE && item->ends_at < x->starts_at))
        return false;
    *x = k->members[--k->n_members];
    return true;
}

bool model_stopped_firing(struct model *m, struct model_key *k, bool fired, int64_t now)
{
    if (!fired || model_fires(m, k))
        return false;
    bool ended = k->held || k->deferred;
    model_end_waiting(k);
    if (k->request == NO_REQUEST)
        return ended;
    struct model_request *r = &m->requests[k->request];
    if (r->executed || r->in_flight || r->by_operator)
        return ended;
    r->end = "dead";
    r->why = "resolved";
    model_ended(m, k->request, END_NOTHING_RAN, now);
    return true;
}

/* Rows 3 and 4 for one alert. */
static bool decide_alone(struct model *m, struct model_key *k, const struct model_member *x,
                         struct model_decision *d)
{
    bool in_request = x->in_request && k->request != NO_REQUEST;
    if (x->waits || in_request) {
        d->verdict = VERDICT_SUPPRESSED;
        d->reason = REASON_DUPLICATE;
        if (in_request)
            d->request = k->request;
        return true;
    }
    if (!model_fires(m, k)) {
        d->verdict = VERDICT_SUPPRESSED;
        d->reason = REASON_BELOW_MIN;
        return true;
    }
    return false;
}

/* The alerts that reach row 5 under one key share its decision. */
static void decide_key(struct model *m, struct model_key *k, const struct event *e,
                       const bool limited[SIM_ITEMS], int64_t now,
                       struct model_decision out[SIM_ITEMS])
{
    bool reaches[SIM_ITEMS] = {false}, any = false;
    const struct model_member *leading = model_leading(k);
    int first_source = leading == NULL ? -1 : leading->source;
    int first_instance = leading == NULL ? -1 : leading->instance;
    for (size_t i = 0; i < e->n_items; i++) {
        if (e->items[i].kind != ALERT_FIRING || limited[i] || out[i].route < 0 ||
            strcmp(out[i].key, k->text) != 0)
            continue;
        const struct model_member *x = find_member(k, e->source, e->items[i].instance);
        if (x == NULL || decide_alone(m, k, x, &out[i]))
            continue;
        reaches[i] = true;
        any = true;
    }
    if (!any)
        return;
    struct model_decision d = model_ask(m, k, ASKED_BY_ALERT, now);
    for (size_t i = 0; i < e->n_items; i++) {
        if (!reaches[i])
            continue;
        out[i] = d;
        if (d.verdict == VERDICT_DISPATCH &&
            (e->source != first_source || e->items[i].instance != first_instance))
            out[i].reason = REASON_JOINED;
        struct model_member *x = find_member(k, e->source, e->items[i].instance);
        if (x != NULL && (d.verdict == VERDICT_HELD || d.verdict == VERDICT_DEFERRED))
            x->waits = true;
    }
}

/* What the alert is, before any key is asked. */
static struct model_decision first_look(const struct model *m, const struct event *e,
                                        const struct sim_item *item)
{
    struct model_decision d = {.verdict = VERDICT_IGNORED, .request = NO_REQUEST};
    d.route = find_route(m->conf, e, item);
    if (d.route >= 0)
        key_text(m->conf, d.route, item, d.key);
    switch (item->kind) {
    case ALERT_RESOLVED:
        d.verdict = VERDICT_RESOLVED;
        d.reason = REASON_NOTED;
        break;
    case ALERT_TEST:
        d.reason = REASON_TEST;
        break;
    case ALERT_NO_DATA:
        d.reason = REASON_NO_DATA;
        break;
    case ALERT_ERROR:
        d.reason = REASON_ERROR;
        break;
    case ALERT_FIRING:
        d.reason = REASON_NO_ROUTE;
        break;
    }
    return d;
}

/* The order in which alerts compete for the last place: by key, then fingerprint. */
static void in_order(const struct event *e, const struct model_decision *d, size_t order[SIM_ITEMS])
{
    for (size_t i = 0; i < e->n_items; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            size_t other = order[at - 1];
            int c = strcmp(d[i].key, d[other].key);
            if (c == 0)
                c = strcmp(sim_instances[e->items[i].instance].fingerprint,
                           sim_instances[e->items[other].instance].fingerprint);
            if (c >= 0)
                break;
            order[at] = other;
        }
        order[at] = i;
    }
}

static void resolve(struct model *m, struct model_key *k, const struct event *e, bool fired,
                    int64_t now, struct model_decision out[SIM_ITEMS])
{
    bool took[SIM_ITEMS] = {false}, any = false;
    for (size_t i = 0; i < e->n_items; i++) {
        if (e->items[i].kind == ALERT_RESOLVED && strcmp(out[i].key, k->text) == 0)
            any |= took[i] = leaves(k, e->source, &e->items[i]);
    }
    if (!any)
        return;
    if (k->n_members == 0)
        k->quiet_since = now;
    bool ended = model_stopped_firing(m, k, fired, now);
    for (size_t i = 0; i < e->n_items; i++) {
        if (took[i] && ended)
            out[i].reason = REASON_CANCELLED;
        else if (took[i] && k->n_members == 0)
            out[i].reason = REASON_QUIET;
    }
}

void model_notify(struct model *m, const struct event *e, int64_t now,
                  struct model_decision out[SIM_ITEMS])
{
    bool limited[SIM_ITEMS] = {false}, fired[MODEL_KEYS];
    size_t order[SIM_ITEMS];
    for (size_t i = 0; i < e->n_items; i++)
        out[i] = first_look(m, e, &e->items[i]);
    in_order(e, out, order);
    for (size_t i = 0; i < e->n_items; i++) {
        struct model_key *k = out[i].route < 0 ? NULL : model_find(m, out[i].key);
        if (k != NULL)
            model_advance(m, k, now);
    }
    for (size_t i = 0; i < MODEL_KEYS; i++)
        fired[i] = m->keys[i].used && model_fires(m, &m->keys[i]);
    for (size_t n = 0; n < e->n_items; n++) {
        size_t i = order[n];
        enum alert_kind kind = e->items[i].kind;
        if (kind == ALERT_RESOLVED || kind == ALERT_TEST || out[i].route < 0)
            continue;
        limited[i] = !hear(m, e, &e->items[i], &out[i], now);
        if (limited[i] && kind == ALERT_FIRING) {
            out[i].verdict = VERDICT_SUPPRESSED;
            out[i].reason = REASON_LIMIT;
        }
    }
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        if (m->keys[i].used)
            resolve(m, &m->keys[i], e, fired[i], now, out);
    }
    for (size_t n = 0; n < e->n_items; n++) {
        struct model_key *k = out[order[n]].route < 0 ? NULL : model_find(m, out[order[n]].key);
        bool first = n == 0 || strcmp(out[order[n]].key, out[order[n - 1]].key) != 0;
        if (k != NULL && first)
            decide_key(m, k, e, limited, now, out);
    }
    for (size_t i = 0; i < e->n_items; i++) {
        struct model_key *k = out[i].route < 0 ? NULL : model_find(m, out[i].key);
        if (k != NULL)
            model_forget(m, k, now);
    }
}
