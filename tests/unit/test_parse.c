#include "relay/base/parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

/* Any failure leaves *out alone and says so in words. */
static void assert_refused(int rc, int want, const struct error *err, const char *text)
{
    if (rc != want)
        fail_msg("\"%s\": %d, wanted %d", text, rc, want);
    assert_int_equal(err->code, want);
    assert_true(err->text[0] != '\0');
}

static void whole_numbers_are_read_to_the_last_digit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
        int rc;
        int64_t want;
    } cases[] = {
        /* clang-format off */
        { "0",                    0,         10,        0,       0 },
        { "-0",                   0,         10,        0,       0 },
        { "007",                  0,         10,        0,       7 },
        { "10",                   0,         10,        0,       10 },
        { "11",                   0,         10,        -ERANGE, 0 },
        { "-1",                   0,         10,        -ERANGE, 0 },
        { "9223372036854775807",  INT64_MIN, INT64_MAX, 0,       INT64_MAX },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, 0,       INT64_MIN },
        { "9223372036854775808",  INT64_MIN, INT64_MAX, -ERANGE, 0 },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0 },
        { "18446744073709551617", INT64_MIN, INT64_MAX, -ERANGE, 0 },
        { "",                     0,         10,        -EINVAL, 0 },
        { "-",                    -10,       10,        -EINVAL, 0 },
        { "+1",                   0,         10,        -EINVAL, 0 },
        { " 1",                   0,         10,        -EINVAL, 0 },
        { "1 ",                   0,         10,        -EINVAL, 0 },
        { "1\n",                  0,         10,        -EINVAL, 0 },
        { "0x1",                  0,         10,        -EINVAL, 0 },
        { "1.0",                  0,         10,        -EINVAL, 0 },
        { "--1",                  -10,       10,        -EINVAL, 0 },
        { "99999999999999999999x", 0,        10,        -EINVAL, 0 },
        { "\xd9\xa1",             0,         10,        -EINVAL, 0 }, /* an Arabic one */
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct error err = {0};
        int64_t value = 77;
        int rc = parse_int64(&value, cases[i].text, cases[i].min, cases[i].max, &err);
        if (cases[i].rc != 0)
            assert_refused(rc, cases[i].rc, &err, cases[i].text);
        else
            assert_int_equal(rc, 0);
        assert_true(value == (cases[i].rc == 0 ? cases[i].want : 77));
    }
}

static void decimal_numbers_are_finite_and_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        double want;
    } cases[] = {
        /* clang-format off */
        { "0.8", 0, 0.8 },    { "-3", 0, -3 },        { "1e-3", 0, 1e-3 },   { "1E+2", 0, 100 },
        { "00.5", 0, 0.5 },   { "1e-400", 0, 0 },     { "1e400", -ERANGE, 0 }, { "-1e999", -ERANGE, 0 },
        { "", -EINVAL, 0 },   { ".5", -EINVAL, 0 },   { "5.", -EINVAL, 0 },  { "1e", -EINVAL, 0 },
        { "1e+", -EINVAL, 0 }, { "nan", -EINVAL, 0 }, { "inf", -EINVAL, 0 }, { "0x1p3", -EINVAL, 0 },
        { "1,5", -EINVAL, 0 }, { "1 ", -EINVAL, 0 },  { "+1", -EINVAL, 0 },  { "-", -EINVAL, 0 },
        { "1.5.2", -EINVAL, 0 }, { "1e2.5", -EINVAL, 0 }, { "1_000", -EINVAL, 0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct error err = {0};
        double value = 77, want = cases[i].rc == 0 ? cases[i].want : 77;
        int rc = parse_double(&value, cases[i].text, &err);
        if (cases[i].rc != 0)
            assert_refused(rc, cases[i].rc, &err, cases[i].text);
        else
            assert_int_equal(rc, 0);
        assert_memory_equal(&value, &want, sizeof(value));
    }
}

