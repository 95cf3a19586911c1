/* route.h - which alerts go where, under which key, and by which policy.
 *
 * Owned by the config, immutable. Routes are tried in order, the first match wins. */
#ifndef RELAY_ENGINE_ROUTE_H
#define RELAY_ENGINE_ROUTE_H

#include "relay/alert/alert.h"
#include "relay/base/buf.h"
#include "relay/engine/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rearm { REARM_RESOLVED, REARM_COOLDOWN };
enum when_blocked { WHEN_BLOCKED_DROP, WHEN_BLOCKED_DEFER };

/* At most max requests in any per_ms; max 0 = no budget. */
struct budget_policy {
    int64_t max, per_ms;
};

struct policy {
    int64_t min_alerts;
    int64_t hold_ms;
    bool extend_hold;
    int64_t hold_max_ms;
    int64_t cooldown_ms;
    enum rearm rearm;
    int64_t settle_ms;      /* quiet for so long arms a disarmed key */
    int64_t rearm_after_ms; /* so does this long after it was disarmed; 0 = never */
    enum when_blocked when_blocked;
    int64_t retry_after_ms; /* pause after a request that was refused or expired */
    int64_t stale_after_ms; /* a member unheard for so long leaves */
    int64_t expires_ms;     /* a request that was never executed dies after it */
    struct budget_policy budget;
    int64_t max_keys, max_members;
};

/* The defaults of the documentation. */
extern const struct policy policy_default;

struct route {
    char *name;               /* [A-Za-z0-9_-]+ */
    char *source;             /* NULL = any */
    struct matcher *matchers; /* all must match */
    size_t n_matchers;
    char **key_labels;
    size_t n_key_labels;
    struct policy policy;
    char *target; /* the target's name */
};

/* The first route that takes this alert, or NULL. */
const struct route *route_find(const struct route *const *routes, size_t n, const char *source,
                               const struct alert *alert);
/* Writes the key's text: ROUTE/value[/value…], every value percent-encoded but for [A-Za-z0-9._~-];
 * a missing label is the empty value. */
void route_key_text(const struct route *route, const struct alert *alert, struct buf *out);

#endif
