#include "relay/edge/gate.h"

#include "relay/base/log.h"
#include "relay/base/rng.h"
#include "relay/base/throttle.h"

#include <pthread.h>
#include <stdlib.h>

struct gate {
    const struct clock *clock;
    struct metric *throttled;
    pthread_mutex_t lock; /* table */
    struct throttle table;
};

struct gate *gate_new(struct metrics *metrics, const struct clock *clock)
{
    struct gate *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    const struct rng *rng = rng_system();
    rng->bytes(rng->self, g->table.seed, sizeof(g->table.seed));
    pthread_mutex_init(&g->lock, NULL);
    g->clock = clock;
    g->throttled = metrics_counter(
        metrics, "throttled_total",
        "Notifications answered 429: their address had failed too often.", "source");
    return g;
}

void gate_free(struct gate *g)
{
    if (g != NULL)
        pthread_mutex_destroy(&g->lock);
    free(g);
}

void gate_touch(struct gate *g, const struct conf_source *source)
{
    metric_touch(g->throttled, source->name, NULL);
}

int64_t gate_turns_away(struct gate *g, const struct caller *c, const struct conf_source *source,
                        int64_t failures_per_minute)
{
    static struct log_brake brake = LOG_BRAKE_INIT(10, 60000);
    uint32_t left_out;
    if (!c->known)
        return 0;
    pthread_mutex_lock(&g->lock);
    int64_t wait_ms =
        throttle_wait_ms(&g->table, &c->ip, failures_per_minute, clock_mono(g->clock));
    pthread_mutex_unlock(&g->lock);
    if (wait_ms == 0)
        return 0;
    metric_add(g->throttled, 1, source->name, NULL);
    if (log_brake_take(&brake, &left_out))
        log_warn("webhook", "throttled", LOG_STR("source", source->name),
                 LOG_STR("client", c->text), LOG_INT("wait_ms", wait_ms),
                 LOG_STR("hint", "more failures in a minute than limits.failures; unauthorized "
                                 "lines say which"),
                 LOG_INT("left_out", left_out));
    return (wait_ms + 999) / 1000;
}

void gate_failed(struct gate *g, const struct caller *c, int64_t failures_per_minute)
{
    if (!c->known)
        return;
    pthread_mutex_lock(&g->lock);
    throttle_failed(&g->table, &c->ip, failures_per_minute, clock_mono(g->clock));
    pthread_mutex_unlock(&g->lock);
}

void gate_verified(struct gate *g, const struct caller *c)
{
    if (!c->known)
        return;
    pthread_mutex_lock(&g->lock);
    throttle_verified(&g->table, &c->ip, clock_mono(g->clock));
    pthread_mutex_unlock(&g->lock);
}
