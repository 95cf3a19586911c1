/* The second half of a notification: each key is decided once, then each alert gets its row. */
#include "relay/base/scope.h"
#include "relay/engine/engine_work.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

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
    if (w->event->dry) {
        free(inputs);
        return 0;
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
    if (!w->event->dry)
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
    return w->touched[item->touched].fires;
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
    else if (!t->quiet_before && t->quiet)
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
    } else if (item->belonged && !t->cancelled) {
        d->reason = REASON_DUPLICATE;
        memcpy(d->relay_id, t->key->relay_id, ULID_SIZE);
    } else if (!t->fires) {
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
    SCOPED(engine_work_clear)
    struct work w = {.engine = e, .event = event, .out = event->dry ? NULL : out};
    int r = engine_apply(&w);
    if (r == 0)
        r = decide_keys(&w, err);
    if (r == 0)
        r = decide_alerts(&w, out);
    for (size_t i = 0; r == 0 && i < w.n_touched && !event->dry; i++)
        r = engine_settle(e, w.touched[i].key, out);
    return r == -ENOMEM ? error_set(err, -ENOMEM, "engine: out of memory") : r;
}
