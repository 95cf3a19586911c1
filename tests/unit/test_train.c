#include "model/train/train.h"

#include "model/train/logistic.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct train_options defaults = {.reference_days = 300};

/* Nine days up, nine down, …; `turn` days before the end it goes up and down by turns instead. */
static void make_waves(struct series *s, size_t n, size_t turn)
{
    struct error err = {0};
    double price = 1000;
    for (size_t i = 0; i < n; i++) {
        size_t period = i + turn < n ? 9 : 1;
        price *= (i / period) % 2 == 0 ? 1.01 : 1 / 1.01;
        assert_int_equal(series_add(s, (struct series_day){(int64_t)i, price}, "test", &err), 0);
    }
}

static void what_can_be_known_is_learnt(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    SCOPED(model_file_free) struct model_file m = {0};
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 1000, 0);
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), 0);
    assert_true(report.knows);
    assert_true(report.loss < 0.9 * report.base_loss);
    assert_true(report.accuracy > report.base_accuracy);
    assert_true(isnan(report.in_place_loss));
    assert_int_equal(report.n_train + report.n_holdout, 1000 - FEATURES_DAYS);
    assert_int_equal(m.n_reference, 300);
    assert_true(m.closes[MODEL_RECENT_CLOSES - 1] == s.days[999].close);
    assert_true(m.n_edges[0] >= 1 && m.n_edges[1] >= 1);
}

static void a_model_that_is_wrong_on_the_last_days_is_refused(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    struct model_file m;
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 1000, 200);
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), TRAIN_REFUSED);
    assert_non_null(strstr(err.text, "the base rate's"));
    assert_null(m.reference[0]);
}

static void a_model_that_is_worse_than_the_one_in_place_is_refused(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    SCOPED(model_file_free) struct model_file m = {0};
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 1000, 0);
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), 0);
    struct model_file blind = m;
    blind.weights[0] = blind.weights[1] = blind.bias = 0;
    struct model_file next = {0};
    assert_int_equal(train_model(&next, &report, &s, &defaults, &blind, &err), 0);
    assert_true(fabs(report.in_place_loss - log(2)) < 1e-12);
    model_file_free(&next);
    const struct train_options levels = {.features = FEATURES_LEVELS, .reference_days = 300};
    if (train_model(&next, &report, &s, &levels, &m, &err) != TRAIN_REFUSED)
        fail_msg("%g beside %g", report.loss, report.in_place_loss);
    assert_non_null(strstr(err.text, "model in place"));
    m.label = LABEL_SAME_DAY; /* another question cannot be compared */
    assert_int_equal(train_model(&next, &report, &s, &levels, &m, &err), 0);
    assert_true(isnan(report.in_place_loss));
    model_file_free(&next);
}

static void too_short_a_history_is_refused_with_the_remedy(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    struct model_file m;
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 119, 0);
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "119 days give 99 rows"));
    series_free(&s);
    make_waves(&s, 318, 0);
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "300 reference rows need 319 days"));
    assert_non_null(strstr(err.text, "--reference-days"));
}

static void prices_that_teach_nothing_are_refused(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    struct model_file m;
    struct train_report report;
    struct error err = {0};
    for (int64_t i = 0; i < 400; i++)
        assert_int_equal(series_add(&s, (struct series_day){i, 5}, "test", &err), 0);
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "ma5 never changes"));
    for (size_t i = 0; i < s.n; i++)
        s.days[i].close = 5 + (double)i;
    assert_int_equal(train_model(&m, &report, &s, &defaults, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "always went the same way"));
}

/* Both orders of labels: liblinear's weights are for the one that comes first. */
static void weights_point_to_up_whichever_label_comes_first(void **state)
{
    (void)state;
    struct features_row rows[200];
    struct logistic l;
    struct error err = {0};
    for (size_t first = 0; first < 2; first++) {
        for (size_t i = 0; i < 200; i++) {
            bool up = (i + first) % 2 == 0;
            double noise = (double)(i * 37 % 11) - 5;
            rows[i] = (struct features_row){{up ? 1 + noise : noise, noise}, up, true};
        }
        assert_int_equal(logistic_fit(&l, rows, 200, &err), 0);
        assert_true(l.weights[0] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_known_is_learnt),
        cmocka_unit_test(a_model_that_is_wrong_on_the_last_days_is_refused),
        cmocka_unit_test(a_model_that_is_worse_than_the_one_in_place_is_refused),
        cmocka_unit_test(too_short_a_history_is_refused_with_the_remedy),
        cmocka_unit_test(prices_that_teach_nothing_are_refused),
        cmocka_unit_test(weights_point_to_up_whichever_label_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
