/* Monitors of a model whose reference is known (ma5 from 0 up to 1, ma20 from 0 down to -1), and
 * what they say. */
#ifndef TESTS_UNIT_MONITOR_FIXTURE_H
#define TESTS_UNIT_MONITOR_FIXTURE_H

#include "model/model_file/model_file.h"
#include "model/monitor/monitor.h"
#include "model/monitor/reference.h"
#include "relay/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static inline struct model_file make_model(size_t n_reference, const char *stattest, double bias)
{
    struct model_file m = {
        .name = "^KS11",
        .through = "2026-11-25",
        .bias = bias,
        .weights = {1, 1},
        .threshold = MODEL_DRIFT_LIMIT,
        .n_reference = n_reference,
        .edges = {{0.25, 0.5}, {-0.5}},
        .n_edges = {2, 1},
    };
    (void)snprintf(m.stattest, sizeof(m.stattest), "%s", stattest);
    for (size_t i = 0; i < FEATURES; i++) {
        m.reference[i] = calloc(n_reference, sizeof(double));
        if (m.reference[i] == NULL)
            abort();
        for (size_t k = 0; k < n_reference; k++)
            m.reference[i][k] =
                (i == 0 ? 1 : -1) * (double)(k * 7 % n_reference) / (double)n_reference;
    }
    for (size_t i = 0; i < MODEL_RECENT_CLOSES; i++)
        m.closes[i] = 2500;
    return m;
}

#define PATIENCE_S 30

static inline struct monitor *start(const struct monitor_options *o, const char *name,
                                    const struct model_file *model)
{
    struct monitor *m = NULL;
    struct error err = {0};
    if (monitor_start(&m, o, name, model, &err) != 0)
        fail_msg("%s", err.text);
    return m;
}

static inline struct monitor_options options(size_t rows, int64_t age_ms)
{
    return (struct monitor_options){
        .span = {rows, age_ms}, .min_samples = MONITOR_MIN_SAMPLES, .clock = clock_system()};
}

static inline void swap(struct monitor *m, const struct model_file *model)
{
    struct reference *r = NULL;
    struct error err = {0};
    if (reference_make(&r, model, &err) != 0)
        fail_msg("%s", err.text);
    monitor_swap(m, r);
}

static inline void write_metrics(struct buf *out, struct monitor *m)
{
    buf_clear(out);
    monitor_metrics(&m, 1, out);
    assert_false(buf_failed(out));
}

/* The line of a series; NULL when there is none. */
static inline const char *find(const struct buf *text, const char *series)
{
    size_t len = strlen(series);
    const char *line = buf_text(text);
    for (; line != NULL; line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, series, len) == 0 && line[len] == ' ')
            return line + len + 1;
    return NULL;
}

static inline void assert_value(const struct buf *text, const char *series, double want)
{
    SCOPED(buf_free) struct buf number = BUF_INIT(64);
    buf_add_double(&number, want);
    buf_add_char(&number, '\n');
    const char *got = find(text, series);
    if (got == NULL || strncmp(got, number.data, number.len) != 0)
        fail_msg("%s is %.30s, not %s", series, got == NULL ? "absent" : got, buf_text(&number));
}

static inline bool has(const struct buf *text, const char *series, const char *value)
{
    const char *got = find(text, series);
    return value == NULL ? got == NULL
                         : got != NULL && strncmp(got, value, strlen(value)) == 0 &&
                               got[strlen(value)] == '\n';
}

/* Prints until the series has the value (NULL: is absent). */
static inline void until(struct buf *out, struct monitor *m, const char *series, const char *value)
{
    for (int i = 0; i < PATIENCE_S * 200; i++) {
        write_metrics(out, m);
        if (has(out, series, value))
            return;
        (void)usleep(5000);
    }
    fail_msg("%s did not become %s: %s", series, value == NULL ? "absent" : value, buf_text(out));
}

#define LABELS(feature)  "{model=\"kospi\",feature=\"" feature "\""
#define CURRENT          "model_drift_samples" LABELS("ma5") ",set=\"current\"}"
#define SCORE(f, test)   "model_drift_score" LABELS(f) ",stattest=\"" test "\"}"
#define UP               "model_predictions_total{model=\"kospi\",outcome=\"up\"}"
#define DOWN             "model_predictions_total{model=\"kospi\",outcome=\"down\"}"
#define REJECTED(reason) "model_rows_rejected_total{model=\"kospi\",reason=\"" reason "\"}"

static inline void observe(struct monitor *m, double ma5, double ma20)
{
    monitor_observe(m, (const double[]){ma5, ma20}, FEATURES, 0.7);
}

/* FAMILY{…ma5…,reference="…" REST} */
static inline void assert_binned(const struct buf *text, const struct model_file *model,
                                 const char *family, const char *rest, double want)
{
    char hash[CHECKSUM_MAX], series[200];
    assert_int_equal(model_file_checksum(hash, model, NULL), 0);
    (void)snprintf(series, sizeof(series), "%s" LABELS("ma5") ",reference=\"%.12s\"%s}", family,
                   hash, rest);
    assert_value(text, series, want);
}

#endif
