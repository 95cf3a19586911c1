/* The table of rows: what becomes of a key that would like to start a run. */
#include "tests/sim/model.h"

#include <stdio.h>
#include <string.h>

const struct policy *model_policy(const struct model *m, int route)
{
    return m->conf->routes[route].present ? &m->conf->routes[route].policy : &policy_default;
}

size_t model_firing(const struct model_key *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n_members; i++)
        n += !k->members[i].blind;
    return n;
}

bool model_fires(const struct model *m, const struct model_key *k)
{
    return (int64_t)model_firing(k) >= model_policy(m, k->route)->min_alerts;
}

/* Newest startsAt of those that fire, then smallest fingerprint, then smallest source. */
const struct model_member *model_leading(const struct model_key *k)
{
    const struct model_member *best = NULL;
    for (size_t i = 0; i < k->n_members; i++) {
        const struct model_member *x = &k->members[i];
        if (x->blind)
            continue;
        if (best == NULL || x->starts_at > best->starts_at) {
            best = x;
            continue;
        }
        if (x->starts_at < best->starts_at)
            continue;
        int order = strcmp(sim_instances[x->instance].fingerprint,
                           sim_instances[best->instance].fingerprint);
        if (order < 0 ||
            (order == 0 && strcmp(sim_sources[x->source], sim_sources[best->source]) < 0))
            best = x;
    }
    return best;
}

/* The slots of one budget that are in its window, and when so many have left that one is free. */
static bool spent(const struct model *m, const struct budget_policy *b, int route, int target,
                  int64_t now, int64_t *until)
{
    int64_t in_window = 0;
    if (b->max == 0)
        return false;
    *until = 0;
    for (size_t i = m->n_requests; i-- > 0;) { /* newest first */
        const struct model_request *r = &m->requests[i];
        if (!r->slot || (route >= 0 && r->route != route) || (target >= 0 && r->target != target))
            continue;
        if (r->created_at + b->per_ms <= now)
            continue;
        if (++in_window == b->max)
            *until = r->created_at + b->per_ms;
    }
    return in_window >= b->max;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool budget_is_spent(const struct model *m, const struct model_key *k, int64_t now,
                            int64_t *until)
{
    const struct sim_route *r = &m->conf->routes[k->route];
    const struct sim_target *t = &m->conf->targets[r->target];
    int64_t by_route = 0, by_target = 0;
    bool spent_route = spent(m, &r->policy.budget, k->route, -1, now, &by_route);
    bool spent_target = spent(m, &t->budget, -1, r->target, now, &by_target);
    *until = later(spent_route ? by_route : 0, spent_target ? by_target : 0);
    return spent_route || spent_target;
}

static int64_t full_until(const struct model *m, const struct budget_policy *b, int route,
                          int target)
{
    int64_t until = 0;
    bool full = spent(m, b, route, target, INT64_MIN, &until);
    return full ? until : 0;
}

int64_t model_block_end(const struct model *m, const struct model_key *k)
{
    const struct policy *p = model_policy(m, k->route);
    const struct sim_route *r = &m->conf->routes[k->route];
    int64_t end = 0, other = 0;
    if (!r->present)
        return 0;
    if (k->deferred_for == REASON_COOLDOWN) {
        end = k->cooldown_from == 0 ? 0 : k->cooldown_from + p->cooldown_ms;
        other = k->retry_from == 0 ? 0 : k->retry_from + p->retry_after_ms;
    } else if (k->deferred_for == REASON_NOT_REARMED && k->disarmed_at != 0 &&
               p->rearm == REARM_RESOLVED) {
        end = p->rearm_after_ms == 0 ? 0 : k->disarmed_at + p->rearm_after_ms;
    } else if (k->deferred_for == REASON_BUDGET) {
        end = full_until(m, &p->budget, k->route, -1);
        other = full_until(m, &m->conf->targets[r->target].budget, -1, r->target);
    }
    return later(end, other);
}

static bool is_disarmed(const struct policy *p, const struct model_key *k, int64_t now,
                        int64_t *until)
{
    *until = p->rearm_after_ms == 0 ? 0 : k->disarmed_at + p->rearm_after_ms;
    if (k->disarmed_at == 0 || p->rearm == REARM_COOLDOWN)
        return false;
    return *until == 0 || now < *until;
}

static bool is_cooling(const struct policy *p, const struct model_key *k, int64_t now,
                       int64_t *until)
{
    int64_t cooldown = k->cooldown_from == 0 ? 0 : k->cooldown_from + p->cooldown_ms;
    int64_t retry = k->retry_from == 0 ? 0 : k->retry_from + p->retry_after_ms;
    *until = later(cooldown, retry);
    return now < *until;
}

bool model_is_blocked(const struct model *m, const struct model_key *k, enum reason by, int64_t now,
                      int64_t *until)
{
    const struct policy *p = model_policy(m, k->route);
    const struct sim_route *route = &m->conf->routes[k->route];
    *until = 0;
    switch ((int)by) {
    case REASON_PAUSED:
        return m->stop || m->route_paused[k->route] || m->target_paused[route->target];
    case REASON_RUNNING:
        return k->request != NO_REQUEST;
    case REASON_NOT_REARMED:
        return is_disarmed(p, k, now, until);
    case REASON_COOLDOWN:
        return is_cooling(p, k, now, until);
    default:
        return budget_is_spent(m, k, now, until);
    }
}

static void all_wait(struct model_key *k)
{
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].waits = !k->members[i].blind;
}

