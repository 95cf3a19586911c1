/* monitor_private.h - a monitor from inside: monitor.c keeps it, monitor_rounds.c is its thread,
 * and monitor_metrics.c prints it. Nobody else includes this. */
#ifndef MODEL_MONITOR_MONITOR_PRIVATE_H
#define MODEL_MONITOR_MONITOR_PRIVATE_H

#include "model/monitor/monitor.h"
#include "model/monitor/reference.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct monitor_score {
    bool scored;
    struct drift_result result;
};

struct monitor_counts {
    uint64_t up, down, not_finite, wrong_length;
    uint64_t errors[FEATURES];
    /* Of the rows since the last swap; not cumulative. */
    uint64_t bins[FEATURES][REFERENCE_BINS];
    uint64_t buckets[FEATURES][REFERENCE_BINS];
    double sums[FEATURES];
};

/* Rows on their way to the window: as many as it can hold, the newest, in a ring. */
struct inbox {
    struct drift_row *rows;
    size_t first, n;
};

struct monitor {
    char *name, *state_path;
    struct drift_window_span span;
    size_t min_samples;
    const struct clock *clock;
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* The mutex is over these. */
    bool stopping;
    struct inbox inbox;
    int64_t last_ms; /* of the newest row */
    struct reference *newest;
    size_t rows; /* these two as last published */
    struct monitor_score scores[FEATURES];
    struct monitor_counts counts;

    /* The thread's own; used changes under the mutex, since monitor_swap() asks for it. */
    struct reference *used;
    struct inbox taken;
    struct drift_window *window;
    int faults[FEATURES]; /* as last logged */
    int64_t saved_ms;
    bool unscored, unsaved;
};

/* Reads the state file, before the thread runs. */
void monitor_load(struct monitor *m);
/* The thread: rounds until m->stopping. */
void *monitor_run(void *monitor);

/* What is known at one moment. */
struct monitor_view {
    const char *name;           /* lives as long as the monitor */
    struct reference reference; /* without its values */
    size_t rows;
    struct monitor_score scores[FEATURES];
    struct monitor_counts counts;
};

void monitor_look(struct monitor_view *out, struct monitor *m);

static inline void monitor_lock(struct monitor *m)
{
    (void)pthread_mutex_lock(&m->mutex);
}

static inline void monitor_unlock(struct monitor *m)
{
    (void)pthread_mutex_unlock(&m->mutex);
}

#endif
