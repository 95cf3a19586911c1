/* alert.h - a notification as values: what Grafana and Alertmanager send, after parsing.
 *
 * Made by grafana.h or alertmanager.h from a body whose sender was verified. Immutable; owned by
 * whoever got it (notification_free). All strings are UTF-8, NUL-terminated, never NULL unless a
 * comment says so, and live as long as the notification. */
#ifndef RELAY_ALERT_ALERT_H
#define RELAY_ALERT_ALERT_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first that fits, in this order (see alert_kind_of). */
enum alert_kind {
    ALERT_RESOLVED, /* status resolved, whatever its name */
    ALERT_TEST,     /* groupKey begins with "test-", or alertname is TestAlert */
    ALERT_NO_DATA,  /* DatasourceNoData, or NoData in annotation grafana_state_reason */
    ALERT_ERROR,    /* DatasourceError, or Error there */
    ALERT_FIRING,
};

struct label {
    const char *name, *value;
};

/* values of a Grafana alert: refId -> number. A null or missing object is n_values 0; a null or
 * non-finite number is left out. */
struct alert_value {
    const char *ref;
    double number;
};

#define TIME_NONE INT64_MIN

struct alert {
    enum alert_kind kind;
    const char *fingerprint;  /* not empty */
    const char *alertname;    /* label alertname, "" when absent */
    const char *state_reason; /* annotation grafana_state_reason, NULL when absent */
    const char *rule_uid; /* ruleUID (Grafana >= 12.4), else label or annotation rule_uid, else from
                             generatorURL .../alerting/grafana/UID/view; NULL when none */
    int64_t starts_at,
        ends_at; /* unix ms; TIME_NONE for Go's zero date 0001-01-01T00:00:00Z or absent */
    const struct label *labels; /* sorted by name (byte order), names unique */
    size_t n_labels;
    const struct label *annotations; /* sorted likewise */
    size_t n_annotations;
    const struct alert_value *values; /* sorted by ref */
    size_t n_values;
};

struct notification {
    const char *receiver, *group_key, *external_url;
    int64_t truncated_alerts; /* > 0: the sender left alerts out */
    const struct alert *alerts;
    size_t n_alerts;
    void *memory_; /* the module's own */
};

struct alert_limits {
    size_t alerts; /* most alerts in one notification */
    size_t labels; /* most labels, and most annotations, of one alert */
    unsigned depth;
};

void notification_free(struct notification *n); /* NULL is fine */
void notification_free_p(struct notification **n);

/* Value of a label or annotation in a sorted array, NULL when absent. */
const char *label_value(const struct label *sorted, size_t n, const char *name);
/* group_key may be "". resolved: the alert's own status. */
enum alert_kind alert_kind_of(bool resolved, const char *group_key, const char *alertname,
                              const char *state_reason);
/* "resolved", "test", "no_data", "error", "firing" */
const char *alert_kind_text(enum alert_kind kind);

/* Which parser: the config's `format`. */
enum alert_format { ALERT_FORMAT_GRAFANA, ALERT_FORMAT_ALERTMANAGER };
const char *alert_format_text(enum alert_format format);
/* -EINVAL with err naming the place ("alerts[3].labels.model: a string is wanted"): the 400's
 * detail. */
__attribute__((warn_unused_result)) int
notification_parse(struct notification **out, enum alert_format format, const char *body,
                   size_t len, const struct alert_limits *limits, struct error *err);

#endif
