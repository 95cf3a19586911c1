#include "relay/grafana/policies.h"

#include "relay/base/pattern.h"
#include "relay/base/scope.h"
#include "relay/grafana/rule.h"

#include <string.h>

enum match {
    MATCH_NO,
    MATCH_UNSURE,
    MATCH_YES,
};

struct walk {
    struct grafana_way *out;
    size_t n;
    const json_t *rule;
};

static const char *text_or(const json_t *policy, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(policy, key));
    return text == NULL || text[0] == '\0' ? otherwise : text;
}

static const char *label_of(const json_t *rule, const char *name)
{
    return strcmp(name, "alertname") == 0 ? json_string_value(json_object_get(rule, "title"))
                                          : grafana_rule_label(rule, name);
}

static enum match matches_pattern(const char *pattern, const char *value, bool wanted)
{
    SCOPED(pattern_free_p) struct pattern *p = NULL;
    struct error ignored = {0};
    if (pattern_compile(&p, pattern, &ignored) != 0)
        return MATCH_UNSURE;
    return pattern_matches(p, value) == wanted ? MATCH_YES : MATCH_NO;
}

/* matcher: [name, operator, value]. */
static enum match matches(const json_t *matcher, const json_t *rule)
{
    const char *name = json_string_value(json_array_get(matcher, 0));
    const char *op = json_string_value(json_array_get(matcher, 1));
    const char *wanted = json_string_value(json_array_get(matcher, 2));
    const char *value = name == NULL ? NULL : label_of(rule, name);
    if (op == NULL || wanted == NULL || value == NULL)
        return MATCH_UNSURE;
    if (strcmp(op, "=~") == 0 || strcmp(op, "!~") == 0)
        return matches_pattern(wanted, value, op[0] == '=');
    return (strcmp(value, wanted) == 0) == (strcmp(op, "=") == 0) ? MATCH_YES : MATCH_NO;
}

static enum match takes(const json_t *policy, const json_t *rule)
{
    /* Other forms of matchers, which the API took over from Alertmanager's files. */
    static const char *const others[] = {"match", "match_re", "matchers"};
    const json_t *list = json_object_get(policy, "object_matchers");
    enum match all = MATCH_YES;
    for (size_t i = 0; i < json_array_size(list) && all != MATCH_NO; i++) {
        enum match one = matches(json_array_get(list, i), rule);
        all = one < all ? one : all;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const json_t *other = json_object_get(policy, others[i]);
        if ((json_object_size(other) > 0 || json_array_size(other) > 0) && all == MATCH_YES)
            all = MATCH_UNSURE;
    }
    return all;
}

/* The first child that takes an alert ends the search, unless it says "continue"; a policy none of
 * whose children takes it takes it itself. */
static void walk(struct walk *w, const json_t *policy, struct grafana_way above)
{
    const json_t *children = json_object_get(policy, "routes");
    struct grafana_way here = {
        .receiver = text_or(policy, "receiver", above.receiver),
        .group_interval = text_or(policy, "group_interval", above.group_interval),
        .repeat_interval = text_or(policy, "repeat_interval", above.repeat_interval),
        .sure = above.sure};
    struct grafana_way next = here;
    enum match any = MATCH_NO;
    for (size_t i = 0; i < json_array_size(children); i++) {
        const json_t *child = json_array_get(children, i);
        enum match m = takes(child, w->rule);
        if (m == MATCH_NO)
            continue;
        any = m > any ? m : any;
        struct grafana_way way = next;
        way.sure = way.sure && m == MATCH_YES;
        walk(w, child, way);
        if (json_is_true(json_object_get(child, "continue")))
            continue;
        if (m == MATCH_YES)
            return;
        next.sure = false;
    }
    if (any == MATCH_YES || w->n == GRAFANA_WAYS_MAX)
        return;
    here.sure = here.sure && any == MATCH_NO;
    w->out[w->n++] = here;
}

size_t grafana_policies_ways(struct grafana_way out[static GRAFANA_WAYS_MAX], const json_t *root,
                             const json_t *rule)
{
    struct walk w = {.out = out, .rule = rule};
    walk(&w, root,
         (struct grafana_way){
             .receiver = "", .group_interval = "", .repeat_interval = "", .sure = true});
    return w.n;
}
