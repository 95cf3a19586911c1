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

static void durations_need_units_in_descending_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        int64_t want;
    } cases[] = {
        /* clang-format off */
        { "0",        0, 0 },          { "0s",        0, 0 },
        { "30s",      0, 30000 },      { "500ms",     0, 500 },
        { "1h30m",    0, 5400000 },    { "1w2d3h4m5s6ms", 0, 788645006 },
        { "90m",      0, 5400000 },    { "1m1ms",     0, 60001 },
        { "3653d",    0, INT64_C(315619200000) },
        { "3653d1ms", -ERANGE, 0 },    { "11w9223372036854775807d", -ERANGE, 0 },
        { "99999999999999999999s", -ERANGE, 0 },
        { "20000000000000000w",    -ERANGE, 0 },
        { "",      -EINVAL, 0 },       { "30",    -EINVAL, 0 },
        { "s",     -EINVAL, 0 },       { "1m1h",  -EINVAL, 0 },
        { "1s1s",  -EINVAL, 0 },       { "1.5h",  -EINVAL, 0 },
        { "-1s",   -EINVAL, 0 },       { "1 s",   -EINVAL, 0 },
        { "1S",    -EINVAL, 0 },       { "1y",    -EINVAL, 0 },
        { "1sec",  -EINVAL, 0 },       { "1ms1s", -EINVAL, 0 },
        { "1h ",   -EINVAL, 0 },       { "00",    -EINVAL, 0 },
        { "99999999999999999999x", -EINVAL, 0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct error err = {0};
        int64_t value = 77;
        int rc = parse_duration_ms(&value, cases[i].text, &err);
        if (cases[i].rc != 0)
            assert_refused(rc, cases[i].rc, &err, cases[i].text);
        else
            assert_int_equal(rc, 0);
        assert_true(value == (cases[i].rc == 0 ? cases[i].want : 77));
    }
}

static void durations_are_printed_as_prometheus_prints_them(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        /* clang-format off */
        { 0, "0s" },               { 500, "500ms" },           { 1000, "1s" },
        { 5400000, "1h30m" },      { 86400000, "1d" },         { 129600000, "1d12h" },
        { 604800000, "1w" },       { 7776000000, "90d" },      { 1209600001, "14d1ms" },
        { -1500, "-1s500ms" },
        { INT64_MIN, "-106751991167d7h12m55s808ms" },
        { INT64_MAX, "106751991167d7h12m55s807ms" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        char text[DURATION_MAX];
        format_duration_ms(text, cases[i].ms);
        assert_string_equal(text, cases[i].want);
        int64_t back;
        if (cases[i].ms >= 0 && cases[i].ms < INT64_MAX) {
            assert_int_equal(parse_duration_ms(&back, text, NULL), 0);
            assert_true(back == cases[i].ms);
        }
    }
}

static void times_follow_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        /* clang-format off */
        { "1970-01-01T00:00:00Z",               0 },
        { "0001-01-01T00:00:00Z",               INT64_C(-62135596800000) }, /* Go's zero time */
        { "9999-12-31T23:59:59.999Z",           INT64_C(253402300799999) },
        { "2026-11-23T05:29:24.5+02:00",        INT64_C(1795404564500) },
        { "2026-11-23t03:29:24z",               INT64_C(1795404564000) },
        { "2026-11-22T22:29:24.123456789-05:00", INT64_C(1795404564123) },
        { "2026-11-23T03:29:24.9999999999Z",    INT64_C(1795404564999) },
        { "2000-02-29T12:00:00-00:00",          INT64_C(951825600000) },
        { "2016-12-31T23:59:60Z",               INT64_C(1483228799000) },
        { "1969-12-31T23:59:59.25Z",            -750 },
        { "0001-01-01T00:00:00+23:59",          INT64_C(-62135683140000) },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        int64_t ms = 77;
        assert_int_equal(parse_rfc3339_ms(&ms, cases[i].text, NULL), 0);
        if (ms != cases[i].want)
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
    }
    static const char *const wrong[] = {
        "",
        "2026-11-23",
        "2026-11-23T05:29:24",
        "2026-11-23 05:29:24Z",
        "2026-11-23T05:29Z",
        "2026-11-23T05:29:24.Z",
        "2026-11-23T05:29:24,5Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T05:60:00Z",
        "2026-11-23T05:29:61Z",
        "2026-11-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "-026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "2026-11-23T05:29:24+0200",
        "2026-11-23T05:29:24+24:00",
        "2026-11-23T05:29:24+02:60",
        "2026-11-23T05:29:24+2:00",
        "2026-11-23T05:29:24Z ",
        "2026-11-23T05:29:24ZZ",
        " 2026-11-23T05:29:24Z",
        "2026-11-23T05:29:24 +02:00",
    };
    for (size_t i = 0; i < N(wrong); i++) {
        struct error err = {0};
        int64_t ms = 77;
        assert_refused(parse_rfc3339_ms(&ms, wrong[i], &err), -EINVAL, &err, wrong[i]);
        assert_true(ms == 77);
    }
}

/* Every prefix of a good text is refused: nothing is read past its end (the sanitizers watch). */
static void a_cut_time_is_no_time(void **state)
{
    (void)state;
    static const char whole[] = "2026-11-23T05:29:24.5+02:00";
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char text[sizeof(whole)];
        memcpy(text, whole, len);
        text[len] = '\0';
        int64_t ms;
        assert_int_equal(parse_rfc3339_ms(&ms, text, NULL), -EINVAL);
    }
}

static void printed_times_read_back_on_every_day_of_the_calendar(void **state)
{
    (void)state;
    const int64_t day = INT64_C(86400000);
    int64_t first, last, previous = 0;
    assert_int_equal(parse_rfc3339_ms(&first, "0001-01-01T00:00:00Z", NULL), 0);
    assert_int_equal(parse_rfc3339_ms(&last, "9999-12-31T00:00:00Z", NULL), 0);
    assert_true((last - first) / day == 3652058);
    /* Steps that are prime, so that every month and every century is met. */
    for (int64_t ms = first; ms <= last; ms += 37 * day + 1009) {
        char text[RFC3339_MAX];
        format_rfc3339_ms(text, ms);
        int64_t back;
        assert_int_equal(parse_rfc3339_ms(&back, text, NULL), 0);
        if (back != ms)
            fail_msg("%s: %lld is not %lld", text, (long long)back, (long long)ms);
        previous = ms;
    }
    assert_true(previous > last - 38 * day);
}

static void times_are_printed_with_milliseconds_only_where_there_are_any(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        /* clang-format off */
        { 0, "1970-01-01T00:00:00Z" },
        { INT64_C(1795404564500), "2026-11-23T03:29:24.500Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { -1000, "1969-12-31T23:59:59Z" },
        { INT64_C(-62135596800000), "0001-01-01T00:00:00Z" },
        { INT64_MAX, "292278994-08-17T07:12:55.807Z" },
        { INT64_MIN, "-292275055-05-16T16:47:04.192Z" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        char text[RFC3339_MAX];
        format_rfc3339_ms(text, cases[i].ms);
        assert_string_equal(text, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_units_in_descending_order),
        cmocka_unit_test(durations_are_printed_as_prometheus_prints_them),
        cmocka_unit_test(times_follow_rfc_3339),
        cmocka_unit_test(a_cut_time_is_no_time),
        cmocka_unit_test(printed_times_read_back_on_every_day_of_the_calendar),
        cmocka_unit_test(times_are_printed_with_milliseconds_only_where_there_are_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