static void sizes_need_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        uint64_t want;
    } cases[] = {
        /* clang-format off */
        { "100B",   0, 100 },            { "0B",    0, 0 },
        { "1kB",    0, 1000 },           { "1KiB",  0, 1024 },
        { "1MiB",   0, 1048576 },        { "2GiB",  0, UINT64_C(2147483648) },
        { "3GB",    0, UINT64_C(3000000000) }, { "4MB", 0, 4000000 },
        { "17179869183GiB", 0, UINT64_C(18446744072635809792) },
        { "17179869184GiB", -ERANGE, 0 },
        { "99999999999999999999B", -ERANGE, 0 },
        { "",    -EINVAL, 0 },  { "0",     -EINVAL, 0 },  { "1024",   -EINVAL, 0 },
        { "MiB", -EINVAL, 0 },  { "1 MiB", -EINVAL, 0 },  { "1mib",   -EINVAL, 0 },
        { "1M",  -EINVAL, 0 },  { "-1B",   -EINVAL, 0 },  { "1.5MiB", -EINVAL, 0 },
        { "1Bx", -EINVAL, 0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct error err = {0};
        uint64_t value = 77;
        int rc = parse_size_bytes(&value, cases[i].text, &err);
        if (cases[i].rc != 0)
            assert_refused(rc, cases[i].rc, &err, cases[i].text);
        else
            assert_int_equal(rc, 0);
        assert_true(value == (cases[i].rc == 0 ? cases[i].want : 77));
    }
}

static void hex_has_exactly_the_digits_asked_for(void **state)
{
    (void)state;
    unsigned char out[3] = {7, 7, 7};
    assert_int_equal(parse_hex(out, 3, "00fFa9rest", 6, NULL), 0);
    assert_memory_equal(out, "\x00\xff\xa9", 3);
    memset(out, 7, sizeof(out));
    struct error err = {0};
    assert_refused(parse_hex(out, 3, "00ff", 4, &err), -EINVAL, &err, "short");
    assert_refused(parse_hex(out, 3, "00ffa9b0", 8, &err), -EINVAL, &err, "long");
    assert_refused(parse_hex(out, 3, "00ffa", 5, &err), -EINVAL, &err, "odd");
    assert_refused(parse_hex(out, 2, "00ffa", 5, &err), -EINVAL, &err, "one digit more");
    assert_refused(parse_hex(out, 3, "00ffag", 6, &err), -EINVAL, &err, "g");
    assert_refused(parse_hex(out, 3, "0x00ff", 6, &err), -EINVAL, &err, "0x");
    assert_refused(parse_hex(out, 3, "00\0ffa", 6, &err), -EINVAL, &err, "NUL");
    assert_refused(parse_hex(out, 3, " 0ffa9", 6, &err), -EINVAL, &err, "blank");
    assert_memory_equal(out, "\x07\x07\x07", 3);
    assert_null(strstr(err.text, "0ffa9")); /* what was sent may be a credential */
    assert_int_equal(parse_hex(out, 0, "", 0, NULL), 0);
}

static void addresses_are_numeric_with_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        int rc;
    } cases[] = {
        /* clang-format off */
        { "127.0.0.1:9099", "127.0.0.1", 9099, 0 },
        { "0.0.0.0:80", "0.0.0.0", 80, 0 },
        { "[::1]:0", "::1", 0, 0 },
        { "[2001:db8::1]:65535", "2001:db8::1", 65535, 0 },
        { "127.0.0.1:65536", "", 0, -ERANGE },
        { "127.0.0.1:99999999999999999999", "", 0, -ERANGE },
        { "", "", 0, -EINVAL },
        { ":80", "", 0, -EINVAL },
        { "127.0.0.1", "", 0, -EINVAL },
        { "127.0.0.1:", "", 0, -EINVAL },
        { "127.0.0.1:-1", "", 0, -EINVAL },
        { "127.0.0.1:80 ", "", 0, -EINVAL },
        { "127.0.0.1:http", "", 0, -EINVAL },
        { "127.1:80", "", 0, -EINVAL },
        { "::1:80", "", 0, -EINVAL },
        { "[127.0.0.1]:80", "", 0, -EINVAL },
        { "[::1]80", "", 0, -EINVAL },
        { "[::1", "", 0, -EINVAL },
        { "[]:80", "", 0, -EINVAL },
        { "[fe80::1%eth0]:80", "", 0, -EINVAL },
        { "localhost:80", "", 0, -EINVAL },
        { "0000000000000000000000000000000000000000000000000000000000000000127.0.0.1:80", "", 0, -EINVAL },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct error err = {0};
        struct address address = {.host = "untouched", .port = 7};
        int rc = parse_address(&address, cases[i].text, &err);
        if (cases[i].rc != 0) {
            assert_refused(rc, cases[i].rc, &err, cases[i].text);
            assert_string_equal(address.host, "untouched");
        } else {
            assert_int_equal(rc, 0);
            assert_string_equal(address.host, cases[i].host);
            assert_int_equal(address.port, cases[i].port);
        }
    }
}

