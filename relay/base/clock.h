/* clock.h - the only file that asks what time it is; everything else is handed a struct clock.
 *
 * Three times, never mixed. Wall: unix milliseconds, may jump; for signatures, ULIDs and display.
 * Mono: CLOCK_MONOTONIC, for waiting and durations within the process. Boot: CLOCK_BOOTTIME
 * milliseconds since boot, together with the boot id; relay time (core) is made of it. */
#ifndef RELAY_BASE_CLOCK_H
#define RELAY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

struct wall {
    int64_t ms; /* since 1970-01-01T00:00:00Z */
};
struct mono {
    int64_t ms;
};

#define BOOT_ID_MAX 40

struct clock {
    void *self;
    struct wall (*wall)(void *self);
    struct mono (*mono)(void *self);
    int64_t (*boot_ms)(void *self);
    /* /proc/sys/kernel/random/boot_id, or "unknown" where that cannot be read. */
    void (*boot_id)(void *self, char out[static BOOT_ID_MAX]);
};

/* The machine's clocks. Lives for ever; any thread. */
const struct clock *clock_system(void);

static inline struct wall clock_wall(const struct clock *c)
{
    return c->wall(c->self);
}
static inline struct mono clock_mono(const struct clock *c)
{
    return c->mono(c->self);
}

/* CLOCK_MONOTONIC in microseconds, for durations that are only reported. Nothing may be decided by
 * it, which is why no clock is injected here. */
int64_t clock_stopwatch_us(void);

/* CLOCK_MONOTONIC wait_ms (>= 0) from now, for pthread_cond_timedwait(). */
void clock_mono_deadline(struct timespec *out, int64_t wait_ms);

#endif
