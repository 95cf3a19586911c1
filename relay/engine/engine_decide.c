/* One notification: every alert is applied to its key, then each key is decided once, then each
 * alert gets its row. */
#include "relay/base/scope.h"
#include "relay/engine/engine_private.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

#define KEY_TEXT_MAX (64 * 1024)
#define NO_KEY       SIZE_MAX

/* A key that this notification touches. In a dry run `key` is a copy. */
struct touched {
    struct key *key;
    const struct route *route;
    bool fired_before, quiet_before;
    bool wanted;                  /* an alert reaches row 5 */
    bool cancelled;               /* an unexecuted request ended because the key stopped firing */
    struct decision shared;       /* rows 5 to 13, without key and route */
    const struct member *leading; /* of the request that was made */
};

/* One alert on its way through the rows. */
struct item {
    const struct alert *alert;
    size_t index; /* in the notification */
    const struct route *route;
    char *key;      /* its text, owned; NULL without a route */
    size_t touched; /* which, or NO_KEY: a resolve of a key that is not there, or row 2 */
    bool belonged;  /* to the open request, before this notification */
    bool limited;   /* row 2: there was no room for it */
    bool left;      /* a resolve that took a member out */
};

struct work {
    struct engine *engine;
    const struct engine_event *event;
    struct effects *out; /* NULL in a dry run */
    struct item *items;
    struct touched *touched;
    size_t n, n_touched;
};

static void work_clear(struct work *w)
{
    for (size_t i = 0; i < w->n && w->items != NULL; i++)
        free(w->items[i].key);
    for (size_t i = 0; i < w->n_touched && w->event->dry; i++)
        key_free(w->touched[i].key);
    free(w->items);
    free(w->touched);
}

static int by_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* The order in which alerts are applied: of keys and fingerprints, never of the body; what fires
 * comes before what is resolved, an older startsAt before a newer one. */