static void loopback_is_told_from_what_only_looks_like_it(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1",        "127.255.255.254", "::1",
                                           "::ffff:127.0.0.1", "localhost",       "LocalHost"};
    static const char *const other[] = {"128.0.0.1",
                                        "10.0.0.1",
                                        "0.0.0.0",
                                        "::",
                                        "::2",
                                        "::ffff:10.0.0.1",
                                        "127.0.0.1.example.org",
                                        "localhost.example.org",
                                        "127.1",
                                        "[::1]",
                                        ""};
    for (size_t i = 0; i < N(loopback); i++)
        if (!address_is_loopback(loopback[i]))
            fail_msg("%s is loopback", loopback[i]);
    for (size_t i = 0; i < N(other); i++)
        if (address_is_loopback(other[i]))
            fail_msg("%s is not loopback", other[i]);
}

static void characters_are_well_formed_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t len, want;
    } cases[] = {
        /* clang-format off */
        { "nothing",                  "",                 0, 0 },
        { "NUL is a character",       "\0",               1, 1 },
        { "ASCII",                    "a\xff",            2, 1 },
        { "two bytes",                "\xc3\xa4",         2, 2 },
        { "three bytes",              "\xec\x83\x81",     3, 3 },
        { "four bytes",               "\xf0\x9f\x98\x80", 4, 4 },
        { "last code point",          "\xf4\x8f\xbf\xbf", 4, 4 },
        { "past the last",            "\xf4\x90\x80\x80", 4, 0 },
        { "overlong two",             "\xc0\x80",         2, 0 },
        { "overlong two, c1",         "\xc1\xbf",         2, 0 },
        { "overlong three",           "\xe0\x9f\xbf",     3, 0 },
        { "overlong four",            "\xf0\x8f\xbf\xbf", 4, 0 },
        { "surrogate",                "\xed\xa0\x80",     3, 0 },
        { "before the surrogates",    "\xed\x9f\xbf",     3, 3 },
        { "lone continuation",        "\x80",             1, 0 },
        { "cut",                      "\xec\x83",         2, 0 },
        { "third byte wrong",         "\xec\x83(",        3, 0 },
        { "f5",                       "\xf5\x80\x80\x80", 4, 0 },
        { "ff",                       "\xff",             1, 0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        size_t n = utf8_char_len(cases[i].text, cases[i].len);
        if (n != cases[i].want)
            fail_msg("%s: %zu, wanted %zu", cases[i].name, n, cases[i].want);
    }
}

static void a_fault_quotes_what_was_read_on_one_line(void **state)
{
    (void)state;
    struct error err = {0};
    int64_t value;
    assert_int_equal(parse_duration_ms(&value, "30\x1b[2Jsec\n", &err), -EINVAL);
    assert_non_null(strstr(err.text, "\"30 [2Jsec \""));
    char text[2000];
    memset(text, '9', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(parse_int64(&value, text, 0, 9, &err), -ERANGE);
    assert_true(strlen(err.text) < 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_read_to_the_last_digit),
        cmocka_unit_test(decimal_numbers_are_finite_and_decimal),
        cmocka_unit_test(sizes_need_a_unit),
        cmocka_unit_test(hex_has_exactly_the_digits_asked_for),
        cmocka_unit_test(addresses_are_numeric_with_a_port),
        cmocka_unit_test(loopback_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(characters_are_well_formed_or_none),
        cmocka_unit_test(a_fault_quotes_what_was_read_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
