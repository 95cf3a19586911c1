/* Bodies that are refused, by both parsers alike: each error names the place. */
#include "relay/alert/alert.h"
#include "relay/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct alert_limits limits = {.alerts = 3, .labels = 4, .depth = 16};

/* Parses a copy whose memory ends with the body, so that a sanitizer sees a read past it. A version
 * is in every body here, for Alertmanager's parser. */
static int parse(enum alert_format format, const char *body, size_t len, struct error *err)
{
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, body, len);
    struct notification *n = NULL;
    *err = (struct error){0};
    int rc = notification_parse(&n, format, exact, len, &limits, err);
    assert_int_equal(rc == 0, n != NULL);
    notification_free(n);
    free(exact);
    for (const char *c = err->text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            fail_msg("a control character in the error: %s", err->text);
    return rc;
}

static void refuse(const char *name, const char *body, size_t len, const char *want)
{
    static const enum alert_format formats[] = {ALERT_FORMAT_GRAFANA, ALERT_FORMAT_ALERTMANAGER};
    for (size_t i = 0; i < 2; i++) {
        struct error err;
        int rc = parse(formats[i], body, len, &err);
        if (rc != -EINVAL || strncmp(err.text, want, strlen(want)) != 0)
            fail_msg("%s, %s: %d \"%s\", want \"%s\"", name, alert_format_text(formats[i]), rc,
                     err.text, want);
    }
}

#define BODY(alerts) "{\"version\":\"4\",\"alerts\":" alerts "}"
#define GOOD         "{\"status\":\"firing\",\"fingerprint\":\"f\",\"labels\":{}}"
#define BAD(fields)  BODY("[" GOOD ",{\"status\":\"firing\",\"fingerprint\":\"f\"" fields "}]")
#define LABELS(text) BAD(",\"labels\":" text)
#define TIME(text)   BAD(",\"labels\":{},\"startsAt\":" text)
#define KEY_OF_60    "k23456789012345678901234567890123456789012345678901234567890"