static int compare_items(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;
    int order = by_text(a->key, b->key);
    if (order != 0)
        return order;
    bool a_resolved = a->alert->kind == ALERT_RESOLVED;
    bool b_resolved = b->alert->kind == ALERT_RESOLVED;
    if (a_resolved != b_resolved)
        return a_resolved ? 1 : -1;
    order = strcmp(a->alert->fingerprint, b->alert->fingerprint);
    if (order != 0)
        return order;
    if (a->alert->starts_at != b->alert->starts_at)
        return a->alert->starts_at < b->alert->starts_at ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static int make_items(struct work *w)
{
    const struct notification *content = w->event->content;
    w->n = content->n_alerts;
    w->items = calloc(w->n + 1, sizeof(*w->items));
    w->touched = calloc(w->n + 1, sizeof(*w->touched));
    if (w->items == NULL || w->touched == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < w->n; i++) {
        struct item *item = &w->items[i];
        item->alert = &content->alerts[i];
        item->index = i;
        item->touched = NO_KEY;
        item->route = route_find(w->engine->config.routes, w->engine->config.n_routes,
                                 w->event->source, item->alert);
        if (item->route == NULL)
            continue;
        SCOPED(buf_free) struct buf text = BUF_INIT(KEY_TEXT_MAX);
        route_key_text(item->route, item->alert, &text);
        item->key = buf_give(&text);
        if (item->key == NULL)
            return -ENOMEM;
    }
    qsort(w->items, w->n, sizeof(*w->items), compare_items);
    return 0;
}

/* Puts a key that was found or made into the work, its windows brought up to now. */
static int touch(struct work *w, const struct item *item, struct key *k)
{
    struct touched *t = &w->touched[w->n_touched++];
    const struct policy *policy = &item->route->policy;
    *t = (struct touched){.key = k, .route = item->route};
    int r = engine_advance(w->engine, k, w->event->now, w->out);
    t->fired_before = window_fires(k, policy);
    t->quiet_before = k->n_members == 0;
    return r;
}

/* The item's key among the touched ones; *found stays NULL when it does not exist and may not be
 * made. */
static int find_touched(struct work *w, struct item *item, bool make, struct touched **found)
{
    *found = NULL;
    /* Items come sorted by key: it can only be the last one touched. */
    if (w->n_touched > 0 && strcmp(w->touched[w->n_touched - 1].key->text, item->key) == 0) {
        item->touched = w->n_touched - 1;
        *found = &w->touched[item->touched];
        return 0;
    }
    struct engine *e = w->engine;
    struct key *k = key_table_find(e->keys, item->key);
    size_t *count = engine_key_count(e, item->route->name);
    if (count == NULL)
        return -ENOMEM;
    if (k == NULL && (!make || *count >= (size_t)item->route->policy.max_keys))
        return 0;
    bool known = k != NULL;
    if (!known)
        k = key_new(item->key, item->route->name);
    else if (w->event->dry)
        k = key_clone(k);
    if (k == NULL)
        return -ENOMEM;
    if (!known && !w->event->dry && engine_add_key(e, k) != 0) {
        key_free(k);
        return -ENOMEM;
    }
    item->touched = w->n_touched;
    *found = &w->touched[item->touched];
    return touch(w, item, k);
}

/* Whatever is not a resolve: it makes or renews a member. */
static int apply_alert(struct work *w, struct item *item)
{
    struct touched *t;
    int r = find_touched(w, item, true, &t);
    if (r != 0)
        return r;
    struct key *k = t == NULL ? NULL : t->key;
    struct member *m = k == NULL ? NULL : key_member(k, w->event->source, item->alert->fingerprint);
    bool full = k != NULL && k->n_members >= (size_t)item->route->policy.max_members;
    item->limited = k == NULL || (m == NULL && full);
    if (item->limited)
        return 0;
    bool firing = item->alert->kind == ALERT_FIRING;
    if (m == NULL) {
        m = key_add_member(k, w->event->source, item->alert->fingerprint);
        if (m == NULL)
            return -ENOMEM;
        m->blind = true;
        m->starts_at = item->alert->starts_at;
        k->quiet_since = 0;
    }
    item->belonged = m->in_request;
    m->heard_at = w->event->now;
    if (firing) {
        m->blind = false;
        m->starts_at =
            item->alert->starts_at > m->starts_at ? item->alert->starts_at : m->starts_at;
        memcpy(m->notification, w->event->notification, ULID_SIZE);
        m->position = (uint32_t)item->index;
    }
    return 0;
}

static int apply_resolve(struct work *w, struct item *item)
{
    struct touched *t;
    int r = find_touched(w, item, false, &t);
    if (r != 0 || t == NULL)
        return r;
    struct member *m = key_member(t->key, w->event->source, item->alert->fingerprint);
    /* An older resolve than what fires now is late news: noted only. One without endsAt ends it. */
    bool late =
        m != NULL && item->alert->ends_at != TIME_NONE && item->alert->ends_at < m->starts_at;
    if (m == NULL || late)
        return 0;
    key_remove_member(t->key, m);
    item->left = true;
    if (t->key->n_members == 0)
        t->key->quiet_since = w->event->now;
    return 0;
}

static int apply_all(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct item *item = &w->items[i];
        int r = 0;
        if (item->route == NULL || item->alert->kind == ALERT_TEST)
            continue;
        r = item->alert->kind == ALERT_RESOLVED ? apply_resolve(w, item) : apply_alert(w, item);
        if (r != 0)
            return r;
    }
    for (size_t i = 0; i < w->n_touched; i++) {
        struct touched *t = &w->touched[i];
        if (t->fired_before && !window_fires(t->key, &t->route->policy)) {
            int r = engine_cancel(w->engine, t->key, w->out, &t->cancelled);
            if (r != 0)
                return r;
        }
    }
    return 0;
}

static const struct budget_policy *target_budget(const struct engine *e, const char *target)
{
    static const struct budget_policy none = {0};
    for (size_t i = 0; i < e->config.n_targets; i++) {
        if (strcmp(e->config.targets[i].name, target) == 0)
            return &e->config.targets[i].budget;
    }
    return &none;
}

