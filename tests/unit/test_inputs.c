#include "relay/github/inputs.h"

#include "relay/github/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define RELAY_ID "01JD0000000000000000000000"

static const struct label labels[] = {
    {"a", "a"},    {"alertname", "Drift"}, {"b", "b\nc\td"},
    {"empty", ""}, {"model", "kospi-v1"},  {"u", "상승"},
};
static const struct label annotations[] = {{"summary", "score is high"}};
static const struct alert_value values[] = {{"A", 0.8}, {"B", 1000000}, {"C", -0.0}};

static struct alert an_alert(void)
{
    return (struct alert){.kind = ALERT_FIRING,
                          .fingerprint = "fp1",
                          .alertname = "Drift",
                          .rule_uid = "uid1",
                          .starts_at = INT64_C(1764000000000),
                          .ends_at = TIME_NONE,
                          .labels = labels,
                          .n_labels = sizeof(labels) / sizeof(labels[0]),
                          .annotations = annotations,
                          .n_annotations = 1,
                          .values = values,
                          .n_values = 3};
}

/* 0, INPUTS_BAD, or -errno of either step; *out: caller frees. */
static int make_of(char **out, const struct alert *alert, const char *value, const char *pattern,
                   struct error *err)
{
    const struct input_spec spec = {"x", value, pattern};
    const struct input_context context = {
        .alert = alert, .route = "kospi", .key = "kospi/v1", .relay_id = RELAY_ID, .count = 3};
    struct inputs *in = NULL;

    int r = inputs_compile(&in, &spec, 1, err);
    if (r == 0)
        r = inputs_make(out, in, &context, err);
    inputs_free(in);
    return r;
}

/* clang-format off */
static const struct {
    const char *name, *value, *pattern, *want;
} made[] = {
    { "a literal", "churn", NULL, "{\"x\":\"churn\"}" },
    { "an empty literal", "", NULL, "{\"x\":\"\"}" },
    { "a label", "{label:model}", NULL, "{\"x\":\"kospi-v1\"}" },
    { "a label that is empty is there", "{label:empty}", NULL, "{\"x\":\"\"}" },
    { "text around and between", "<{label:a}|{label:model}>", NULL, "{\"x\":\"<a|kospi-v1>\"}" },
    { "an annotation", "{annotation:summary}", NULL, "{\"x\":\"score is high\"}" },
    { "a value", "{value:A}", NULL, "{\"x\":\"0.8\"}" },
    { "a large value", "{value:B}", NULL, "{\"x\":\"1000000\"}" },
    { "a negative zero", "{value:C}", NULL, "{\"x\":\"0\"}" },
    { "the alert's name", "{alertname}", NULL, "{\"x\":\"Drift\"}" },
    { "its start", "{starts_at}", NULL, "{\"x\":\"2025-11-24T16:00:00Z\"}" },
    { "its fingerprint", "{fingerprint}", NULL, "{\"x\":\"fp1\"}" },
    { "its rule", "{rule_uid}", NULL, "{\"x\":\"uid1\"}" },
    { "the route, the key, the request", "{route} {key} {relay_id}", NULL, "{\"x\":\"kospi kospi/v1 " RELAY_ID "\"}" },
    { "how many fire", "{count}", NULL, "{\"x\":\"3\"}" },
    { "a brace", "{{label:a}", NULL, "{\"x\":\"{label:a}\"}" },
    { "two braces", "{{{{", NULL, "{\"x\":\"{{\"}" },
    { "a brace before a placeholder", "{{{count}}", NULL, "{\"x\":\"{3}\"}" },
    { "a closing brace alone", "a}b", NULL, "{\"x\":\"a}b\"}" },
    { "line ends and tabs are stripped", "{label:b}", NULL, "{\"x\":\"bcd\"}" },
    { "they are stripped before matching", "{label:b}", "bcd", "{\"x\":\"bcd\"}" },
    { "a pattern that fits", "{label:model}", "[a-z0-9-]{1,64}", "{\"x\":\"kospi-v1\"}" },
    { "Korean", "{label:u}", NULL, "{\"x\":\"상승\"}" },
};

