/* ports.h - what the core needs of the world, as structs of functions: the store, the forge, a
 * clock, chance. */
#ifndef RELAY_CORE_PORTS_H
#define RELAY_CORE_PORTS_H

#include "relay/base/clock.h"
#include "relay/base/rng.h"
#include "relay/github/exchange.h"
#include "relay/store/store.h"

/* Carries exchanges out. At most one exchange of a request is under way at a time; its answer comes
 * back through core_answer() from any thread, once for each start. */
struct forge {
    void *self;
    /* Takes x. Never blocks. */
    void (*start)(void *self, struct exchange *x);
};

struct ports {
    struct store store;
    struct forge forge;
    const struct clock *clock;
    const struct rng *rng;
};

#endif
