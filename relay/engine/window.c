#include "relay/engine/window.h"

#define HOLD_MAX_FACTOR 10 /* hold_max unless it is set */

/* a + b for a window's end: saturates instead of wrapping. */
static int64_t end_of(int64_t began, int64_t length)
{
    int64_t end;
    return __builtin_add_overflow(began, length, &end) ? INT64_MAX : end;
}

bool window_fires(const struct key *k, const struct policy *p)
{
    return key_firing(k) >= (size_t)p->min_alerts;
}

int64_t window_due(const struct window_rules *r, int64_t end)
{
    return end <= r->started_at ? r->wait_until : end;
}

static int64_t stale_end(const struct member *m, const struct window_rules *r)
{
    return window_due(r, end_of(m->heard_at, r->policy->stale_after_ms));
}

/* End of `settle` for a key that is quiet; INT64_MAX while it is not. Quiet before `post`, the POST
 * that disarmed it or will, does not count. */
static int64_t settle_end(const struct key *k, const struct window_rules *r, int64_t post)
{
    if (k->quiet_since == 0)
        return INT64_MAX;
    int64_t from = k->quiet_since > post ? k->quiet_since : post;
    return window_due(r, end_of(from, r->policy->settle_ms));
}

static int64_t rearm_after_end(const struct key *k, const struct policy *p)
{
    return p->rearm_after_ms == 0 ? INT64_MAX : end_of(k->disarmed_at, p->rearm_after_ms);
}

int64_t window_disarmed_end(const struct key *k, const struct window_rules *r)
{
    if (k->disarmed_at == 0 || r->policy->rearm == REARM_COOLDOWN)
        return 0;
    int64_t settled = settle_end(k, r, k->disarmed_at);
    int64_t rearmed = rearm_after_end(k, r->policy);
    return settled < rearmed ? settled : rearmed;
}

int64_t window_disarmed_until(const struct key *k, const struct window_rules *r, int64_t now)
{
    int64_t end = window_disarmed_end(k, r);
    return end > now ? end : 0;
}

int64_t window_cooldown_end(const struct key *k, const struct policy *p)
{
    int64_t end = 0;
    if (k->cooldown_from != 0)
        end = end_of(k->cooldown_from, p->cooldown_ms);
    if (k->retry_from != 0 && end_of(k->retry_from, p->retry_after_ms) > end)
        end = end_of(k->retry_from, p->retry_after_ms);
    return end;
}

int64_t window_cooldown_until(const struct key *k, const struct policy *p, int64_t now)
{
    int64_t end = window_cooldown_end(k, p);
    return end > now ? end : 0;
}

int64_t window_hold_end(const struct key *k, const struct window_rules *r)
{
    const struct policy *p = r->policy;
    int64_t longest = p->hold_max_ms;
    if (longest == 0 && __builtin_mul_overflow(p->hold_ms, HOLD_MAX_FACTOR, &longest))
        longest = INT64_MAX;
    int64_t end = end_of(k->hold_from, p->hold_ms);
    int64_t last = end_of(k->hold_began, longest);
    return window_due(r, end < last ? end : last);
}

static bool drop_stale(struct key *k, const struct window_rules *r, int64_t now)
{
    bool changed = false;
    int64_t last = 0;
    for (size_t i = k->n_members; i-- > 0;) {
        int64_t stale = stale_end(&k->members[i], r);
        if (stale > now)
            continue;
        last = stale > last ? stale : last;
        key_remove_member(k, &k->members[i]);
        changed = true;
    }
    if (changed && k->n_members == 0)
        k->quiet_since = last;
    return changed;
}

/* Clears a window's beginning when it is over. */
static bool clear_over(int64_t *began, int64_t length, int64_t now)
{
    if (*began == 0 || end_of(*began, length) > now)
        return false;
    *began = 0;
    return true;
}

/* An open request's end may still disarm the key. */
static bool may_settle(const struct key *k)
{
    return k->relay_id[0] != '\0' && !k->settled;
}

bool window_clear_over(struct key *k, const struct policy *p, int64_t now)
{
    if (k->deferred_at != 0)
        return false; /* it must see when its block ended */
    bool changed = p->rearm_after_ms != 0 && clear_over(&k->disarmed_at, p->rearm_after_ms, now);
    changed = clear_over(&k->cooldown_from, p->cooldown_ms, now) || changed;
    return clear_over(&k->retry_from, p->retry_after_ms, now) || changed;
}

bool window_advance(struct key *k, const struct window_rules *r, int64_t now)
{
    bool changed = drop_stale(k, r, now);
    if (k->disarmed_at != 0 && settle_end(k, r, k->disarmed_at) <= now) {
        k->disarmed_at = 0;
        changed = true;
    }
    if (may_settle(k) && settle_end(k, r, k->posted_at) <= now) {
        k->settled = true;
        changed = true;
    }
    return window_clear_over(k, r->policy, now) || changed;
}

static void earlier(int64_t *best, int64_t candidate)
{
    if (candidate < *best)
        *best = candidate;
}

int64_t window_next(const struct key *k, const struct window_rules *r)
{
    const struct policy *p = r->policy;
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < k->n_members; i++)
        earlier(&next, stale_end(&k->members[i], r));
    if (k->disarmed_at != 0)
        earlier(&next, settle_end(k, r, k->disarmed_at));
    if (may_settle(k))
        earlier(&next, settle_end(k, r, k->posted_at));
    if (k->deferred_at != 0)
        return next;
    if (k->disarmed_at != 0)
        earlier(&next, rearm_after_end(k, p));
    if (k->cooldown_from != 0)
        earlier(&next, end_of(k->cooldown_from, p->cooldown_ms));
    if (k->retry_from != 0)
        earlier(&next, end_of(k->retry_from, p->retry_after_ms));
    return next;
}

bool window_forgettable(const struct key *k)
{
    return k->n_members == 0 && k->relay_id[0] == '\0' && k->disarmed_at == 0 &&
           k->cooldown_from == 0 && k->retry_from == 0 && !key_is_waiting(k);
}
