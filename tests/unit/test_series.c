#include "model/series/series.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static void prices_of_a_csv_are_read_with_their_days(void **state)
{
    (void)state;
    static const struct {
        const char *name, *csv, *column, *series;
        bool dated;
        int64_t first_day;
        double first, last;
    } cases[] = {
        /* clang-format off */
        { "dates", "Date,Open,Close\n1970-01-02,1,2.5\n1970-01-05,3,4\n", NULL, "Close", true, 1, 2.5, 4 },
        { "rows", "day,dax,cac\n7,1,2\n8,3,4\n", "cac", "cac", false, 7, 2, 4 },
        { "the only other column", "dax,day\n1,7\n3,8", NULL, "dax", false, 7, 1, 3 },
        { "before 1970", "date,close\n1969-12-31,1e3\n1970-01-01,2\n", NULL, "close", true, -1, 1000, 2 },
        { "adjusted is another column", "date,adj close,close\n2024-02-29,1,2\n2024-03-01,3,4\n", NULL, "close", true, 19782, 2, 4 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(series_free) struct series s = {0};
        struct error err = {0};
        if (series_read_csv(&s, cases[i].csv, strlen(cases[i].csv), cases[i].column, &err) != 0)
            fail_msg("%s: %s", cases[i].name, err.text);
        assert_string_equal(s.name, cases[i].series);
        assert_int_equal(s.n, 2);
        assert_int_equal(s.dated, cases[i].dated);
        assert_int_equal(s.days[0].day, cases[i].first_day);
        assert_true(s.days[0].close == cases[i].first);
        assert_true(s.days[1].close == cases[i].last);
    }
}

static void a_bad_csv_is_refused_with_its_line_and_a_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *name, *csv, *column, *place, *remedy;
    } cases[] = {
        /* clang-format off */
        { "empty", "", NULL, "line 1", "first line names them" },
        { "only a header", "day,close\n", NULL, "line 2", "no prices" },
        { "no day", "a,close\n1,2\n", NULL, "line 1", "first line names" },
        { "no price", "day,a,b\n1,2,3\n", NULL, "line 1", "--column" },
        { "another column", "day,a,b\n1,2,3\n", "c", "line 1", "--column" },
        { "the day as price", "day,a\n1,2\n", "day", "line 1", "--column" },
        { "a column twice", "day,a,A\n1,2,3\n", "a", "line 1", "rename" },
        { "byte order mark", "\xEF\xBB\xBF" "day,close\n1,2\n", NULL, "line 1", "without one" },
        { "UTF-16", "\xFF\xFE" "d\0a\0y\0,\0", NULL, "line 1", "" },
        { "carriage returns", "day,close\r\n1,2\r\n", NULL, "line 1", "sed" },
        { "one carriage return", "day,close\n1,2\r\n", NULL, "line 2", "sed" },
        { "web page", "<!DOCTYPE html>\n<html>", NULL, "line 1", "download" },
        { "thousands separators", "day,close\n1,2\n2,2,500.1\n", NULL, "line 3", "thousands separators" },
        { "quoted", "day,close\n1,2\n2,\"2,500.1\"\n", NULL, "line 3", "thousands separators" },
        { "decimal comma in a semicolon file", "day;close\n1;2,5\n", NULL, "line 1", "first line" },
        { "empty price", "day,close\n1,2\n2,\n3,4\n", NULL, "line 3", "fill it in" },
        { "empty line", "day,close\n1,2\n\n2,3\n", NULL, "line 3", "no line empty" },
        { "NaN", "day,close\n1,2\n2,NaN\n", NULL, "line 3", "digits and a point" },
        { "infinite", "day,close\n1,inf\n", NULL, "line 2", "digits and a point" },
        { "past a double", "day,close\n1,1e999\n", NULL, "line 2", "digits and a point" },
        { "null", "day,close\n1,null\n", NULL, "line 2", "digits and a point" },
        { "blank before", "day,close\n1, 2\n", NULL, "line 2", "digits and a point" },
        { "zero", "day,close\n1,2\n2,0\n", NULL, "line 3", "above zero" },
        { "negative", "day,close\n1,-2\n", NULL, "line 2", "above zero" },
        { "row twice", "day,close\n1,2\n1,3\n", NULL, "line 3", "remove one" },
        { "newest first", "day,close\n2,2\n1,3\n", NULL, "line 3", "oldest first" },
        { "a row is missing", "day,close\n1,2\n3,3\n", NULL, "line 3", "fill the gap" },
        { "date twice", "date,close\n2024-01-02,2\n2024-01-02,3\n", NULL, "line 3", "2024-01-02 is there twice" },
        { "a month is missing", "date,close\n2024-01-02,2\n2024-02-03,3\n", NULL, "line 3", "fill the gap" },
        { "no such date", "date,close\n2023-02-29,2\n", NULL, "line 2", "1998-12-31" },
        { "day first", "date,close\n31-12-1998,2\n", NULL, "line 2", "1998-12-31" },
        { "with a time", "date,close\n1998-12-31 00:00:00,2\n", NULL, "line 2", "1998-12-31" },
        { "dates, then rows", "date,close\n2024-01-02,2\n3,3\n", NULL, "line 3", "1998-12-31" },
        { "a long cell", "day,close\n1,2.0000000000000000000000000000000000000000000000000000000000000000\n", NULL, "line 2", "keep the day" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(series_free) struct series s = {0};
        struct error err = {0};
        size_t len = strlen(cases[i].csv);
        if (series_read_csv(&s, cases[i].csv, len, cases[i].column, &err) >= 0)
            fail_msg("%s was taken", cases[i].name);
        if (strstr(err.text, cases[i].place) == NULL || strstr(err.text, cases[i].remedy) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\" or \"%s\"", cases[i].name, err.text, cases[i].place,
                     cases[i].remedy);
        assert_null(s.days);
    }
}