void model_end_waiting(struct model_key *k)
{
    k->held = false;
    k->deferred = false;
    k->over_at_start = false;
    k->over_at = 0;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].waits = false;
}

int64_t model_hold_end(const struct model *m, const struct model_key *k)
{
    const struct policy *p = model_policy(m, k->route);
    int64_t end = k->hold_from + p->hold_ms, most = k->hold_began + p->hold_max_ms;
    return end < most ? end : most;
}

static struct model_decision decided(const struct model_key *k, enum verdict v, enum reason r)
{
    struct model_decision d = {.verdict = v, .reason = r, .route = k->route, .request = NO_REQUEST};
    (void)snprintf(d.key, sizeof(d.key), "%s", k->text);
    return d;
}

static struct model_decision join_hold(struct model *m, struct model_key *k, int64_t now)
{
    const struct policy *p = model_policy(m, k->route);
    if (p->extend_hold)
        k->hold_from = now;
    struct model_decision d = decided(k, VERDICT_HELD, REASON_JOINED);
    d.until = model_due(m, model_hold_end(m, k));
    return d;
}

static struct model_decision block(struct model *m, struct model_key *k, enum model_asker asker,
                                   enum reason by, int64_t until, int64_t now)
{
    if (model_policy(m, k->route)->when_blocked == WHEN_BLOCKED_DROP) {
        if (asker != ASKED_BY_ALERT)
            model_end_waiting(k);
        struct model_decision d = decided(k, VERDICT_SUPPRESSED, by);
        d.until = until;
        if (by == REASON_RUNNING)
            d.request = k->request;
        return d;
    }
    if (k->held && asker == ASKED_BY_ALERT)
        return join_hold(m, k, now);
    if (!k->deferred) {
        all_wait(k); /* it is made now, be it at the end of a hold */
        k->held = false;
        k->deferred = true;
        k->deferred_at = now;
        k->deferred_for = by;
    } else if (asker == ASKED_BY_BLOCK) {
        k->deferred_for = by;
    }
    if (asker != ASKED_BY_ALERT) {
        k->over_at_start = false;
        k->over_at = 0;
    }
    struct model_decision d = decided(k, VERDICT_DEFERRED, by);
    d.until = until;
    if (by == REASON_RUNNING)
        d.request = k->request;
    return d;
}

int model_create(struct model *m, struct model_key *k, enum cause cause, int64_t now)
{
    if (m->n_requests == MODEL_REQUESTS) {
        m->trouble = "too many requests";
        return 0;
    }
    struct model_request *r = &m->requests[m->n_requests];
    *r = (struct model_request){.route = k->route,
                                .target = m->conf->routes[k->route].target,
                                .cause = cause,
                                .created_at = now,
                                .expires_ms = model_policy(m, k->route)->expires_ms,
                                .slot = true,
                                .open = true};
    (void)snprintf(r->key, sizeof(r->key), "%s", k->text);
    model_end_waiting(k);
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = !k->members[i].blind;
    k->request = (int)m->n_requests++;
    k->settled = false;
    return k->request;
}

/* Its inputs: model, and the value where the route wants it. */
static bool input_is_bad(const struct model *m, const struct model_key *k)
{
    const struct model_member *leading = model_leading(k);
    return sim_instances[leading->instance].model == NULL ||
           (m->conf->routes[k->route].wants_value && leading->value_null);
}

struct model_decision model_ask(struct model *m, struct model_key *k, enum model_asker asker,
                                int64_t now)
{
    static const enum reason blocks[] = {REASON_PAUSED, REASON_RUNNING, REASON_NOT_REARMED,
                                         REASON_COOLDOWN, REASON_BUDGET};
    const struct policy *p = model_policy(m, k->route);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        int64_t until;
        if (model_is_blocked(m, k, blocks[i], now, &until))
            return block(m, k, asker, blocks[i], until, now);
        if (i == 0 && k->held && asker == ASKED_BY_ALERT) /* row 6 */
            return join_hold(m, k, now);
    }
    if (input_is_bad(m, k)) {
        if (asker != ASKED_BY_ALERT)
            model_end_waiting(k);
        return decided(k, VERDICT_SUPPRESSED, REASON_BAD_INPUT);
    }
    if (p->hold_ms > 0 && asker != ASKED_BY_HOLD) {
        model_end_waiting(k);
        all_wait(k);
        k->held = true;
        k->hold_began = now;
        k->hold_from = now;
        struct model_decision d = decided(k, VERDICT_HELD, REASON_HOLD);
        d.until = model_hold_end(m, k);
        return d;
    }
    struct model_decision d = decided(k, VERDICT_DISPATCH, REASON_FIRST);
    d.request = model_create(m, k, asker == ASKED_BY_ALERT ? CAUSE_ALERT : CAUSE_TIMER, now);
    return d;
}
