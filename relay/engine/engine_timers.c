/* What time alone decides: holds that end, blocks that end, members that go stale. */
#include "relay/engine/engine_private.h"

#include <errno.h>
#include <string.h>

#define KEYS_PER_RUN 1000

/* What a hold or deferral comes to, by the rows in their order. *over: it is no longer on. */
static int ask(struct question *q, struct decision *d, bool *over, struct error *err)
{
    struct key *k = q->key;
    bool held = k->hold_began != 0;
    *over = true;
    d->verdict = VERDICT_SUPPRESSED;
    if (q->route == NULL) {
        d->verdict = VERDICT_IGNORED;
        d->reason = REASON_NO_ROUTE;
        return 0;
    }
    if (!window_fires(k, &q->route->policy)) { /* a reload raised min_alerts */
        d->reason = REASON_BELOW_MIN;
        return 0;
    }
    if (!engine_blocked(q, d)) {
        int r = engine_act(q, !held, d, err);
        *over = d->verdict != VERDICT_HELD;
        return r;
    }
    if (q->route->policy.when_blocked == WHEN_BLOCKED_DROP)
        return 0;
    d->verdict = VERDICT_DEFERRED;
    *over = false;
    if (held) {
        k->hold_began = 0;
        k->hold_from = 0;
        k->deferred_at = q->now;
        key_all_wait(k);
    }
    k->deferred_for = d->reason;
    k->over_at_start_ = false;
    return 0;
}

/* Decides the hold or deferral that is due. A deferral is not due while the block that it waits for
 * is on, so its outcome is never that one again. */
static int decide(struct engine *e, struct key *k, int64_t now, struct wall wall,
                  struct effects *out, struct error *err)
{
    struct question q = {.engine = e,
                         .key = k,
                         .route = engine_route(e, k->route),
                         .now = now,
                         .wall = wall,
                         .out = out};
    bool over;
    struct decision d = {0};
    int r = ask(&q, &d, &over, err);
    if (r != 0)
        return r;
    if (over)
        key_end_waiting(k);
    d.route = q.route == NULL ? NULL : q.route->name;
    d.key = strdup(k->text);
    return d.key == NULL ? -ENOMEM : effects_outcome(out, &d);
}

int engine_timers(struct engine *e, int64_t now, struct wall wall, struct effects *out,
                  struct error *err)
{
    int r = 0;
    e->now = now;
    for (int i = 0; r == 0 && i < KEYS_PER_RUN && engine_next(e) <= now; i++) {
        struct key *k = key_table_first(e->keys);
        r = engine_advance(e, k, now, out);
        if (r == 0 && engine_waiting_due(e, k) <= now)
            r = decide(e, k, now, wall, out, err);
        if (r == 0)
            r = engine_settle(e, k, out);
        if (r == 0)
            r = engine_wake(e, err);
    }
    return r == -ENOMEM ? error_set(err, -ENOMEM, "engine: out of memory") : r;
}
