/* drift_window.h - the newest rows that a model was asked with, also in ascending order.
 *
 * Rows come in batches. A batch of k costs O(n + k log k) with n rows in the window: one pass takes
 * out what left and merges in what came, so that scores never sort the window. Any window holds at
 * most 10000 rows; when more would fit its words, the newest stay.
 *
 * Pure; one thread. Times are milliseconds of any clock that does not run back. */
#ifndef MODEL_MONITOR_DRIFT_WINDOW_H
#define MODEL_MONITOR_DRIFT_WINDOW_H

#include "model/drift/sample.h"
#include "model/features/features.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIFT_WINDOW_MAX 10000

struct drift_window_span {
    size_t rows;    /* at most so many, 1 to DRIFT_WINDOW_MAX */
    int64_t age_ms; /* leave the window at this age; 0 = never */
};

/* "60" rows, "all", or a duration as in "2h"; -EINVAL or -ERANGE with the forms there are. */
__attribute__((warn_unused_result)) int drift_window_parse(struct drift_window_span *out,
                                                           const char *text, struct error *err);

struct drift_row {
    int64_t at_ms;
    double x[FEATURES]; /* finite */
};

struct drift_window;

/* -ENOMEM. */
__attribute__((warn_unused_result)) int drift_window_make(struct drift_window **out,
                                                          const struct drift_window_span *span,
                                                          struct error *err);
void drift_window_free(struct drift_window *w); /* NULL is fine */
void drift_window_free_p(struct drift_window **w);

/* Takes in n rows, oldest first, and lets go those that are too many or too old at now_ms. */
void drift_window_advance(struct drift_window *w, const struct drift_row *rows, size_t n,
                          int64_t now_ms);
void drift_window_clear(struct drift_window *w);

size_t drift_window_rows(const struct drift_window *w);
/* 0 is the oldest; i < drift_window_rows(). */
const struct drift_row *drift_window_row(const struct drift_window *w, size_t i);
/* A feature's values in ascending order; borrowed until the window changes. */
struct sample drift_window_column(const struct drift_window *w, size_t feature);
/* When the oldest row leaves by its age; false when none will. */
bool drift_window_next_leave(const struct drift_window *w, int64_t *at_ms);
/* Values written in all so far, for tests of the cost. */
uint64_t drift_window_steps(const struct drift_window *w);

#endif
