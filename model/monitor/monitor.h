/* monitor.h - drift of one served model: windows of what it is asked, scores, and their metrics.
 *
 * A prediction hands its row over in constant time. A thread of the monitor takes in what came, at
 * most ten times a second, scores each feature against the model's reference rows, and publishes
 * all features' scores at once; reading them costs nothing but a copy. What goes wrong there is
 * counted and logged, and never reaches a prediction; one feature's fault leaves the others alone.
 *
 * Threads: every function but monitor_start() and monitor_stop() may be called from any thread. One
 * mutex, held for a few copies and never while scoring, printing or writing. */
#ifndef MODEL_MONITOR_MONITOR_H
#define MODEL_MONITOR_MONITOR_H

#include "model/model_file/model_file.h"
#include "model/monitor/drift_window.h"
#include "relay/base/buf.h"
#include "relay/base/clock.h"
#include "relay/base/error.h"

#include <stddef.h>

#define MONITOR_MIN_SAMPLES 30 /* fewer rows have no score worth an alert */
#define MONITOR_NAME_MAX    128
#define MONITOR_METRICS_MAX (1 << 20) /* bytes enough for the text of 50 models */

struct monitor;
struct reference; /* model/monitor/reference.h */

struct monitor_options {
    struct drift_window_span span;
    size_t min_samples;     /* no score below; at least 1 */
    const char *state_path; /* the window outlives a restart here; of this monitor alone; or NULL */
    const struct clock *clock;
};

/* Copies all it needs. name: 1 to 128 bytes of UTF-8, the label "model". A state file that is
 * missing, torn or of another model gives an empty window and a line in the log.
 * -EINVAL when the name, the window or the model's test is none; -ENOMEM, or why no thread starts.
 */
__attribute__((warn_unused_result)) int
monitor_start(struct monitor **out, const struct monitor_options *o, const char *name,
              const struct model_file *model, struct error *err);
/* Writes the state file and frees all; nothing else may use m any more. NULL is fine. */
void monitor_stop(struct monitor *m);
void monitor_stop_p(struct monitor **m);

/* One row that was answered. A row that is not FEATURES long or has a value that is not finite is
 * only counted. */
void monitor_observe(struct monitor *m, const double *features, size_t n, double probability_up);

/* The model that answers from now on: its reference (taken), and an empty window. What was asked of
 * the old one and is observed after this counts as asked of the new one. Costs a few copies. */
void monitor_swap(struct monitor *m, struct reference *r);

/* Text format 0.0.4: each family once, with the series of all monitors. data_drift_score_ma5 and
 * data_drift_score_ma20, which have no labels, are those of the first. NULL stands for one that is
 * not there yet. out may hold other families before; it fails (buf.h) when out of memory or room.
 */
void monitor_metrics(struct monitor *const *monitors, size_t n, struct buf *out);

#endif
