/* Memory that runs out while a notification is read: each allocation fails in turn. It is said to
 * be that, and never that what was sent is wrong, which nobody would send again. */
#include "relay/alert/alert.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/failing_memory.h"

static const char alertmanager_body[] =
    "{\"version\":\"4\",\"groupKey\":\"{}:{}\",\"truncatedAlerts\":0,\"status\":\"firing\","
    "\"receiver\":"
    "\"r\",\"groupLabels\":{},\"commonLabels\":{},\"commonAnnotations\":{},\"externalURL\":\"\","
    "\"alerts\":[{\"status\":\"firing\",\"labels\":{\"alertname\":\"Drift\",\"model\":\"k\\u00e9\"}"
    ","
    "\"annotations\":{\"summary\":\"a text that is longer than a small block of memory, in one "
    "piece\"},"
    "\"startsAt\":\"2025-11-24T00:00:00Z\",\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":"
    "\"http://localhost/graph\",\"fingerprint\":\"0123456789abcdef\"}]}";
static const char grafana_body[] =
    "{\"receiver\":\"relay\",\"status\":\"firing\",\"orgId\":1,\"groupKey\":\"{}\",\"externalURL\":"
    "\"\","
    "\"version\":\"1\",\"title\":\"t\",\"alerts\":[{\"status\":\"firing\",\"labels\":{"
    "\"alertname\":"
    "\"Drift\",\"action\":\"retrain\"},\"annotations\":{\"a\":\"b\"},\"values\":{\"A\":0.93,\"B\":"
    "99999999999999999999},\"generatorURL\":\"http://localhost/alerting/grafana/abc/view\","
    "\"fingerprint\":\"f\",\"startsAt\":\"2025-11-24T00:00:00Z\",\"endsAt\":\"0001-01-01T00:00:"
    "00Z\"}]}";

static size_t fail_each(enum alert_format format, const char *body)
{
    static const struct alert_limits limits = {.alerts = 100, .labels = 64, .depth = 16};
    for (size_t n = 1;; n++) {
        struct notification *content = NULL;
        struct error err = {0};
        allocations = 0;
        failing = n;
        int r = notification_parse(&content, format, body, strlen(body), &limits, &err);
        bool failed = allocations >= n;
        failing = 0;
        if (r != 0 && (r != -ENOMEM || !failed))
            fail_msg("allocation %zu: %d %s", n, r, err.text);
        assert_true((content != NULL) == (r == 0)); /* the words of a fault may do without memory */
        if (content != NULL)
            assert_int_equal(content->n_alerts, 1);
        notification_free(content);
        if (!failed)
            return n;
    }
}

static void a_body_that_no_memory_was_left_for_is_not_called_wrong(void **state)
{
    (void)state;
    assert_in_range(fail_each(ALERT_FORMAT_GRAFANA, grafana_body), 40, 1000);
    assert_in_range(fail_each(ALERT_FORMAT_ALERTMANAGER, alertmanager_body), 40, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_no_memory_was_left_for_is_not_called_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
