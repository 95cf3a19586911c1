#include "model/train/train.h"

#include "model/train/judge.h"
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

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const struct train_options defaults = {.reference_days = 300};

/* Nine days up, nine down, …; `turn` days before the end it goes up and down by turns instead. */
static void make_waves(struct series *s, size_t n, size_t turn)
{
    struct error err = {0};
    double price = 1000;
    for (size_t i = 0; i < n; i++) {
        size_t period = i + turn < n ? 9 : 1;
        price *= ((i / period) % 2 == 0 ? 1.01 : 1 / 1.01) + 1e-9; /* no closes recur */
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
    assert_true(report.holdout.loss < 0.9 * report.base.loss);
    assert_true(report.holdout.accuracy > report.base.accuracy);
    assert_int_equal(report.comparison.outcome, TRAIN_NO_MODEL);
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

/* The model of the first days. */
static void learn(struct model_file *m, const struct series *all, size_t days,
                  const struct train_options *options)
{
    const struct series s = {.name = "t", .days = all->days, .n = days};
    struct train_report report;
    struct error err = {0};
    if (train_model(m, &report, &s, options, NULL, &err) != 0)
        fail_msg("%s", err.text);
}

static const struct train_options levels = {.features = FEATURES_LEVELS, .reference_days = 300};

static void a_model_that_is_worse_than_the_one_in_place_is_refused(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    SCOPED(model_file_free) struct model_file m = {0};
    struct model_file next = {0};
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 1000, 0);
    learn(&m, &s, 900, &defaults);
    if (train_model(&next, &report, &s, &levels, &m, &err) != TRAIN_REFUSED)
        fail_msg("%g beside %g", report.comparison.candidate.loss, report.comparison.in_place.loss);
    assert_non_null(strstr(err.text, "on 100 days new to both"));
    assert_non_null(strstr(err.text, "model in place"));
    m.weights[0] = m.weights[1] = m.bias = 0; /* it knows nothing any more */
    assert_int_equal(train_model(&next, &report, &s, &levels, &m, &err), 0);
    assert_true(fabs(report.comparison.in_place.loss - log(2)) < 1e-12);
    model_file_free(&next);
}

/* The same label of a day is no news to a model that learnt it: such days would let the old model
 * win by heart. */
static void only_days_that_neither_has_learnt_from_are_compared(void **state)
{
    (void)state;
    const struct train_options same_day = {.label = LABEL_SAME_DAY, .reference_days = 300};
    const struct {
        const char *name;
        size_t days;                         /* of the model in place */
        const struct train_options *options; /* its own, and the new one's */
        double last_close;                   /* another than it had, or 0 */
        enum train_compared outcome;
        size_t n;
    } cases[] = {
        {"all of the hold-out", 700, &defaults, 0, TRAIN_COMPARED, 196},
        {"it ends inside", 900, &defaults, 0, TRAIN_COMPARED, 100},
        {"the label is known a day earlier", 900, &same_day, 0, TRAIN_COMPARED, 100},
        {"just enough", 1000 - TRAIN_COMPARED_MIN, &defaults, 0, TRAIN_COMPARED,
         TRAIN_COMPARED_MIN},
        {"one too few", 1000 - TRAIN_COMPARED_MIN + 1, &defaults, 0, TRAIN_TOO_FEW_DAYS,
         TRAIN_COMPARED_MIN - 1},
        {"the same prices again", 1000, &defaults, 0, TRAIN_TOO_FEW_DAYS, 0},
        {"other prices", 900, &defaults, 3.5, TRAIN_OTHER_PRICES, 0},
    };
    SCOPED(series_free) struct series s = {0};
    make_waves(&s, 1000, 0);
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(model_file_free) struct model_file m = {0}, next = {0};
        struct train_report report;
        struct error err = {0};
        learn(&m, &s, cases[i].days, cases[i].options);
        if (cases[i].last_close > 0)
            m.closes[MODEL_RECENT_CLOSES - 1] = cases[i].last_close;
        int r = train_model(&next, &report, &s, cases[i].options, &m, &err);
        const struct train_comparison *c = &report.comparison;
        if (r < 0 || c->outcome != cases[i].outcome || c->n != cases[i].n)
            fail_msg("%s: %d, outcome %d on %zu days: %s", cases[i].name, r, (int)c->outcome, c->n,
                     err.text);
    }
}

/* The history begins with the nineteen closes that the model in place ends with. */
static void a_history_that_begins_where_the_model_ended_is_all_new(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    SCOPED(model_file_free) struct model_file m = {0}, next = {0};
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 1500, 0);
    learn(&m, &s, 500, &defaults);
    size_t from = 500 - MODEL_RECENT_CLOSES;
    const struct series later = {.name = "t", .days = s.days + from, .n = s.n - from};
    assert_true(train_model(&next, &report, &later, &defaults, &m, &err) >= 0);
    assert_int_equal(report.comparison.outcome, TRAIN_COMPARED);
    assert_int_equal(report.comparison.n, report.n_holdout);
}

static void another_question_is_not_compared(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    SCOPED(model_file_free) struct model_file m = {0}, next = {0};
    struct train_report report;
    struct error err = {0};
    make_waves(&s, 1000, 0);
    learn(&m, &s, 900, &defaults);
    m.label = LABEL_SAME_DAY;
    assert_int_equal(train_model(&next, &report, &s, &levels, &m, &err), 0);
    assert_int_equal(report.comparison.outcome, TRAIN_OTHER_LABEL);
}

static void calibration_holds_what_was_said_against_what_came(void **state)
{
    (void)state;
    const struct model_file m = {.weights = {1, 0}};
    struct train_report report = {.n_train = 1, .n_holdout = 10, .rises = 0.5};
    struct features_row rows[11] = {{{0}, false, true}};
    /* Pairs of logits -2 … 2 in no order, and how many of each pair rose. */
    static const double logits[10] = {0, 2, -2, 1, -1, -1, 1, -2, 2, 0};
    static const bool up[10] = {true, true, false, true, false, true, false, false, true, true};
    static const double rose[TRAIN_PARTS] = {0, 0.5, 1, 0.5, 1};
    double error = 0;
    for (size_t i = 0; i < 10; i++)
        rows[i + 1] = (struct features_row){{logits[i], 0}, up[i], true};
    assert_int_equal(judge_holdout(&report, &m, rows, NULL), 0);
    for (size_t k = 0; k < TRAIN_PARTS; k++) {
        double said = 1 / (1 + exp(2 - (double)k));
        assert_int_equal(report.parts[k].n, 2);
        assert_true(fabs(report.parts[k].said - said) < 1e-15);
        assert_true(report.parts[k].rose == rose[k]);
        error += fabs(said - rose[k]) / TRAIN_PARTS;
    }
    assert_true(fabs(report.calibration_error - error) < 1e-15);
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
        cmocka_unit_test(only_days_that_neither_has_learnt_from_are_compared),
        cmocka_unit_test(a_history_that_begins_where_the_model_ended_is_all_new),
        cmocka_unit_test(another_question_is_not_compared),
        cmocka_unit_test(calibration_holds_what_was_said_against_what_came),
        cmocka_unit_test(too_short_a_history_is_refused_with_the_remedy),
        cmocka_unit_test(prices_that_teach_nothing_are_refused),
        cmocka_unit_test(weights_point_to_up_whichever_label_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
