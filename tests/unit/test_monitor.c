#include "model/monitor/monitor.h"

#include "model/drift/drift.h"
#include "relay/base/scope.h"
#include "tests/unit/monitor_fixture.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))
static double ma5_of(size_t i)
{
    return (double)(i * 13 % 101) / 90;
}

static double score_by_hand(const struct model_file *model, size_t feature, size_t from, size_t to,
                            bool *detected)
{
    double reference[2000], current[200];
    struct sample r, c;
    struct drift_result result;
    enum drift_test test;
    assert_true(model->n_reference <= N(reference) && to - from <= N(current));
    memcpy(reference, model->reference[feature], model->n_reference * sizeof(double));
    for (size_t i = from; i < to; i++)
        current[i - from] = feature == 0 ? ma5_of(i) : -0.9;
    assert_int_equal(drift_test_parse(&test, model->stattest, NULL), 0);
    assert_int_equal(sample_clean(&r, reference, model->n_reference, DRIFT_NUM, "", NULL), 0);
    assert_int_equal(sample_clean(&c, current, to - from, DRIFT_NUM, "", NULL), 0);
    assert_int_equal(drift_score(&result, DRIFT_NUM, &r, &c, test, &model->threshold, NULL), 0);
    *detected = result.detected;
    return result.score;
}

static void the_scores_are_those_of_the_same_rows(void **state)
{
    (void)state;
    static const char *const tests[] = {"wasserstein", "ks", "psi", "jensenshannon", "hellinger"};
    for (size_t i = 0; i < N(tests); i++) {
        SCOPED(model_file_free) struct model_file model = make_model(1001, tests[i], 0);
        SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
        const struct monitor_options o = options(60, 0);
        SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
        for (size_t k = 0; k < 150; k++)
            observe(m, ma5_of(k), -0.9);
        /* The thread may see them in several pieces; the last sum is of the last row. */
        double want[FEATURES];
        bool detected[FEATURES];
        char series[128], value[64];
        for (size_t f = 0; f < FEATURES; f++)
            want[f] = score_by_hand(&model, f, 90, 150, &detected[f]);
        SCOPED(buf_free) struct buf number = BUF_INIT(sizeof(value));
        buf_add_double(&number, want[0]);
        (void)snprintf(value, sizeof(value), "%s", buf_text(&number));
        (void)snprintf(series, sizeof(series), SCORE("ma5", "%s"), tests[i]);
        until(&text, m, series, value);
        assert_value(&text, "data_drift_score_ma5", want[0]);
        assert_value(&text, "data_drift_score_ma20", want[1]);
        (void)snprintf(series, sizeof(series), SCORE("ma20", "%s"), tests[i]);
        assert_value(&text, series, want[1]);
        (void)snprintf(series, sizeof(series),
                       "model_drift_detected" LABELS("ma20") ",stattest=\"%s\"}", tests[i]);
        assert_value(&text, series, detected[1]);
        (void)snprintf(series, sizeof(series),
                       "model_drift_threshold" LABELS("ma20") ",stattest=\"%s\"}", tests[i]);
        assert_value(&text, series, MODEL_DRIFT_LIMIT);
        assert_value(&text, "model_dataset_drift_share{model=\"kospi\"}",
                     ((double)detected[0] + (double)detected[1]) / 2);
        assert_value(&text, "model_dataset_drift{model=\"kospi\"}", detected[0] || detected[1]);
        assert_value(&text, CURRENT, 60);
    }
}

static void below_min_samples_there_is_no_score_rather_than_zero(void **state)
{
    (void)state;
    static const char *const scored[] = {"data_drift_score_ma5 ",     "data_drift_score_ma20 ",
                                         "model_drift_score{",        "model_drift_threshold{",
                                         "model_drift_detected{",     "model_dataset_drift{",
                                         "model_dataset_drift_share{"};
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(60, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    for (size_t i = 0; i < MONITOR_MIN_SAMPLES - 1; i++)
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "29");
    char line[64];
    for (size_t i = 0; i < N(scored); i++) {
        (void)snprintf(line, sizeof(line), "\n%s", scored[i]);
        if (strstr(buf_text(&text), line) != NULL)
            fail_msg("%s: %s", scored[i], buf_text(&text));
    }
    assert_value(&text, "model_drift_samples" LABELS("ma5") ",set=\"reference\"}", 1001);
    observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "30");
    for (size_t i = 0; i < N(scored); i++) {
        (void)snprintf(line, sizeof(line), "\n%s", scored[i]);
        if (strstr(buf_text(&text), line) == NULL)
            fail_msg("%s is absent: %s", scored[i], buf_text(&text));
    }
}

