/* decision.h - the words of a decision: one verdict and one reason for each alert. */
#ifndef RELAY_ENGINE_DECISION_H
#define RELAY_ENGINE_DECISION_H

#include "relay/base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict {
    VERDICT_IGNORED,
    VERDICT_SUPPRESSED,
    VERDICT_HELD,
    VERDICT_DEFERRED,
    VERDICT_DISPATCH,
    VERDICT_RESOLVED,
};

enum reason {
    REASON_TEST,
    REASON_NO_DATA,
    REASON_ERROR,
    REASON_NO_ROUTE,
    REASON_LIMIT,
    REASON_DUPLICATE,
    REASON_BELOW_MIN,
    REASON_PAUSED,
    REASON_RUNNING,
    REASON_NOT_REARMED,
    REASON_COOLDOWN,
    REASON_BUDGET,
    REASON_BAD_INPUT,
    REASON_HOLD,
    REASON_FIRST,
    REASON_JOINED,
    REASON_CANCELLED,
    REASON_QUIET,
    REASON_NOTED,
};

const char *verdict_text(enum verdict v);
const char *reason_text(enum reason r);
bool reason_parse(enum reason *out, const char *text);

struct decision {
    enum verdict verdict;
    enum reason reason;
    const char *route;        /* the route's name, borrowed from the config; NULL = none */
    char *key;                /* the key's text, NULL = none; owned (effects_clear) */
    char relay_id[ULID_SIZE]; /* with dispatch, duplicate and running; else "" */
    int64_t until; /* relay ms where a time ends the block or hold, by today's policy; 0 = none */
};

#endif
