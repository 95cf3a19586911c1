/* What an alert is: kinds, words, look-ups, and the choice of the parser. */
#include "relay/alert/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct {
    const char *name;
    bool resolved;
    const char *group_key, *alertname, *state_reason;
    enum alert_kind want;
} kinds[] = {
    {"a plain alert", false, "{}:{}", "Drift", NULL, ALERT_FIRING},
    {"no name, no group", false, "", "", NULL, ALERT_FIRING},
    {"an empty reason", false, "", "Drift", "", ALERT_FIRING},
    {"resolved", true, "{}:{}", "Drift", NULL, ALERT_RESOLVED},
    {"resolved by an edit", true, "{}:{}", "Drift", "Updated", ALERT_RESOLVED},
    {"resolved before test", true, "test-1-2", "TestAlert", NULL, ALERT_RESOLVED},
    {"resolved before no_data", true, "", "DatasourceNoData", "NoData", ALERT_RESOLVED},
    {"resolved before error", true, "", "DatasourceError", "Error", ALERT_RESOLVED},
    {"the Test button", false, "test-326ea703b01f6100-1795411756", "TestAlert", NULL, ALERT_TEST},
    {"the Test button with another name", false, "test-326ea703b01f6100-1795411756", "Drift", NULL, ALERT_TEST},
    {"TestAlert in another group", false, "{}:{}", "TestAlert", NULL, ALERT_TEST},
    {"test before no_data", false, "test-1-2", "DatasourceNoData", "NoData", ALERT_TEST},
    {"a group that only contains test-", false, "{}:{a=\"test-1\"}", "Drift", NULL, ALERT_FIRING},
    {"a group that begins almost so", false, "test", "Drift", NULL, ALERT_FIRING},
    {"TestAlert in another case", false, "", "testalert", NULL, ALERT_FIRING},
    {"a name that begins so", false, "", "TestAlerts", NULL, ALERT_FIRING},
    {"DatasourceNoData", false, "", "DatasourceNoData", NULL, ALERT_NO_DATA},
    {"noDataState Alerting", false, "", "Drift", "NoData", ALERT_NO_DATA},
    {"noDataState KeepLast", false, "", "Drift", "NoData, KeepLast", ALERT_NO_DATA},
    {"the word at the end", false, "", "Drift", "KeepLast, NoData", ALERT_NO_DATA},
    {"without blanks", false, "", "Drift", "KeepLast,NoData,x", ALERT_NO_DATA},
    {"with many blanks", false, "", "Drift", "  KeepLast ,  NoData  , x ", ALERT_NO_DATA},
    {"no_data before error", false, "", "Drift", "Error, NoData", ALERT_NO_DATA},
    {"DatasourceError", false, "", "DatasourceError", NULL, ALERT_ERROR},
    {"DatasourceError with NoData", false, "", "DatasourceError", "NoData", ALERT_NO_DATA},
    {"execErrState Alerting", false, "", "Drift", "Error", ALERT_ERROR},
    {"execErrState KeepLast", false, "", "Drift", "Error, KeepLast", ALERT_ERROR},
    {"a longer word", false, "", "Drift", "NoDatas", ALERT_FIRING},
    {"a word inside a word", false, "", "Drift", "MissingNoData", ALERT_FIRING},
    {"a word among words", false, "", "Drift", "Some Error", ALERT_FIRING},
    {"another case", false, "", "Drift", "nodata, error", ALERT_FIRING},
    {"commas alone", false, "", "Drift", ",, ,", ALERT_FIRING},
    {"blanks alone", false, "", "Drift", "   ", ALERT_FIRING},
    {"KeepLast alone", false, "", "Drift", "KeepLast", ALERT_FIRING},
};
/* clang-format on */

static void the_kind_is_the_first_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        enum alert_kind got = alert_kind_of(kinds[i].resolved, kinds[i].group_key,
                                            kinds[i].alertname, kinds[i].state_reason);
        if (got != kinds[i].want)
            fail_msg("%s: got %s", kinds[i].name, alert_kind_text(got));
    }
}

static void kinds_and_formats_have_words(void **state)
{
    (void)state;
    assert_string_equal(alert_kind_text(ALERT_RESOLVED), "resolved");
    assert_string_equal(alert_kind_text(ALERT_TEST), "test");
    assert_string_equal(alert_kind_text(ALERT_NO_DATA), "no_data");
    assert_string_equal(alert_kind_text(ALERT_ERROR), "error");
    assert_string_equal(alert_kind_text(ALERT_FIRING), "firing");
    assert_string_equal(alert_format_text(ALERT_FORMAT_GRAFANA), "grafana");
    assert_string_equal(alert_format_text(ALERT_FORMAT_ALERTMANAGER), "alertmanager");
}

static void a_label_is_found_by_its_whole_name(void **state)
{
    (void)state;
    static const struct label labels[] = {
        {"", "empty"}, {"A", "1"}, {"a", "2"}, {"ab", ""}, {"\xC3\xA9", "4"}};
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(label_value(labels, 5, labels[i].name), labels[i].value);
    assert_null(label_value(labels, 5, "abc"));
    assert_null(label_value(labels, 5, "B"));
    assert_null(label_value(labels, 5, "\xC3"));
    assert_null(label_value(labels, 1, "A"));
    assert_null(label_value(NULL, 0, "A"));
}

static void the_format_chooses_the_parser(void **state)
{
    (void)state;
    /* Only Alertmanager's parser wants version 4, only Grafana's looks at values. */
    static const char grafana[] =
        "{\"version\":\"1\",\"alerts\":[{\"status\":\"firing\",\"fingerprint\":\"f\","
        "\"labels\":{},\"values\":{\"A\":1}}]}";
    static const char alertmanager[] =
        "{\"version\":\"4\",\"alerts\":[{\"status\":\"firing\",\"fingerprint\":\"f\","
        "\"labels\":{},\"values\":7}]}";
    static const struct alert_limits limits = {.alerts = 1, .labels = 1, .depth = 4};
    struct notification *n = NULL;
    struct error err = {0};
    assert_int_equal(
        notification_parse(&n, ALERT_FORMAT_GRAFANA, grafana, strlen(grafana), &limits, &err), 0);
    assert_int_equal(n->alerts[0].n_values, 1);
    notification_free_p(&n);
    n = NULL;
    assert_int_equal(notification_parse(&n, ALERT_FORMAT_ALERTMANAGER, alertmanager,
                                        strlen(alertmanager), &limits, &err),
                     0);
    assert_int_equal(n->alerts[0].n_values, 0);
    notification_free(n);
    n = NULL;
    assert_int_equal(
        notification_parse(&n, ALERT_FORMAT_ALERTMANAGER, grafana, strlen(grafana), &limits, &err),
        -EINVAL);
    assert_string_equal(err.text, "version: \"4\" is wanted");
    assert_int_equal(notification_parse(&n, ALERT_FORMAT_GRAFANA, alertmanager,
                                        strlen(alertmanager), &limits, &err),
                     -EINVAL);
    assert_string_equal(err.text, "alerts[0].values: an object is wanted, not a number");
    assert_null(n);
}

static void nothing_can_be_freed(void **state)
{
    (void)state;
    struct notification *none = NULL;
    notification_free(NULL);
    notification_free_p(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kind_is_the_first_that_fits),
        cmocka_unit_test(kinds_and_formats_have_words),
        cmocka_unit_test(a_label_is_found_by_its_whole_name),
        cmocka_unit_test(the_format_chooses_the_parser),
        cmocka_unit_test(nothing_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