static void rows_that_no_window_may_hold_are_only_counted(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(60, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    observe(m, (double)NAN, 0);
    observe(m, 0, (double)INFINITY);
    observe(m, (double)-INFINITY, 0);
    monitor_observe(m, (const double[]){0, 0}, FEATURES, (double)NAN);
    monitor_observe(m, (const double[]){0, 0, 0}, FEATURES + 1, 0.5);
    monitor_observe(m, (const double[]){0}, FEATURES - 1, 0.5);
    monitor_observe(m, NULL, 0, 0.5);
    monitor_observe(m, (const double[]){0, 0}, FEATURES, 0.49);
    monitor_observe(m, (const double[]){0, 0}, FEATURES, 0.5);
    until(&text, m, CURRENT, "2");
    assert_value(&text, REJECTED("not_finite"), 4);
    assert_value(&text, REJECTED("wrong_length"), 3);
    assert_value(&text, UP, 1);
    assert_value(&text, DOWN, 1);
}

static void one_features_fault_leaves_the_other_its_score(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "psi", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(60, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    for (int i = 0; i < 20; i++) { /* farther apart than a double can say */
        observe(m, 1.7e308, -0.5);
        observe(m, -1.7e308, -0.5);
    }
    until(&text, m, CURRENT, "40");
    assert_true(has(&text, SCORE("ma5", "psi"), NULL));
    assert_true(has(&text, "data_drift_score_ma5", NULL));
    assert_non_null(find(&text, SCORE("ma20", "psi")));
    assert_false(has(&text, "model_drift_errors_total" LABELS("ma5") "}", "0"));
    assert_value(&text, "model_drift_errors_total" LABELS("ma20") "}", 0);
    assert_value(&text, "model_dataset_drift_share{model=\"kospi\"}", 1);
    assert_value(&text, UP, 40);
    for (int i = 0; i < 60; i++) /* and it is over with those rows */
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "60");
    for (int i = 0; i < PATIENCE_S * 200 && find(&text, SCORE("ma5", "psi")) == NULL; i++) {
        (void)usleep(5000);
        write_metrics(&text, m);
    }
    assert_non_null(find(&text, SCORE("ma5", "psi")));
}

/* The distance overflows: no error of its own, and no number either. */
static void a_score_that_is_no_number_is_an_error(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(60, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    for (int i = 0; i < 40; i++)
        observe(m, 1.7e308, -0.5);
    until(&text, m, CURRENT, "40");
    assert_true(has(&text, SCORE("ma5", "wasserstein"), NULL));
    assert_non_null(find(&text, SCORE("ma20", "wasserstein")));
    assert_false(has(&text, "model_drift_errors_total" LABELS("ma5") "}", "0"));
    assert_value(&text, "model_drift_errors_total" LABELS("ma20") "}", 0);
}

static void a_swap_brings_the_new_reference_and_an_empty_window(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file old = make_model(1001, "wasserstein", 0);
    SCOPED(model_file_free) struct model_file new = make_model(500, "ks", 0.125);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    char hash[CHECKSUM_MAX], series[200];
    const struct monitor_options o = options(60, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &old);
    for (size_t i = 0; i < 40; i++)
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "40");

    swap(m, &new);
    write_metrics(&text, m); /* at once, not after the thread came to it */
    assert_value(&text, CURRENT, 0);
    assert_null(strstr(buf_text(&text), "\nmodel_drift_score{"));
    assert_value(&text, "model_drift_samples" LABELS("ma5") ",set=\"reference\"}", 500);
    assert_int_equal(model_file_checksum(hash, &new, NULL), 0);
    (void)snprintf(series, sizeof(series),
                   "model_drift_reference_info" LABELS("ma20") ",hash=\"%s\"}", hash);
    assert_value(&text, series, 1);
    assert_binned(&text, &new, "model_feature_bin_total", ",bin=\"2\"", 0);
    assert_value(&text, UP, 40);

    for (size_t i = 0; i < 30; i++)
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "30");
    assert_non_null(find(&text, SCORE("ma5", "ks")));
    swap(m, &old);
    swap(m, &new); /* the thread may never see the first */
}

