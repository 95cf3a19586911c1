/* An incident at GitHub, of up to a day: whatever it is asked meanwhile it answers with 5xx,
 * limits, or not at all. Other events go on: alerts come, the relay crashes and is told another
 * config. */
#include "tests/sim/world.h"

void world_incident(struct world *w, const struct event *e)
{
    w->incident_ms = e->amount;
    w->incident_draw.state = e->which;
    w->totals->incidents++;
    w->totals->days += e->amount >= SIM_DAY_MS;
}

void world_incident_answers(struct world *w)
{
    for (int i = 0; i < 100 && w->incident_ms > 0; i++) {
        size_t n = w->n_flights;
        for (size_t k = 0; k < n && w->n_sent < WORLD_BATCH; k++) {
            world_answer(w, NULL, 0, (unsigned)draw_next(&w->incident_draw));
            w->totals->bad_answers++;
        }
        if (n == 0)
            return;
        world_settle(w);
        if (w->core == NULL || w->failure[0] != '\0')
            return;
    }
    if (w->incident_ms > 0)
        world_fail(w, "GitHub is asked without end");
}
