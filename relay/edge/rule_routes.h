/* rule_routes.h - which route the alerts of a Grafana rule take.
 *
 * Known from the labels that the rule sets. A route's key label that the rule does not set, or sets
 * by a template, is the series' to say, so conditions on it are taken to hold; any other label that
 * is not set is "". */
#ifndef RELAY_EDGE_RULE_ROUTES_H
#define RELAY_EDGE_RULE_ROUTES_H

#include "relay/conf.h"

#include <jansson.h>

/* The first route whose conditions hold, or NULL. */
const struct conf_route *rule_route(const struct conf *conf, const json_t *rule);

#endif
