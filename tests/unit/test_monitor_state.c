#include "model/monitor/state.h"

#include "model/model_file/checksum.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define HASH     "00112233"
#define TO_WALL  INT64_C(1700000000000)
#define NOW      INT64_C(5000)

static struct drift_window *make(size_t rows, int64_t age_ms)
{
    struct drift_window *w = NULL;
    const struct drift_window_span span = {rows, age_ms};
    assert_int_equal(drift_window_make(&w, &span, NULL), 0);
    return w;
}

static const struct drift_row rows[] = {
    {1000, {1.0 / 3, -2500.125}}, {1000, {0, 1e300}}, {3000, {-1e-300, 7}}, {NOW, {4, 5}}};

static void format(struct buf *out)
{
    SCOPED(drift_window_free_p) struct drift_window *w = make(10, 0);
    drift_window_advance(w, rows, N(rows), NOW);
    assert_int_equal(state_format(out, HASH, w, TO_WALL, NULL), 0);
}

static void rows_come_back_to_the_last_bit_and_as_old_as_they_are(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf text = BUF_INIT(STATE_MAX);
    SCOPED(drift_window_free_p) struct drift_window *back = make(10, 0);
    struct error err = {0};
    format(&text);
    /* Another boot: its clock began anew, and 60 s passed. */
    if (state_parse(back, text.data, text.len, HASH, TO_WALL + NOW + 60000 - 10, 10, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(drift_window_rows(back), N(rows));
    for (size_t i = 0; i < N(rows); i++) {
        assert_memory_equal(drift_window_row(back, i)->x, rows[i].x, sizeof(rows[i].x));
        assert_int_equal(drift_window_row(back, i)->at_ms, rows[i].at_ms - NOW - 60000 + 10);
    }
}

static void a_file_cut_at_any_byte_or_changed_in_one_is_refused(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf text = BUF_INIT(STATE_MAX);
    SCOPED(drift_window_free_p) struct drift_window *back = make(10, 0);
    struct error err = {0};
    format(&text);
    for (size_t len = 0; len < text.len; len++) {
        assert_int_equal(state_parse(back, text.data, len, HASH, TO_WALL, NOW, &err), -EINVAL);
        assert_true(state_is_ours(text.data, len));
    }
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] ^= 1;
        assert_int_equal(state_parse(back, text.data, text.len, HASH, TO_WALL, NOW, &err), -EINVAL);
        text.data[i] ^= 1;
    }
    assert_non_null(strstr(err.text, "checksum"));
    assert_int_equal(drift_window_rows(back), 0);
    assert_int_equal(state_parse(back, text.data, text.len, HASH, TO_WALL, NOW, &err), 0);
}