/* clang-format off */
static const struct {
    const char *name, *body, *want; /* want: how the error begins */
} bad[] = {
    {"nothing", "", "line 1 column 1: "},
    {"blanks", "  \n ", "line "},
    {"text", "drift", "line 1 "},
    {"an array", "[]", "the body: an object is wanted, not an array"},
    {"an array of a body", "[" BODY("[" GOOD "]") "]", "the body: an object is wanted"},
    {"a string", "\"alerts\"", "line 1 "},
    {"null", "null", "line 1 "},
    {"half an object", "{\"alerts\":[", "line 1 "},
    {"half a string", "{\"alerts\":\"", "line 1 "},
    {"bytes behind", BODY("[" GOOD "]") "x", "line 1 "},
    {"a second body", BODY("[" GOOD "]") BODY("[" GOOD "]"), "line 1 "},
    {"a byte order mark", "\xEF\xBB\xBF" BODY("[" GOOD "]"), "line 1 "},
    {"a comment", "/* */" BODY("[" GOOD "]"), "line 1 "},
    {"a comma too much", BODY("[" GOOD ",]"), "line 1 "},
    {"single quotes", "{'alerts':[]}", "line 1 "},
    {"the same key twice at the top", "{\"version\":\"4\",\"alerts\":[" GOOD "],\"alerts\":[" GOOD "]}", "line 1 "},
    {"the same label twice", LABELS("{\"model\":\"a\",\"model\":\"b\"}"), "line 1 "},
    {"the same label twice, once escaped", LABELS("{\"model\":\"a\",\"mode\\u006c\":\"b\"}"), "line 1 "},
    {"the same key twice in what is not read", "{\"version\":\"4\",\"x\":{\"a\":1,\"a\":2},\"alerts\":[" GOOD "]}", "line 1 "},
    {"NaN", BAD(",\"labels\":{},\"values\":{\"A\":NaN}"), "line 1 "},
    {"infinity", BAD(",\"labels\":{},\"values\":{\"A\":-Infinity}"), "line 1 "},
    {"1e400", BAD(",\"labels\":{},\"values\":{\"A\":1e400}"), "line 1 "},
    {"1e400 in what is not read", "{\"version\":\"4\",\"x\":1e400,\"alerts\":[" GOOD "]}", "line 1 "},
    {"a number with a leading zero", "{\"version\":\"4\",\"x\":01,\"alerts\":[" GOOD "]}", "line 1 "},
    {"UTF-8 that is none", LABELS("{\"model\":\"\xFF\"}"), "line 1 "},
    {"UTF-8 cut short", LABELS("{\"model\":\"\xEC\x83\"}"), "line 1 "},
    {"UTF-8 longer than needed", LABELS("{\"model\":\"\xC0\xAF\"}"), "line 1 "},
    {"a surrogate in UTF-8", LABELS("{\"model\":\"\xED\xA0\x80\"}"), "line 1 "},
    {"an escaped lone surrogate", LABELS("{\"model\":\"\\ud83d\"}"), "line 1 "},
    {"an escaped NUL in a value", LABELS("{\"model\":\"a\\u0000b\"}"), "line 1 "},
    {"an escaped NUL in a name", LABELS("{\"a\\u0000b\":\"x\"}"), "line 1 "},
    {"a raw newline in a string", LABELS("{\"model\":\"a\nb\"}"), "line "},
    {"depth 17 in what is not read", "{\"version\":\"4\",\"alerts\":[" GOOD "],\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "line 1 column 96: nested too deeply"},

    {"alerts missing", "{\"version\":\"4\"}", "alerts: is missing"},
    {"an empty object of alerts", BODY("{}"), "alerts: an array is wanted, not an object"},
    {"alerts null", BODY("null"), "alerts: an array is wanted, not null"},
    {"no alerts", BODY("[]"), "alerts: must not be empty"},
    {"one alert more than the limit", BODY("[" GOOD "," GOOD "," GOOD "," GOOD "]"), "alerts: 4 alerts, and at most 3 are taken"},
    {"an alert that is null", BODY("[" GOOD ",null]"), "alerts[1]: an object is wanted, not null"},
    {"an alert that is an array", BODY("[" GOOD "," GOOD ",[]]"), "alerts[2]: an object is wanted, not an array"},
    {"an empty alert", BODY("[{}]"), "alerts[0].status: is missing"},
    {"another status", BODY("[{\"status\":\"suppressed\"}]"), "alerts[0].status: \"firing\" or \"resolved\" is wanted"},
    {"a status in another case", BODY("[{\"status\":\"Firing\"}]"), "alerts[0].status: \"firing\" or"},
    {"fingerprint missing", BODY("[{\"status\":\"firing\",\"labels\":{}}]"), "alerts[0].fingerprint: is missing"},
    {"fingerprint empty", BODY("[{\"status\":\"firing\",\"fingerprint\":\"\",\"labels\":{}}]"), "alerts[0].fingerprint: must not be empty"},
    {"labels missing", BAD(""), "alerts[1].labels: is missing"},
    {"one label more than the limit", LABELS("{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\",\"e\":\"\"}"), "alerts[1].labels: 5 entries, and at most 4 are taken"},
    {"one annotation more than the limit", BAD(",\"labels\":{},\"annotations\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\",\"e\":\"\"}"), "alerts[1].annotations: 5 entries, and at most 4 are taken"},
    {"a label that is a number", LABELS("{\"a\":\"\",\"model\":7}"), "alerts[1].labels.model: a string is wanted, not a number"},
    {"a label that is null", LABELS("{\"model\":null}"), "alerts[1].labels.model: a string is wanted, not null"},
    {"a label that is an object", LABELS("{\"model\":{}}"), "alerts[1].labels.model: a string is wanted, not an object"},
    {"an annotation that is a boolean", BAD(",\"labels\":{},\"annotations\":{\"summary\":true}"), "alerts[1].annotations.summary: a string is wanted, not a boolean"},
    {"a label's name with a newline", LABELS("{\"a\\nb\\u007f\":7}"), "alerts[1].labels.a?b?: a string"},
    {"a label's name that is empty", LABELS("{\"\":7}"), "alerts[1].labels.: a string"},
    {"a label's name of 64 bytes", LABELS("{\"" KEY_OF_60 "abcd\":7}"), "alerts[1].labels." KEY_OF_60 "abcd: a string"},
    {"a label's name of 65 bytes", LABELS("{\"" KEY_OF_60 "abcde\":7}"), "alerts[1].labels." KEY_OF_60 "abcd: a string"},
    {"a long name is cut between characters", LABELS("{\"" KEY_OF_60 "ab\xEC\x83\x81x\":7}"), "alerts[1].labels." KEY_OF_60 "ab: a string"},

    {"a date without time", TIME("\"2026-11-23\""), "alerts[1].startsAt: an RFC 3339 time is wanted"},
    {"a time without zone", TIME("\"2026-11-23T05:29:24\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"month 13", TIME("\"2026-13-23T05:29:24Z\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"29 February of 2026", TIME("\"2026-02-29T05:29:24Z\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"hour 24", TIME("\"2026-11-23T24:00:00Z\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"year 0", TIME("\"0000-01-01T00:00:00Z\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"year 10000", TIME("\"10000-01-01T00:00:00Z\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"an empty time", TIME("\"\""), "alerts[1].startsAt: an RFC 3339 time"},
    {"bytes behind a time", TIME("\"2026-11-23T05:29:24Z \""), "alerts[1].startsAt: an RFC 3339 time"},
    {"unix seconds", TIME("1795411764"), "alerts[1].startsAt: a string is wanted, not a number"},
    {"a bad end", BAD(",\"labels\":{},\"endsAt\":\"soon\""), "alerts[1].endsAt: an RFC 3339 time is wanted"},
    {"truncatedAlerts negative", "{\"version\":\"4\",\"truncatedAlerts\":-1,\"alerts\":[" GOOD "]}", "truncatedAlerts: must not be negative"},
    {"truncatedAlerts a fraction", "{\"version\":\"4\",\"truncatedAlerts\":0.5,\"alerts\":[" GOOD "]}", "truncatedAlerts: an integer is wanted, not a fraction"},
};
/* clang-format on */

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuse(bad[i].name, bad[i].body, strlen(bad[i].body), bad[i].want);
}