static const struct {
    const char *name, *value, *pattern, *says;
} impossible[] = {
    { "a label that is missing", "{label:nope}", NULL, "label nope" },
    { "an annotation that is missing", "{annotation:nope}", NULL, "annotation nope" },
    { "a label is no annotation", "{annotation:model}", NULL, "annotation model" },
    { "a value that is missing", "{value:D}", NULL, "value D" },
    { "a pattern that fits a part only", "{label:model}", "[a-z]+", "\"kospi-v1\" does not match [a-z]+" },
    { "nothing where something is wanted", "{label:empty}", ".+", "does not match" },
};

static const struct {
    const char *name, *input, *value, *pattern, *says;
} refused[] = {
    { "a placeholder that is none", "x", "{lable:model}", NULL, "{label:X} {annotation:X}" },
    { "Jinja with blanks", "x", "{ count }", NULL, "no placeholder" },
    { "upper case", "x", "{Count}", NULL, "no placeholder" },
    { "no placeholder at all", "x", "{}", NULL, "no placeholder" },
    { "a label without a name", "x", "{label:}", NULL, "no placeholder" },
    { "a label without even a colon", "x", "{label}", NULL, "no placeholder" },
    { "a count with an argument", "x", "{count:2}", NULL, "no placeholder" },
    { "a count with a colon", "x", "{count:}", NULL, "no placeholder" },
    { "a brace never closed", "x", "a{count", NULL, "no } closes" },
    { "a brace within", "x", "{label:{count}}", NULL, "no } closes" },
    { "a brace at the end", "x", "a{", NULL, "no } closes" },
    { "text that is no UTF-8", "x", "a\xff", NULL, "UTF-8" },
    { "no value", "x", NULL, NULL, "UTF-8" },
    { "a bad pattern", "x", "a", "\\d", "input x: pattern" },
    { "no name", NULL, "a", NULL, "a name" },
    { "an empty name", "", "a", NULL, "a name" },
    { "a digit first", "1x", "a", NULL, "a name" },
    { "a dash first", "-x", "a", NULL, "a name" },
    { "a blank in it", "a b", "a", NULL, "a name" },
    { "a quote in it", "a\"", "a", NULL, "a name" },
    { "letters past ASCII", "é", "a", NULL, "a name" },
    { "65 letters", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a", NULL, "a name" },
    { "the relay's own", "relay_id", "a", NULL, "by itself" },
    { "the relay's own, other case", "Relay_Id", "a", NULL, "by itself" },
};
/* clang-format on */

static void a_template_gives_its_value(void **state)
{
    const struct alert alert = an_alert();

    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        char *json = NULL;
        struct error err = {0};
        if (make_of(&json, &alert, made[i].value, made[i].pattern, &err) != 0)
            fail_msg("%s: %s", made[i].name, err.text);
        if (json == NULL || strcmp(json, made[i].want) != 0)
            fail_msg("%s: %s", made[i].name, json == NULL ? "nothing" : json);
        free(json);
    }
}

static void an_input_that_cannot_be_made_says_why(void **state)
{
    const struct alert alert = an_alert();

    (void)state;
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        char *json = NULL;
        struct error err = {0};
        if (make_of(&json, &alert, impossible[i].value, impossible[i].pattern, &err) != INPUTS_BAD)
            fail_msg("%s: made", impossible[i].name);
        assert_null(json);
        if (strstr(err.text, impossible[i].says) == NULL || strstr(err.text, "input x") == NULL)
            fail_msg("%s: %s", impossible[i].name, err.text);
    }
}

static void what_an_alert_may_lack_makes_an_input_impossible(void **state)
{
    static const char *const templates[] = {"{rule_uid}", "{starts_at}", "{alertname}"};
    struct alert alert = an_alert();

    (void)state;
    alert.rule_uid = NULL;
    alert.starts_at = TIME_NONE;
    alert.alertname = "";
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        char *json = NULL;
        assert_int_equal(make_of(&json, &alert, templates[i], NULL, NULL), INPUTS_BAD);
    }
}

static void a_bad_template_is_refused_when_compiled(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const struct input_spec spec = {refused[i].input, refused[i].value, refused[i].pattern};
        struct inputs *in = NULL;
        struct error err = {0};
        if (inputs_compile(&in, &spec, 1, &err) != -EINVAL)
            fail_msg("%s: taken", refused[i].name);
        assert_null(in);
        if (strstr(err.text, refused[i].says) == NULL)
            fail_msg("%s: %s", refused[i].name, err.text);
    }
}

