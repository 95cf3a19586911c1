/* window.h - where the windows of a key end, by the policy in force. Pure; times are relay ms.
 *
 * A function named _until gives the end of a block that is on at `now`, 0 when it is not on; a
 * block that no time ends gives WINDOW_NO_END.
 *
 * What fell due while the relay was down (a hold, a deferral, a member gone stale, a settled key)
 * waits once more after the start, so that a notification that was refused meanwhile can arrive.
 * Cooldown, retry_after, rearm_after and budget only forbid: they end when they end. */
#ifndef RELAY_ENGINE_WINDOW_H
#define RELAY_ENGINE_WINDOW_H

#include "relay/engine/key.h"
#include "relay/engine/route.h"

#define WINDOW_NO_END INT64_MAX

struct window_rules {
    const struct policy *policy;
    int64_t started_at; /* what fell due by then … */
    int64_t wait_until; /* … does so now; both 0: the relay was never down */
};

bool window_fires(const struct key *k, const struct policy *p);
/* `end` unless it fell due while the relay was down. */
int64_t window_due(const struct window_rules *r, int64_t end);
int64_t window_disarmed_until(const struct key *k, const struct window_rules *r, int64_t now);
/* cooldown or retry_after, whichever ends later. */
int64_t window_cooldown_until(const struct key *k, const struct policy *p, int64_t now);
/* Where the hold that is on ends, be it past. */
int64_t window_hold_end(const struct key *k, const struct window_rules *r);
/* Where the cooldown or retry_after, or the disarming, ended or will end; 0 = there is none. */
int64_t window_cooldown_end(const struct key *k, const struct policy *p);
int64_t window_disarmed_end(const struct key *k, const struct window_rules *r);

/* Lets everything happen that was due by `now`: stale members leave, a settled key is armed,
 * windows that are over are cleared (not while a deferral waits for one). True when the key
 * changed. */
bool window_advance(struct key *k, const struct window_rules *r, int64_t now);
/* The last of these only: it needs no more than the policy. */
bool window_clear_over(struct key *k, const struct policy *p, int64_t now);
/* When window_advance() will next have something to do; INT64_MAX = never. */
int64_t window_next(const struct key *k, const struct window_rules *r);
/* Nothing left that anybody must remember: no members, hold, deferral, request, disarming,
 * cooldown. */
bool window_forgettable(const struct key *k);

#endif