static int create_request(struct work *w, struct touched *t, char *inputs, const char *relay_id)
{
    struct engine *e = w->engine;
    struct key *k = t->key;
    memcpy(k->relay_id, relay_id, ULID_SIZE);
    k->posted_at = 0;
    k->executed = false;
    k->settled = false;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = !k->members[i].blind;
    struct budget *of_route = engine_budget(&e->route_budgets, t->route->name);
    struct budget *of_target = engine_budget(&e->target_budgets, t->route->target);
    if (of_route == NULL || of_target == NULL || !budget_take(of_route, w->event->now, relay_id) ||
        !budget_take(of_target, w->event->now, relay_id)) {
        free(inputs);
        return -ENOMEM;
    }
    struct created_request created = {.route = t->route, .key = k->text, .inputs = inputs};
    memcpy(created.relay_id, relay_id, ULID_SIZE);
    int r = effects_create(w->out, &created);
    if (r != 0)
        free(inputs);
    return r;
}

/* Rows 11 and 13. */
static int try_dispatch(struct work *w, struct touched *t, struct error *err)
{
    struct engine *e = w->engine;
    struct leading leading = {.member = key_leading(t->key), .count = key_firing(t->key)};
    if (strcmp(leading.member->notification, w->event->notification) == 0)
        leading.alert = &w->event->content->alerts[leading.member->position];
    char relay_id[ULID_SIZE];
    ulid_make(relay_id, w->event->wall, e->ports.rng);
    char *inputs = NULL;
    int r =
        e->ports.inputs(e->ports.self, t->route, t->key->text, relay_id, &leading, &inputs, err);
    if (r == ENGINE_BAD_INPUT) {
        t->shared = (struct decision){.verdict = VERDICT_SUPPRESSED, .reason = REASON_BAD_INPUT};
        return 0;
    }
    if (r != 0)
        return r;
    t->leading = leading.member;
    t->shared = (struct decision){.verdict = VERDICT_DISPATCH, .reason = REASON_JOINED};
    if (w->event->dry) {
        free(inputs);
        return 0;
    }
    memcpy(t->shared.relay_id, relay_id, ULID_SIZE);
    return create_request(w, t, inputs, relay_id);
}

/* Rows 5 to 13 for one key: all alerts that get so far share the answer. */
static int decide_key(struct work *w, struct touched *t, struct error *err)
{
    struct engine *e = w->engine;
    const struct policy *policy = &t->route->policy;
    int64_t now = w->event->now;
    struct decision *d = &t->shared;
    d->verdict = VERDICT_SUPPRESSED;
    if (e->stop) {
        d->reason = REASON_PAUSED;
        return 0;
    }
    if (t->key->relay_id[0] != '\0') {
        d->reason = REASON_RUNNING;
        memcpy(d->relay_id, t->key->relay_id, ULID_SIZE);
        return 0;
    }
    d->until = window_disarmed_until(t->key, policy, now);
    if (d->until != 0) {
        d->reason = REASON_NOT_REARMED;
        d->until = d->until == WINDOW_NO_END ? 0 : d->until;
        return 0;
    }
    d->until = window_cooldown_until(t->key, policy, now);
    if (d->until != 0) {
        d->reason = REASON_COOLDOWN;
        return 0;
    }
    struct budget *of_route = engine_budget(&e->route_budgets, t->route->name);
    struct budget *of_target = engine_budget(&e->target_budgets, t->route->target);
    if (of_route == NULL || of_target == NULL)
        return -ENOMEM;
    int64_t route_until = budget_spent_until(of_route, &policy->budget, now);
    int64_t target_until = budget_spent_until(of_target, target_budget(e, t->route->target), now);
    d->until = route_until > target_until ? route_until : target_until;
    if (d->until != 0) {
        d->reason = REASON_BUDGET;
        return 0;
    }
    return try_dispatch(w, t, err);
}

