/* metric_family.h - what metrics.c keeps and metrics_text.c prints; nobody else includes it. */
#ifndef RELAY_BASE_METRIC_FAMILY_H
#define RELAY_BASE_METRIC_FAMILY_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define METRIC_LABELS_MAX 8
#define METRIC_VALUE_MAX  128 /* bytes of a label value */
#define METRIC_SERIES_MAX 1000
#define METRIC_BUCKETS    64 /* of the hash table of a family's series */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct series {
    struct series *next;  /* in the order of first use */
    struct series *chain; /* in the same bucket */
    double value;         /* of a histogram: the sum */
    uint64_t *counts;     /* histogram: one a bound, not cumulative */
    size_t key_len;
    char key[]; /* the label values, a NUL after each */
};

struct metric {
    struct metrics *owner;
    struct metric *next;
    enum metric_type type;
    char *name; /* with the prefix */
    char *help;
    char *labels; /* the names, a NUL after each */
    const char *label_names[METRIC_LABELS_MAX];
    size_t n_labels;
    double *bounds; /* ascending, +Inf the last */
    size_t n_bounds;
    struct series *first, **last;
    size_t n_series;
    struct series *buckets[METRIC_BUCKETS];
};

struct metrics {
    pthread_mutex_t mutex; /* over every series of every family */
    char *prefix;
    struct metric *first, **last;
    struct metric *dropped;
};

#endif
