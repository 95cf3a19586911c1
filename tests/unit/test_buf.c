#include "relay/base/buf.h"
#include "relay/base/error.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_buffer_reads_as_an_empty_text(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(0);
    assert_string_equal(buf_text(&b), "");
    assert_false(buf_failed(&b));
    buf_add(&b, NULL, 0);
    assert_false(buf_failed(&b));
    assert_string_equal(buf_text(&b), "");
    buf_free(&b);
}

static void the_maximum_counts_content_and_not_the_nul(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf b = BUF_INIT(4);
    buf_add_text(&b, "abcd");
    assert_false(buf_failed(&b));
    assert_int_equal(b.len, 4);
    buf_add_char(&b, 'e');
    assert_true(buf_failed(&b));
    assert_string_equal(buf_text(&b), "abcd");
}

static void a_failed_buffer_keeps_what_it_had_and_ignores_the_rest(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf b = BUF_INIT(6);
    buf_add_text(&b, "abc");
    buf_addf(&b, "%d", 12345);
    assert_true(buf_failed(&b));
    buf_add_char(&b, 'd'); /* would fit */
    assert_string_equal(buf_text(&b), "abc");
    assert_null(buf_give(&b));
    buf_clear(&b);
    buf_addf(&b, "%s", "again");
    assert_false(buf_failed(&b));
    assert_string_equal(buf_text(&b), "again");
}

static void lengths_that_overflow_fail(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf b = BUF_INIT(SIZE_MAX);
    buf_add_text(&b, "x");
    buf_add(&b, "y", SIZE_MAX);
    assert_true(buf_failed(&b));
    buf_clear(&b);
    buf_add(&b, "y", SIZE_MAX); /* the content would fit, its NUL would not */
    assert_true(buf_failed(&b));
    assert_string_equal(buf_text(&b), "");
}

static void it_grows_without_losing_a_byte(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf b = BUF_INIT(100000);
    for (int i = 0; i < 10000; i++)
        buf_addf(&b, "%04d ", i);
    assert_false(buf_failed(&b));
    assert_int_equal(b.len, 50000);
    assert_memory_equal(b.data + 5 * 9876, "9876 ", 5);
    assert_int_equal(b.data[b.len], '\0');
    assert_true(b.cap <= 100001);
}

static void bytes_with_nul_are_kept(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf b = BUF_INIT(10);
    buf_add(&b, "a\0b", 3);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "a\0b", 4);
}

static void giving_empties_the_buffer_which_may_be_used_again(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf b = BUF_INIT(10);
    SCOPED(free_p) char *empty = buf_give(&b);
    assert_string_equal(empty, "");
    buf_add_text(&b, "one");
    SCOPED(free_p) char *one = buf_give(&b);
    assert_string_equal(one, "one");
    assert_string_equal(buf_text(&b), "");
    buf_add_text(&b, "0123456789");
    assert_false(buf_failed(&b));
    buf_clear(&b);
    SCOPED(free_p) char *cleared = buf_give(&b);
    assert_string_equal(cleared, "");
}

static void doubles_take_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        /* clang-format off */
        { 0.0,                  "0" },
        { -0.0,                 "-0" },
        { 1.0,                  "1" },
        { -42.0,                "-42" },
        { 0.1,                  "0.1" },
        { 0.8,                  "0.8" },
        { 0.1 + 0.2,            "0.30000000000000004" },
        { 1.0 / 3.0,            "0.3333333333333333" },
        { 1e-9,                 "1e-09" },
        { 1764081000.0,         "1764081000" },
        { 9007199254740991.0,   "9007199254740991" },
        { 9007199254740992.0,   "9007199254740992" },
        { 1e19,                 "1e+19" },
        { DBL_MAX,              "1.797693134862316e+308" },
        { DBL_TRUE_MIN,         "4.94065645841247e-324" },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SCOPED(buf_free) struct buf b = BUF_INIT(64);
        buf_add_double(&b, cases[i].value);
        assert_false(buf_failed(&b));
        if (fabs(cases[i].value) < DBL_MAX)
            assert_string_equal(buf_text(&b), cases[i].want);
        double back = strtod(buf_text(&b), NULL);
        assert_memory_equal(&back, &cases[i].value, sizeof(back));
    }
    SCOPED(buf_free) struct buf odd = BUF_INIT(64);
    buf_add_double(&odd, (double)NAN);
    buf_add_char(&odd, ' ');
    buf_add_double(&odd, (double)INFINITY);
    buf_add_char(&odd, ' ');
    buf_add_double(&odd, (double)-INFINITY);
    assert_string_equal(buf_text(&odd), "NaN +Inf -Inf");
}

static void a_real_has_a_point_or_an_exponent(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        {1, "1.0"},      {-0.0, "-0.0"},
        {0.5, "0.5"},    {9007199254740992.0, "9007199254740992.0"},
        {1e19, "1e+19"}, {(double)INFINITY, "+Inf"},
    };
    SCOPED(buf_free) struct buf b = BUF_INIT(64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&b);
        buf_add_real(&b, cases[i].value);
        assert_string_equal(buf_text(&b), cases[i].want);
    }
    SCOPED(buf_free) struct buf full = BUF_INIT(1);
    buf_add_real(&full, 1);
    assert_true(buf_failed(&full));
}

static void an_error_is_one_line_and_returns_its_code(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, -EINVAL, "cannot read \"%s\"", "a\nb\x1b[31m"), -EINVAL);
    assert_int_equal(err.code, -EINVAL);
    assert_string_equal(err.text, "cannot read \"a b [31m\"");
    assert_int_equal(error_set(NULL, 7, "%s", "x"), 7);
}

static void an_error_may_quote_itself(void **state)
{
    (void)state;
    struct error err = {0};
    (void)error_set(&err, -1, "inner");
    (void)error_set(&err, -2, "outer of %s", err.text);
    assert_string_equal(err.text, "outer of inner");
    assert_int_equal(error_prefix(&err, -3, "%s", err.text), -2);
    assert_string_equal(err.text, "outer of inner: outer of inner");
    assert_int_equal(error_prefix(NULL, -3, "%s", "x"), -3);
}

static void an_error_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct error err = {0};
    char text[600];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)error_set(&err, -1, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    (void)error_prefix(&err, -1, "where");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "where: xxx", 10);
    /* Prefixes around the size of the whole: never past it, always a text. */
    for (size_t len = sizeof(err.text) - 5; len < sizeof(err.text) + 3; len++) {
        (void)error_set(&err, -1, "tail");
        (void)error_prefix(&err, -1, "%.*s", (int)len, text);
        assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
        assert_int_equal(err.text[0], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_an_empty_text),
        cmocka_unit_test(the_maximum_counts_content_and_not_the_nul),
        cmocka_unit_test(a_failed_buffer_keeps_what_it_had_and_ignores_the_rest),
        cmocka_unit_test(lengths_that_overflow_fail),
        cmocka_unit_test(it_grows_without_losing_a_byte),
        cmocka_unit_test(bytes_with_nul_are_kept),
        cmocka_unit_test(giving_empties_the_buffer_which_may_be_used_again),
        cmocka_unit_test(doubles_take_their_shortest_form),
        cmocka_unit_test(a_real_has_a_point_or_an_exponent),
        cmocka_unit_test(an_error_is_one_line_and_returns_its_code),
        cmocka_unit_test(an_error_may_quote_itself),
        cmocka_unit_test(an_error_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