static bool reaches_row_5(const struct work *w, const struct item *item)
{
    if (item->alert->kind != ALERT_FIRING || item->touched == NO_KEY || item->limited ||
        item->belonged)
        return false;
    const struct touched *t = &w->touched[item->touched];
    return window_fires(t->key, &t->route->policy);
}

static int decide_keys(struct work *w, struct error *err)
{
    for (size_t i = 0; i < w->n; i++) {
        if (reaches_row_5(w, &w->items[i]))
            w->touched[w->items[i].touched].wanted = true;
    }
    for (size_t i = 0; i < w->n_touched; i++) {
        if (!w->touched[i].wanted)
            continue;
        int r = decide_key(w, &w->touched[i], err);
        if (r != 0)
            return r;
    }
    return 0;
}

static void decide_resolve(const struct work *w, const struct item *item, struct decision *d)
{
    d->verdict = VERDICT_RESOLVED;
    d->reason = REASON_NOTED;
    if (!item->left)
        return;
    const struct touched *t = &w->touched[item->touched];
    if (t->cancelled)
        d->reason = REASON_CANCELLED;
    else if (!t->quiet_before && t->key->n_members == 0)
        d->reason = REASON_QUIET;
}

/* Rows 1 to 4, else what the key's decision says of this alert. */
static void decide_alert(const struct work *w, const struct item *item, struct decision *d)
{
    static const enum reason of_kind[] = {
        [ALERT_TEST] = REASON_TEST, [ALERT_NO_DATA] = REASON_NO_DATA, [ALERT_ERROR] = REASON_ERROR};
    const struct touched *t = item->touched == NO_KEY ? NULL : &w->touched[item->touched];
    d->verdict = VERDICT_SUPPRESSED;
    if (item->alert->kind != ALERT_FIRING) {
        d->verdict = VERDICT_IGNORED;
        d->reason = of_kind[item->alert->kind];
    } else if (item->route == NULL) {
        d->verdict = VERDICT_IGNORED;
        d->reason = REASON_NO_ROUTE;
    } else if (item->limited || t == NULL) {
        d->reason = REASON_LIMIT;
    } else if (item->belonged) {
        d->reason = REASON_DUPLICATE;
        memcpy(d->relay_id, t->key->relay_id, ULID_SIZE);
    } else if (!window_fires(t->key, &t->route->policy)) {
        d->reason = REASON_BELOW_MIN;
    } else {
        *d = t->shared;
        bool leads = t->leading != NULL &&
                     strcmp(t->leading->fingerprint, item->alert->fingerprint) == 0 &&
                     strcmp(t->leading->source, w->event->source) == 0;
        if (d->reason == REASON_JOINED && leads)
            d->reason = REASON_FIRST;
    }
}

static int decide_alerts(struct work *w, struct effects *out)
{
    out->decisions = calloc(w->n + 1, sizeof(*out->decisions));
    if (out->decisions == NULL)
        return -ENOMEM;
    out->n_decisions = w->n;
    for (size_t i = 0; i < w->n; i++) {
        struct item *item = &w->items[i];
        struct decision *d = &out->decisions[item->index];
        if (item->alert->kind == ALERT_RESOLVED)
            decide_resolve(w, item, d);
        else
            decide_alert(w, item, d);
        d->route = item->route == NULL ? NULL : item->route->name;
        d->key = GIVE(item->key);
    }
    return 0;
}

int engine_notification(struct engine *e, const struct engine_event *event, struct effects *out,
                        struct error *err)
{
    SCOPED(work_clear)
    struct work w = {.engine = e, .event = event, .out = event->dry ? NULL : out};
    int r = make_items(&w);
    if (r == 0)
        r = apply_all(&w);
    if (r == 0)
        r = decide_keys(&w, err);
    if (r == 0)
        r = decide_alerts(&w, out);
    for (size_t i = 0; r == 0 && i < w.n_touched && !event->dry; i++)
        r = engine_settle(e, w.touched[i].key, out);
    return r == -ENOMEM ? error_set(err, -ENOMEM, "engine: out of memory") : r;
}
