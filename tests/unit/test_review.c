/* What is right and wrong in a Grafana: contact points, rules against routes, data sources. */
#include "relay/grafana/review.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

#define POINT(settings, more)                                                                      \
    "[{\"name\":\"relay\",\"type\":\"webhook\",\"settings\":{" settings "}" more "}]"
#define URL        "\"url\":\"http://relay:9099/hooks/grafana\""
#define HMAC(more) "\"hmacConfig\":{\"secret\":\"[REDACTED]\"" more "}"
#define TIMED      ",\"timestampHeader\":\"X-T\""
#define RULE(more)                                                                                 \
    "{\"uid\":\"ma5\",\"title\":\"MA5\",\"condition\":\"C\",\"for\":\"5m\",\"data\":[{\"refId\":"  \
    "\"C\",\"model\":{\"conditions\":[{\"evaluator\":{\"type\":\"gt\",\"params\":[0.8]}}]}}]" more \
    "}"
#define SETTINGS(group, repeat)                                                                    \
    ",\"notification_settings\":{\"receiver\":\"relay\",\"group_interval\":\"" group               \
    "\",\"repeat_interval\":\"" repeat "\"}"

static const struct review_source signed_source = {"grafana", "/hooks/grafana", true, "X-S", "X-T"};
static const struct review_source body_source = {"grafana", "/hooks/grafana", true,
                                                 "X-Grafana-Alerting-Signature", ""};
static const struct review_source bearer_source = {"grafana", "/hooks/grafana", false, "", ""};

/* clang-format off */
/* found: "severity subject: a part of the text" of each in turn; NULL ends them. */
#define FOUND 4
static const struct {
    const char *name, *points;
    const struct review_source *source;
    const char *found[FOUND];
} points[] = {
    {"signed with a timestamp", POINT(URL "," HMAC(",\"header\":\"x-s\"" TIMED), ""), &signed_source, {"ok contact-point: relay posts to http://relay:9099/hooks/grafana and signs"}},
    {"signed without, as the source wants", POINT(URL "," HMAC(""), ""), &body_source, {"ok contact-point: "}},
    {"a bearer token instead", POINT(URL, ""), &bearer_source, {"ok contact-point: relay posts to"}},
    {"none at all", "[]", &signed_source, {"error contact-point: no webhook posts to /hooks/grafana"}},
    {"an e-mail", "[{\"name\":\"m\",\"type\":\"email\",\"settings\":{" URL "}}]", &signed_source, {"error contact-point: no webhook"}},
    {"elsewhere", POINT("\"url\":\"http://relay:9099/hooks/grafana/x\"", ""), &signed_source, {"error contact-point: no webhook"}},
    {"a query and a slash do not count", POINT("\"url\":\"http://relay/hooks/grafana/?a=/b\"", ""), &bearer_source, {"ok contact-point: "}},
    {"unsigned", POINT(URL, ""), &signed_source, {"error contact-point: relay does not sign"}},
    {"another header", POINT(URL "," HMAC(TIMED), ""), &signed_source, {"error contact-point: relay signs in the header X-Grafana-Alerting-Signature, and source grafana reads X-S"}},
    {"no timestamp", POINT(URL "," HMAC(",\"header\":\"X-S\""), ""), &signed_source, {"error contact-point: relay has none as timestamp header, and source grafana wants \"X-T\""}},
    {"a timestamp that is not wanted", POINT(URL "," HMAC(TIMED), ""), &body_source, {"error contact-point: relay has \"X-T\" as timestamp header, and source grafana wants none"}},
    {"a payload of its own", POINT(URL ",\"payload\":{\"template\":\"x\"}", ""), &bearer_source, {"error contact-point: relay sends a payload of its own"}},
    {"alerts left out", POINT(URL ",\"maxAlerts\":\"5\"", ""), &bearer_source, {"warning contact-point: relay leaves alerts out", "ok contact-point: "}},
    {"none left out", POINT(URL ",\"maxAlerts\":\"0\"", ""), &bearer_source, {"ok contact-point: "}},
    {"no resolves", POINT(URL, ",\"disableResolveMessage\":true"), &bearer_source, {"warning contact-point: relay does not tell of resolved", "ok contact-point: "}},
};