static void a_nul_byte_and_too_many_cells_are_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct series s;
    static const char nul[] = "day,close\n1,2\0\n";
    assert_int_equal(series_read_csv(&s, nul, sizeof(nul) - 1, NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "line 2 has a NUL byte"));
    char wide[66];
    memset(wide, ',', sizeof(wide));
    assert_int_equal(series_read_csv(&s, wide, sizeof(wide), NULL, &err), -EINVAL);
    assert_non_null(strstr(err.text, "line 1 has more than 64 cells"));
}

static void there_is_a_limit_of_days(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    struct error err = {0};
    for (int64_t day = 0; day < SERIES_DAYS_MAX; day++)
        assert_int_equal(series_add(&s, (struct series_day){day, 1}, "x", &err), 0);
    assert_int_equal(series_add(&s, (struct series_day){SERIES_DAYS_MAX, 1}, "x", &err), -E2BIG);
    assert_int_equal(s.n, SERIES_DAYS_MAX);
}

#define CHART(times, closes)                                                                       \
    "{\"chart\":{\"result\":[{\"meta\":{\"symbol\":\"^KS11\",\"gmtoffset\":32400},\"timestamp\":"  \
    "[" times "],\"indicators\":{\"quote\":[{\"close\":[" closes "]}]}}],\"error\":null}}"

static void a_chart_is_read_by_the_exchanges_own_dates(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    struct error err = {0};
    /* 1970-01-01T15:00Z is the 2nd in Seoul; the day without a price is no day. */
    const char *json = CHART("53999,54000,140400,226800", "2600,2655.25,null,2660");
    assert_int_equal(series_read_chart(&s, json, strlen(json), &err), 0);
    assert_string_equal(s.name, "^KS11");
    assert_int_equal(s.n, 3);
    assert_int_equal(s.n_skipped, 1);
    assert_int_equal(s.days[0].day, 0);
    assert_int_equal(s.days[1].day, 1);
    assert_int_equal(s.days[2].day, 3);
    assert_true(s.days[1].close == 2655.25);
    char day[SERIES_DAY_BYTES];
    series_format_day(&s, s.days[2].day, day);
    assert_string_equal(day, "1970-01-04");
}

static void a_bad_chart_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *name, *json, *words;
    } cases[] = {
        /* clang-format off */
        { "web page", "<html>\n", "a web page came" },
        { "no JSON", "Too Many Requests", "line 1" },
        { "cut", "{\"chart\":{\"result\":[", "line 1" },
        { "other JSON", "{}", "chart form" },
        { "a list", "[]", "chart form" },
        { "an error", "{\"chart\":{\"result\":null,\"error\":{\"code\":\"Not Found\",\"description\":\"No data found\"}}}", "No data found" },
        { "no days", CHART("", ""), "longer range" },
        { "only nulls", CHART("1,86401", "null,null"), "longer range" },
        { "unequal lengths", CHART("1,86401", "1"), "2 timestamps and 1 closes" },
        { "a text", CHART("1", "\"2,500\""), "close[0] is no number" },
        { "zero", CHART("1,86401", "1,0"), "close[1]: a price is above zero" },
        { "twice", CHART("1,2", "1,2"), "1970-01-01 is there twice" },
        { "newest first", CHART("86401,1", "1,2"), "oldest first" },
        { "a gap", CHART("1,8640001", "1,2"), "fill the gap" },
        { "a time as text", CHART("\"1\"", "1"), "timestamp[0]" },
        { "a time out of range", CHART("9223372036854775807", "1"), "timestamp[0]" },
        { "NaN", CHART("1", "NaN"), "line 1" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(series_free) struct series s = {0};
        struct error err = {0};
        if (series_read_chart(&s, cases[i].json, strlen(cases[i].json), &err) >= 0)
            fail_msg("%s was taken", cases[i].name);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].name, err.text, cases[i].words);
        assert_null(s.days);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_of_a_csv_are_read_with_their_days),
        cmocka_unit_test(a_bad_csv_is_refused_with_its_line_and_a_remedy),
        cmocka_unit_test(a_nul_byte_and_too_many_cells_are_refused),
        cmocka_unit_test(there_is_a_limit_of_days),
        cmocka_unit_test(a_chart_is_read_by_the_exchanges_own_dates),
        cmocka_unit_test(a_bad_chart_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
