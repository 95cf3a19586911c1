/* History has an end: with what comes in, what is older than store.retain goes out, and when there
 * is more than store.retain_size, the oldest whatever its age; what operators changed is little,
 * and stays.
 *
 * It rides on transactions that are open anyway, a few rows each, so that no commit waits for it
 * and an idle relay does nothing. */
#include "relay/base/log.h"
#include "relay/core/core_private.h"
#include "relay/engine/budget.h"

#define ROWS_MIN      50               /* of each table, whatever came in */
#define BYTES_MIN     (1024 * 1024)    /* of bodies, likewise */
#define LEAST_MS      (3600 * 1000LL)  /* so long all stays: replays and holds read it */
#define LOOK_AGAIN_MS (10 * 60 * 1000) /* after a look that found nothing */

static int is_too_large(struct core *c, bool *too_large, struct error *err)
{
    int64_t bytes = 0;
    *too_large = false;
    if (c->conf->retain_bytes == 0)
        return 0;
    int r = c->ports.store.ops->get_size(c->ports.store.self, &bytes, err);
    *too_large = (uint64_t)bytes > c->conf->retain_bytes;
    return r;
}

int core_retain(struct core *c, size_t messages, size_t message_bytes, struct error *err)
{
    int64_t now = relay_time_now(&c->time);
    bool too_large;
    if (!c->in_transaction)
        return 0;
    int r = is_too_large(c, &too_large, err);
    if (r != 0 || (now < c->retain_next && !too_large))
        return r;
    /* Twice what came in: it catches up however much lies there. Requests stay for as long as a
     * budget may count them. */
    size_t limit = 2 * messages > ROWS_MIN ? 2 * messages : ROWS_MIN;
    size_t bytes = 2 * message_bytes > BYTES_MIN ? 2 * message_bytes : BYTES_MIN;
    int64_t retain = too_large ? LEAST_MS : c->conf->retain_ms;
    int64_t longer = retain > BUDGET_WINDOW_MAX_MS ? retain : BUDGET_WINDOW_MAX_MS;
    const struct store_retention before = {
        .received = now - retain,
        .created = now - longer,
        .outcome_wall = clock_wall(c->ports.clock).ms - retain,
        .changed_wall = clock_wall(c->ports.clock).ms - c->conf->retain_ms,
        .bytes = (int64_t)bytes,
    };
    struct store_forgotten forgotten = {0};
    r = c->ports.store.ops->forget_history(c->ports.store.self, &before, limit, &forgotten, err);
    for (int s = 0; s < REQUEST_STATES; s++)
        c->counts[s] -= forgotten.requests[s];
    if (forgotten.rows == 0)
        c->retain_next = now + LOOK_AGAIN_MS;
    else
        log_debug("core", "forgotten", LOG_INT("rows", forgotten.rows));
    return r;
}
