/* engine_private.h - the engine's state, shared by its own files only. */
#ifndef RELAY_ENGINE_ENGINE_PRIVATE_H
#define RELAY_ENGINE_ENGINE_PRIVATE_H

#include "relay/engine/budget.h"
#include "relay/engine/engine.h"
#include "relay/engine/key_table.h"

struct budgets {
    struct budget *items;
    size_t n;
};

struct engine {
    struct engine_ports ports;
    struct engine_config config;
    struct key_table *keys;
    struct budgets route_budgets, target_budgets;
    struct route_count {
        char *route;
        size_t keys;
    } * counts; /* keys per route, for max_keys */
    size_t n_counts;
    bool stop;
};

const struct route *engine_route(const struct engine *e,
                                 const char *name); /* NULL when it is gone */
const struct policy *engine_policy(const struct engine *e, const struct key *k);
struct budget *engine_budget(struct budgets *budgets,
                             const char *name); /* made when new; NULL out of memory */
/* Number of keys of that route; NULL when out of memory. */
size_t *engine_key_count(struct engine *e, const char *route);

/* Brings k's windows up to now and ends its unexecuted request if it stopped firing. */
__attribute__((warn_unused_result)) int engine_advance(struct engine *e, struct key *k, int64_t now,
                                                       struct effects *out);
/* After k changed: forgets it, or sets its deadline and notes the change. k may be gone after this.
 */
__attribute__((warn_unused_result)) int engine_settle(struct engine *e, struct key *k,
                                                      struct effects *out);
/* The key stopped firing: an unexecuted request of it is cancelled. True when there was one. */
__attribute__((warn_unused_result)) int engine_cancel(struct engine *e, struct key *k,
                                                      struct effects *out, bool *cancelled);
void engine_give_back(struct engine *e, const char *relay_id);
__attribute__((warn_unused_result)) int engine_add_key(struct engine *e, struct key *k);

#endif