#define GOOD {"kospi", true, 15 * MINUTE, 9 * HOUR}
static const struct {
    const char *name, *rule;
    struct review_route route;
    const char *policies; /* NULL: none */
    const char *found[FOUND];
} rules[] = {
    {"as it should be", RULE(SETTINGS("1m", "4h")), GOOD, NULL, {"ok rule: ma5 (MA5) is there: > 0.8, to route kospi"}},
    {"defaults of Grafana", RULE(""), GOOD, NULL, {"ok rule: "}},
    {"settle as long as for + group_interval", RULE(SETTINGS("10m", "4h")), GOOD, NULL, {"ok rule: ", "warning settle: ma5: settle 15m of route kospi is not longer than for 5m + group_interval 10m"}},
    {"just longer", RULE(SETTINGS("9m59s", "4h")), GOOD, NULL, {"ok rule: "}},
    {"the same for a route that does not wait for a resolve", RULE(SETTINGS("10m", "4h")), {"kospi", false, 15 * MINUTE, 9 * HOUR}, NULL, {"ok rule: "}},
    {"stale as soon as two repeats", RULE(SETTINGS("1m", "4h30m")), GOOD, NULL, {"ok rule: ", "warning stale_after: ma5: stale_after 9h of route kospi is not longer than twice the repeat_interval 4h30m"}},
    {"times of the root policy", RULE(""), GOOD, "{\"group_interval\":\"10m\",\"repeat_interval\":\"12h\"}", {"ok rule: ", "warning settle: ", "warning stale_after: "}},
    {"the rule's own before the policy's", RULE(SETTINGS("1m", "4h")), GOOD, "{\"group_interval\":\"10m\",\"repeat_interval\":\"12h\"}", {"ok rule: "}},
    {"paused", RULE(",\"isPaused\":true"), GOOD, NULL, {"ok rule: ", "warning rule: ma5 is paused"}},
    {"provisioned", RULE(",\"provenance\":\"file\""), GOOD, NULL, {"ok rule: ", "warning rule: ma5 is provisioned (file)"}},
    {"an outage resolves it", RULE(",\"noDataState\":\"OK\""), GOOD, NULL, {"ok rule: ", "warning rule: ma5 resolves when its data is missing"}},
};

static const struct {
    const char *name;
    int status;
    const char *body, *found;
} health[] = {
    {"healthy", 200, "{\"status\":\"OK\",\"message\":\"Successfully queried\"}", "ok data-source: prom is healthy"},
    {"not there", 404, "{\"message\":\"Data source not found\"}", "error data-source: prom is not there"},
    {"ill", 400, "{\"status\":\"ERROR\",\"message\":\"connection refused\"}", "error data-source: prom is not healthy: HTTP 400: connection refused"},
    {"a 200 that says otherwise", 200, "{\"status\":\"ERROR\"}", "error data-source: prom is not healthy"},
    {"may not be asked", 403, "{}", "skipped data-source: prom may not be asked: HTTP 403"},
    {"no answer", 0, "", "error data-source: prom is not healthy: no answer: cut"},
};

