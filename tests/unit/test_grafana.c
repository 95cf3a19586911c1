/* Grafana's body, field by field, and the shape of 12.4 and later. */
#include "relay/alert/grafana.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct alert_limits limits = {.alerts = 1000, .labels = 64, .depth = 16};

static struct notification *parse(const char *body)
{
    struct notification *n = NULL;
    struct error err = {0};
    if (grafana_parse(&n, body, strlen(body), &limits, &err) != 0)
        fail_msg("%s: %s", body, err.text);
    return n;
}

#define ONE(fields) "{\"alerts\":[{\"status\":\"firing\",\"fingerprint\":\"f\"," fields "}]}"

static void the_least_that_is_taken(void **state)
{
    (void)state;
    struct notification *n = parse(ONE("\"labels\":{}"));
    assert_string_equal(n->receiver, "");
    assert_string_equal(n->group_key, "");
    assert_string_equal(n->external_url, "");
    assert_int_equal(n->n_alerts, 1);
    const struct alert *a = &n->alerts[0];
    assert_int_equal(a->kind, ALERT_FIRING);
    assert_string_equal(a->fingerprint, "f");
    assert_string_equal(a->alertname, "");
    assert_null(a->state_reason);
    assert_null(a->rule_uid);
    assert_true(a->starts_at == TIME_NONE && a->ends_at == TIME_NONE);
    assert_int_equal(a->n_labels + a->n_annotations + a->n_values, 0);
    notification_free(n);
}

/* A 12.3.0 body with what 12.4 adds: appVersion at the top, ruleUID in each alert. */
static void the_shape_of_12_4_names_the_rule(void **state)
{
    (void)state;
    json_t *body = json_load_file("tests/data/grafana/05-two-firing.body", 0, NULL);
    assert_non_null(body);
    json_object_set_new(body, "appVersion", json_string("12.4.3"));
    size_t i;
    json_t *alert;
    json_array_foreach(json_object_get(body, "alerts"), i, alert)
    {
        json_object_set_new(alert, "ruleUID", json_string(i == 0 ? "eew3y9bq1tzpcc" : ""));
        json_object_set_new(alert, "enrichments", json_pack("[{s:[i]}]", "x", 1));
    }
    char *text = json_dumps(body, JSON_COMPACT);
    struct notification *n = parse(text);
    assert_string_equal(n->alerts[0].rule_uid, "eew3y9bq1tzpcc");
    assert_string_equal(n->alerts[1].rule_uid, "drift-features"); /* an empty one is none */
    notification_free(n);
    free(text);
    json_decref(body);
}

#define URL(text) ",\"generatorURL\":\"" text "\""

/* clang-format off */
static const struct {
    const char *name, *body, *want;
} uid_cases[] = {
    {"ruleUID wins", ONE("\"ruleUID\":\"a\",\"labels\":{\"rule_uid\":\"b\"},\"annotations\":{\"rule_uid\":\"c\"}" URL("http://g/alerting/grafana/d/view")), "a"},
    {"then the label", ONE("\"labels\":{\"rule_uid\":\"b\"},\"annotations\":{\"rule_uid\":\"c\"}" URL("http://g/alerting/grafana/d/view")), "b"},
    {"then the annotation", ONE("\"labels\":{\"rule_uid\":\"\"},\"annotations\":{\"rule_uid\":\"c\"}" URL("http://g/alerting/grafana/d/view")), "c"},
    {"then the URL", ONE("\"ruleUID\":\"\",\"labels\":{}" URL("http://g/alerting/grafana/d_-9Z/view?orgId=1")), "d_-9Z"},
    {"Grafana below a path", ONE("\"labels\":{}" URL("https://x/grafana/alerting/grafana/uid/view?orgId=1")), "uid"},
    {"an escaped slash is a slash", ONE("\"labels\":{}" URL("https:\\/\\/x\\/alerting\\/grafana\\/uid\\/view")), "uid"},
    {"no view", ONE("\"labels\":{}" URL("http://g/alerting/grafana/uid")), NULL},
    {"another page", ONE("\"labels\":{}" URL("http://g/alerting/grafana/uid/edit")), NULL},
    {"an empty UID", ONE("\"labels\":{}" URL("http://g/alerting/grafana//view")), NULL},
    {"a UID of other bytes", ONE("\"labels\":{}" URL("http://g/alerting/grafana/a%20b/view")), NULL},
    {"a test alert's URL", ONE("\"labels\":{}" URL("?orgId=1")), NULL},
    {"an empty URL", ONE("\"labels\":{}" URL("")), NULL},
};
/* clang-format on */

static void the_rule_is_found_where_it_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(uid_cases) / sizeof(uid_cases[0]); i++) {
        struct notification *n = parse(uid_cases[i].body);
        const char *got = n->alerts[0].rule_uid;
        if ((got == NULL) != (uid_cases[i].want == NULL) ||
            (got != NULL && strcmp(got, uid_cases[i].want) != 0))
            fail_msg("%s: got %s", uid_cases[i].name, got == NULL ? "NULL" : got);
        notification_free(n);
    }
}

static void values_are_numbers_by_ref_and_may_be_null(void **state)
{
    (void)state;
    struct notification *n =
        parse(ONE("\"labels\":{},\"values\":{\"C\":1,\"A\":0.25,\"D\":null,\"B\":-1e3}"));
    const struct alert *a = &n->alerts[0];
    assert_int_equal(a->n_values, 3);
    assert_string_equal(a->values[0].ref, "A");
    assert_true(a->values[0].number >= 0.25 && a->values[0].number <= 0.25);
    assert_string_equal(a->values[1].ref, "B");
    assert_true(a->values[1].number >= -1000 && a->values[1].number <= -1000);
    assert_string_equal(a->values[2].ref, "C");
    assert_true(a->values[2].number >= 1 && a->values[2].number <= 1);
    notification_free(n);

    n = parse(ONE("\"labels\":{},\"values\":null"));
    assert_int_equal(n->alerts[0].n_values, 0);
    notification_free(n);
    n = parse(ONE("\"labels\":{},\"values\":{}"));
    assert_int_equal(n->alerts[0].n_values, 0);
    notification_free(n);
}

