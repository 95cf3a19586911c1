#include "model/monitor/drift_window.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(table)   (sizeof(table) / sizeof((table)[0]))
#define SEEDS      40
#define OPERATIONS 200
#define BATCH_MAX  40

/* xorshift64* (Vigna, ACM TOMS 42(4), 2016). */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(2685821657736338717) >> 33) % below;
}

static struct drift_window *make(size_t rows, int64_t age_ms)
{
    struct drift_window *w = NULL;
    const struct drift_window_span span = {rows, age_ms};
    assert_int_equal(drift_window_make(&w, &span, NULL), 0);
    return w;
}

static void a_window_is_named_by_rows_by_a_duration_or_by_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int want;
        size_t rows;
        int64_t age_ms;
    } cases[] = {
        /* clang-format off */
        { "60",     0,       60,    0 },
        { "1",      0,       1,     0 },
        { "10000",  0,       10000, 0 },
        { "all",    0,       10000, 0 },
        { "2h",     0,       10000, 7200000 },
        { "1h30m",  0,       10000, 5400000 },
        { "500ms",  0,       10000, 500 },
        { "0",      -ERANGE, 0,     0 },
        { "10001",  -ERANGE, 0,     0 },
        { "99999999999999999999", -ERANGE, 0, 0 },
        { "",       -EINVAL, 0,     0 },
        { "-5",     -EINVAL, 0,     0 },
        { " 60",    -EINVAL, 0,     0 },
        { "60 ",    -EINVAL, 0,     0 },
        { "ALL",    -EINVAL, 0,     0 },
        { "0s",     -EINVAL, 0,     0 },
        { "1.5h",   -EINVAL, 0,     0 },
        { "2h1h",   -EINVAL, 0,     0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct drift_window_span span = {0};
        struct error err = {0};
        int got = drift_window_parse(&span, cases[i].text, &err);
        if (got != cases[i].want || span.rows != cases[i].rows || span.age_ms != cases[i].age_ms)
            fail_msg("\"%s\": %d, %zu rows, %" PRId64 " ms: %s", cases[i].text, got, span.rows,
                     span.age_ms, err.text);
        assert_true((got == 0) == (strncmp(err.text, "window: ", 8) != 0));
    }
}

