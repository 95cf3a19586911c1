/* build_notification.h - a notification in Grafana's shape, made from options of `send`. */
#ifndef RELAY_CLI_BUILD_NOTIFICATION_H
#define RELAY_CLI_BUILD_NOTIFICATION_H

#include "relay/base/clock.h"
#include "relay/cli/options.h"

/* The body (caller frees), or NULL with the mistake on stderr. Reads --label, --annotation,
 * --value,
 * --alertname, --resolved, --starts-at. The fingerprint is a hash of the labels, as Grafana's is.
 */
char *build_notification(const struct cli_args *args, struct wall now);

#endif
