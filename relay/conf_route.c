/* Routes of the config file: matchers, key, policy, inputs, and what of them has no effect. */
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS           (3600 * 1000LL)
#define DAY_MS            (24 * HOUR_MS)
#define LONG_MS           (365 * DAY_MS)
#define EFFECT_SHOWS_MS   (10 * 60 * 1000)
#define SERVER_INPUTS_MAX 10
#define SHARED_BUDGET_MIN 8 /* below it a budget is small for keys of two labels and more */

static void read_policy(const struct settings_group *g, struct policy *p)
{
    static const char *const rearms[] = {"resolved", "cooldown", NULL};
    static const char *const blocked[] = {"drop", "defer", NULL};
    int rearm = (int)p->rearm;
    int when_blocked = (int)p->when_blocked;
    (void)settings_int(g, "min_alerts", false, 1, 100000, &p->min_alerts);
    (void)settings_duration_ms(g, "hold", false, 0, LONG_MS, &p->hold_ms);
    (void)settings_duration_ms(g, "hold_max", false, 0, LONG_MS, &p->hold_max_ms);
    (void)settings_bool(g, "extend_hold", false, &p->extend_hold);
    (void)settings_choice(g, "when_blocked", false, blocked, &when_blocked);
    p->when_blocked = (enum when_blocked)when_blocked;
    (void)settings_duration_ms(g, "cooldown", false, 0, LONG_MS, &p->cooldown_ms);
    (void)settings_choice(g, "rearm", false, rearms, &rearm);
    p->rearm = (enum rearm)rearm;
    (void)settings_duration_ms(g, "settle", false, 0, LONG_MS, &p->settle_ms);
    (void)settings_duration_ms(g, "rearm_after", false, 0, LONG_MS, &p->rearm_after_ms);
    (void)settings_duration_ms(g, "retry_after", false, 0, LONG_MS, &p->retry_after_ms);
    (void)settings_duration_ms(g, "stale_after", false, 60000, LONG_MS, &p->stale_after_ms);
    (void)settings_duration_ms(g, "expires", false, 60000, LONG_MS, &p->expires_ms);
    (void)settings_int(g, "max_keys", false, 1, 10000000, &p->max_keys);
    (void)settings_int(g, "max_members", false, 1, 100000, &p->max_members);
    const struct settings_group *budget = settings_group(g, "budget", false);
    if (budget != NULL) {
        (void)settings_int(budget, "max", true, 1, 100000, &p->budget.max);
        (void)settings_duration_ms(budget, "per", false, 60000, 31 * DAY_MS, &p->budget.per_ms);
    }
    if (p->hold_max_ms > 0 && p->hold_max_ms < p->hold_ms)
        settings_fault(g, "hold_max", "is shorter than hold");
}

static void warn_hold(const struct settings_group *g, const struct policy *p)
{
    if (p->extend_hold && p->hold_ms == 0)
        settings_warning(g, "extend_hold", "has no effect without hold");
    if (settings_has(g, "hold_max") && !(p->extend_hold && p->hold_ms > 0))
        settings_warning(g, "hold_max", "has no effect unless extend_hold lengthens a hold");
    if (p->hold_ms > 0 && p->hold_ms >= p->stale_after_ms)
        settings_warning(g, "hold",
                         "is not shorter than stale_after: alerts that are not repeated in time "
                         "leave before it ends");
}

static void warn_policy(const struct settings_group *g, const struct policy *p)
{
    warn_hold(g, p);
    if (p->rearm == REARM_COOLDOWN && p->cooldown_ms == 0)
        settings_warning(
            g, "cooldown",
            "is 0s with rearm = \"cooldown\": every repeat of an alert starts a run, as "
            "far as the budget goes");
    if (p->rearm == REARM_COOLDOWN && settings_has(g, "settle"))
        settings_warning(g, "settle", "has no effect with rearm = \"cooldown\"");
    if (p->rearm == REARM_COOLDOWN && settings_has(g, "rearm_after"))
        settings_warning(g, "rearm_after", "has no effect with rearm = \"cooldown\"");
    if (p->rearm == REARM_RESOLVED && p->rearm_after_ms > 0 && p->rearm_after_ms <= p->settle_ms)
        settings_warning(g, "settle", "is longer than rearm_after and so has no effect");
    if (p->rearm == REARM_RESOLVED && p->rearm_after_ms > 0 && p->rearm_after_ms < p->cooldown_ms)
        settings_warning(g, "rearm_after",
                         "is shorter than the cooldown: the key is armed whenever it is over");
    if (p->stale_after_ms < HOUR_MS)
        settings_warning(g, "stale_after",
                         "is shorter than two repeat intervals of most senders: "
                         "alerts that still fire would leave");
    if (p->max_members < p->min_alerts)
        settings_warning(g, "min_alerts", "is more than max_members: the key can never fire");
}

/* A key for each combination of values, and few requests for all of them together. */
static void warn_shared_budget(const struct settings_group *g, const struct route *r)
{
    if (r->n_key_labels >= 2 && r->policy.budget.max < SHARED_BUDGET_MIN)
        settings_warning(g, settings_has(g, "budget") ? "budget" : "key",
                         "all keys of the route, one for each combination of %zu labels, share a "
                         "budget of %lld: when many drift at once, the others wait",
                         r->n_key_labels, (long long)r->policy.budget.max);
}