static void a_name_stands_once_and_there_are_at_most_24(void **state)
{
    static char names[25][8];
    struct input_spec specs[25];
    const struct input_spec twice[] = {{"model", "a", NULL}, {"Model", "b", NULL}};
    struct inputs *in = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(inputs_compile(&in, twice, 2, &err), -EINVAL);
    assert_non_null(strstr(err.text, "named twice"));
    for (size_t i = 0; i < 25; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "i%zu", i);
        specs[i] = (struct input_spec){names[i], "v", NULL};
    }
    assert_int_equal(inputs_compile(&in, specs, 25, &err), -EINVAL);
    assert_null(in);
    assert_int_equal(inputs_compile(&in, specs, 24, &err), 0);
    assert_int_equal(inputs_count(in), 24);
    assert_string_equal(inputs_name(in, 23), "i23");
    inputs_free(in);
}

static void no_inputs_are_an_empty_object_and_order_is_kept(void **state)
{
    const struct input_spec specs[] = {{"z", "1", NULL}, {"a", "2", NULL}, {"m", "3", NULL}};
    const struct alert alert = an_alert();
    const struct input_context context = {.alert = &alert, .route = "", .key = "", .relay_id = ""};
    struct inputs *in = NULL;
    char *json = NULL;

    (void)state;
    assert_int_equal(inputs_compile(&in, NULL, 0, NULL), 0);
    assert_int_equal(inputs_make(&json, in, &context, NULL), 0);
    assert_string_equal(json, "{}");
    free(json);
    inputs_free(in);
    assert_int_equal(inputs_compile(&in, specs, 3, NULL), 0);
    assert_int_equal(inputs_make(&json, in, &context, NULL), 0);
    assert_string_equal(json, "{\"z\":\"1\",\"a\":\"2\",\"m\":\"3\"}");
    free(json);
    inputs_free(in);
}

static void one_bad_input_spoils_them_all(void **state)
{
    const struct input_spec specs[] = {{"good", "1", NULL}, {"bad", "{label:nope}", NULL}};
    const struct alert alert = an_alert();
    const struct input_context context = {.alert = &alert, .route = "", .key = "", .relay_id = ""};
    struct inputs *in = NULL;
    char *json = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(inputs_compile(&in, specs, 2, NULL), 0);
    assert_int_equal(inputs_make(&json, in, &context, &err), INPUTS_BAD);
    assert_null(json);
    assert_non_null(strstr(err.text, "input bad"));
    inputs_free(in);
}

static void the_largest_set_stays_within_githubs_limit(void **state)
{
    static char names[24][65], quotes[257];
    struct input_spec specs[24];
    const struct label one[] = {{"l", quotes}};
    struct alert alert = an_alert();
    const struct input_context context = {.alert = &alert, .route = "", .key = "", .relay_id = ""};
    struct inputs *in = NULL;
    char *json = NULL;

    (void)state;
    memset(quotes, '"', 256);
    alert.labels = one;
    alert.n_labels = 1;
    for (size_t i = 0; i < 24; i++) {
        memset(names[i], 'n', 64);
        names[i][0] = (char)('a' + i);
        specs[i] = (struct input_spec){names[i], "{label:l}", NULL};
    }
    assert_int_equal(inputs_compile(&in, specs, 24, NULL), 0);
    assert_int_equal(inputs_make(&json, in, &context, NULL), 0);
    assert_int_equal(strlen(json), 24 * (512 + 64 + 6) + 1);
    assert_true(strlen(json) <= INPUTS_JSON_MAX);
    free(json);
    inputs_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_gives_its_value),
        cmocka_unit_test(an_input_that_cannot_be_made_says_why),
        cmocka_unit_test(what_an_alert_may_lack_makes_an_input_impossible),
        cmocka_unit_test(a_bad_template_is_refused_when_compiled),
        cmocka_unit_test(a_name_stands_once_and_there_are_at_most_24),
        cmocka_unit_test(no_inputs_are_an_empty_object_and_order_is_kept),
        cmocka_unit_test(one_bad_input_spoils_them_all),
        cmocka_unit_test(the_largest_set_stays_within_githubs_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
