/* Rules: what a file must say, the threshold in it, and what people changed. */
#include "relay/grafana/rule.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "{\"uid\":\"ma5\",\"title\":\"MA5\",\"folderUID\":\"ml\",\"ruleGroup\":\"g\","                 \
    "\"condition\":\"C\",\"noDataState\":\"OK\",\"execErrState\":\"OK\",\"for\":\"5m\""
#define QUERY "{\"refId\":\"A\",\"model\":{\"expr\":\"up\"}}"
#define CONDITION(evaluator)                                                                       \
    "{\"refId\":\"C\",\"model\":{\"type\":\"threshold\",\"conditions\":[{\"evaluator\":" evaluator \
    "}]}}"
#define DATA(evaluator) ",\"data\":[" QUERY "," CONDITION(evaluator) "]"
#define GT(value)       "{\"type\":\"gt\",\"params\":[" value "]}"
#define SEED            HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"}}"

/* clang-format off */
static const struct {
    const char *name, *json, *fault; /* fault NULL: it is good */
} files[] = {
    {"a whole rule", SEED, NULL},
    {"no JSON", "{", "line 1"},
    {"a list", "[]", "one JSON object"},
    {"no uid", "{\"title\":\"x\"}", "uid is missing"},
    {"an empty title", "{\"uid\":\"a\",\"title\":\"\"}", "title is missing"},
    {"a uid with a dot", "{\"uid\":\"a.b\",\"title\":\"x\",\"folderUID\":\"ml\",\"ruleGroup\":\"g\",\"condition\":\"C\",\"noDataState\":\"OK\",\"execErrState\":\"OK\",\"for\":\"5m\"}", "uid \"a.b\""},
    {"no queries", HEAD "}", "data is missing"},
    {"a duration that is none", "{\"uid\":\"a\",\"title\":\"x\",\"folderUID\":\"ml\",\"ruleGroup\":\"g\",\"condition\":\"C\",\"noDataState\":\"OK\",\"execErrState\":\"OK\",\"for\":\"soon\",\"data\":[{}]}", "for: "},
};

static const struct {
    const char *name, *evaluator, *words; /* words NULL: no threshold */
} thresholds[] = {
    {"greater", GT("0.8"), "> 0.8"},
    {"a whole number", GT("3"), "> 3"},
    {"less or equal", "{\"type\":\"lte\",\"params\":[-1]}", "<= -1"},
    {"a range", "{\"type\":\"within_range\",\"params\":[0.2,0.5]}", "within_range 0.2 to 0.5"},
    {"a second number that does not count", "{\"type\":\"gt\",\"params\":[0.8,0]}", "> 0.8"},
    {"a type of tomorrow", "{\"type\":\"near\",\"params\":[1]}", "near 1"},
    {"no number", "{\"type\":\"gt\",\"params\":[\"a\"]}", NULL},
    {"no numbers", "{\"type\":\"gt\",\"params\":[]}", NULL},
    {"none", "null", NULL},
};

