#include "relay/edge/rule_thresholds.h"

#include "relay/base/scope.h"
#include "relay/edge/rule_routes.h"
#include "relay/grafana/rule.h"

#include <string.h>

#define SERIES_BYTES_MAX (1024 * 1024)

void rule_thresholds_init(struct rule_thresholds *t, struct metrics *metrics)
{
    t->gauge =
        metrics_gauge(metrics, "rule_threshold",
                      "Threshold in force of an alert rule that leads to a route.", "rule,model");
    t->series = BUF_INIT(SERIES_BYTES_MAX);
}

void rule_thresholds_clear(struct rule_thresholds *t)
{
    buf_free(&t->series);
}

void rule_thresholds_forget(struct rule_thresholds *t)
{
    metric_clear(t->gauge);
    buf_clear(&t->series);
}

/* The rule's label model, "" where the series says it. */
static const char *model_of(const json_t *rule)
{
    const char *model = grafana_rule_label(rule, "model");
    return model == NULL ? "" : model;
}

static const char *uid_of(const struct conf *conf, const json_t *rule,
                          struct grafana_threshold *threshold)
{
    const char *uid = json_string_value(json_object_get(rule, "uid"));
    return uid != NULL && rule_route(conf, rule) != NULL && grafana_rule_threshold(threshold, rule)
               ? uid
               : NULL;
}

void rule_thresholds_set(struct rule_thresholds *t, const struct conf *conf, const json_t *rules)
{
    struct grafana_threshold threshold;
    SCOPED(buf_free) struct buf series = BUF_INIT(SERIES_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *uid = uid_of(conf, rule, &threshold);
        if (uid != NULL)
            buf_addf(&series, "%s\n%s\n", uid, model_of(rule));
    }
    /* Only when some are gone: a scrape in between would miss the others. */
    if (strcmp(buf_text(&series), buf_text(&t->series)) != 0)
        metric_clear(t->gauge);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const char *uid = uid_of(conf, rule, &threshold);
        if (uid != NULL)
            metric_set(t->gauge, threshold.values[0], uid, model_of(rule), NULL);
    }
    buf_free(&t->series);
    t->series = series;
    series = BUF_INIT(0);
}
