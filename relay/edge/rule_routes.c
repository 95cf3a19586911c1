#include "relay/edge/rule_routes.h"

#include "relay/engine/matcher.h"
#include "relay/grafana/rule.h"

#include <string.h>

static bool is_key_label(const struct route *route, const char *name)
{
    for (size_t i = 0; i < route->n_key_labels; i++) {
        if (strcmp(route->key_labels[i], name) == 0)
            return true;
    }
    return false;
}

static bool holds(const struct route *route, const struct matcher *m, const json_t *rule)
{
    const char *value = strcmp(m->name, "alertname") == 0
                            ? json_string_value(json_object_get(rule, "title"))
                            : grafana_rule_label(rule, m->name);
    if (value == NULL && is_key_label(route, m->name))
        return true;
    const struct label label = {.name = m->name, .value = value == NULL ? "" : value};
    const struct alert alert = {.labels = &label, .n_labels = 1};
    return matcher_matches(m, &alert);
}

const struct conf_route *rule_route(const struct conf *conf, const json_t *rule)
{
    for (size_t i = 0; i < conf->n_routes; i++) {
        const struct route *route = &conf->routes[i].route;
        bool all = true;
        for (size_t k = 0; k < route->n_matchers && all; k++)
            all = holds(route, &route->matchers[k], rule);
        if (all)
            return &conf->routes[i];
    }
    return NULL;
}
