/* metrics.h - counters, gauges and histograms, and their text as Prometheus reads it.
 *
 * Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). A registry owns
 * its families; families are made at start, by one thread, and live as long as it does. Any thread
 * may add or set; one mutex a registry, held for a few instructions, and by metrics_write() while
 * it prints. Label sets appear when first used (or by metric_touch, so that a series exists at 0
 * before anything happened), at most 1000 a family: further ones are counted in
 * drift_relay_metrics_dropped_total (made by the registry itself, name prefix as given) and not
 * kept, so that hostile label values cannot fill memory. For the same reason a value is cut at 128
 * bytes; what is not UTF-8 in it becomes U+FFFD, since Prometheus refuses the whole answer for one
 * bad byte. */
#ifndef RELAY_BASE_METRICS_H
#define RELAY_BASE_METRICS_H

#include "relay/base/buf.h"

#include <stddef.h>

struct metrics;
struct metric;

/* prefix such as "drift_relay_" goes before every name. Out of memory ends the process: metrics
 * are made at start only. */
struct metrics *metrics_new(const char *prefix);
void metrics_free(struct metrics *m);

/* labels: names separated by ',' ("source,result"), "" for none, at most 8. All texts are copied;
 * help is one sentence. A name or label name that Prometheus would refuse ends the process. */
struct metric *metrics_counter(struct metrics *m, const char *name, const char *help,
                               const char *labels);
struct metric *metrics_gauge(struct metrics *m, const char *name, const char *help,
                             const char *labels);
/* bounds: ascending finite upper bounds, +Inf is added; copied. */
struct metric *metrics_histogram(struct metrics *m, const char *name, const char *help,
                                 const char *labels, const double *bounds, size_t n_bounds);

/* Label values in the order of the names, ended by NULL; a family without labels takes just NULL. A
 * value that is NULL itself ends the list early: it and those after it are then empty.
 * add: counters (amounts below 0 and NaN are ignored) and gauges. set: gauges, and counters whose
 * number is kept elsewhere. observe: histograms (NaN is ignored). Anything else ends the process.
 */
void metric_add(struct metric *metric, double amount, ...) __attribute__((sentinel));
void metric_set(struct metric *metric, double value, ...) __attribute__((sentinel));
void metric_observe(struct metric *metric, double value, ...) __attribute__((sentinel));
void metric_touch(struct metric *metric, ...) __attribute__((sentinel));
/* Forgets every series of a gauge family (before setting a state table anew). */
void metric_clear(struct metric *metric);

/* Families in the order they were made; series in the order of first use. */
void metrics_write(struct metrics *m, struct buf *out);

/* text, which is UTF-8, as it stands between the quotation marks of a label value; for those who
 * print families of their own. */
void buf_add_label_value(struct buf *out, const char *text);

#endif
