/* What a prediction costs the drift window, beside sorting the window anew each time; and what a
 * score of both features costs. Printed: rows of the window, batch, µs a prediction kept in order,
 * µs sorted anew, µs a score. No figure is asserted. */
#include "model/drift/drift.h"
#include "model/monitor/drift_window.h"
#include "relay/base/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREDICTIONS 20000
#define SORTED      200 /* windows */
#define SCORES      200
#define BATCH_MAX   64

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return 2000.0 + (double)(*seed >> 40) / 16384.0;
}

static void fill(struct drift_row *rows, size_t n, int64_t at, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        rows[i].at_ms = at;
        for (size_t k = 0; k < FEATURES; k++)
            rows[i].x[k] = draw(seed);
    }
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double kept_us(struct drift_window *w, size_t batch, uint64_t *seed)
{
    struct drift_row rows[BATCH_MAX];
    double spent = 0;
    for (size_t done = 0; done < PREDICTIONS; done += batch) {
        fill(rows, batch, (int64_t)done, seed);
        double began = seconds();
        drift_window_advance(w, rows, batch, (int64_t)done);
        spent += seconds() - began;
    }
    return spent * 1e6 / PREDICTIONS;
}

/* A window of n sorted for each batch. */
static double sorted_us(size_t n, size_t batch, uint64_t *seed)
{
    double *x = malloc(n * sizeof(*x));
    double *copy = malloc(n * sizeof(*copy));
    double spent = 0;
    if (x == NULL || copy == NULL)
        abort();
    for (size_t i = 0; i < n; i++)
        x[i] = draw(seed);
    for (int i = 0; i < SORTED; i++) {
        double began = seconds();
        for (size_t k = 0; k < FEATURES; k++) {
            memcpy(copy, x, n * sizeof(*x));
            qsort(copy, n, sizeof(*copy), compare);
        }
        spent += seconds() - began;
    }
    free(x);
    free(copy);
    return spent * 1e6 / SORTED / (double)batch;
}

static double score_us(const struct drift_window *w)
{
    struct drift_result result;
    struct error err = {0};
    double began = seconds();
    for (int i = 0; i < SCORES; i++) {
        for (size_t k = 0; k < FEATURES; k++) {
            struct sample s = drift_window_column(w, k);
            if (drift_score(&result, DRIFT_NUM, &s, &s, DRIFT_WASSERSTEIN, NULL, &err) != 0)
                abort();
        }
    }
    return (seconds() - began) * 1e6 / SCORES;
}

int main(void)
{
    static const size_t sizes[] = {1000, DRIFT_WINDOW_MAX}, batches[] = {1, 16, BATCH_MAX};
    uint64_t seed = 1;
    printf("rows batch kept_us sorted_us score_us\n");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        SCOPED(drift_window_free_p) struct drift_window *w = NULL;
        struct error err = {0};
        const struct drift_window_span span = {.rows = sizes[i]};
        if (drift_window_make(&w, &span, &err) != 0)
            abort();
        for (size_t n = 0; n < sizes[i]; n += BATCH_MAX) {
            struct drift_row rows[BATCH_MAX];
            fill(rows, BATCH_MAX, 0, &seed);
            drift_window_advance(w, rows, BATCH_MAX, 0);
        }
        for (size_t b = 0; b < sizeof(batches) / sizeof(*batches); b++)
            printf("%zu %zu %.3f %.3f %.1f\n", sizes[i], batches[b], kept_us(w, batches[b], &seed),
                   sorted_us(sizes[i], batches[b], &seed), score_us(w));
    }
    return 0;
}
