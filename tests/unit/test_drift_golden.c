/* Every recorded score of a single column, through the public function. */
#include "model/drift/drift.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define GOLDEN "tests/data/golden/drift_golden.json"

/* Relative and absolute tolerance of each test. */
static const struct {
    double relative, absolute;
} close_enough[DRIFT_TESTS] = {
    /* clang-format off */
    [DRIFT_KS]            = { 1e-12, 0     },
    [DRIFT_Z]             = { 1e-12, 1e-15 },
    [DRIFT_CHISQUARE]     = { 1e-12, 0     },
    [DRIFT_WASSERSTEIN]   = { 1e-12, 1e-15 },
    [DRIFT_JENSENSHANNON] = { 1e-12, 1e-8  },
    [DRIFT_PSI]           = { 1e-12, 1e-15 },
    [DRIFT_KL_DIV]        = { 1e-12, 1e-15 },
    [DRIFT_HELLINGER]     = { 1e-12, 1e-7  }, /* the root of what rounding leaves */
    /* clang-format on */
};

static json_t *golden(void)
{
    json_error_t fault;
    json_t *root = json_load_file(GOLDEN, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL)
        fail_msg("%s: %s", GOLDEN, fault.text);
    return root;
}

static const char *text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

/* A text's code is its rank among all texts of the case. */
static double rank_of(const json_t *row, const char *text)
{
    static const char *const sides[] = {"reference", "current"};
    double below = 0;
    for (size_t s = 0; s < 2; s++) {
        size_t i;
        json_t *cell;
        json_array_foreach(json_object_get(row, sides[s]), i,
                           cell) if (json_is_string(cell) &&
                                     strcmp(json_string_value(cell), text) < 0) below++;
    }
    return below;
}

static double decode(const json_t *row, const json_t *cell)
{
    if (json_is_number(cell))
        return json_number_value(cell);
    if (json_is_boolean(cell))
        return json_is_true(cell) ? 1 : 0;
    const char *text = json_string_value(cell);
    if (text == NULL)
        return (double)NAN;
    if (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0)
        return text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    return rank_of(row, text);
}

static double *decoded(const json_t *row, const char *side, size_t *n)
{
    const json_t *cells = json_object_get(row, side);
    *n = json_array_size(cells);
    double *values = calloc(*n + 1, sizeof(*values));
    assert_non_null(values);
    for (size_t i = 0; i < *n; i++)
        values[i] = decode(row, json_array_get(cells, i));
    return values;
}

static int scored(const json_t *row, struct drift_result *out, struct error *err)
{
    size_t n, m;
    SCOPED(free_p) double *reference = decoded(row, "reference", &n);
    SCOPED(free_p) double *current = decoded(row, "current", &m);
    const char *kind = text_of(row, "kind"), *name = text_of(row, "stattest_option");
    const json_t *option = json_object_get(row, "threshold_option");
    double threshold = json_number_value(option);
    enum drift_type type = strcmp(kind, "cat") == 0 ? DRIFT_CAT : DRIFT_NUM;
    enum drift_test test;
    struct sample r, c;
    int rc = drift_test_parse(&test, name == NULL ? "auto" : name, err);
    if (rc == 0)
        rc = sample_clean(&r, reference, n, type, "reference", err);
    if (rc == 0)
        rc = sample_clean(&c, current, m, type, "current", err);
    if (rc == 0)
        rc = drift_score(out, type, &r, &c, test, json_is_null(option) ? NULL : &threshold, err);
    return rc;
}

static bool is_close(const json_t *row, const struct drift_result *got)
{
    const json_t *want = json_object_get(row, "drift_score");
    if (json_is_null(want))
        return isnan(got->score);
    const char *regime = text_of(json_object_get(row, "detail"), "regime");
    double relative = regime != NULL && strcmp(regime, "asymptotic") == 0
                          ? 1e-10
                          : close_enough[got->test].relative;
    double off = fabs(got->score - json_number_value(want));
    return off <= close_enough[got->test].absolute + relative * fabs(json_number_value(want));
}

static bool is_as_recorded(const json_t *row)
{
    struct error err = {0};
    struct drift_result got = {0};
    int rc = scored(row, &got, &err);
    if (!json_is_null(json_object_get(row, "error")))
        return rc == -EINVAL && err.text[0] != '\0';
    if (rc == 0 && is_close(row, &got) &&
        strcmp(drift_test_name(got.test), text_of(row, "stattest")) == 0 &&
        strcmp(drift_test_title(got.test), text_of(row, "stattest_name")) == 0 &&
        fabs(got.threshold - json_number_value(json_object_get(row, "threshold"))) < 1e-15 &&
        got.detected == json_is_true(json_object_get(row, "drift_detected")))
        return true;
    print_error("%s (%s): got %d %s %.17g %d, wanted %s %s\n", text_of(row, "id"),
                text_of(row, "note"), rc, rc == 0 ? drift_test_name(got.test) : err.text, got.score,
                got.detected, text_of(row, "stattest"), text_of(row, "drift_score_repr"));
    return false;
}

static void every_recorded_score_comes_out_again(void **state)
{
    (void)state;
    json_t *root = golden(), *row;
    size_t i, checked = 0, wrong = 0;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        if (strcmp(text_of(row, "kind"), "dataset") == 0)
            continue;
        checked++;
        wrong += is_as_recorded(row) ? 0 : 1;
    }
    json_decref(root);
    assert_int_equal(wrong, 0);
    assert_int_equal(checked, 176);
}

static void every_recorded_verdict_comes_out_again(void **state)
{
    (void)state;
    json_t *root = golden(), *row;
    size_t i, checked = 0;
    json_array_foreach(json_object_get(root, "cases"), i, row)
    {
        const json_t *table = json_object_get(row, "table_result");
        if (!json_is_object(table))
            continue;
        struct drift_verdict v = {
            (size_t)json_integer_value(json_object_get(table, "number_of_columns")),
            (size_t)json_integer_value(json_object_get(table, "number_of_drifted_columns")),
        };
        double share = json_number_value(json_object_get(table, "share_of_drifted_columns"));
        assert_true(fabs(drift_share(&v) - share) < 1e-15);
        assert_int_equal(drift_dataset(&v), json_is_true(json_object_get(table, "dataset_drift")));
        checked++;
    }
    json_decref(root);
    assert_int_equal(checked, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_score_comes_out_again),
        cmocka_unit_test(every_recorded_verdict_comes_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
