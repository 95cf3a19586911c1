/* server_metrics.h - what the model server counts about itself, beside its models' drift.
 *
 * request_*_seconds are KServe's, with its label, so that its dashboards go on; process_* are those
 * that every client library of Prometheus has. */
#ifndef MODEL_SERVER_SERVER_METRICS_H
#define MODEL_SERVER_SERVER_METRICS_H

#include "relay/base/clock.h"
#include "relay/base/metrics.h"

#include <stdint.h>

struct server_metrics {
    struct metrics *registry;
    struct metric *preprocess, *predict, *postprocess, *explain; /* seconds by model_name */
    struct metric *requests;                  /* by model, code; "" = no such model */
    struct metric *ready, *loads, *loaded_at; /* by model, loads by result, too */
    struct metric *memory_virtual, *memory_resident, *cpu, *open_fds, *max_fds;
};

void server_metrics_make(struct server_metrics *m, const struct clock *clock);
void server_metrics_free(struct server_metrics *m);
/* The process is looked at now. */
void server_metrics_write(struct server_metrics *m, struct buf *out);
/* One phase of a request that began at start_us of the stopwatch and ends now. */
void server_metrics_phase(struct metric *phase, const char *model, int64_t start_us);

#endif
