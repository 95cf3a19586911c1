/* One key: when it wants attention, what time does to it, what ends with its firing. */
#include "relay/base/scope.h"
#include "relay/engine/engine_private.h"

#include <errno.h>
#include <string.h>

/* Where the full budgets of this route end being full, be it past; 0 = neither is full. */
static int64_t budgets_end(const struct engine *e, const struct route *route)
{
    const struct budget *of_route = engine_find_budget(&e->route_budgets, route->name);
    const struct budget *of_target = engine_find_budget(&e->target_budgets, route->target);
    int64_t end = of_route == NULL ? 0 : budget_full_until(of_route, &route->policy.budget);
    int64_t other = of_target == NULL
                        ? 0
                        : budget_full_until(of_target, engine_target_budget(e, route->target));
    return other > end ? other : end;
}

/* Where the block that a deferral waits for ended or will end; 0: it ended by an event. */
static int64_t block_end(const struct engine *e, const struct key *k,
                         const struct window_rules *rules)
{
    const struct route *route = engine_route(e, k->route);
    if (route == NULL)
        return 0;
    if (k->deferred_for == REASON_PAUSED) {
        if (engine_route_paused(e, route->name, route->target))
            return WINDOW_NO_END;
        return e->released_at == 0 ? e->started_at : e->released_at;
    }
    if (k->deferred_for == REASON_RUNNING)
        return k->relay_id[0] == '\0' ? 0 : WINDOW_NO_END;
    if (k->deferred_for == REASON_NOT_REARMED)
        return window_disarmed_end(k, rules);
    if (k->deferred_for == REASON_COOLDOWN)
        return window_cooldown_end(k, rules->policy);
    return budgets_end(e, route);
}

int64_t engine_waiting_due(const struct engine *e, const struct key *k)
{
    struct window_rules rules = engine_rules(e, k);
    if (k->hold_began != 0)
        return window_hold_end(k, &rules);
    if (k->deferred_at == 0)
        return WINDOW_NO_END;
    int64_t end = block_end(e, k, &rules);
    if (end == 0)
        return k->over_at_start_ ? e->wait_until : 0;
    return window_due(&rules, end);
}

void engine_note_over(const struct engine *e, struct key *k)
{
    struct window_rules rules = engine_rules(e, k);
    if (k->deferred_at != 0 && block_end(e, k, &rules) <= e->started_at)
        k->over_at_start_ = true;
}

static int64_t deadline(const struct engine *e, const struct key *k)
{
    struct window_rules rules = engine_rules(e, k);
    int64_t next = window_next(k, &rules);
    int64_t waiting = engine_waiting_due(e, k);
    return waiting < next ? waiting : next;
}

static void set_deadline(struct engine *e, struct key *k)
{
    bool waits = k->deferred_at != 0 && k->deferred_for == REASON_BUDGET;
    if (waits && !k->waits_for_budget_)
        e->n_waiting_for_budget++;
    if (!waits && k->waits_for_budget_)
        e->n_waiting_for_budget--;
    k->waits_for_budget_ = waits;
    /* Whatever is over is due now: when a block that an event ended would have ended by itself
     * must not decide who is asked first. */
    int64_t due = deadline(e, k);
    key_table_set_deadline(e->keys, k, due > e->now ? due : e->now);
}

int engine_add_key(struct engine *e, struct key *k)
{
    size_t *count = engine_key_count(e, k->route);
    k->deadline_ = KEY_NO_DEADLINE;
    k->rank_ = 0;
    k->waits_for_budget_ = false;
    if (count == NULL || !key_table_add(e->keys, k))
        return -ENOMEM;
    (*count)++;
    set_deadline(e, k);
    return 0;
}

int engine_refresh(struct engine *e, bool (*only)(const struct key *k), struct error *err)
{
    /* A copy is walked because each change reorders the table. */
    size_t n = key_table_count(e->keys);
    size_t wanted = 0;
    SCOPED(free_p) struct key **all = calloc(n + 1, sizeof(struct key *));
    if (all == NULL)
        return error_set(err, -ENOMEM, "engine: out of memory");
    for (size_t i = 0; i < n; i++) {
        struct key *k = key_table_at(e->keys, i);
        if (only == NULL || only(k))
            all[wanted++] = k;
    }
    for (size_t i = 0; i < wanted; i++)
        set_deadline(e, all[i]);
    return 0;
}

static bool waits_for_budget(const struct key *k)
{
    return k->waits_for_budget_;
}

int engine_wake(struct engine *e, struct error *err)
{
    bool wanted = e->slots_changed && e->n_waiting_for_budget > 0;
    e->slots_changed = false;
    return wanted ? engine_refresh(e, waits_for_budget, err) : 0;
}

void engine_give_back(struct engine *e, const char *relay_id)
{
    /* The route's target may be another one by now: the slot is where its relay_id is. */
    for (size_t i = 0; i < e->route_budgets.n; i++)
        budget_give_back(&e->route_budgets.items[i], relay_id);
    for (size_t i = 0; i < e->target_budgets.n; i++)
        budget_give_back(&e->target_budgets.items[i], relay_id);
    e->slots_changed = true;
}

int engine_cancel(struct engine *e, struct key *k, struct effects *out, struct cancelled *what)
{
    what->waiting = key_is_waiting(k);
    what->request = k->relay_id[0] != '\0' && !k->executed && !k->by_operator;
    if (what->waiting)
        key_end_waiting(k);
    if (!what->request)
        return 0;
    int r = effects_cancel(out, k->relay_id);
    if (r != 0)
        return r;
    engine_give_back(e, k->relay_id);
    k->relay_id[0] = '\0';
    k->posted_at = 0;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = false;
    return 0;
}

int engine_advance(struct engine *e, struct key *k, int64_t now, struct effects *out)
{
    struct window_rules rules = engine_rules(e, k);
    bool fired = window_fires(k, rules.policy);
    if (!window_advance(k, &rules, now))
        return 0;
    int r = effects_change(out, k);
    struct cancelled what = {0};
    if (r == 0 && fired && !window_fires(k, rules.policy))
        r = engine_cancel(e, k, out, &what);
    if (r != 0 || !(what.request || what.waiting))
        return r;
    const struct route *route = engine_route(e, k->route);
    struct decision outcome = {.verdict = VERDICT_RESOLVED,
                               .reason = REASON_CANCELLED,
                               .route = route == NULL ? NULL : route->name,
                               .key = strdup(k->text)};
    return outcome.key == NULL ? -ENOMEM : effects_outcome(out, &outcome);
}

static void uncount(struct effects *out, const struct key *k)
{
    for (size_t i = 0; i < out->n_changed; i++) {
        if (out->changed[i] == k) {
            out->changed[i] = out->changed[--out->n_changed];
            return;
        }
    }
}

int engine_settle(struct engine *e, struct key *k, struct effects *out)
{
    /* What a deferral had to see is of no use once the deferral is gone. */
    window_clear_over(k, engine_policy(e, k), e->now);
    if (!window_forgettable(k)) {
        set_deadline(e, k);
        return effects_change(out, k);
    }
    int r = effects_remove(out, k->text);
    if (r != 0)
        return r;
    uncount(out, k);
    size_t *count = engine_key_count(e, k->route);
    if (count != NULL)
        (*count)--;
    if (k->waits_for_budget_)
        e->n_waiting_for_budget--;
    key_table_remove(e->keys, k);
    key_free(k);
    return 0;
}