static const struct {
    const char *name, *present, *words;
} edits[] = {
    {"as seeded", SEED, ""},
    {"what Grafana adds is no edit", HEAD ",\"id\":3,\"orgID\":1,\"isPaused\":false,\"data\":[{\"refId\":\"A\",\"queryType\":\"\",\"model\":{\"expr\":\"up\",\"intervalMs\":1000}}," CONDITION(GT("0.8")) "],\"labels\":{\"model\":\"kospi\"}}", ""},
    {"a raised threshold", HEAD DATA(GT("0.9")) ",\"labels\":{\"model\":\"kospi\"}}", "threshold > 0.9 instead of > 0.8"},
    {"a turned threshold", HEAD DATA("{\"type\":\"lt\",\"params\":[0.8]}") ",\"labels\":{\"model\":\"kospi\"}}", "threshold < 0.8 instead of > 0.8"},
    {"another query", HEAD ",\"data\":[{\"refId\":\"A\",\"model\":{\"expr\":\"down\"}}," CONDITION(GT("0.8")) "],\"labels\":{\"model\":\"kospi\"}}", "queries"},
    {"another label", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"other\"}}", "labels"},
    {"labels gone", HEAD DATA(GT("0.8")) "}", "labels"},
    {"a recovery threshold", HEAD DATA(GT("0.8") ",\"unloadEvaluator\":{\"type\":\"lt\",\"params\":[0.7]}") ",\"labels\":{\"model\":\"kospi\"}}", "recovery threshold"},
    {"a label more", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\",\"team\":\"ml\"}}", "labels"},
    {"an annotation where there was none", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"},\"annotations\":{\"summary\":\"x\"}}", "annotations"},
    {"no annotations in other words", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"},\"annotations\":{}}", ""},
    {"a contact point of its own", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"},\"notification_settings\":{\"receiver\":\"mail\"}}", "notification settings"},
    {"it fires for longer", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"},\"keep_firing_for\":\"5m\"}", "keep firing for"},
    {"it keeps firing for no time", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"},\"keep_firing_for\":\"0s\"}", ""},
    {"missing series resolve later", HEAD DATA(GT("0.8")) ",\"labels\":{\"model\":\"kospi\"},\"missingSeriesEvalsToResolve\":5}", "missing-series evaluations"},
    {"values that are none are dropped", HEAD ",\"data\":[{\"refId\":\"A\",\"model\":{\"expr\":\"up\",\"settings\":{\"mode\":\"dropNN\"}}}," CONDITION(GT("0.8")) "],\"labels\":{\"model\":\"kospi\"}}", "queries"},
    {"a query more", HEAD ",\"data\":[" QUERY "," CONDITION(GT("0.8")) ",{\"refId\":\"D\"}],\"labels\":{\"model\":\"kospi\"}}", "queries"},
    {"paused", HEAD DATA(GT("0.8")) ",\"isPaused\":true,\"labels\":{\"model\":\"kospi\"}}", "paused"},
    {"threshold and pause", HEAD DATA(GT("0.9")) ",\"isPaused\":true,\"labels\":{\"model\":\"kospi\"}}", "threshold > 0.9 instead of > 0.8, paused"},
};
static const struct {
    const char *name, *seed, *present, *words;
} pairs[] = {
    {"resumed", ",\"isPaused\":true", "", "resumed"},
    {"the same times in Grafana's words", ",\"notification_settings\":{\"receiver\":\"r\",\"group_interval\":\"60s\",\"repeat_interval\":\"24h\"}", ",\"notification_settings\":{\"receiver\":\"r\",\"group_interval\":\"1m\",\"repeat_interval\":\"1d\",\"mute_time_intervals\":null}", ""},
    {"another group interval", ",\"notification_settings\":{\"receiver\":\"r\",\"group_interval\":\"60s\"}", ",\"notification_settings\":{\"receiver\":\"r\",\"group_interval\":\"5m\"}", "notification settings"},
    {"the policies choose now", ",\"notification_settings\":{\"receiver\":\"r\"}", "", "notification settings"},
    {"the evaluator of another query", ",\"data\":[{\"refId\":\"B\",\"model\":{\"conditions\":[{\"evaluator\":" GT("1") "}]}}]", ",\"data\":[{\"refId\":\"B\",\"model\":{\"conditions\":[{\"evaluator\":" GT("2") "}]}}]", "queries"},
    {"a recovery threshold taken away", ",\"data\":[{\"refId\":\"C\",\"model\":{\"conditions\":[{\"unloadEvaluator\":" GT("1") "}]}}]", ",\"data\":[{\"refId\":\"C\",\"model\":{\"conditions\":[{}]}}]", "recovery threshold"},
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

static void a_file_is_read_whole_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct grafana_rule rule = {0};
        struct error err = {0};
        int r = grafana_rule_read(&rule, files[i].json, strlen(files[i].json), &err);
        bool good = r == 0 && strcmp(rule.uid, "ma5") == 0 && strcmp(rule.folder, "ml") == 0;
        if (files[i].fault == NULL ? !good : r == 0 || strstr(err.text, files[i].fault) == NULL)
            fail_msg("%s: %d, \"%s\"", files[i].name, r, err.text);
        grafana_rule_clear(&rule);
    }
}

static void the_threshold_is_that_of_the_condition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
        SCOPED(buf_free) struct buf text = BUF_INIT(4096);
        SCOPED(buf_free) struct buf words = BUF_INIT(256);
        buf_addf(&text, "%s,\"data\":[{\"refId\":\"B\",\"model\":%s},", HEAD,
                 "{\"conditions\":[{\"evaluator\":" GT("99") "}]}");
        buf_addf(&text, "{\"refId\":\"C\",\"model\":{\"conditions\":[{\"evaluator\":%s}]}}]}",
                 thresholds[i].evaluator);
        SCOPED(json_release_p) json_t *rule = load(buf_text(&text));
        struct grafana_threshold t;
        bool found = grafana_rule_threshold(&t, rule);
        if (found)
            grafana_threshold_add(&words, &t);
        if (strcmp(buf_text(&words), thresholds[i].words == NULL ? "" : thresholds[i].words) != 0)
            fail_msg("%s: %s", thresholds[i].name, buf_text(&words));
    }
}