#define HERE  POINT(URL, "")
#define THERE POINT("\"url\":\"http://other/\"", "")
#define TREE(matchers) "{\"receiver\":\"mail\",\"routes\":[{\"receiver\":\"relay\",\"repeat_interval\":\"12h\",\"object_matchers\":[" matchers "]}]}"
static const struct {
    const char *name, *rule, *policies, *points;
    const char *found[FOUND];
} ways[] = {
    {"its own contact point", RULE(SETTINGS("1m", "4h")), TREE("[\"a\",\"=\",\"b\"]"), HERE, {"ok rule: "}},
    {"another contact point", RULE(SETTINGS("1m", "4h")), TREE(""), THERE, {"ok rule: ", "warning rule: ma5 notifies relay, which posts to no"}},
    {"a policy, with its times", RULE(""), TREE("[\"alertname\",\"=\",\"MA5\"]"), HERE, {"ok rule: ", "warning stale_after: "}},
    {"no policy", RULE(""), TREE("[\"alertname\",\"=\",\"other\"]"), HERE, {"ok rule: ", "warning rule: ma5 names no contact point, and the notification policies send it to mail, which posts to no source"}},
    {"a policy for a contact point that is elsewhere", RULE(""), TREE(""), THERE, {"ok rule: ", "warning rule: ma5 names no contact point, and the notification policies send it to relay, which", "warning stale_after: "}},
    {"a policy for labels of the series", RULE(""), TREE("[\"team\",\"=\",\"ml\"]"), HERE, {"ok rule: ", "skipped rule: ma5 reaches the relay only if", "warning stale_after: "}},
    {"policies that could not be read", RULE(""), NULL, HERE, {"ok rule: "}},
    {"contact points that could not be read", RULE(""), TREE(""), NULL, {"ok rule: ", "warning stale_after: "}},
};

#define RESULT(result) "{\"receivers\":[{\"name\":\"test\",\"grafana_managed_receiver_configs\":[{" result "}]}]}"
static const struct {
    const char *name;
    int status;
    const char *body, *found;
} tests_sent[] = {
    {"accepted", 200, RESULT("\"status\":\"ok\""), "ok test: relay sent its test, and source grafana accepted it"},
    {"refused by the relay", 207, RESULT("\"status\":\"failed\",\"error\":\"webhook response status 401 Unauthorized\""), "error test: relay sent its test in vain: webhook response status 401 Unauthorized: look at its URL, and give it the secret of source grafana"},
    {"no contact point", 400, RESULT("\"status\":\"failed\",\"error\":\"invalid\""), "error test: relay sent its test in vain: invalid"},
    {"a Grafana 13", 404, "{\"message\":\"Not found\"}", "skipped test: relay cannot be told to send its test, since Grafana 13"},
    {"a Viewer", 403, "{\"message\":\"no\"}", "skipped test: relay did not send its test: HTTP 403: no: press Test"},
    {"no answer", 0, "", "skipped test: relay did not send its test: no answer: cut"},
};
/* clang-format on */

static json_t *load(const char *text)
{
    json_t *json = NULL;
    struct error err = {0};
    if (text != NULL && strict_json_load(&json, text, strlen(text), 32, &err) != 0)
        fail_msg("%s: %s", err.text, text);
    return json;
}

static void expect(const char *name, const struct findings *list, const char *const *found)
{
    size_t n = 0;
    for (; n < FOUND && found[n] != NULL; n++) {
        char line[1024] = "";
        if (n < list->n)
            (void)snprintf(line, sizeof(line), "%s %s: %s", severity_text(list->items[n].severity),
                           list->items[n].subject, list->items[n].text);
        if (strncmp(line, found[n], strlen(found[n])) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", name, line, found[n]);
    }
    if (list->n != n)
        fail_msg("%s: also \"%s\"", name, list->items[n].text);
}

static void contact_points_are_compared_with_the_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        SCOPED(findings_clear) struct findings list = {.n = 0};
        SCOPED(json_release_p) json_t *json = load(points[i].points);
        SCOPED(json_release_p)
        json_t *good = review_contact_points(&list, json, points[i].source);
        if ((json_array_size(good) == 1) !=
            (list.n > 0 && list.items[list.n - 1].severity == SEVERITY_OK))
            fail_msg("%s: %zu worth a test", points[i].name, json_array_size(good));
        expect(points[i].name, &list, points[i].found);
    }
}

static void rules_are_compared_with_the_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        SCOPED(findings_clear) struct findings list = {.n = 0};
        SCOPED(json_release_p) json_t *rule = load(rules[i].rule);
        SCOPED(json_release_p) json_t *policies = load(rules[i].policies);
        struct review_paths paths = {.policies = policies};
        review_rule(&list, rule, &rules[i].route, &paths, NULL);
        expect(rules[i].name, &list, rules[i].found);
    }
}

