/* Where Grafana's notification policies send the alerts of a rule. */
#include "relay/grafana/policies.h"

#include "relay/base/buf.h"
#include "relay/base/error.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULE                                                                                       \
    "{\"title\":\"MA5\",\"labels\":{\"action\":\"retrain\",\"model\":\"{{ $labels.model }}\"}}"
#define TO(receiver, matchers, more)                                                               \
    "{\"receiver\":\"" receiver "\",\"object_matchers\":[" matchers "]" more "}"
#define ROOT(routes)  "{\"receiver\":\"mail\",\"group_interval\":\"5m\",\"routes\":[" routes "]}"
#define RETRAIN       "[\"action\",\"=\",\"retrain\"]"
#define MODEL         "[\"model\",\"=\",\"kospi\"]"
#define CONTINUE      ",\"continue\":true"
#define WITHIN(route) ",\"routes\":[" route "]"

/* clang-format off */
static const struct {
    const char *name, *root, *ways; /* each "receiver/group_interval", unsure ones with '?' */
} trees[] = {
    {"the root alone", ROOT(""), "mail/5m"},
    {"no times", "{\"receiver\":\"mail\"}", "mail/"},
    {"a child by the rule's label", ROOT(TO("relay", RETRAIN, "")), "relay/5m"},
    {"a child with its own time", ROOT(TO("relay", RETRAIN, ",\"group_interval\":\"1m\"")), "relay/1m"},
    {"a child for others", ROOT(TO("relay", "[\"action\",\"=\",\"page\"]", "")), "mail/5m"},
    {"all matchers must hold", ROOT(TO("relay", RETRAIN ",[\"action\",\"!=\",\"retrain\"]", "")), "mail/5m"},
    {"the first of two", ROOT(TO("a", RETRAIN, "") "," TO("b", RETRAIN, "")), "a/5m"},
    {"both, since the first continues", ROOT(TO("a", RETRAIN, CONTINUE) "," TO("b", RETRAIN, "")), "a/5m b/5m"},
    {"one that continues keeps it from the root", ROOT(TO("a", RETRAIN, CONTINUE)), "a/5m"},
    {"a child's child", ROOT(TO("a", RETRAIN, WITHIN(TO("b", "[\"alertname\",\"=\",\"MA5\"]", "")))), "b/5m"},
    {"a child whose child is for others", ROOT(TO("a", RETRAIN, WITHIN(TO("b", "[\"alertname\",\"=\",\"X\"]", "")))), "a/5m"},
    {"a child without a receiver has its parent's", ROOT("{\"object_matchers\":[" RETRAIN "],\"group_interval\":\"2m\"}"), "mail/2m"},
    {"a child without matchers takes all", ROOT(TO("a", "", "")), "a/5m"},
    {"a pattern", ROOT(TO("a", "[\"action\",\"=~\",\"re.*\"]", "")), "a/5m"},
    {"a pattern is for the whole label", ROOT(TO("a", "[\"action\",\"=~\",\"re\"]", "")), "mail/5m"},
    {"a pattern that must not hold", ROOT(TO("a", "[\"action\",\"!~\",\"re.*\"]", "")), "mail/5m"},
    {"a pattern that POSIX has not", ROOT(TO("a", "[\"action\",\"=~\",\"\\\\w+\"]", "")), "a/5m? mail/5m?"},
    {"a label that is a template", ROOT(TO("a", MODEL, "")), "a/5m? mail/5m?"},
    {"a label of the series", ROOT(TO("a", "[\"team\",\"=\",\"ml\"]", "")), "a/5m? mail/5m?"},
    {"unsure, then sure", ROOT(TO("a", MODEL, "") "," TO("b", RETRAIN, "")), "a/5m? b/5m?"},
    {"unsure and continued, then sure", ROOT(TO("a", MODEL, CONTINUE) "," TO("b", RETRAIN, "")), "a/5m? b/5m"},
    {"unsure and not, in one policy", ROOT(TO("a", MODEL ",[\"action\",\"=\",\"x\"]", "")), "mail/5m"},
    {"a child of an unsure one", ROOT(TO("a", MODEL, WITHIN(TO("b", RETRAIN, "")))), "b/5m? mail/5m?"},
    {"matchers in another form", ROOT("{\"receiver\":\"a\",\"matchers\":[\"action=retrain\"]}"), "a/5m? mail/5m?"},
    {"a matcher that is none", ROOT(TO("a", "[\"action\"]", "")), "a/5m? mail/5m?"},
};
/* clang-format on */

static json_t *load(const char *text)
{
    json_t *json = NULL;
    struct error err = {0};
    if (strict_json_load(&json, text, strlen(text), 32, &err) != 0)
        fail_msg("%s: %s", err.text, text);
    return json;
}

static void each_tree_leads_where_grafana_would_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        SCOPED(json_release_p) json_t *root = load(trees[i].root);
        SCOPED(json_release_p) json_t *rule = load(RULE);
        SCOPED(buf_free) struct buf said = BUF_INIT(4096);
        struct grafana_way ways[GRAFANA_WAYS_MAX];
        size_t n = grafana_policies_ways(ways, root, rule);
        for (size_t k = 0; k < n; k++)
            buf_addf(&said, "%s%s/%s%s", k > 0 ? " " : "", ways[k].receiver, ways[k].group_interval,
                     ways[k].sure ? "" : "?");
        if (strcmp(buf_text(&said), trees[i].ways) != 0)
            fail_msg("%s: \"%s\"", trees[i].name, buf_text(&said));
    }
}

static void a_tree_too_wide_is_told_in_part(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf text = BUF_INIT(64 * 1024);
    struct grafana_way ways[GRAFANA_WAYS_MAX];
    buf_add_text(&text, "{\"receiver\":\"mail\",\"routes\":[");
    for (int i = 0; i < 100; i++)
        buf_addf(&text, "%s{\"receiver\":\"r%d\",\"continue\":true}", i > 0 ? "," : "", i);
    buf_add_text(&text, "]}");
    SCOPED(json_release_p) json_t *root = load(buf_text(&text));
    SCOPED(json_release_p) json_t *rule = load(RULE);
    assert_int_equal(grafana_policies_ways(ways, root, rule), GRAFANA_WAYS_MAX);
    assert_string_equal(ways[GRAFANA_WAYS_MAX - 1].receiver, "r63");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tree_leads_where_grafana_would_send),
        cmocka_unit_test(a_tree_too_wide_is_told_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