static void a_raw_nul_is_refused_wherever_it_is(void **state)
{
    (void)state;
    static const char good[] = BODY("[" GOOD "]");
    char body[sizeof(good)];
    for (size_t i = 0; i < strlen(good); i++) {
        memcpy(body, good, sizeof(good));
        body[i] = '\0';
        refuse("a NUL", body, strlen(good), "line 1 ");
    }
    refuse("a NUL behind", good, sizeof(good), "line 1 ");
}

static void limits_are_the_most_that_is_taken(void **state)
{
    (void)state;
    static const char full[] = "{\"version\":\"4\",\"alerts\":[" GOOD "," GOOD
                               ",{\"status\":\"firing\",\"fingerprint\":\"f\",\"labels\":{\"a\":"
                               "\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"},"
                               "\"annotations\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}}],"
                               "\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}";
    struct error err;
    assert_int_equal(parse(ALERT_FORMAT_GRAFANA, full, strlen(full), &err), 0);
    assert_int_equal(parse(ALERT_FORMAT_ALERTMANAGER, full, strlen(full), &err), 0);
}

/* --- every field with every type ----------------------------------------------------------------
 */

enum { IS_OBJECT = 1, IS_ARRAY = 2, IS_STRING = 4, IS_NUMBER = 8, IS_BOOLEAN = 16, IS_NULL = 32 };

