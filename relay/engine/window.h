/* window.h - where the windows of a key end, by the policy in force. Pure; times are relay ms.
 *
 * A function named _until gives the end of a block that is on at `now`, 0 when it is not on; a
 * block that no time ends gives WINDOW_NO_END. */
#ifndef RELAY_ENGINE_WINDOW_H
#define RELAY_ENGINE_WINDOW_H

#include "relay/engine/key.h"
#include "relay/engine/route.h"

#define WINDOW_NO_END INT64_MAX

bool window_fires(const struct key *k, const struct policy *p);
int64_t window_disarmed_until(const struct key *k, const struct policy *p, int64_t now);
/* cooldown or retry_after, whichever ends later. */
int64_t window_cooldown_until(const struct key *k, const struct policy *p, int64_t now);

/* Lets everything happen that was due by `now`: stale members leave, a settled key is armed,
 * windows that are over are cleared. True when the key changed. */
bool window_advance(struct key *k, const struct policy *p, int64_t now);
/* When window_advance() will next have something to do; INT64_MAX = never. */
int64_t window_next(const struct key *k, const struct policy *p);
/* Nothing left that anybody must remember: no members, request, disarming, cooldown. */
bool window_forgettable(const struct key *k);

#endif
