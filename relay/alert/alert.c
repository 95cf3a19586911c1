#include "relay/alert/alert.h"

#include "relay/alert/alertmanager.h"
#include "relay/alert/body.h"
#include "relay/alert/grafana.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void notification_free(struct notification *n)
{
    if (n != NULL)
        body_free(n->memory_);
}

void notification_free_p(struct notification **n)
{
    notification_free(*n);
}

static int compare_name(const void *name, const void *label)
{
    const struct label *l = label;
    return strcmp(name, l->name);
}

const char *label_value(const struct label *sorted, size_t n, const char *name)
{
    const struct label *found =
        n == 0 ? NULL : bsearch(name, sorted, n, sizeof(*sorted), compare_name);
    return found == NULL ? NULL : found->value;
}

/* Is word one of a comma-separated list such as "NoData, KeepLast"? */
static bool has_word(const char *list, const char *word)
{
    const char *at = list;
    while (at != NULL) {
        at += strspn(at, " ");
        size_t len = strcspn(at, ",");
        const char *next = at[len] == ',' ? at + len + 1 : NULL;
        while (len > 0 && at[len - 1] == ' ')
            len--;
        if (len == strlen(word) && memcmp(at, word, len) == 0)
            return true;
        at = next;
    }
    return false;
}

enum alert_kind alert_kind_of(bool resolved, const char *group_key, const char *alertname,
                              const char *state_reason)
{
    static const char test_group[] = "test-"; /* what Grafana's Test button sends */
    if (resolved)
        return ALERT_RESOLVED;
    if (strncmp(group_key, test_group, strlen(test_group)) == 0 ||
        strcmp(alertname, "TestAlert") == 0)
        return ALERT_TEST;
    if (strcmp(alertname, "DatasourceNoData") == 0 || has_word(state_reason, "NoData"))
        return ALERT_NO_DATA;
    if (strcmp(alertname, "DatasourceError") == 0 || has_word(state_reason, "Error"))
        return ALERT_ERROR;
    return ALERT_FIRING;
}

const char *alert_kind_text(enum alert_kind kind)
{
    switch (kind) {
    case ALERT_RESOLVED:
        return "resolved";
    case ALERT_TEST:
        return "test";
    case ALERT_NO_DATA:
        return "no_data";
    case ALERT_ERROR:
        return "error";
    case ALERT_FIRING:
        return "firing";
    }
    return "unknown";
}

const char *alert_format_text(enum alert_format format)
{
    switch (format) {
    case ALERT_FORMAT_GRAFANA:
        return "grafana";
    case ALERT_FORMAT_ALERTMANAGER:
        return "alertmanager";
    }
    return "unknown";
}

int notification_parse(struct notification **out, enum alert_format format, const char *body,
                       size_t len, const struct alert_limits *limits, struct error *err)
{
    switch (format) {
    case ALERT_FORMAT_GRAFANA:
        return grafana_parse(out, body, len, limits, err);
    case ALERT_FORMAT_ALERTMANAGER:
        return alertmanager_parse(out, body, len, limits, err);
    }
    return error_set(err, -EINVAL, "notification: no such format");
}
