/* window.h - the newest rows that a model was asked with, also in ascending order.
 *
 * Rows come in batches. A batch of k costs O(n + k log k) with n rows in the window: one pass takes
 * out what left and merges in what came, so that scores never sort the window. Any window holds at
 * most 10000 rows; when more would fit its words, the newest stay.
 *
 * Pure; one thread. Times are milliseconds of any clock that does not run back. */
#ifndef MODEL_MONITOR_WINDOW_H
#define MODEL_MONITOR_WINDOW_H

#include "model/drift/sample.h"
#include "model/features/features.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_ROWS_MAX 10000

struct window_span {
    size_t rows;    /* at most so many, 1 to WINDOW_ROWS_MAX */
    int64_t age_ms; /* leave the window at this age; 0 = never */
};

/* "60" rows, "all", or a duration as in "2h"; -EINVAL or -ERANGE with the forms there are. */
__attribute__((warn_unused_result)) int window_span_parse(struct window_span *out, const char *text,
                                                          struct error *err);

struct window_row {
    int64_t at_ms;
    double x[FEATURES]; /* finite */
};

struct window;

/* -ENOMEM. */
__attribute__((warn_unused_result)) int
window_make(struct window **out, const struct window_span *span, struct error *err);
void window_free(struct window *w); /* NULL is fine */
void window_free_p(struct window **w);

/* Takes in n rows, oldest first, and lets go those that are too many or too old at now_ms. */
void window_advance(struct window *w, const struct window_row *rows, size_t n, int64_t now_ms);
void window_clear(struct window *w);

size_t window_rows(const struct window *w);
/* 0 is the oldest; i < window_rows(). */
const struct window_row *window_row(const struct window *w, size_t i);
/* A feature's values in ascending order; borrowed until the window changes. */
struct sample window_column(const struct window *w, size_t feature);
/* When the oldest row leaves by its age; false when none will. */
bool window_next_leave(const struct window *w, int64_t *at_ms);
/* Values written in all so far, for tests of the cost. */
uint64_t window_steps(const struct window *w);

#endif
