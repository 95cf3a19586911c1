/* The machine's clocks and its chance. */
#include "tests/sim/world.h"

#include <stdio.h>

static struct wall clock_wall_of(void *self)
{
    return (struct wall){((const struct world *)self)->wall_ms};
}

static struct mono clock_mono_of(void *self)
{
    return (struct mono){((const struct world *)self)->boot_ms};
}

static int64_t clock_boot_of(void *self)
{
    return ((const struct world *)self)->boot_ms;
}

static void clock_boot_id_of(void *self, char out[static BOOT_ID_MAX])
{
    (void)snprintf(out, BOOT_ID_MAX, "boot-%u", ((const struct world *)self)->boots);
}

static void random_bytes(void *self, void *out, size_t len)
{
    struct world *w = self;
    unsigned char *to = out;
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)(draw_next(&w->rng) >> 17);
}

void world_advance(struct world *w, int64_t ms)
{
    w->boot_ms += ms;
    w->wall_ms += ms;
    w->incident_ms -= ms;
}

int64_t world_relay_now(const struct world *w)
{
    return w->relay_base + (w->boot_ms - w->boot_base);
}

void world_clocks(struct world *w)
{
    w->clock = (struct clock){w, clock_wall_of, clock_mono_of, clock_boot_of, clock_boot_id_of};
    w->rng_port = (struct rng){w, random_bytes};
}
