/* The second half of a notification: each key is decided once, then each alert gets its row. */
#include "relay/base/scope.h"
#include "relay/engine/engine_work.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

/* An alert joins the hold that is on; extend_hold lets it begin anew. */
static void join_hold(const struct question *q, struct decision *d)
{
    if (q->route->policy.extend_hold)
        q->key->hold_from = q->now;
    struct window_rules rules = engine_rules(q->engine, q->key);
    *d = (struct decision){
        .verdict = VERDICT_HELD, .reason = REASON_JOINED, .until = window_hold_end(q->key, &rules)};
}

/* Rows 5 to 13 for one key: all alerts that get so far share the answer. */
static int decide_key(struct work *w, struct touched *t, struct error *err)
{
    struct key *k = t->key;
    struct question q = {.engine = w->engine,
                         .key = k,
                         .route = t->route,
                         .now = w->event->now,
                         .wall = w->event->wall,
                         .event = w->event,
                         .out = w->out};
    struct decision *d = &t->shared;
    if (!engine_blocked(&q, d)) {
        int r = engine_act(&q, true, d, err);
        t->leading = q.leading;
        if (d->verdict == VERDICT_DISPATCH)
            d->reason = REASON_JOINED; /* the leading member's own alert is the first */
        return r;
    }
    bool defer = t->route->policy.when_blocked == WHEN_BLOCKED_DEFER;
    if (d->verdict == VERDICT_HELD || (defer && k->hold_began != 0)) {
        t->joins = true;
        join_hold(&q, d);
    } else if (defer) {
        d->verdict = VERDICT_DEFERRED;
        t->joins = k->deferred_at != 0;
        if (!t->joins) {
            k->deferred_at = w->event->now;
            k->deferred_for = d->reason;
            key_all_wait(k);
        }
    }
    return 0;
}

/* Does it still belong to what it belonged to before this notification? */
static bool is_duplicate(const struct item *item, const struct touched *t)
{
    return (item->in_request && !t->cancelled.request) || (item->waited && !t->cancelled.waiting);
}

static bool reaches_row_5(const struct work *w, const struct item *item)
{
    if (item->alert->kind != ALERT_FIRING || item->touched == NO_KEY || item->limited)
        return false;
    const struct touched *t = &w->touched[item->touched];
    return t->fires && !is_duplicate(item, t);
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

static void tell(const struct work *w, const struct item *item, int row, bool holds)
{
    if (w->event->trace == NULL)
        return;
    const struct touched *t = item->touched == NO_KEY ? NULL : &w->touched[item->touched];
    struct engine_check c = {.row = row,
                             .alert = item->index,
                             .key = item->key,
                             .state = t == NULL ? NULL : t->key,
                             .holds = holds};
    if (row == 4 && t != NULL) {
        c.have = (int64_t)key_firing(t->key);
        c.limit = t->route->policy.min_alerts;
    }
    w->event->trace(w->event->trace_context, &c);
}

static void decide_resolve(const struct work *w, const struct item *item, struct decision *d)
{
    d->verdict = VERDICT_RESOLVED;
    d->reason = REASON_NOTED;
    tell(w, item, 0, item->left);
    if (!item->left)
        return;
    const struct touched *t = &w->touched[item->touched];
    if (t->cancelled.request || t->cancelled.waiting)
        d->reason = REASON_CANCELLED;
    else if (!t->quiet_before && t->quiet)
        d->reason = REASON_QUIET;
}

/* Rows 1 to 4: true when one of them decides. */
static bool decide_first_rows(const struct work *w, const struct item *item, struct decision *d)
{
    static const enum reason of_kind[] = {
        [ALERT_TEST] = REASON_TEST, [ALERT_NO_DATA] = REASON_NO_DATA, [ALERT_ERROR] = REASON_ERROR};
    const struct touched *t = item->touched == NO_KEY ? NULL : &w->touched[item->touched];
    bool odd = item->alert->kind != ALERT_FIRING;
    tell(w, item, 1, odd);
    if (odd) {
        *d = (struct decision){.verdict = VERDICT_IGNORED, .reason = of_kind[item->alert->kind]};
        return true;
    }
    bool no_room = item->limited || t == NULL;
    tell(w, item, 2, no_room);
    if (no_room) {
        *d = (struct decision){.verdict = VERDICT_SUPPRESSED, .reason = REASON_LIMIT};
        if (item->route == NULL)
            *d = (struct decision){.verdict = VERDICT_IGNORED, .reason = REASON_NO_ROUTE};
        return true;
    }
    d->verdict = VERDICT_SUPPRESSED;
    bool duplicate = is_duplicate(item, t);
    tell(w, item, 3, duplicate);
    if (duplicate) {
        d->reason = REASON_DUPLICATE;
        if (item->in_request && !t->cancelled.request)
            memcpy(d->relay_id, t->key->relay_id, ULID_SIZE);
        return true;
    }
    tell(w, item, 4, !t->fires);
    d->reason = REASON_BELOW_MIN;
    return !t->fires;
}

static void decide_alert(const struct work *w, const struct item *item, struct decision *d)
{
    if (decide_first_rows(w, item, d))
        return;
    const struct touched *t = &w->touched[item->touched];
    *d = t->shared;
    bool leads = t->leading != NULL && d->verdict == VERDICT_DISPATCH &&
                 strcmp(t->leading->fingerprint, item->alert->fingerprint) == 0 &&
                 strcmp(t->leading->source, w->event->source) == 0;
    if (leads)
        d->reason = REASON_FIRST;
    struct member *m = key_member(t->key, w->event->source, item->alert->fingerprint);
    if (t->joins && m != NULL)
        m->waits = true;
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
    if (!event->dry)
        e->now = event->now;
    SCOPED(engine_work_clear)
    struct work w = {.engine = e, .event = event, .out = event->dry ? NULL : out};
    int r = engine_apply(&w);
    if (r == 0)
        r = decide_keys(&w, err);
    if (r == 0)
        r = decide_alerts(&w, out);
    for (size_t i = 0; r == 0 && i < w.n_touched && !event->dry; i++)
        r = engine_settle(e, w.touched[i].key, out);
    if (r == 0 && !event->dry)
        r = engine_wake(e, err);
    return r == -ENOMEM ? error_set(err, -ENOMEM, "engine: out of memory") : r;
}