static void read_matchers(const struct settings_group *g, struct route *r)
{
    char **texts = NULL;
    size_t n = 0;
    if (!settings_strings(g, "match", true, &texts, &n))
        return;
    if (n == 0)
        settings_warning(g, "match", "is empty: the route takes every alert of its source");
    r->matchers = conf_array(n, sizeof(*r->matchers));
    for (size_t i = 0; i < n; i++) {
        struct error err = {0};
        if (matcher_parse(&r->matchers[r->n_matchers], texts[i], &err) == 0)
            r->n_matchers++;
        else
            settings_fault(g, "match", "%s", err.text);
        free(texts[i]);
    }
    free(texts);
}

static void read_key(const struct settings_group *g, struct route *r)
{
    static const char *const unbounded[] = {"instance",     "pod",        "container",
                                            "container_id", "uid",        "fingerprint",
                                            "trace_id",     "request_id", NULL};
    if (!settings_strings(g, "key", true, &r->key_labels, &r->n_key_labels))
        return;
    for (size_t i = 0; i < r->n_key_labels; i++) {
        if (r->key_labels[i][0] == '\0')
            settings_fault(g, "key", "an empty label name");
        for (const char *const *name = unbounded; *name != NULL; name++) {
            if (strcmp(*name, r->key_labels[i]) == 0)
                settings_warning(g, "key",
                                 "label %s takes ever new values: each would be debounced "
                                 "on its own",
                                 *name);
        }
    }
}

static void read_inputs(const struct settings_group *g, struct conf_route *r)
{
    size_t n = settings_list(g, "inputs", false);
    SCOPED(free_p) struct input_spec *specs = conf_array(n, sizeof(*specs));
    SCOPED(free_p) char **texts = conf_array(3 * n, sizeof(char *));
    bool complete = true;
    for (size_t i = 0; i < n; i++) {
        const struct settings_group *input = settings_list_at(g, "inputs", i);
        complete = settings_string(input, "name", true, &texts[3 * i]) && complete;
        complete = settings_string(input, "value", true, &texts[3 * i + 1]) && complete;
        (void)settings_string(input, "pattern", false, &texts[3 * i + 2]);
        specs[i] = (struct input_spec){texts[3 * i], texts[3 * i + 1], texts[3 * i + 2]};
    }
    struct error err = {0};
    if (complete && inputs_compile(&r->inputs, specs, n, &err) != 0)
        settings_fault(g, n == 0 ? NULL : "inputs", "%s", err.text);
    for (size_t i = 0; i < 3 * n; i++)
        free(texts[i]);
}

/* Servers of one's own take fewer inputs than github.com (their REST description, 3.19). */
static void warn_many_inputs(const struct conf *c, const struct settings_group *g,
                             const struct conf_route *r)
{
    static const char server[] = "/api/v3";
    const struct target *t =
        r->route.target == NULL ? NULL : conf_target_by_name(c, r->route.target);
    if (t == NULL || r->inputs == NULL || strlen(t->api_url) < strlen(server) ||
        strcmp(t->api_url + strlen(t->api_url) - strlen(server), server) != 0)
        return;
    bool relay_id = t->correlation != CORRELATION_NONE;
    size_t n = inputs_count(r->inputs) + relay_id;
    if (n > SERVER_INPUTS_MAX)
        settings_warning(g, "inputs", "%zu%s: a GitHub Enterprise Server may take %d at most", n,
                         relay_id ? " with the relay_id" : "", SERVER_INPUTS_MAX);
}

static void read_references(const struct conf *c, const struct settings_group *g, struct route *r)
{
    if (settings_string(g, "source", false, &r->source)) {
        bool found = false;
        for (size_t i = 0; i < c->n_sources; i++)
            found = found || strcmp(c->sources[i].name, r->source) == 0;
        if (!found)
            settings_fault(g, "source", "there is no source \"%.80s\"", r->source);
    }
    if (settings_string(g, "target", true, &r->target) && conf_target_by_name(c, r->target) == NULL)
        settings_fault(g, "target", "there is no target \"%.80s\"", r->target);
}

static void read_route(const struct conf *c, const struct settings_group *g, struct conf_route *r)
{
    r->route.policy = policy_default;
    r->effective_within_ms = CONF_EFFECTIVE_WITHIN_MS;
    if (settings_string(g, "name", true, &r->route.name)) {
        if (!conf_name_is_valid(r->route.name))
            settings_fault(g, "name",
                           "\"%.80s\" is no name: 1 to 64 of letters, digits, '_' and '-'",
                           r->route.name);
        else if (conf_route_by_name(c, r->route.name) != NULL)
            settings_fault(g, "name", "\"%s\" is the name of another route", r->route.name);
    } else {
        r->route.name = conf_text("");
    }
    read_references(c, g, &r->route);
    read_matchers(g, &r->route);
    read_key(g, &r->route);
    read_policy(g, &r->route.policy);
    (void)settings_duration_ms(g, "effective_within", false, 0, 7 * DAY_MS,
                               &r->effective_within_ms);
    if (r->effective_within_ms > 0 && r->effective_within_ms < EFFECT_SHOWS_MS)
        settings_warning(g, "effective_within",
                         "is shorter than a rule's `for` and group interval usually are: runs that "
                         "helped would count as not_effective");
    warn_policy(g, &r->route.policy);
    warn_shared_budget(g, &r->route);
    read_inputs(g, r);
    warn_many_inputs(c, g, r);
}

void conf_read_routes(struct conf *c, const struct settings_group *root)
{
    size_t n = settings_list(root, "routes", true);
    c->routes = conf_array(n, sizeof(*c->routes));
    for (size_t i = 0; i < n; i++) {
        read_route(c, settings_list_at(root, "routes", i), &c->routes[i]);
        c->n_routes = i + 1;
    }
    if (settings_is_empty(root, "routes"))
        settings_fault(root, "routes", "is empty: every alert would be ignored");
}