/* clang-format off */
static const struct {
    const char *place, *map, *key; /* map NULL: of the alert; place of a top field has no dot */
    unsigned taken;                /* types that Grafana's parser takes */
} fields[] = {
    {"receiver", NULL, "receiver", IS_STRING},
    {"groupKey", NULL, "groupKey", IS_STRING},
    {"externalURL", NULL, "externalURL", IS_STRING},
    {"truncatedAlerts", NULL, "truncatedAlerts", IS_NUMBER},
    {"alerts", NULL, "alerts", 0},
    {"alerts[0].status", NULL, "status", 0},
    {"alerts[0].fingerprint", NULL, "fingerprint", IS_STRING},
    {"alerts[0].labels", NULL, "labels", IS_OBJECT},
    {"alerts[0].annotations", NULL, "annotations", IS_OBJECT},
    {"alerts[0].startsAt", NULL, "startsAt", 0},
    {"alerts[0].endsAt", NULL, "endsAt", 0},
    {"alerts[0].generatorURL", NULL, "generatorURL", IS_STRING},
    {"alerts[0].ruleUID", NULL, "ruleUID", IS_STRING},
    {"alerts[0].values", NULL, "values", IS_OBJECT | IS_NULL},
    {"alerts[0].labels.model", "labels", "model", IS_STRING},
    {"alerts[0].annotations.summary", "annotations", "summary", IS_STRING},
    {"alerts[0].values.A", "values", "A", IS_NUMBER | IS_NULL},
    {"status", NULL, "status", ~0U}, /* of the group: not read */
    {"state", NULL, "state", ~0U},
    {"version", NULL, "version", ~0U},
    {"orgId", NULL, "orgId", ~0U},
    {"commonLabels", NULL, "commonLabels", ~0U},
    {"groupLabels", NULL, "groupLabels", ~0U},
    {"alerts[0].valueString", NULL, "valueString", ~0U},
    {"alerts[0].silenceURL", NULL, "silenceURL", ~0U},
    {"alerts[0].unheardOf", NULL, "unheardOf", ~0U},
};
static const struct {
    unsigned bit;
    const char *text;
} types[] = {
    {IS_OBJECT, "{}"}, {IS_ARRAY, "[]"}, {IS_STRING, "\"text\""}, {IS_NUMBER, "7"},
    {IS_BOOLEAN, "true"}, {IS_BOOLEAN, "false"}, {IS_NULL, "null"},
};
/* clang-format on */

static void set_field(json_t *body, size_t field, const char *value)
{
    json_t *at = body;
    if (strchr(fields[field].place, '.') != NULL)
        at = json_array_get(json_object_get(body, "alerts"), 0);
    if (fields[field].map != NULL)
        at = json_object_get(at, fields[field].map);
    json_t *any = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_int_equal(json_object_set_new(at, fields[field].key, any), 0);
}

static void every_field_takes_its_types_and_no_other(void **state)
{
    (void)state;
    static const char good[] =
        "{\"alerts\":[{\"status\":\"firing\",\"fingerprint\":\"f\",\"labels\":{\"model\":\"m\"},"
        "\"annotations\":{\"summary\":\"s\"},\"values\":{\"A\":1}}]}";
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
            json_t *body = json_loads(good, 0, NULL);
            set_field(body, i, types[k].text);
            SCOPED(free_p) char *text = json_dumps(body, JSON_COMPACT);
            json_decref(body);
            struct error err;
            int rc = parse(ALERT_FORMAT_GRAFANA, text, strlen(text), &err);
            bool taken = (fields[i].taken & types[k].bit) != 0;
            size_t len = strlen(fields[i].place);
            if (rc != (taken ? 0 : -EINVAL) ||
                (!taken && (strncmp(err.text, fields[i].place, len) != 0 || err.text[len] != ':')))
                fail_msg("%s = %s: %d \"%s\"", fields[i].place, types[k].text, rc, err.text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_raw_nul_is_refused_wherever_it_is),
        cmocka_unit_test(limits_are_the_most_that_is_taken),
        cmocka_unit_test(every_field_takes_its_types_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