/* A clock that stands until it is told. */
static struct mono told(void *self)
{
    return (struct mono){atomic_load((_Atomic int64_t *)self)};
}

static struct wall told_wall(void *self)
{
    return (struct wall){told(self).ms};
}

static void rows_leave_a_window_of_time_though_nothing_comes(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    _Atomic int64_t now_ms = 0;
    const struct clock clock = {.self = &now_ms, .mono = told, .wall = told_wall};
    struct monitor_options o = options(DRIFT_WINDOW_MAX, 200);
    o.clock = &clock;
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    for (size_t i = 0; i < 50; i++)
        observe(m, 0.5, -0.5);
    atomic_store(&now_ms, 100);
    for (size_t i = 0; i < 20; i++)
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "70");
    assert_non_null(find(&text, SCORE("ma5", "wasserstein")));
    atomic_store(&now_ms, 200);
    until(&text, m, CURRENT, "20");
    assert_true(has(&text, SCORE("ma5", "wasserstein"), NULL));
    atomic_store(&now_ms, 300);
    until(&text, m, CURRENT, "0");
}

static void what_no_monitor_can_be_made_of_is_refused(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(model_file_free) struct model_file bad = make_model(1001, "anderson", 0);
    const struct monitor_options good = options(60, 0), none = options(0, 0),
                                 many = options(DRIFT_WINDOW_MAX + 1, 0);
    struct monitor_options unsampled = options(60, 0);
    unsampled.min_samples = 0;
    char name[MONITOR_NAME_MAX + 2];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const struct {
        const struct monitor_options *options;
        const char *name;
        const struct model_file *model;
        const char *words;
    } cases[] = {
        {&good, "", &model, "name"},        {&good, name, &model, "name"},
        {&good, "\xff", &model, "name"},    {&none, "kospi", &model, "window"},
        {&many, "kospi", &model, "window"}, {&unsampled, "kospi", &model, "min_samples"},
        {&good, "kospi", &bad, "anderson"},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct monitor *m = NULL;
        struct error err = {0};
        int r = monitor_start(&m, cases[i].options, cases[i].name, cases[i].model, &err);
        if (r != -EINVAL || m != NULL || strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: %d, \"%s\"", cases[i].words, r, err.text);
    }
    monitor_stop(NULL);
}

#define ASKERS 4
#define ROWS   3000

static void *ask(void *monitor)
{
    for (size_t i = 0; i < ROWS; i++)
        observe(monitor, ma5_of(i), i % 100 == 0 ? (double)NAN : -0.5);
    return NULL;
}

static void many_threads_may_ask_swap_and_read_at_once(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file first = make_model(300, "wasserstein", 0);
    SCOPED(model_file_free) struct model_file second = make_model(301, "psi", 0.5);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(500, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &first);
    pthread_t askers[ASKERS];
    for (size_t i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask, m), 0);
    for (size_t i = 0; i < 20; i++) {
        swap(m, i % 2 == 0 ? &first : &second);
        write_metrics(&text, m);
        (void)usleep(20000); /* so that some rounds of the thread lie between them */
    }
    for (size_t i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_join(askers[i], NULL), 0);
    for (size_t i = 0; i < 500; i++)
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, "500");
    assert_value(&text, UP, ASKERS * ROWS * 99 / 100 + 500);
    assert_value(&text, REJECTED("not_finite"), ASKERS * ROWS / 100);
    assert_value(&text, "model_drift_samples" LABELS("ma5") ",set=\"reference\"}", 301);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scores_are_those_of_the_same_rows),
        cmocka_unit_test(below_min_samples_there_is_no_score_rather_than_zero),
        cmocka_unit_test(rows_that_no_window_may_hold_are_only_counted),
        cmocka_unit_test(one_features_fault_leaves_the_other_its_score),
        cmocka_unit_test(a_score_that_is_no_number_is_an_error),
        cmocka_unit_test(a_swap_brings_the_new_reference_and_an_empty_window),
        cmocka_unit_test(rows_leave_a_window_of_time_though_nothing_comes),
        cmocka_unit_test(what_no_monitor_can_be_made_of_is_refused),
        cmocka_unit_test(many_threads_may_ask_swap_and_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
