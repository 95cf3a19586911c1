/* The first half of a notification: every alert is applied to its key. */
#include "relay/base/scope.h"
#include "relay/engine/engine_work.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

#define KEY_TEXT_MAX 4096 /* bytes, percent-encoded */

static void budgets_free(struct budgets *budgets)
{
    for (size_t i = 0; i < budgets->n; i++)
        budget_clear(&budgets->items[i]);
    free(budgets->items);
    *budgets = (struct budgets){0};
}

static int budgets_copy(struct budgets *out, const struct budgets *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct budget *source = &from->items[i];
        struct budget *copy = engine_budget(out, source->name);
        if (copy == NULL)
            return -ENOMEM;
        for (size_t slot = 0; slot < source->n; slot++) {
            if (!budget_take(copy, source->slots[slot].at, source->slots[slot].relay_id))
                return -ENOMEM;
        }
    }
    return 0;
}

/* A dry run takes slots and gives them back like any other, so that its keys see each other; after
 * it these copies take the place of the engine's own. */
static int save_budgets(struct work *w)
{
    int r = budgets_copy(&w->route_budgets, &w->engine->route_budgets);
    if (r == 0)
        r = budgets_copy(&w->target_budgets, &w->engine->target_budgets);
    w->saved = r == 0;
    return r;
}

static void swap_budgets(struct budgets *a, struct budgets *b)
{
    struct budgets other = *a;
    *a = *b;
    *b = other;
}

static void undo_dry_run(struct work *w)
{
    for (size_t i = 0; i < w->n_touched; i++) {
        size_t *count = engine_key_count(w->engine, w->touched[i].route->name);
        if (w->touched[i].made && count != NULL)
            (*count)--;
        key_free(w->touched[i].key);
    }
    if (w->saved) {
        swap_budgets(&w->engine->route_budgets, &w->route_budgets);
        swap_budgets(&w->engine->target_budgets, &w->target_budgets);
    }
    budgets_free(&w->route_budgets);
    budgets_free(&w->target_budgets);
}

void engine_work_clear(struct work *w)
{
    for (size_t i = 0; i < w->n && w->items != NULL; i++)
        free(w->items[i].key);
    if (w->event->dry)
        undo_dry_run(w);
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
    w->n_touched = 0;
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
        /* Its maximum is the body's, so that only memory makes it fail. */
        SCOPED(buf_free) struct buf text = BUF_INIT(SIZE_MAX);
        route_key_text(item->route, item->alert, &text);
        /* A key this long would be a mistake or an attack: nothing is added. */
        item->limited = text.len > KEY_TEXT_MAX;
        item->key = item->limited ? NULL : buf_give(&text);
        if (!item->limited && item->key == NULL)
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
    if (!known && w->event->dry)
        (*count)++;
    item->touched = w->n_touched;
    *found = &w->touched[item->touched];
    int r = touch(w, item, k);
    (*found)->made = !known;
    return r;
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
    item->in_request = m->in_request;
    item->waited = m->waits;
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
        if (item->key == NULL || item->alert->kind == ALERT_TEST)
            continue;
        r = item->alert->kind == ALERT_RESOLVED ? apply_resolve(w, item) : apply_alert(w, item);
        if (r != 0)
            return r;
    }
    for (size_t i = 0; i < w->n_touched; i++) {
        struct touched *t = &w->touched[i];
        t->fires = window_fires(t->key, &t->route->policy);
        t->quiet = t->key->n_members == 0;
        if (t->fired_before && !t->fires) {
            int r = engine_cancel(w->engine, t->key, w->out, &t->cancelled);
            if (r != 0)
                return r;
        }
    }
    return 0;
}

int engine_apply(struct work *w)
{
    int r = make_items(w);
    if (r == 0 && w->event->dry)
        r = save_budgets(w);
    return r == 0 ? apply_all(w) : r;
}
