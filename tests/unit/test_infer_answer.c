#include "model/app/infer_answer.h"

#include "relay/base/scope.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define WITH(text) "{\"model_name\":\"m\",\"outputs\":[{\"data\":[\"" text "\"]}]}"

/* clang-format off */
static const struct {
    const char *name, *body;
    double up, down; /* up < 0: refused */
} cases[] = {
    { "as KServe writes it", WITH("{\\\"\\\\uc0c1\\\\uc2b9\\\": 0.63, \\\"\\\\ud558\\\\ub77d\\\": 0.37}"), 0.63, 0.37 },
    { "as UTF-8", WITH("{\\\"상승\\\": 0.25, \\\"하락\\\": 0.75}"), 0.25, 0.75 },
    { "in the other order", WITH("{\\\"하락\\\": 0.75, \\\"상승\\\": 0.25}"), 0.25, 0.75 },
    { "whole numbers", WITH("{\\\"상승\\\": 1, \\\"하락\\\": 0}"), 1, 0 },
    { "rounded by the server", WITH("{\\\"상승\\\": 0.333, \\\"하락\\\": 0.666}"), 0.333, 0.666 },
    { "one is missing", WITH("{\\\"상승\\\": 0.63}"), -1, 0 },
    { "a text for a number", WITH("{\\\"상승\\\": \\\"0.63\\\", \\\"하락\\\": 0.37}"), -1, 0 },
    { "null for a number", WITH("{\\\"상승\\\": null, \\\"하락\\\": 1}"), -1, 0 },
    { "above 1", WITH("{\\\"상승\\\": 1.5, \\\"하락\\\": -0.5}"), -1, 0 },
    { "both certain", WITH("{\\\"상승\\\": 1, \\\"하락\\\": 1}"), -1, 0 },
    { "neither", WITH("{\\\"상승\\\": 0, \\\"하락\\\": 0}"), -1, 0 },
    { "out of every range", WITH("{\\\"상승\\\": 1e999, \\\"하락\\\": 0}"), -1, 0 },
    { "an inner array", WITH("[0.63, 0.37]"), -1, 0 },
    { "an inner text that is no JSON", WITH("rise"), -1, 0 },
    { "an empty inner text", WITH(""), -1, 0 },
    { "numbers instead of BYTES", "{\"outputs\":[{\"data\":[0.63,0.37]}]}", -1, 0 },
    { "no data", "{\"outputs\":[{\"data\":[]}]}", -1, 0 },
    { "no outputs", "{\"outputs\":[]}", -1, 0 },
    { "outputs that are none", "{\"outputs\":7}", -1, 0 },
    { "an error", "{\"error\":\"no\"}", -1, 0 },
    { "an array", "[]", -1, 0 },
    { "a page", "<html>ok</html>", -1, 0 },
    { "nothing", "", -1, 0 },
    { "cut", "{\"outputs\":[{\"data\":[\"{", -1, 0 },
    { "a version that is no text", "{\"model_version\":3,\"outputs\":[{\"data\":[\"{\\\"상승\\\": 1, \\\"하락\\\": 0}\"]}]}", -1, 0 },
};

static const struct {
    const char *name, *body, *want;
} errors[] = {
    { "KServe's error", "{\"error\":\"model failed\"}", "model failed" },
    { "FastAPI's detail", "{\"detail\":\"Method Not Allowed\"}", "Method Not Allowed" },
    { "a list of details", "{\"detail\":[{\"msg\":\"x\"}]}", "" },
    { "an error that is no text", "{\"error\":7}", "" },
    { "a page", "<h1>Bad Gateway</h1>", "" },
    { "nothing", "", "" },
    { "an array", "[1]", "" },
};
/* clang-format on */

static void an_answer_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct forecast p;
        struct error err = {0};
        int r = infer_answer_read(&p, cases[i].body, strlen(cases[i].body), &err);
        if (cases[i].up < 0 ? r == 0 || err.text[0] == '\0'
                            : r != 0 || fabs(p.up - cases[i].up) + fabs(p.down - cases[i].down) > 0)
            fail_msg("%s: %d %s", cases[i].name, r, err.text);
    }
}

static void name_and_version_are_kept_and_cut_at_whole_characters(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf body = BUF_INIT(4096);
    struct forecast p;
    struct error err = {0};
    buf_add_text(&body, "{\"model_name\":\"x");
    for (int i = 0; i < 100; i++)
        buf_add_text(&body, "상");
    buf_add_text(&body, "\",\"model_version\":\"7\",\"outputs\":[{\"data\":[\"{\\\"상승\\\":0.5,"
                        "\\\"하락\\\":0.5}\"]}]}");
    assert_int_equal(infer_answer_read(&p, body.data, body.len, &err), 0);
    assert_string_equal(p.version, "7");
    assert_int_equal(strlen(p.name), 1 + 42 * 3); /* 127 bytes, a 43rd would not fit */
}

static void a_null_version_is_none(void **state)
{
    (void)state;
    static const char body[] =
        "{\"model_name\":\"m\",\"model_version\":null,\"outputs\":[{\"data\":["
        "\"{\\\"상승\\\":0.5,\\\"하락\\\":0.5}\"]}]}";
    struct forecast p;
    struct error err = {0};
    assert_int_equal(infer_answer_read(&p, body, strlen(body), &err), 0);
    assert_string_equal(p.version, "");
    assert_string_equal(p.name, "m");
}

static void the_reason_of_an_error_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        char reason[INFER_REASON_MAX];
        infer_error_read(reason, errors[i].body, strlen(errors[i].body));
        if (strcmp(reason, errors[i].want) != 0)
            fail_msg("%s: %s", errors[i].name, reason);
    }
}

static void the_question_is_one_tensor(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf body = BUF_INIT(1024);
    infer_question(&body, 2480.5);
    assert_string_equal(buf_text(&body), "{\"inputs\":[{\"name\":\"today_close\",\"shape\":[1],"
                                         "\"datatype\":\"FP64\",\"data\":[2480.5]}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_or_refused),
        cmocka_unit_test(name_and_version_are_kept_and_cut_at_whole_characters),
        cmocka_unit_test(a_null_version_is_none),
        cmocka_unit_test(the_reason_of_an_error_is_found),
        cmocka_unit_test(the_question_is_one_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
