#include "relay/base/strict_json.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static void objects_and_arrays_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        " [1]\n",
        "{\"a\":[null,true,false,\"\\ud83d\\ude00\",-1.5e3]}",
        "[\"]]]]]]{{{{\"]",
        "[\"\\\"[[[[\\\\\"]",
        "{\"[[[[\":{}}",
    };
    for (size_t i = 0; i < N(good); i++) {
        struct error err = {0};
        SCOPED(json_release_p) json_t *tree = NULL;
        if (strict_json_load(&tree, good[i], strlen(good[i]), 2, &err) != 0)
            fail_msg("%s: %s", good[i], err.text);
        assert_non_null(tree);
    }
}

static void surprises_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t len;
        const char *where;
    } cases[] = {
#define TEXT(t) (t), sizeof(t) - 1
        /* clang-format off */
        { "nothing",                   TEXT(""),                     "line 1 column 1: " },
        { "blanks only",               TEXT(" \n "),                 "line 2 column " },
        { "bytes after the end",       TEXT("{} x"),                 "line 1 column 4: " },
        { "two documents",             TEXT("{}\n{}"),               "line 2 column 1: " },
        { "duplicate keys",            TEXT("{\"a\":1,\n\"a\":2}"),  "line 2 column 3: " },
        { "duplicates by escape",      TEXT("{\"a\":1,\"\\u0061\":2}"), "line 1 column " },
        { "a scalar",                  TEXT("1"),                    "line 1 column 1: " },
        { "a text",                    TEXT("\"a\""),                "line 1 column " },
        { "null",                      TEXT("null"),                 "line 1 column " },
        { "NaN",                       TEXT("[NaN]"),                "line 1 column " },
        { "a byte order mark",         TEXT("\xef\xbb\xbf{}"),       "line 1 column 1: " },
        { "bad UTF-8",                 TEXT("[\"\xff\"]"),           "line 1 column " },
        { "overlong UTF-8",            TEXT("[\"\xc0\xaf\"]"),       "line 1 column " },
        { "a lone surrogate",          TEXT("[\"\\ud800\"]"),        "line 1 column " },
        { "an escaped NUL",            TEXT("[\"\\u0000\"]"),        "line 1 column " },
        { "a NUL in a string",         TEXT("[\"a\0b\"]"),           "line 1 column 4: a NUL" },
        { "a NUL behind the end",      TEXT("{}\0"),                 "line 1 column 3: a NUL" },
        { "a NUL on line three",       TEXT("{\n\n\xc3\xa4\0"),      "line 3 column 2: a NUL" },
        { "a newline in a string",     TEXT("[\"a\nb\"]"),           "line 1 column " },
        { "a trailing comma",          TEXT("[1,]"),                 "line 1 column " },
        { "a comment",                 TEXT("[1] // x"),             "line 1 column " },
        { "a cut string",              TEXT("[\"a"),                 "line 1 column " },
        { "a cut escape",              TEXT("[\"a\\"),               "line 1 column " },
        { "a cut document",            TEXT("[[1]"),                 "line 1 column " },
        { "a real out of range",       TEXT("[1e400]"),              "line 1 column " },
        { "a leading zero",            TEXT("[01]"),                 "line 1 column " },
        { "a plus sign",               TEXT("[+1]"),                 "line 1 column " },
        { "single quotes",             TEXT("['a']"),                "line 1 column " },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct error err = {0};
        json_t *tree = NULL;
        int rc = strict_json_load(&tree, cases[i].text, cases[i].len, 16, &err);
        if (rc != -EINVAL || strncmp(err.text, cases[i].where, strlen(cases[i].where)) != 0)
            fail_msg("%s: %d %s", cases[i].name, rc, err.text);
        assert_null(tree);
    }
}

static void only_the_given_bytes_are_read(void **state)
{
    (void)state;
    SCOPED(json_release_p) json_t *tree = NULL;
    assert_int_equal(strict_json_load(&tree, "[1]garbage", 3, 1, NULL), 0);
    assert_int_equal(json_array_size(tree), 1);
}