static void only_what_people_changed_is_a_difference(void **state)
{
    (void)state;
    SCOPED(json_release_p) json_t *seed = load(SEED);
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        SCOPED(json_release_p) json_t *present = load(edits[i].present);
        SCOPED(buf_free) struct buf words = BUF_INIT(1024);
        grafana_rule_differences(&words, seed, present);
        if (strcmp(buf_text(&words), edits[i].words) != 0)
            fail_msg("%s: \"%s\"", edits[i].name, buf_text(&words));
    }
}

static json_t *load_rule(const char *more)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(4096);
    buf_addf(&text, "%s%s}", HEAD, more);
    return load(buf_text(&text));
}

static void a_rule_and_its_seed_say_the_same_in_other_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        SCOPED(json_release_p) json_t *seed = load_rule(pairs[i].seed);
        SCOPED(json_release_p) json_t *present = load_rule(pairs[i].present);
        SCOPED(buf_free) struct buf words = BUF_INIT(1024);
        grafana_rule_differences(&words, seed, present);
        if (strcmp(buf_text(&words), pairs[i].words) != 0)
            fail_msg("%s: \"%s\"", pairs[i].name, buf_text(&words));
    }
}

static void a_value_that_is_gone_is_a_difference_unless_it_was_empty(void **state)
{
    (void)state;
    static const struct {
        const char *value, *words;
    } rows[] = {
        {"600", "queries"}, {"true", "queries"}, {"\"x\"", "queries"}, {"{\"a\":1}", "queries"},
        {"\"\"", ""},       {"false", ""},       {"null", ""},         {"{}", ""},
        {"[]", ""}};
    SCOPED(json_release_p) json_t *present = load("{\"for\":\"1m\",\"data\":[{\"refId\":\"A\"}]}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SCOPED(buf_free) struct buf text = BUF_INIT(1024);
        SCOPED(buf_free) struct buf words = BUF_INIT(1024);
        buf_addf(&text, "{\"for\":\"1m\",\"data\":[{\"refId\":\"A\",\"x\":%s}]}", rows[i].value);
        SCOPED(json_release_p) json_t *seed = load(buf_text(&text));
        grafana_rule_differences(&words, seed, present);
        if (strcmp(buf_text(&words), rows[i].words) != 0)
            fail_msg("%s: \"%s\"", rows[i].value, buf_text(&words));
    }
}

static void times_are_read_where_they_are_said(void **state)
{
    (void)state;
    SCOPED(json_release_p)
    json_t *rule = load("{\"for\":\"1m\",\"notification_settings\":{\"receiver\":\"relay\","
                        "\"group_interval\":\"2m\"}}");
    struct grafana_timing t;
    grafana_rule_timing(&t, rule);
    assert_int_equal(t.for_ms, 60000);
    assert_int_equal(t.group_interval_ms, 120000);
    assert_true(t.repeat_ms < 0);
    assert_string_equal(t.receiver, "relay");
}

static void a_label_that_is_a_template_is_no_label(void **state)
{
    (void)state;
    SCOPED(json_release_p)
    json_t *rule = load("{\"labels\":{\"model\":\"{{ $labels.model }}\",\"action\":\"retrain\"}}");
    assert_string_equal(grafana_rule_label(rule, "action"), "retrain");
    assert_null(grafana_rule_label(rule, "model"));
    assert_non_null(grafana_rule_label_text(rule, "model"));
    assert_null(grafana_rule_label(rule, "other"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole_or_refused),
        cmocka_unit_test(the_threshold_is_that_of_the_condition),
        cmocka_unit_test(only_what_people_changed_is_a_difference),
        cmocka_unit_test(a_rule_and_its_seed_say_the_same_in_other_words),
        cmocka_unit_test(a_value_that_is_gone_is_a_difference_unless_it_was_empty),
        cmocka_unit_test(times_are_read_where_they_are_said),
        cmocka_unit_test(a_label_that_is_a_template_is_no_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
