#include "relay/engine/decision.h"

#include <string.h>

const char *verdict_text(enum verdict v)
{
    static const char *const texts[] = {
        [VERDICT_IGNORED] = "ignored",   [VERDICT_SUPPRESSED] = "suppressed",
        [VERDICT_HELD] = "held",         [VERDICT_DEFERRED] = "deferred",
        [VERDICT_DISPATCH] = "dispatch", [VERDICT_RESOLVED] = "resolved",
    };
    return texts[v];
}

static const char *const reasons[] = {
    [REASON_TEST] = "test",           [REASON_NO_DATA] = "no_data",
    [REASON_ERROR] = "error",         [REASON_NO_ROUTE] = "no_route",
    [REASON_LIMIT] = "limit",         [REASON_DUPLICATE] = "duplicate",
    [REASON_BELOW_MIN] = "below_min", [REASON_PAUSED] = "paused",
    [REASON_RUNNING] = "running",     [REASON_NOT_REARMED] = "not_rearmed",
    [REASON_COOLDOWN] = "cooldown",   [REASON_BUDGET] = "budget",
    [REASON_BAD_INPUT] = "bad_input", [REASON_HOLD] = "hold",
    [REASON_FIRST] = "first",         [REASON_JOINED] = "joined",
    [REASON_CANCELLED] = "cancelled", [REASON_QUIET] = "quiet",
    [REASON_NOTED] = "noted",
};

const char *reason_text(enum reason r)
{
    return reasons[r];
}

bool reason_parse(enum reason *out, const char *text)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reasons[i], text) == 0) {
            *out = (enum reason)i;
            return true;
        }
    }
    return false;
}
