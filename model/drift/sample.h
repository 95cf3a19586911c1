/* sample.h - the values of one column: cleaned, sorted, and walked through two at a time.
 *
 * Categories are numbers too: codes in the order of their texts, or the numbers themselves.
 * Pure; any thread. */
#ifndef MODEL_DRIFT_SAMPLE_H
#define MODEL_DRIFT_SAMPLE_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum drift_type { DRIFT_NUM, DRIFT_CAT };

/* Ascending, without NaN; borrowed. */
struct sample {
    const double *values;
    size_t n;
};

/* Cleans as Evidently 0.4.39 does, and sorts: NaN means missing, and only where something is
 * missing infinities count as missing too. *n becomes the number of values kept; out shows them.
 * -EINVAL: nothing is left, or (DRIFT_NUM) an infinity stays, on which Evidently's report fails.
 * `which` is "reference" or "current", for the words. */
__attribute__((warn_unused_result)) int sample_clean(struct sample *out, double *values, size_t n,
                                                     enum drift_type type, const char *which,
                                                     struct error *err);

/* The distinct values of both samples in ascending order. Begin with {.r = …, .c = …}. */
struct pooled {
    const struct sample *r, *c;
    double value;
    size_t n_r, n_c;         /* how often each sample has it */
    size_t up_to_r, up_to_c; /* how many values are not above it */
};

bool pooled_next(struct pooled *p);

size_t sample_distinct(const struct sample *s);
size_t pooled_distinct(const struct sample *r, const struct sample *c);

#endif
