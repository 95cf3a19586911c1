/* relay_time.h - the engine's clock: milliseconds that never run back.
 *
 * Within one boot it advances by CLOCK_BOOTTIME, so that neither a restart of the relay nor a jump
 * of the wall clock changes a window; across a reboot by the wall clock, at least 0. It starts at
 * the wall time of the first start ever and is stored with every commit. Pure but for the clock it
 * is handed. */
#ifndef RELAY_CORE_RELAY_TIME_H
#define RELAY_CORE_RELAY_TIME_H

#include "relay/base/clock.h"
#include "relay/store/store.h"

struct relay_time {
    const struct clock *clock;
    char boot_id[BOOT_ID_MAX];
    int64_t relay_base_ms, boot_base_ms; /* relay = base + (boot now - boot base) */
    int64_t last_ms;
    int64_t wait_until; /* of the newest start (engine.h): stored with it, so that another start
                           does not cut it short */
};

/* last: as stored at the last commit; NULL for a new store. */
void relay_time_start(struct relay_time *t, const struct clock *clock,
                      const struct store_time *last);
int64_t relay_time_now(struct relay_time *t);
/* What is stored with a commit. */
struct store_time relay_time_stamp(struct relay_time *t);

#endif
