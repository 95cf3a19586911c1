/* Alertmanager's body, version "4": recordings of Debian's 0.25.0 and bodies that are none. */
#include "relay/alert/alertmanager.h"

#include "relay/base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct alert_limits limits = {.alerts = 1000, .labels = 64, .depth = 16};

#define MA5  "66ce1a9e252f482d"
#define MA20 "ddb89a8116cce152"

/* clang-format off */
static const struct {
    const char *path;
    int64_t truncated;
    size_t n;
    struct {
        enum alert_kind kind;
        const char *fingerprint, *feature, *starts_at, *ends_at;
    } alerts[2];
} recorded[] = {
    {"tests/data/alertmanager/01-firing.body", 0, 1,
     {{ALERT_FIRING, MA5, "MA5", "2026-11-25T15:01:57.954Z", NULL}}},
    {"tests/data/alertmanager/02-two-firing.body", 0, 2,
     {{ALERT_FIRING, MA20, "MA20", "2026-11-25T15:02:00.962Z", NULL},
      {ALERT_FIRING, MA5, "MA5", "2026-11-25T15:01:57.954Z", NULL}}},
    {"tests/data/alertmanager/03-one-of-two-resolved.body", 0, 2,
     {{ALERT_FIRING, MA20, "MA20", "2026-11-25T15:02:00.962Z", NULL},
      {ALERT_RESOLVED, MA5, "MA5", "2026-11-25T15:01:57.954Z", "2026-11-25T15:02:03Z"}}},
    {"tests/data/alertmanager/04-all-resolved.body", 0, 1,
     {{ALERT_RESOLVED, MA20, "MA20", "2026-11-25T15:02:00.962Z", "2026-11-25T15:02:06Z"}}},
    {"tests/data/alertmanager/05-truncated.body", 1, 2,
     {{ALERT_FIRING, MA20, "MA20", "2026-11-25T15:02:09.991Z", NULL},
      {ALERT_FIRING, MA5, "MA5", "2026-11-25T15:02:09.991Z", NULL}}},
};
/* clang-format on */

static int64_t time_of(const char *text)
{
    int64_t ms = TIME_NONE;
    if (text != NULL)
        assert_int_equal(parse_rfc3339_ms(&ms, text, NULL), 0);
    return ms;
}

static struct notification *parse_file(const char *path)
{
    char body[8192];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: cannot be opened (tests run in the root of the source tree)", path);
    size_t len = fread(body, 1, sizeof(body), file);
    fclose(file);
    assert_true(len > 0 && len < sizeof(body));
    struct notification *n = NULL;
    struct error err = {0};
    if (alertmanager_parse(&n, body, len, &limits, &err) != 0)
        fail_msg("%s: %s", path, err.text);
    return n;
}

static void every_recording_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        struct notification *n = parse_file(recorded[i].path);
        assert_string_equal(n->receiver, "drift-relay");
        assert_string_equal(n->group_key, "{}:{alertname=\"FeatureDrift\", model=\"kospi\"}");
        assert_string_equal(n->external_url, "http://alertmanager:9093");
        assert_true(n->truncated_alerts == recorded[i].truncated);
        assert_int_equal(n->n_alerts, recorded[i].n);
        for (size_t k = 0; k < n->n_alerts; k++) {
            const struct alert *a = &n->alerts[k];
            assert_int_equal(a->kind, recorded[i].alerts[k].kind);
            assert_string_equal(a->fingerprint, recorded[i].alerts[k].fingerprint);
            assert_true(a->starts_at == time_of(recorded[i].alerts[k].starts_at));
            assert_true(a->ends_at == time_of(recorded[i].alerts[k].ends_at));
            assert_string_equal(a->alertname, "FeatureDrift");
            assert_int_equal(a->n_labels, 5);
            assert_string_equal(label_value(a->labels, a->n_labels, "feature"),
                                recorded[i].alerts[k].feature);
            assert_int_equal(a->n_annotations, 1);
            assert_string_equal(a->annotations[0].value,
                                "Drift of kospi <0.8> & \"more\": \xEC\x83\x81\xEC\x8A\xB9");
            assert_null(a->state_reason);
            assert_null(a->rule_uid);
            assert_int_equal(a->n_values, 0);
        }
        notification_free(n);
    }
}

#define WITH(top, alert)                                                                           \
    "{" top "\"alerts\":[{\"status\":\"firing\",\"fingerprint\":\"f\",\"labels\":{}" alert "}]}"

/* clang-format off */
static const struct {
    const char *name, *body, *want; /* want NULL: taken */
} versions[] = {
    {"version 4", WITH("\"version\":\"4\",", ""), NULL},
    {"version 3", WITH("\"version\":\"3\",", ""), "version: \"4\" is wanted"},
    {"Grafana's version", WITH("\"version\":\"1\",", ""), "version: \"4\" is wanted"},
    {"a longer version", WITH("\"version\":\"4.0\",", ""), "version: \"4\" is wanted"},
    {"an empty version", WITH("\"version\":\"\",", ""), "version: \"4\" is wanted"},
    {"no version", WITH("", ""), "version: is missing"},
    {"a number", WITH("\"version\":4,", ""), "version: a string is wanted, not a number"},
    {"null", WITH("\"version\":null,", ""), "version: a string is wanted, not null"},
    {"the version is told first", "{\"version\":\"3\",\"alerts\":7}", "version: \"4\" is wanted"},
    {"what Grafana alone sends is not looked at", WITH("\"version\":\"4\",", ",\"values\":7,\"ruleUID\":7"), NULL},
    {"faults of alerts are found", WITH("\"version\":\"4\",", ",\"startsAt\":7"), "alerts[0].startsAt: a string is wanted, not a number"},
};
/* clang-format on */

static void only_version_4_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct notification *n = NULL;
        struct error err = {0};
        int rc = alertmanager_parse(&n, versions[i].body, strlen(versions[i].body), &limits, &err);
        if (rc != (versions[i].want == NULL ? 0 : -EINVAL) ||
            strcmp(err.text, versions[i].want == NULL ? "" : versions[i].want) != 0)
            fail_msg("%s: %d %s", versions[i].name, rc, err.text);
        notification_free(n);
    }
}

/* Grafana can forward its own alerts to an Alertmanager: the rule is then named by the URL. */
static void a_rule_of_grafana_is_still_named(void **state)
{
    (void)state;
    static const char body[] = WITH(
        "\"version\":\"4\",", ",\"generatorURL\":\"http://g/alerting/grafana/drift-ma5/view\"");
    struct notification *n = NULL;
    assert_int_equal(alertmanager_parse(&n, body, strlen(body), &limits, NULL), 0);
    assert_string_equal(n->alerts[0].rule_uid, "drift-ma5");
    notification_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recording_is_read),
        cmocka_unit_test(only_version_4_is_taken),
        cmocka_unit_test(a_rule_of_grafana_is_still_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
