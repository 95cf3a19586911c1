/* rule_thresholds.h - the thresholds in force in Grafana, as a gauge. One thread. */
#ifndef RELAY_EDGE_RULE_THRESHOLDS_H
#define RELAY_EDGE_RULE_THRESHOLDS_H

#include "relay/base/buf.h"
#include "relay/base/metrics.h"
#include "relay/conf.h"

#include <jansson.h>

struct rule_thresholds {
    struct metric *gauge;
    struct buf series; /* which were set, to forget those that are gone */
};

void rule_thresholds_init(struct rule_thresholds *t, struct metrics *metrics);
void rule_thresholds_clear(struct rule_thresholds *t);
/* rules: the array of GET alert-rules. Those without a route of conf, and those without a
 * threshold, are left out. */
void rule_thresholds_set(struct rule_thresholds *t, const struct conf *conf, const json_t *rules);
/* They are not known any more. */
void rule_thresholds_forget(struct rule_thresholds *t);

#endif