static void nesting_is_limited_to_the_very_level(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned depth;
        int rc;
    } cases[] = {
        /* clang-format off */
        { "[]",               1, 0 },
        { "[]",               0, -EINVAL },
        { "{\"a\":[]}",       1, -EINVAL },
        { "{\"a\":[]}",       2, 0 },
        { "[[],[],[[]]]",     3, 0 },
        { "[[],[],[[]]]",     2, -EINVAL },
        { "[\"[\\\"[[\",[]]", 2, 0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(json_release_p) json_t *tree = NULL;
        struct error err = {0};
        int rc =
            strict_json_load(&tree, cases[i].text, strlen(cases[i].text), cases[i].depth, &err);
        if (rc != cases[i].rc)
            fail_msg("%s at %u: %d %s", cases[i].text, cases[i].depth, rc, err.text);
        if (rc != 0)
            assert_non_null(strstr(err.text, "nested too deeply"));
    }
}

static void a_million_brackets_are_refused_at_the_first_too_many(void **state)
{
    (void)state;
    const size_t len = 1000000;
    SCOPED(free_p) char *text = malloc(len);
    assert_non_null(text);
    memset(text, '[', len);
    struct error err = {0};
    json_t *tree = NULL;
    assert_int_equal(strict_json_load(&tree, text, len, 16, &err), -EINVAL);
    assert_string_equal(err.text, "line 1 column 17: nested too deeply");
}

static void integers_beyond_64_bits_come_as_reals_and_leave_the_others_alone(void **state)
{
    (void)state;
    static const char text[] =
        "{\"big\":10000000000000000000,\"n\":7,\"list\":[-3,0.5,{\"deep\":9007199254740991}],"
        "\"negative\":-10000000000000000000,\"edge\":9007199254740992,\"text\":\"1\"}";
    SCOPED(json_release_p) json_t *tree = NULL;
    assert_int_equal(strict_json_load(&tree, text, sizeof(text) - 1, 4, NULL), 0);
    assert_true(json_is_real(json_object_get(tree, "big")));
    assert_true(json_number_value(json_object_get(tree, "big")) > 9.9e18);
    assert_true(json_number_value(json_object_get(tree, "negative")) < -9.9e18);
    assert_true(json_is_integer(json_object_get(tree, "n")));
    assert_int_equal(json_integer_value(json_object_get(tree, "n")), 7);
    json_t *list = json_object_get(tree, "list");
    assert_int_equal(json_integer_value(json_array_get(list, 0)), -3);
    assert_true(json_is_real(json_array_get(list, 1)));
    assert_true(json_integer_value(json_object_get(json_array_get(list, 2), "deep")) ==
                INT64_C(9007199254740991));
    assert_true(json_is_real(json_object_get(tree, "edge")));
    assert_true(json_is_string(json_object_get(tree, "text")));

    /* Keys keep their order, and 64-bit integers are exact where none is too big. */
    assert_string_equal(json_object_iter_key(json_object_iter(tree)), "big");
    SCOPED(json_release_p) json_t *exact = NULL;
    assert_int_equal(strict_json_load(&exact, "[9223372036854775807]", 21, 1, NULL), 0);
    assert_true(json_integer_value(json_array_get(exact, 0)) == INT64_MAX);
}

static void the_second_reading_is_as_strict_as_the_first(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[10000000000000000000,]",
        "{\"a\":10000000000000000000,\"a\":1}",
        "[10000000000000000000,1e400]",
        "[10000000000000000000] x",
    };
    for (size_t i = 0; i < N(bad); i++) {
        struct error err = {0};
        json_t *tree = NULL;
        assert_int_equal(strict_json_load(&tree, bad[i], strlen(bad[i]), 4, &err), -EINVAL);
        assert_null(tree);
        assert_non_null(strstr(err.text, "line 1 column"));
    }
}

