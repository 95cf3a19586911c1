#include "model/features/features.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Closes 1, 2, … n, save that the last one is `last`. */
static void make_series(struct series *s, size_t n, double last)
{
    struct error err = {0};
    for (size_t i = 1; i <= n; i++) {
        struct series_day day = {(int64_t)i, i == n ? last : (double)i};
        assert_int_equal(series_add(s, day, "test", &err), 0);
    }
}

static void averages_end_with_their_own_day(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    make_series(&s, 22, 22);
    SCOPED(features_free) struct features levels = {0}, relative = {0};
    struct error err = {0};
    assert_int_equal(features_make(&levels, &s, FEATURES_LEVELS, LABEL_NEXT_DAY, &err), 0);
    assert_int_equal(levels.n, 3);
    assert_true(levels.rows[0].x[0] == 18);
    assert_true(levels.rows[0].x[1] == 10.5);
    assert_true(levels.rows[2].x[0] == 20);
    assert_true(levels.rows[2].x[1] == 12.5);
    assert_int_equal(features_make(&relative, &s, FEATURES_RELATIVE, LABEL_NEXT_DAY, &err), 0);
    assert_true(fabs(relative.rows[0].x[0] - (20.0 / 18 - 1)) < 1e-15);
    assert_true(fabs(relative.rows[2].x[1] - (22 / 12.5 - 1)) < 1e-15);
}

static void the_next_days_label_is_not_known_of_the_last_day(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    make_series(&s, 22, 5); /* the last day falls */
    SCOPED(features_free) struct features f = {0};
    struct error err = {0};
    assert_int_equal(features_make(&f, &s, FEATURES_RELATIVE, LABEL_NEXT_DAY, &err), 0);
    assert_true(f.rows[0].labelled && f.rows[0].up);
    assert_true(f.rows[1].labelled && !f.rows[1].up);
    assert_false(f.rows[2].labelled);
}

static void the_same_days_label_is_known_of_every_day(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    make_series(&s, 22, 5);
    SCOPED(features_free) struct features f = {0};
    struct error err = {0};
    assert_int_equal(features_make(&f, &s, FEATURES_LEVELS, LABEL_SAME_DAY, &err), 0);
    assert_true(f.rows[0].labelled && f.rows[0].up);
    assert_true(f.rows[1].labelled && f.rows[1].up);
    assert_true(f.rows[2].labelled && !f.rows[2].up);
}

static void an_unchanged_price_did_not_rise(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    make_series(&s, 21, 20);
    SCOPED(features_free) struct features f = {0};
    struct error err = {0};
    assert_int_equal(features_make(&f, &s, FEATURES_LEVELS, LABEL_NEXT_DAY, &err), 0);
    assert_true(f.rows[0].labelled && !f.rows[0].up);
}

static void less_than_twenty_days_make_no_row(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    make_series(&s, 19, 19);
    struct features f;
    struct error err = {0};
    assert_int_equal(features_make(&f, &s, FEATURES_LEVELS, LABEL_NEXT_DAY, &err), -EINVAL);
    assert_non_null(strstr(err.text, "19 days are too few"));
    assert_null(f.rows);
}

static void kinds_and_labels_are_read_back_from_their_texts(void **state)
{
    (void)state;
    struct error err = {0};
    enum features_kind kind = FEATURES_RELATIVE;
    enum features_label label = LABEL_NEXT_DAY;
    assert_int_equal(features_kind_parse(&kind, features_kind_text(FEATURES_LEVELS), &err), 0);
    assert_int_equal(kind, FEATURES_LEVELS);
    assert_int_equal(features_label_parse(&label, features_label_text(LABEL_SAME_DAY), &err), 0);
    assert_int_equal(label, LABEL_SAME_DAY);
    assert_int_equal(features_kind_parse(&kind, "Levels", &err), -EINVAL);
    assert_int_equal(features_label_parse(&label, "", &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averages_end_with_their_own_day),
        cmocka_unit_test(the_next_days_label_is_not_known_of_the_last_day),
        cmocka_unit_test(the_same_days_label_is_known_of_every_day),
        cmocka_unit_test(an_unchanged_price_did_not_rise),
        cmocka_unit_test(less_than_twenty_days_make_no_row),
        cmocka_unit_test(kinds_and_labels_are_read_back_from_their_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
