/* What no recorded score shows: choice, cleaning, and the edges of each formula. */
#include "model/drift/drift.h"
#include "model/drift/ks.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define MISSING  ((double)NAN)
#define ENDLESS  ((double)INFINITY)

static struct sample counted(double *values, size_t n, size_t distinct)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (double)(i * distinct / n);
    return (struct sample){values, n};
}

static void auto_chooses_by_type_rows_and_distinct_values(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum drift_type type;
        size_t rows, distinct;
        enum drift_test want;
    } cases[] = {
        /* clang-format off */
        { "numbers",                   DRIFT_NUM, 1000, 6, DRIFT_KS            },
        { "many numbers",              DRIFT_NUM, 1001, 6, DRIFT_WASSERSTEIN   },
        { "few distinct numbers",      DRIFT_NUM, 1000, 5, DRIFT_CHISQUARE     },
        { "three distinct numbers",    DRIFT_NUM, 1000, 3, DRIFT_CHISQUARE     },
        { "two distinct numbers",      DRIFT_NUM, 1000, 2, DRIFT_Z             },
        { "many of few numbers",       DRIFT_NUM, 1001, 5, DRIFT_JENSENSHANNON },
        { "many of two numbers",       DRIFT_NUM, 1001, 2, DRIFT_JENSENSHANNON },
        { "categories",                DRIFT_CAT, 1000, 9, DRIFT_CHISQUARE     },
        { "two categories",            DRIFT_CAT, 1000, 2, DRIFT_Z             },
        { "many of two categories",    DRIFT_CAT, 1001, 2, DRIFT_JENSENSHANNON },
        { "many of many categories",   DRIFT_CAT, 1001, 9, DRIFT_JENSENSHANNON },
        /* clang-format on */
    };
    static double values[1001];
    for (size_t i = 0; i < N(cases); i++) {
        struct sample r = counted(values, cases[i].rows, cases[i].distinct), c = {values, 1};
        if (drift_choose(cases[i].type, &r, &c) != cases[i].want)
            fail_msg("%s: %s", cases[i].name, drift_test_name(drift_choose(cases[i].type, &r, &c)));
    }
}

static void cleaning_takes_infinities_only_where_something_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum drift_type type;
        double values[3];
        int rc;
        size_t kept;
        double first;
    } cases[] = {
        /* clang-format off */
        { "sorted",                   DRIFT_NUM, { 3, -1, 2 },                0,       3, -1       },
        { "missing goes",             DRIFT_NUM, { 3, MISSING, 2 },           0,       2, 2        },
        { "infinite goes with it",    DRIFT_NUM, { ENDLESS, MISSING, 2 },     0,       1, 2        },
        { "infinite alone stays",     DRIFT_NUM, { 1, -ENDLESS, 2 },          -EINVAL, 0, 0        },
        { "not for categories",       DRIFT_CAT, { 1, -ENDLESS, 2 },          0,       3, -ENDLESS },
        { "nothing is left",          DRIFT_NUM, { MISSING, MISSING, ENDLESS }, -EINVAL, 0, 0      },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        double values[3];
        struct error err = {0};
        struct sample s = {0};
        memcpy(values, cases[i].values, sizeof(values));
        int rc = sample_clean(&s, values, N(values), cases[i].type, "current", &err);
        if (rc != cases[i].rc || s.n != cases[i].kept)
            fail_msg("%s: %d, %zu kept", cases[i].name, rc, s.n);
        assert_int_equal(err.code, rc);
        if (rc == 0)
            assert_true(s.values[0] <= cases[i].first && s.values[0] >= cases[i].first);
    }
}

static double scored(enum drift_test test, enum drift_type type, const struct sample *r,
                     const struct sample *c)
{
    struct error err = {0};
    struct drift_result result;
    if (drift_score(&result, type, r, c, test, NULL, &err) != 0)
        fail_msg("%s", err.text);
    return result.score;
}

static void assert_near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("%.17g, wanted %.17g", got, want);
}

static void ks_where_rounding_leaves_the_exact_sum_is_asymptotic(void **state)
{
    (void)state;
    static const double r[] = {1, 2, 3, 4, 5, 6, 7}, c[] = {1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5};
    struct sample rs = {r, N(r)}, cs = {c, N(c)};
    assert_near(scored(DRIFT_KS, DRIFT_NUM, &rs, &cs), 0.9999609537692629, 1e-12);
}

static void ks_does_not_care_which_sample_is_the_reference(void **state)
{
    (void)state;
    static const double r[] = {1, 1, 2, 2, 3, 3, 4, 9}, c[] = {2, 2, 2, 5, 6, 7, 8};
    struct sample rs = {r, N(r)}, cs = {c, N(c)};
    assert_near(scored(DRIFT_KS, DRIFT_NUM, &rs, &cs), 0.3728049728049728, 1e-13);
    assert_near(scored(DRIFT_KS, DRIFT_NUM, &cs, &rs), 0.3728049728049728, 1e-13);
}

static void values_at_both_ends_of_the_doubles_are_refused_or_scored_but_never_crash(void **state)
{
    (void)state;
    double wide[30], narrow[30];
    for (size_t i = 0; i < N(wide); i++) {
        wide[i] = ((double)i - 14.5) * (DBL_MAX / 15);
        narrow[i] = (double)i * DBL_TRUE_MIN;
    }
    struct sample ws = {wide, N(wide)}, ns = {narrow, N(narrow)};
    for (enum drift_test t = DRIFT_AUTO; t < DRIFT_TESTS; t++) {
        struct error err = {0};
        struct drift_result result;
        int rc = drift_score(&result, DRIFT_NUM, &ws, &ns, t, NULL, &err);
        assert_true(rc == 0 || (rc == -ERANGE && err.text[0] != '\0') || rc == -EINVAL);
        rc = drift_score(&result, DRIFT_NUM, &ns, &ns, t, NULL, &err);
        assert_true(rc == -EINVAL || (rc == 0 && result.score >= 0));
    }
}

static void a_score_that_is_undefined_is_no_drift(void **state)
{
    (void)state;
    static const double same[] = {4, 4, 4};
    struct sample s = {same, N(same)};
    double always = 1;
    struct drift_result result;
    assert_int_equal(drift_score(&result, DRIFT_CAT, &s, &s, DRIFT_CHISQUARE, &always, NULL), 0);
    assert_true(isnan(result.score));
    assert_false(result.detected);
}

static void half_of_the_columns_make_a_dataset_drift(void **state)
{
    (void)state;
    assert_true(drift_dataset(&(struct drift_verdict){2, 1}));
    assert_false(drift_dataset(&(struct drift_verdict){3, 1}));
    assert_false(drift_dataset(&(struct drift_verdict){0, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_chooses_by_type_rows_and_distinct_values),
        cmocka_unit_test(cleaning_takes_infinities_only_where_something_is_missing),
        cmocka_unit_test(ks_where_rounding_leaves_the_exact_sum_is_asymptotic),
        cmocka_unit_test(ks_does_not_care_which_sample_is_the_reference),
        cmocka_unit_test(values_at_both_ends_of_the_doubles_are_refused_or_scored_but_never_crash),
        cmocka_unit_test(a_score_that_is_undefined_is_no_drift),
        cmocka_unit_test(half_of_the_columns_make_a_dataset_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