/* All rows ever, of which the last n are in the window: what a window is by its definition. */
struct naive {
    struct drift_row rows[OPERATIONS * BATCH_MAX];
    size_t end, n;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void naive_advance(struct naive *v, const struct drift_window_span *s, int64_t now)
{
    size_t n = 0;
    while (n < v->end && n < s->rows &&
           (s->age_ms == 0 || now - v->rows[v->end - n - 1].at_ms < s->age_ms))
        n++;
    v->n = n;
}

static void assert_alike(const struct naive *v, const struct drift_window *w, uint64_t seed)
{
    const struct drift_row *rows = v->rows + (v->end - v->n);
    double column[OPERATIONS * BATCH_MAX];
    if (drift_window_rows(w) != v->n)
        fail_msg("seed %" PRIu64 ": %zu rows, not %zu", seed, drift_window_rows(w), v->n);
    for (size_t i = 0; i < v->n; i++)
        if (memcmp(drift_window_row(w, i), &rows[i], sizeof(rows[i])) != 0)
            fail_msg("seed %" PRIu64 ": row %zu of %zu differs", seed, i, v->n);
    for (size_t f = 0; f < FEATURES; f++) {
        for (size_t i = 0; i < v->n; i++)
            column[i] = rows[i].x[f];
        if (v->n > 0)
            qsort(column, v->n, sizeof(*column), ascending);
        struct sample got = drift_window_column(w, f);
        assert_int_equal(got.n, v->n);
        for (size_t i = 0; i < v->n; i++)
            if (got.values[i] != column[i])
                fail_msg("seed %" PRIu64 ": place %zu of feature %zu is %g, not %g", seed, i, f,
                         got.values[i], column[i]);
    }
}

static void run(struct naive *v, uint64_t seed)
{
    uint64_t random = seed;
    const struct drift_window_span span = {1 + draw(&random, 70),
                                           draw(&random, 2) ? (int64_t)draw(&random, 900) : 0};
    struct drift_window *w = make(span.rows, span.age_ms);
    int64_t now = (int64_t)draw(&random, 1000000) - 500000;
    *v = (struct naive){.end = 0};
    for (int i = 0; i < OPERATIONS; i++) {
        size_t n = draw(&random, draw(&random, 3) == 0 ? BATCH_MAX : 3);
        const struct drift_row *batch = &v->rows[v->end];
        for (size_t k = 0; k < n; k++) {
            now += (int64_t)draw(&random, 20);
            v->rows[v->end].at_ms = now;
            for (size_t f = 0; f < FEATURES; f++) /* few values, so that many are equal */
                v->rows[v->end].x[f] = (double)draw(&random, f == 0 ? 9 : 5000) / 7 - 1;
            v->end++;
        }
        now += (int64_t)draw(&random, 60);
        drift_window_advance(w, batch, n, now);
        naive_advance(v, &span, now);
        if (draw(&random, 50) == 0) {
            drift_window_clear(w);
            v->end = v->n = 0;
        }
        assert_alike(v, w, seed);
    }
    drift_window_free(w);
}

static void it_holds_what_a_plain_list_would_whatever_comes(void **state)
{
    (void)state;
    SCOPED(free_p) struct naive *v = calloc(1, sizeof(*v));
    assert_non_null(v);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(v, seed);
}

static void a_row_leaves_when_it_is_as_old_as_the_window_is_long(void **state)
{
    (void)state;
    struct drift_window *w = make(10, 100);
    const struct drift_row rows[] = {{1000, {1, 1}}, {1050, {2, 2}}};
    int64_t at = 0;
    assert_false(drift_window_next_leave(w, &at));
    drift_window_advance(w, rows, 2, 1099);
    assert_int_equal(drift_window_rows(w), 2);
    assert_true(drift_window_next_leave(w, &at));
    assert_int_equal(at, 1100);
    drift_window_advance(w, NULL, 0, 1100);
    assert_int_equal(drift_window_rows(w), 1);
    assert_true(drift_window_column(w, 0).values[0] == 2);
    drift_window_free(w);
    w = make(10, 0);
    drift_window_advance(w, rows, 2, INT64_MAX);
    assert_int_equal(drift_window_rows(w), 2);
    assert_false(drift_window_next_leave(w, &at));
    drift_window_free(w);
}

/* One pass for each batch, whatever the values: no row is sorted twice. */
static void a_batch_costs_one_pass_over_the_window(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t batch;
        int order;
    } cases[] = {
        {"one row, ascending", 1, 1},    {"one row, descending", 1, -1},
        {"one row, all equal", 1, 0},    {"100 rows, ascending", 100, 1},
        {"more rows than fit", 2500, 1},
    };
    for (size_t i = 0; i < N(cases); i++) {
        const size_t rows = 2000;
        SCOPED(free_p) struct drift_row *batch = calloc(cases[i].batch, sizeof(*batch));
        assert_non_null(batch);
        struct drift_window *w = make(rows, 0);
        double value = 0;
        for (size_t put = 0; put < 2 * rows; put += cases[i].batch) {
            for (size_t k = 0; k < cases[i].batch; k++, value += cases[i].order)
                batch[k].x[0] = batch[k].x[1] = value;
            uint64_t before = drift_window_steps(w);
            size_t most = drift_window_rows(w) + 2 * cases[i].batch;
            drift_window_advance(w, batch, cases[i].batch, 0);
            uint64_t steps = drift_window_steps(w) - before;
            if (steps == 0 || steps > FEATURES * most)
                fail_msg("%s: %" PRIu64 " steps where %zu are enough", cases[i].name, steps,
                         FEATURES * most);
        }
        assert_int_equal(drift_window_rows(w), rows);
        uint64_t before = drift_window_steps(w);
        drift_window_advance(w, NULL, 0, 0);
        assert_int_equal(drift_window_steps(w), before);
        drift_window_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_named_by_rows_by_a_duration_or_by_all),
        cmocka_unit_test(it_holds_what_a_plain_list_would_whatever_comes),
        cmocka_unit_test(a_row_leaves_when_it_is_as_old_as_the_window_is_long),
        cmocka_unit_test(a_batch_costs_one_pass_over_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
