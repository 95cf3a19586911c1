/* History has an end: with what comes in, what is older than store.retain goes out.
 *
 * It rides on transactions that are open anyway, a few rows each, so that no commit waits for it
 * and an idle relay does nothing. */
#include "relay/base/log.h"
#include "relay/core/core_private.h"
#include "relay/engine/budget.h"

#define ROWS_MIN      50               /* of each table, whatever came in */
#define LOOK_AGAIN_MS (10 * 60 * 1000) /* after a look that found nothing */

int core_retain(struct core *c, size_t messages, struct error *err)
{
    int64_t now = relay_time_now(&c->time);
    if (!c->in_transaction || now < c->retain_next)
        return 0;
    /* Twice what came in: it catches up however much lies there. Requests stay for as long as a
     * budget may count them. */
    size_t limit = 2 * messages > ROWS_MIN ? 2 * messages : ROWS_MIN;
    int64_t retain = c->conf->retain_ms;
    int64_t longer = retain > BUDGET_WINDOW_MAX_MS ? retain : BUDGET_WINDOW_MAX_MS;
    const struct store_retention before = {
        .received = now - retain,
        .created = now - longer,
        .outcome_wall = clock_wall(c->ports.clock).ms - retain,
    };
    struct store_forgotten forgotten = {0};
    int r =
        c->ports.store.ops->forget_history(c->ports.store.self, &before, limit, &forgotten, err);
    for (int s = 0; s < REQUEST_STATES; s++)
        c->counts[s] -= forgotten.requests[s];
    if (forgotten.rows == 0)
        c->retain_next = now + LOOK_AGAIN_MS;
    else
        log_debug("core", "forgotten", LOG_INT("rows", forgotten.rows));
    return r;
}
