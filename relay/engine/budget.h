/* budget.h - at most so many requests in a rolling window: the slots that were taken, oldest first.
 *
 * A set of slots belongs to a name (a route's or a target's). Slots given back are not counted.
 * Slots are kept while any policy could still count them, so a reload that lengthens the window
 * acts. */
#ifndef RELAY_ENGINE_BUDGET_H
#define RELAY_ENGINE_BUDGET_H

#include "relay/base/rng.h"
#include "relay/engine/route.h"

/* The longest `per` that a config may ask for. */
#define BUDGET_WINDOW_MAX_MS (31 * 24 * 3600 * 1000LL)

struct slot {
    int64_t at; /* relay ms */
    char relay_id[ULID_SIZE];
};

struct budget {
    char *name;
    struct slot *slots; /* by `at`, oldest first */
    size_t n, cap;
};

/* Takes a slot; false when out of memory. */
bool budget_take(struct budget *b, int64_t at, const char *relay_id);
void budget_give_back(struct budget *b, const char *relay_id);
/* When the newest `max` slots leave the window, be it past; 0 when fewer were taken. */
int64_t budget_full_until(const struct budget *b, const struct budget_policy *policy);
/* 0: a slot is free; else the relay time at which the next one will be. */
int64_t budget_spent_until(const struct budget *b, const struct budget_policy *policy, int64_t now);
void budget_clear(struct budget *b);

#endif
