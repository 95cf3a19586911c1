/* alertmanager.h - the webhook body of Prometheus Alertmanager, version "4".
 *
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. A version other than
 * "4" is refused. endsAt of a firing alert is Go's zero date; there are no values. */
#ifndef RELAY_ALERT_ALERTMANAGER_H
#define RELAY_ALERT_ALERTMANAGER_H

#include "relay/alert/alert.h"

__attribute__((warn_unused_result)) int alertmanager_parse(struct notification **out,
                                                           const char *body, size_t len,
                                                           const struct alert_limits *limits,
                                                           struct error *err);

#endif
