#include "relay/engine/window.h"

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

/* End of `settle` for a key that is quiet; INT64_MAX while it is not. Quiet before the POST does
 * not count. */
static int64_t settle_end(const struct key *k, const struct policy *p)
{
    if (k->n_members > 0 || k->quiet_since == 0)
        return INT64_MAX;
    int64_t from = k->quiet_since;
    from = k->posted_at > from ? k->posted_at : from;
    from = k->disarmed_at > from ? k->disarmed_at : from;
    return end_of(from, p->settle_ms);
}

static int64_t rearm_after_end(const struct key *k, const struct policy *p)
{
    return p->rearm_after_ms == 0 ? INT64_MAX : end_of(k->disarmed_at, p->rearm_after_ms);
}

int64_t window_disarmed_until(const struct key *k, const struct policy *p, int64_t now)
{
    if (k->disarmed_at == 0 || p->rearm == REARM_COOLDOWN)
        return 0;
    int64_t settled = settle_end(k, p);
    int64_t rearmed = rearm_after_end(k, p);
    int64_t until = settled < rearmed ? settled : rearmed;
    return until > now ? until : 0;
}

int64_t window_cooldown_until(const struct key *k, const struct policy *p, int64_t now)
{
    int64_t until = 0;
    if (k->cooldown_from != 0)
        until = end_of(k->cooldown_from, p->cooldown_ms);
    if (k->retry_from != 0 && end_of(k->retry_from, p->retry_after_ms) > until)
        until = end_of(k->retry_from, p->retry_after_ms);
    return until > now ? until : 0;
}

static bool drop_stale(struct key *k, const struct policy *p, int64_t now)
{
    bool changed = false;
    int64_t last = 0;
    for (size_t i = k->n_members; i-- > 0;) {
        int64_t stale = end_of(k->members[i].heard_at, p->stale_after_ms);
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

bool window_advance(struct key *k, const struct policy *p, int64_t now)
{
    bool changed = drop_stale(k, p, now);
    if (settle_end(k, p) <= now) {
        changed = changed || k->disarmed_at != 0 || !k->settled;
        k->disarmed_at = 0;
        k->settled = true;
    }
    if (k->disarmed_at != 0 && rearm_after_end(k, p) <= now) {
        k->disarmed_at = 0;
        changed = true;
    }
    if (k->cooldown_from != 0 && end_of(k->cooldown_from, p->cooldown_ms) <= now) {
        k->cooldown_from = 0;
        changed = true;
    }
    if (k->retry_from != 0 && end_of(k->retry_from, p->retry_after_ms) <= now) {
        k->retry_from = 0;
        changed = true;
    }
    return changed;
}

static void earlier(int64_t *best, int64_t candidate)
{
    if (candidate < *best)
        *best = candidate;
}

int64_t window_next(const struct key *k, const struct policy *p)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < k->n_members; i++)
        earlier(&next, end_of(k->members[i].heard_at, p->stale_after_ms));
    if (!k->settled)
        earlier(&next, settle_end(k, p));
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
           k->cooldown_from == 0 && k->retry_from == 0;
}