static void what_is_in_a_sound_file_is_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* up to the checksum */
        int want;
        const char *words;
    } cases[] = {
        /* clang-format off */
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[]", 0, "" },
        { "{\"format\":\"drift-window/1\",\"model\":\"other\",\"rows\":[[1,2,3]]", STATE_OTHER_MODEL, "" },
        { "{\"format\":\"drift-window/2\",\"model\":\"00112233\",\"rows\":[]", -EINVAL, "format: drift-window/1 is wanted" },
        { "{\"model\":\"00112233\",\"rows\":[],\"x\":1", -EINVAL, "format: drift-window/1 is wanted" },
        { "{\"format\":\"drift-window/1\",\"model\":7,\"rows\":[]", -EINVAL, "another program's file" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[],\"x\":1", -EINVAL, "another program's file" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":{}", -EINVAL, "rows: at most" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[7]", -EINVAL, "rows: [UNIX_MS" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[[1,2]]", -EINVAL, "rows: [UNIX_MS" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[[1,2,3,4]]", -EINVAL, "rows: [UNIX_MS" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[[1.5,2,3]]", -EINVAL, "rows: [UNIX_MS" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[[1,2,3],[1,2,\"3\"]]", -EINVAL, "rows: a number" },
        { "{\"format\":\"drift-window/1\",\"model\":\"00112233\",\"rows\":[[1,2,null]]", -EINVAL, "rows: a number" },
        { "[1", -EINVAL, "line 1" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(buf_free) struct buf text = BUF_INIT(STATE_MAX);
        SCOPED(drift_window_free_p) struct drift_window *w = make(10, 0);
        struct error err = {0};
        buf_add_text(&text, cases[i].text);
        checksum_add(&text, 0);
        int got = state_parse(w, text.data, text.len, HASH, TO_WALL, NOW, &err);
        if (got != cases[i].want || strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: %d, \"%s\"", cases[i].text, got, err.text);
        assert_int_equal(drift_window_rows(w), 0);
    }
}

static void a_row_is_as_old_as_the_wall_clock_says_but_never_of_the_future(void **state)
{
    (void)state;
    static const struct {
        const char *name, *rows;
        int64_t want[2];
    } cases[] = {
        /* clang-format off */
        { "a second ago",                 "[1700000004000,1,1],[1700000004500,1,1]",  { 4000, 4500 } },
        { "the clock was set back since", "[1700000099000,1,1],[1700000004500,1,1]",  { NOW, NOW } },
        { "the clock was set back between", "[1700000004900,1,1],[1700000004500,1,1]", { 4900, 4900 } },
        { "the end of time",              "[9223372036854775807,1,1],[9223372036854775807,1,1]", { NOW, NOW } },
        { "the beginning of time, then now", "[-9223372036854775808,1,1],[1700000005000,1,1]", { NOW - INT64_C(10) * 366 * 24 * 3600 * 1000, NOW } },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(buf_free) struct buf text = BUF_INIT(STATE_MAX);
        SCOPED(drift_window_free_p) struct drift_window *w = make(10, 0);
        struct error err = {0};
        buf_addf(&text, "{\"format\":\"drift-window/1\",\"model\":\"" HASH "\",\"rows\":[%s]",
                 cases[i].rows);
        checksum_add(&text, 0);
        if (state_parse(w, text.data, text.len, HASH, TO_WALL, NOW, &err) != 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        for (size_t k = 0; k < 2; k++)
            if (drift_window_row(w, k)->at_ms != cases[i].want[k])
                fail_msg("%s: row %zu is at %lld", cases[i].name, k,
                         (long long)drift_window_row(w, k)->at_ms);
    }
}

static void a_smaller_window_takes_the_newest_rows_and_none_that_is_too_old(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf text = BUF_INIT(STATE_MAX);
    SCOPED(drift_window_free_p) struct drift_window *three = make(3, 0), *young = make(10, 2000);
    format(&text);
    assert_int_equal(state_parse(three, text.data, text.len, HASH, TO_WALL, NOW, NULL), 0);
    assert_int_equal(drift_window_rows(three), 3);
    assert_true(drift_window_row(three, 0)->x[1] == 1e300);
    assert_int_equal(state_parse(young, text.data, text.len, HASH, TO_WALL, NOW, NULL), 0);
    assert_int_equal(drift_window_rows(young), 1);
    assert_true(drift_window_row(young, 0)->x[0] == 4);
}

static void a_full_window_fits_into_the_file(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf text = BUF_INIT(STATE_MAX);
    SCOPED(drift_window_free_p) struct drift_window *w = make(DRIFT_WINDOW_MAX, 0);
    SCOPED(drift_window_free_p) struct drift_window *back = make(DRIFT_WINDOW_MAX, 0);
    SCOPED(free_p) struct drift_row *all = calloc(DRIFT_WINDOW_MAX, sizeof(*all));
    assert_non_null(all);
    for (size_t i = 0; i < DRIFT_WINDOW_MAX; i++)
        all[i] = (struct drift_row){0, {-1e-300 / (double)(i + 3), -1e-300 / (double)(i + 7)}};
    drift_window_advance(w, all, DRIFT_WINDOW_MAX, 0);
    assert_int_equal(state_format(&text, HASH, w, TO_WALL, NULL), 0);
    assert_int_equal(state_parse(back, text.data, text.len, HASH, TO_WALL, 0, NULL), 0);
    assert_int_equal(drift_window_rows(back), DRIFT_WINDOW_MAX);
}

static void other_files_are_known_as_such(void **state)
{
    (void)state;
    static const char *const others[] = {"root:x:0:0", "{\"format\":\"drift-model/1\"", " ", "{}"};
    for (size_t i = 0; i < N(others); i++)
        assert_false(state_is_ours(others[i], strlen(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_to_the_last_bit_and_as_old_as_they_are),
        cmocka_unit_test(a_file_cut_at_any_byte_or_changed_in_one_is_refused),
        cmocka_unit_test(what_is_in_a_sound_file_is_judged),
        cmocka_unit_test(a_row_is_as_old_as_the_wall_clock_says_but_never_of_the_future),
        cmocka_unit_test(a_smaller_window_takes_the_newest_rows_and_none_that_is_too_old),
        cmocka_unit_test(a_full_window_fits_into_the_file),
        cmocka_unit_test(other_files_are_known_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
