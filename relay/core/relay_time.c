#include "relay/core/relay_time.h"

#include <string.h>

void relay_time_start(struct relay_time *t, const struct clock *clock,
                      const struct store_time *last)
{
    *t = (struct relay_time){.clock = clock};
    clock->boot_id(clock->self, t->boot_id);
    t->boot_base_ms = clock->boot_ms(clock->self);
    int64_t wall = clock_wall(clock).ms;
    if (last == NULL) {
        t->relay_base_ms = wall;
    } else {
        bool same_boot = strcmp(last->boot_id, t->boot_id) == 0;
        int64_t passed = same_boot ? t->boot_base_ms - last->boot_ms : wall - last->wall_ms;
        t->relay_base_ms = last->relay_ms + (passed > 0 ? passed : 0);
    }
    t->last_ms = t->relay_base_ms;
}

int64_t relay_time_now(struct relay_time *t)
{
    int64_t now = t->relay_base_ms + (t->clock->boot_ms(t->clock->self) - t->boot_base_ms);
    if (now > t->last_ms)
        t->last_ms = now;
    return t->last_ms;
}

struct store_time relay_time_stamp(struct relay_time *t)
{
    struct store_time stamp = {.relay_ms = relay_time_now(t),
                               .boot_ms = t->clock->boot_ms(t->clock->self),
                               .wait_until = t->wait_until,
                               .wall_ms = clock_wall(t->clock).ms};
    memcpy(stamp.boot_id, t->boot_id, sizeof(stamp.boot_id));
    return stamp;
}
