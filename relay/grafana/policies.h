/* policies.h - Grafana's tree of notification policies: where the alerts of a rule go.
 *
 * A policy takes an alert by its labels. Those that the rule does not set, or sets by a template,
 * are the series' to say (and the folder's title is not known here), so a way may be unsure; so may
 * one that depends on a regular expression which POSIX has not (base/pattern.h). Pure. */
#ifndef RELAY_GRAFANA_POLICIES_H
#define RELAY_GRAFANA_POLICIES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define GRAFANA_WAYS_MAX 64

/* Borrowed from the policies; "" = Grafana's default. */
struct grafana_way {
    const char *receiver, *group_interval, *repeat_interval;
    bool sure;
};

/* root: of GET policies. The first GRAFANA_WAYS_MAX of the policies that take the rule's alerts. */
size_t grafana_policies_ways(struct grafana_way out[static GRAFANA_WAYS_MAX], const json_t *root,
                             const json_t *rule);

#endif