static void alerts_of_one_body_share_nothing(void **state)
{
    (void)state;
#define ALERT(x, number)                                                                           \
    "{\"status\":\"firing\",\"fingerprint\":\"" x "\",\"labels\":{\"l\":\"" x "\"},"               \
    "\"annotations\":{\"a\":\"" x "\"},\"values\":{\"A\":" number "}"                              \
    ",\"generatorURL\":\"http://g/alerting/grafana/" x "/view\"}"
    struct notification *n =
        parse("{\"alerts\":[" ALERT("one", "1") "," ALERT("two2", "2") "," ALERT("x", "3") "]}");
    static const char *const want[] = {"one", "two2", "x"};
    assert_int_equal(n->n_alerts, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct alert *a = &n->alerts[i];
        assert_string_equal(a->fingerprint, want[i]);
        assert_string_equal(a->rule_uid, want[i]);
        assert_string_equal(label_value(a->labels, a->n_labels, "l"), want[i]);
        assert_string_equal(label_value(a->annotations, a->n_annotations, "a"), want[i]);
        assert_int_equal(a->n_values, 1);
        assert_int_equal((int)a->values[0].number, i + 1);
    }
    notification_free(n);
#undef ALERT
}

/* clang-format off */
static const struct {
    const char *text;
    int64_t want;
} times[] = {
    {"2026-11-23T05:29:24Z", INT64_C(1795411764000)},
    {"2026-11-23T07:29:24+02:00", INT64_C(1795411764000)},
    {"2026-11-22T23:59:24-05:30", INT64_C(1795411764000)},
    {"2026-11-23T05:29:24.806036742Z", INT64_C(1795411764806)},
    {"1970-01-01T00:00:00Z", 0},
    {"0001-01-01T00:00:00Z", TIME_NONE},
    {"0001-01-01T00:00:01Z", INT64_C(-62135596799000)},
};
/* clang-format on */

static void times_have_offsets_and_gos_zero_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char body[256];
        int written =
            snprintf(body, sizeof(body), ONE("\"labels\":{},\"startsAt\":\"%s\",\"endsAt\":\"%s\""),
                     times[i].text, times[i].text);
        assert_true(written > 0 && (size_t)written < sizeof(body));
        struct notification *n = parse(body);
        assert_true(n->alerts[0].starts_at == times[i].want);
        assert_true(n->alerts[0].ends_at == times[i].want);
        notification_free(n);
    }
}

static void text_arrives_as_it_was_meant(void **state)
{
    (void)state;
    struct notification *n =
        parse("{\"receiver\":\"a\\\\.b\",\"groupKey\":\"{}:{x=\\\"y\\\"}\",\"alerts\":["
              "{\"status\":\"firing\",\"fingerprint\":\"f\",\"labels\":{"
              "\"z\":\"\\u003c\\u0026\\u003e\",\"a\":\"\\ud83d\\ude00\","
              "\"\xEB\xAA\xA8\xEB\x8D\xB8\":\"\xEC\x83\x81\","
              "\"B\":\"\",\"alertname\":\"A\\nB\"}}],\"truncatedAlerts\":7}");
    assert_string_equal(n->receiver, "a\\.b");
    assert_string_equal(n->group_key, "{}:{x=\"y\"}");
    assert_int_equal(n->truncated_alerts, 7);
    const struct alert *a = &n->alerts[0];
    static const struct label want[] = {{"B", ""},
                                        {"a", "\xF0\x9F\x98\x80"},
                                        {"alertname", "A\nB"},
                                        {"z", "<&>"},
                                        {"\xEB\xAA\xA8\xEB\x8D\xB8", "\xEC\x83\x81"}};
    assert_int_equal(a->n_labels, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(a->labels[i].name, want[i].name);
        assert_string_equal(a->labels[i].value, want[i].value);
        assert_string_equal(label_value(a->labels, a->n_labels, want[i].name), want[i].value);
    }
    assert_string_equal(a->alertname, "A\nB");
    notification_free(n);
}

/* --- allocation failures ------------------------------------------------------------------------
 */

static long allocations_left;

static void *failing_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void a_failing_allocation_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    static const char body[] = ONE("\"labels\":{\"a\":\"b\",\"c\":\"d\"},\"values\":{\"A\":0.5}");
    long n_allocations = 0;
    int rc = -1;
    json_set_alloc_funcs(failing_malloc, free);
    for (; rc != 0 && n_allocations < 1000; n_allocations++) {
        allocations_left = n_allocations;
        struct notification *n = NULL;
        struct error err = {0};
        rc = grafana_parse(&n, body, strlen(body), &limits, &err);
        assert_int_equal(rc == 0, n != NULL);
        assert_int_equal(rc == 0, err.text[0] == '\0');
        notification_free(n);
    }
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(rc, 0);
    assert_true(n_allocations > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_that_is_taken),
        cmocka_unit_test(the_shape_of_12_4_names_the_rule),
        cmocka_unit_test(the_rule_is_found_where_it_is_named),
        cmocka_unit_test(values_are_numbers_by_ref_and_may_be_null),
        cmocka_unit_test(alerts_of_one_body_share_nothing),
        cmocka_unit_test(times_have_offsets_and_gos_zero_is_none),
        cmocka_unit_test(text_arrives_as_it_was_meant),
        cmocka_unit_test(a_failing_allocation_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
