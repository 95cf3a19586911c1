/* grafana.h - the default JSON body of Grafana's webhook contact point.
 *
 * Shape of Grafana 12.3.0 and of 12.4 and later (which add appVersion and ruleUID); recordings of a
 * real 12.3.0 are in tests/data/grafana. Unknown keys are ignored; a key we use must have its type.
 */
#ifndef RELAY_ALERT_GRAFANA_H
#define RELAY_ALERT_GRAFANA_H

#include "relay/alert/alert.h"

__attribute__((warn_unused_result)) int grafana_parse(struct notification **out, const char *body,
                                                      size_t len, const struct alert_limits *limits,
                                                      struct error *err);

#endif