static void an_edited_rule_is_no_fault(void **state)
{
    (void)state;
    static const struct review_route route = GOOD;
    SCOPED(findings_clear) struct findings list = {.n = 0};
    SCOPED(json_release_p) json_t *seed = load(RULE(""));
    SCOPED(json_release_p) json_t *paused = load(RULE(",\"isPaused\":true"));
    static const struct review_paths unknown = {.points = NULL};
    review_rule(&list, seed, &route, &unknown, seed);
    review_rule(&list, paused, &route, &unknown, seed);
    static const char *const found[FOUND] = {
        "ok rule: ma5 (MA5) is there: > 0.8, to route kospi; as it was seeded",
        "ok rule: ma5 (MA5) is there: > 0.8, to route kospi; edited since it was seeded: paused",
        "warning rule: ma5 is paused"};
    expect("edited", &list, found);
}

static void a_missing_rule_was_deleted_or_never_there(void **state)
{
    (void)state;
    const struct grafana_rule seed = {.uid = "ma5"};
    SCOPED(findings_clear) struct findings list = {.n = 0};
    SCOPED(json_release_p) json_t *entry = load("{\"time\":1764115200000}");
    review_absent(&list, &seed, NULL);
    review_absent(&list, &seed, entry);
    static const char *const found[FOUND] = {
        "warning rule: ma5 is not there and never was: drift-relay grafana seed creates it",
        "ok rule: ma5 was seeded at 2025-11-26T00:00:00Z and deleted since"};
    expect("absent", &list, found);
}

static void a_rule_that_does_not_reach_the_relay_is_told(void **state)
{
    (void)state;
    static const struct review_route route = GOOD;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        SCOPED(findings_clear) struct findings list = {.n = 0};
        SCOPED(json_release_p) json_t *rule = load(ways[i].rule);
        SCOPED(json_release_p) json_t *policies = load(ways[i].policies);
        SCOPED(json_release_p) json_t *all = load(ways[i].points);
        struct review_paths paths = {
            .points = all, .policies = policies, .sources = &bearer_source, .n_sources = 1};
        review_rule(&list, rule, &route, &paths, NULL);
        expect(ways[i].name, &list, ways[i].found);
    }
}

static void what_a_test_came_to_is_told(void **state)
{
    (void)state;
    SCOPED(json_release_p) json_t *point = load("{\"name\":\"relay\"}");
    for (size_t i = 0; i < sizeof(tests_sent) / sizeof(tests_sent[0]); i++) {
        SCOPED(findings_clear) struct findings list = {.n = 0};
        struct grafana_answer answer = {.status = tests_sent[i].status,
                                        .body = tests_sent[i].body,
                                        .body_len = strlen(tests_sent[i].body),
                                        .error = "cut"};
        const char *const found[FOUND] = {tests_sent[i].found};
        review_test(&list, point, &signed_source, &answer);
        expect(tests_sent[i].name, &list, found);
    }
    SCOPED(findings_clear) struct findings list = {.n = 0};
    static const char *const found[FOUND] = {"skipped test: whether relay has the secret of source "
                                             "grafana only its test can tell: press Test"};
    review_test(&list, point, &signed_source, NULL);
    expect("none sent", &list, found);
}

static void data_sources_are_healthy_or_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(health) / sizeof(health[0]); i++) {
        SCOPED(findings_clear) struct findings list = {.n = 0};
        struct grafana_answer answer = {.status = health[i].status,
                                        .body = health[i].body,
                                        .body_len = strlen(health[i].body),
                                        .error = "cut"};
        const char *const found[FOUND] = {health[i].found};
        review_data_source(&list, "prom", &answer);
        expect(health[i].name, &list, found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contact_points_are_compared_with_the_source),
        cmocka_unit_test(rules_are_compared_with_the_route),
        cmocka_unit_test(an_edited_rule_is_no_fault),
        cmocka_unit_test(a_missing_rule_was_deleted_or_never_there),
        cmocka_unit_test(a_rule_that_does_not_reach_the_relay_is_told),
        cmocka_unit_test(what_a_test_came_to_is_told),
        cmocka_unit_test(data_sources_are_healthy_or_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