static void strings_are_escaped_so_that_any_bytes_make_valid_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        /* clang-format off */
        { "",                      "\"\"" },
        { "plain",                 "\"plain\"" },
        { "\"\\/",                 "\"\\\"\\\\/\"" },
        { "a\nb\rc\td",            "\"a\\nb\\rc\\td\"" },
        { "\x01\x1f\x7f",          "\"\\u0001\\u001f\\u007f\"" },
        { "\xc2\x9b" "31m",        "\"\\u009b31m\"" },
        { "\xc2\xa0",              "\"\xc2\xa0\"" },
        { "상승 \xf0\x9f\x98\x80", "\"상승 \xf0\x9f\x98\x80\"" },
        { "\xff",                  "\"\xef\xbf\xbd\"" },
        { "a\xec\x83",             "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xed\xa0\x80",          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc3(",                 "\"\xef\xbf\xbd(\"" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(buf_free) struct buf b = BUF_INIT(200);
        buf_add_json_string(&b, cases[i].text);
        assert_string_equal(buf_text(&b), cases[i].want);
    }
    /* Every two bytes there are, read back by the strict reader. */
    for (int i = 1; i < 256; i++) {
        SCOPED(buf_free) struct buf b = BUF_INIT(20000);
        buf_add_char(&b, '[');
        for (int j = 1; j < 256; j++) {
            const char text[] = {(char)i, (char)j, '\0'};
            buf_add_text(&b, j > 1 ? "," : "");
            buf_add_json_string(&b, text);
        }
        buf_add_char(&b, ']');
        assert_false(buf_failed(&b));
        struct error err = {0};
        SCOPED(json_release_p) json_t *tree = NULL;
        if (strict_json_load(&tree, b.data, b.len, 1, &err) != 0)
            fail_msg("first byte %#x: %s", (unsigned)i, err.text);
    }
}

static void a_dump_is_compact_in_order_and_reads_back_equal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        /* clang-format off */
        { "{ \"z\" : 1, \"a\" : [ ] , \"m\" : { } }", "{\"z\":1,\"a\":[],\"m\":{}}" },
        { "[0.1, 1.0, -0.0, 1e300, 3, -9223372036854775808]", "[0.1,1.0,-0.0,1e+300,3,-9223372036854775808]" },
        { "[true, false, null, \"a\\u0001\\\"\\n\"]", "[true,false,null,\"a\\u0001\\\"\\n\"]" },
        { "{\"\\u0002\\\"\":\"\\ud83d\\ude00\"}", "{\"\\u0002\\\"\":\"\xf0\x9f\x98\x80\"}" },
        { "[9007199254740992.0, 1e15]", "[9007199254740992.0,1000000000000000.0]" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(json_release_p) json_t *tree = NULL;
        SCOPED(json_release_p) json_t *again = NULL;
        assert_int_equal(strict_json_load(&tree, cases[i].text, strlen(cases[i].text), 4, NULL), 0);
        SCOPED(buf_free) struct buf b = BUF_INIT(1000);
        buf_add_json(&b, tree);
        assert_string_equal(buf_text(&b), cases[i].want);
        assert_int_equal(strict_json_load(&again, b.data, b.len, 4, NULL), 0);
        assert_true(json_equal(tree, again));
    }
}

static void a_dump_that_does_not_fit_marks_the_buffer(void **state)
{
    (void)state;
    SCOPED(json_release_p) json_t *tree = NULL;
    assert_int_equal(strict_json_load(&tree, "[1.5,{\"a\":\"bcdef\"}]", 19, 4, NULL), 0);
    for (size_t max = 0; max < 19; max++) {
        SCOPED(buf_free) struct buf b = BUF_INIT(max);
        buf_add_json(&b, tree);
        assert_true(buf_failed(&b));
        assert_true(b.len <= max);
    }
    SCOPED(buf_free) struct buf b = BUF_INIT(19);
    buf_add_json(&b, tree);
    assert_false(buf_failed(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_arrays_are_read),
        cmocka_unit_test(surprises_are_refused_with_their_place),
        cmocka_unit_test(only_the_given_bytes_are_read),
        cmocka_unit_test(nesting_is_limited_to_the_very_level),
        cmocka_unit_test(a_million_brackets_are_refused_at_the_first_too_many),
        cmocka_unit_test(integers_beyond_64_bits_come_as_reals_and_leave_the_others_alone),
        cmocka_unit_test(the_second_reading_is_as_strict_as_the_first),
        cmocka_unit_test(strings_are_escaped_so_that_any_bytes_make_valid_json),
        cmocka_unit_test(a_dump_is_compact_in_order_and_reads_back_equal),
        cmocka_unit_test(a_dump_that_does_not_fit_marks_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
