/* Which route a rule leads to, and whose thresholds are exported. */
#include "relay/edge/rule_routes.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/edge/rule_thresholds.h"
#include "tests/unit/conf_fixture.h"

#define CONF                                                                                       \
    "sources = ( { name = \"g\"; format = \"grafana\"; auth = { scheme = \"bearer\";\n"            \
    "  token_files = ( \"$D/token\" ); }; } );\n"                                                  \
    "targets = ( { name = \"t\"; repository = \"o/r\"; workflow = \"w.yml\"; token_file = "        \
    "\"$D/token\"; } );\n"                                                                         \
    "routes = ( { name = \"named\"; match = ( \"alertname=Special\" ); key = ( ); target = "       \
    "\"t\"; },\n"                                                                                  \
    "  { name = \"kospi\"; match = ( \"action=retrain\", \"model=~k.*\", \"stage!=test\" );\n"     \
    "    key = ( \"model\" ); target = \"t\"; } );\n"

/* clang-format off */
static const struct {
    const char *name, *rule, *route; /* route NULL: none */
} cases[] = {
    {"all labels", "{\"title\":\"x\",\"labels\":{\"action\":\"retrain\",\"model\":\"kospi\"}}", "kospi"},
    {"another model", "{\"title\":\"x\",\"labels\":{\"action\":\"retrain\",\"model\":\"other\"}}", NULL},
    {"the model is the series' to say", "{\"title\":\"x\",\"labels\":{\"action\":\"retrain\"}}", "kospi"},
    {"by a template, too", "{\"title\":\"x\",\"labels\":{\"action\":\"retrain\",\"model\":\"{{ $labels.model }}\"}}", "kospi"},
    {"no action", "{\"title\":\"x\",\"labels\":{\"model\":\"kospi\"}}", NULL},
    {"a label that excludes it", "{\"title\":\"x\",\"labels\":{\"action\":\"retrain\",\"stage\":\"test\"}}", NULL},
    {"by its name", "{\"title\":\"Special\"}", "named"},
    {"no labels", "{\"title\":\"x\"}", NULL},
    {"nothing", "{}", NULL},
};
/* clang-format on */

static json_t *read_json(const char *text)
{
    json_t *json = NULL;
    assert_int_equal(strict_json_load(&json, text, strlen(text), 32, NULL), 0);
    return json;
}

static struct conf *read_conf(void)
{
    struct conf *conf = NULL;
    SCOPED(conf_report_clear) struct conf_report report;
    int r = load(&conf, CONF, &report);
    print_report(&report);
    assert_int_equal(r, 0);
    return conf;
}

static void the_first_route_that_holds_takes_a_rule(void **state)
{
    (void)state;
    SCOPED(conf_unref_p) struct conf *conf = read_conf();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SCOPED(json_release_p) json_t *rule = read_json(cases[i].rule);
        const struct conf_route *route = rule_route(conf, rule);
        const char *name = route == NULL ? "none" : route->route.name;
        if (strcmp(name, cases[i].route == NULL ? "none" : cases[i].route) != 0)
            fail_msg("%s: %s", cases[i].name, name);
    }
}

#define RULE(uid, labels, value)                                                                   \
    "{\"uid\":\"" uid "\",\"labels\":{" labels                                                     \
    "},\"condition\":\"C\",\"data\":[{\"refId\":\"C\",\"model\":{\"conditions\":[{\"evaluator\":"  \
    "{\"type\":\"gt\",\"params\":[" value "]}}]}}]}"
#define OURS "\"action\":\"retrain\",\"model\":\"kospi\""

static void expect_series(struct metrics *metrics, const char *wanted, const char *unwanted)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(65536);
    metrics_write(metrics, &text);
    if (strstr(buf_text(&text), wanted) == NULL)
        fail_msg("no %s in:\n%s", wanted, buf_text(&text));
    if (unwanted != NULL && strstr(buf_text(&text), unwanted) != NULL)
        fail_msg("%s in:\n%s", unwanted, buf_text(&text));
}

static void thresholds_follow_the_rules(void **state)
{
    (void)state;
    SCOPED(conf_unref_p) struct conf *conf = read_conf();
    struct metrics *metrics = metrics_new("d_");
    struct rule_thresholds t;
    rule_thresholds_init(&t, metrics);
    SCOPED(json_release_p)
    json_t *both = read_json("[" RULE("a", OURS, "0.8") "," RULE("b", OURS, "3") "," RULE(
        "other", "\"model\":\"kospi\"", "1") "]");
    SCOPED(json_release_p) json_t *one = read_json("[" RULE("a", OURS, "0.95") "]");
    rule_thresholds_set(&t, conf, both);
    expect_series(metrics, "d_rule_threshold{rule=\"a\",model=\"kospi\"} 0.8\n", "other");
    expect_series(metrics, "d_rule_threshold{rule=\"b\",model=\"kospi\"} 3\n", NULL);
    rule_thresholds_set(&t, conf, one);
    expect_series(metrics, "d_rule_threshold{rule=\"a\",model=\"kospi\"} 0.95\n", "rule=\"b\"");
    rule_thresholds_forget(&t);
    expect_series(metrics, "d_rule_threshold", "rule=");
    rule_thresholds_set(&t, conf, one);
    expect_series(metrics, "d_rule_threshold{rule=\"a\",model=\"kospi\"} 0.95\n", NULL);
    rule_thresholds_clear(&t);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_route_that_holds_takes_a_rule),
        cmocka_unit_test(thresholds_follow_the_rules),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
