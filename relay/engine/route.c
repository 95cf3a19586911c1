#include "relay/engine/route.h"

#include <string.h>

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS   (60 * MINUTE_MS)

const struct policy policy_default = {
    .min_alerts = 1,
    .hold_ms = 0,
    .extend_hold = false,
    .hold_max_ms = 0, /* 10 x hold unless it is set */
    .cooldown_ms = 6 * HOUR_MS,
    .rearm = REARM_RESOLVED,
    .settle_ms = 15 * MINUTE_MS,
    .rearm_after_ms = 24 * HOUR_MS,
    .when_blocked = WHEN_BLOCKED_DROP,
    .retry_after_ms = 15 * MINUTE_MS,
    .stale_after_ms = 9 * HOUR_MS,
    .expires_ms = 6 * HOUR_MS,
    .budget = {.max = 4, .per_ms = 24 * HOUR_MS},
    .max_keys = 100000,
    .max_members = 1000,
};

static bool route_takes(const struct route *route, const char *source, const struct alert *alert)
{
    if (route->source != NULL && strcmp(route->source, source) != 0)
        return false;
    for (size_t i = 0; i < route->n_matchers; i++) {
        if (!matcher_matches(&route->matchers[i], alert))
            return false;
    }
    return true;
}

const struct route *route_find(const struct route *const *routes, size_t n, const char *source,
                               const struct alert *alert)
{
    for (size_t i = 0; i < n; i++) {
        if (route_takes(routes[i], source, alert))
            return routes[i];
    }
    return NULL;
}

static void add_percent_encoded(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-";
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr(plain, *p) != NULL)
            buf_add_char(out, *p);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

void route_key_text(const struct route *route, const struct alert *alert, struct buf *out)
{
    add_percent_encoded(out, route->name);
    for (size_t i = 0; i < route->n_key_labels; i++) {
        const char *value = label_value(alert->labels, alert->n_labels, route->key_labels[i]);
        buf_add_char(out, '/');
        add_percent_encoded(out, value == NULL ? "" : value);
    }
}
