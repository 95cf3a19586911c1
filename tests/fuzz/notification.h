/* notification.h - a webhook body, and what is true of every notification that was accepted. */
#ifndef TESTS_FUZZ_NOTIFICATION_H
#define TESTS_FUZZ_NOTIFICATION_H

#include "relay/alert/alert.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

static inline void fuzz_check_labels(const struct label *labels, size_t n)
{
    assert(n <= 64);
    for (size_t i = 0; i < n; i++) {
        assert(i == 0 || strcmp(labels[i - 1].name, labels[i].name) < 0);
        assert(label_value(labels, n, labels[i].name) == labels[i].value);
    }
}

static inline void fuzz_check_alert(const struct alert *a)
{
    assert(a->fingerprint[0] != '\0');
    assert(a->alertname != NULL && alert_kind_text(a->kind) != NULL);
    fuzz_check_labels(a->labels, a->n_labels);
    fuzz_check_labels(a->annotations, a->n_annotations);
    for (size_t i = 0; i < a->n_values; i++)
        assert(a->values[i].ref != NULL && isfinite(a->values[i].number));
}

static inline void fuzz_notification(enum alert_format format, const uint8_t *data, size_t size)
{
    static const struct alert_limits limits = {.alerts = 16, .labels = 64, .depth = 16};
    SCOPED(notification_free_p) struct notification *n = NULL;
    struct error err = {0};
    if (notification_parse(&n, format, (const char *)data, size, &limits, &err) != 0) {
        assert(n == NULL && err.text[0] != '\0');
        return;
    }
    assert(n->n_alerts >= 1 && n->n_alerts <= limits.alerts && n->truncated_alerts >= 0);
    assert(n->receiver != NULL && n->group_key != NULL && n->external_url != NULL);
    for (size_t i = 0; i < n->n_alerts; i++)
        fuzz_check_alert(&n->alerts[i]);
}

#endif
