/* Seeding, answer by answer: what is asked next, and what becomes of each rule. */
#include "relay/grafana/seed.h"

#include "relay/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE 60000
#define STEPS    24

#define HEALTHY                                                                                    \
    {                                                                                              \
        "GET /api/health", 200, "{\"database\":\"ok\"}"                                            \
    }
#define RULE   "GET /api/v1/provisioning/alert-rules/ma5"
#define LEDGER "GET /api/annotations?type=annotation&tags=seed-ledger&tags=rule%3Ama5"
#define FOLDER "GET /api/folders/ml"
#define MAKE   "POST /api/folders"
#define POST   "POST /api/v1/provisioning/alert-rules"
#define NOTE   "POST /api/annotations"
#define ENTRY  "[{\"id\":7,\"time\":1764115200123,\"tags\":[\"rule:ma5\",\"seed-ledger\"]}]"
#define OTHERS "[{\"id\":7,\"time\":1,\"tags\":[\"rule:ma5-x\",\"seed-ledger\"]}]"
#define LACKING                                                                                    \
    {RULE, 404, ""},                                                                               \
    {                                                                                              \
        LEDGER, 200, "[]"                                                                          \
    }

static const char rule_json[] =
    "{\"uid\":\"ma5\",\"title\":\"MA5 drifts\",\"folderUID\":\"ml\",\"ruleGroup\":\"drift\","
    "\"condition\":\"C\",\"noDataState\":\"KeepLast\",\"execErrState\":\"KeepLast\",\"for\":\"5m\","
    "\"data\":[{\"refId\":\"C\"}]}";

struct step {
    const char *call;
    int status; /* 0: no answer */
    const char *body;
};

/* clang-format off */
static const struct {
    const char *name;
    struct step steps[STEPS];
    enum seed_outcome outcome;
    const char *text; /* a part of it */
} cases[] = {
    {"a fresh Grafana gets folder, rule and note", {HEALTHY, LACKING, {FOLDER, 404, ""}, {MAKE, 200, ""}, {POST, 201, ""}, {NOTE, 200, ""}}, SEED_CREATED, "was not there"},
    {"an Editor's 403 is a folder that is not there", {HEALTHY, LACKING, {FOLDER, 403, ""}, {MAKE, 200, ""}, {POST, 201, ""}, {NOTE, 200, ""}}, SEED_CREATED, ""},
    {"a folder that is there is used", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 200, ""}}, SEED_CREATED, ""},
    {"a folder that another made first is looked at again", {HEALTHY, LACKING, {FOLDER, 404, ""}, {MAKE, 412, ""}, {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 200, ""}}, SEED_CREATED, ""},
    {"the same by its other status", {HEALTHY, LACKING, {FOLDER, 404, ""}, {MAKE, 409, ""}, {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 200, ""}}, SEED_CREATED, ""},
    {"a folder that exists and may not be seen", {HEALTHY, LACKING, {FOLDER, 403, ""}, {MAKE, 412, ""}, {FOLDER, 403, ""}}, SEED_FAILED, "cannot be read: HTTP 403: the account needs"},
    {"a rule that is there and noted is kept, without a look at its folder", {HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, ENTRY}}, SEED_KEPT, "noted at 2025-11-26T00:00:00Z"},
    {"a rule that is there and not noted is adopted", {HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, "[]"}, {NOTE, 200, ""}}, SEED_ADOPTED, "was not noted"},
    {"a note about another rule does not count", {HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, OTHERS}, {NOTE, 200, ""}}, SEED_ADOPTED, ""},
    {"a rule that people deleted stays away, and no folder comes back", {HEALTHY, {RULE, 404, ""}, {LEDGER, 200, ENTRY}}, SEED_DELETED, "--reset ma5"},
    {"another seeder was faster", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 409, ""}, {NOTE, 200, ""}}, SEED_ADOPTED, "another was faster"},
    {"a rule that Grafana does not take", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 400, "{\"message\":\"receiver 'x' does not exist\"}"}}, SEED_FAILED, "HTTP 400: receiver 'x' does not exist"},
    {"a rule that may not be read", {HEALTHY, {RULE, 403, ""}}, SEED_FAILED, "role Editor"},
    {"a ledger that may not be read decides nothing", {HEALTHY, {RULE, 404, ""}, {LEDGER, 403, ""}}, SEED_FAILED, "ledger cannot be read"},
    {"a ledger that is none decides nothing", {HEALTHY, {RULE, 404, ""}, {LEDGER, 200, "<html>"}}, SEED_FAILED, "ledger cannot be read"},
    {"a ledger that may not be written", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 403, ""}}, SEED_FAILED, "cannot be noted"},
    {"a bad credential ends it", {HEALTHY, {RULE, 401, "{\"message\":\"Invalid API key\"}"}}, SEED_FAILED, "refuses the credential: HTTP 401: Invalid API key"},
    {"a database that is not ready is waited for", {{"GET /api/health", 503, "{\"database\":\"failing\"}"}, {"GET /api/health", 200, "{\"database\":\"failing\"}"}, HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, ENTRY}}, SEED_KEPT, ""},
    {"a Grafana that is not up yet is waited for", {{"GET /api/health", 0, ""}, {"GET /api/health", 0, ""}, HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, ENTRY}}, SEED_KEPT, ""},
    {"a restart between rule and note: the rule is ours all the same", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 0, ""}, {"GET /api/health", 0, ""}, HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, "[]"}, {NOTE, 200, ""}}, SEED_CREATED, ""},
    {"the note was written and its answer lost: not written twice", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 0, ""}, HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, ENTRY}}, SEED_CREATED, ""},
    {"the rule was created and its answer lost: looked at again", {HEALTHY, LACKING, {FOLDER, 200, ""}, {POST, 0, ""}, HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, "[]"}, {NOTE, 200, ""}}, SEED_ADOPTED, ""},
    {"a 429 passes", {HEALTHY, {RULE, 429, ""}, HEALTHY, {RULE, 200, "{}"}, {LEDGER, 200, ENTRY}}, SEED_KEPT, ""},
    {"a rule that a healthy Grafana does not manage is given up", {HEALTHY, {RULE, 500, "{\"message\":\"boom\"}"}, HEALTHY, {RULE, 500, ""}, HEALTHY, {RULE, 500, ""}, HEALTHY, {RULE, 500, ""}, HEALTHY, {RULE, 500, ""}, HEALTHY, {RULE, 500, "{\"message\":\"boom\"}"}}, SEED_FAILED, "does not manage it: HTTP 500: boom"},
};
/* clang-format on */

struct run {
    struct grafana_rule rule;
    struct seed *seed;
    struct mono now;
};

static void run_start(struct run *run, const struct seed_options *options)
{
    struct error err = {0};
    *run = (struct run){.now = {1000}};
    assert_int_equal(grafana_rule_read(&run->rule, rule_json, strlen(rule_json), &err), 0);
    assert_int_equal(seed_new(&run->seed, &run->rule, 1, options, run->now, &err), 0);
}

static void run_end(struct run *run)
{
    seed_free(run->seed);
    grafana_rule_clear(&run->rule);
}

/* Waits as long as it asks to; NULL when that was all. Caller frees. */
static struct grafana_call *next(struct run *run)
{
    struct grafana_call *call = NULL;
    int64_t wait = 0;
    int r;
    while ((r = seed_next(run->seed, run->now, (struct wall){5}, &call, &wait, NULL)) == SEED_WAIT)
        run->now.ms += wait;
    assert_true(r == 0 || r == SEED_ASK);
    return r == 0 ? NULL : call;
}

static void expect(struct run *run, const struct step *step)
{
    SCOPED(grafana_call_free_p) struct grafana_call *call = next(run);
    char shown[512];
    if (call == NULL)
        fail_msg("nothing is asked, but should be: %s", step->call);
    (void)snprintf(shown, sizeof(shown), "%s %s", call->method, call->path);
    assert_string_equal(shown, step->call);
    assert_int_equal(call->editable, strcmp(step->call, POST) == 0);
    struct grafana_answer answer = {.status = step->status,
                                    .body = step->body,
                                    .body_len = strlen(step->body),
                                    .error = "refused"};
    seed_answer(run->seed, &answer, run->now);
}

static void each_answer_leads_where_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        run_start(&run, &(struct seed_options){.patience_ms = PATIENCE});
        for (const struct step *step = cases[i].steps; step->call != NULL; step++)
            expect(&run, step);
        struct grafana_call *more = next(&run);
        const struct seed_result *result = seed_result(run.seed, 0);
        if (more != NULL || result->outcome != cases[i].outcome ||
            strstr(result->text, cases[i].text) == NULL)
            fail_msg("%s: %s: %s; then asks %s", cases[i].name, seed_outcome_text(result->outcome),
                     result->text, more == NULL ? "nothing" : more->path);
        assert_false(seed_is_unreachable(run.seed));
        run_end(&run);
    }
}

static void a_dry_run_writes_nothing(void **state)
{
    (void)state;
    static const struct {
        int rule;
        const char *ledger;
        enum seed_outcome outcome;
    } rows[] = {{404, "[]", SEED_CREATED},
                {404, ENTRY, SEED_DELETED},
                {200, "[]", SEED_ADOPTED},
                {200, ENTRY, SEED_KEPT}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run run;
        run_start(&run, &(struct seed_options){.patience_ms = PATIENCE, .dry_run = true});
        expect(&run, &(struct step)HEALTHY);
        expect(&run, &(struct step){RULE, rows[i].rule, "{}"});
        expect(&run, &(struct step){LEDGER, 200, rows[i].ledger});
        assert_null(next(&run));
        assert_int_equal(seed_result(run.seed, 0)->outcome, rows[i].outcome);
        run_end(&run);
    }
}

static void a_reset_brings_back_what_was_deleted(void **state)
{
    (void)state;
    struct run run;
    run_start(&run, &(struct seed_options){.patience_ms = PATIENCE, .reset = "ma5"});
    static const struct step steps[] = {HEALTHY,           {RULE, 404, ""}, {LEDGER, 200, ENTRY},
                                        {FOLDER, 200, ""}, {POST, 201, ""}, {NOTE, 200, ""}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        expect(&run, &steps[i]);
    assert_null(next(&run));
    assert_int_equal(seed_result(run.seed, 0)->outcome, SEED_CREATED);
    run_end(&run);
}

static void a_reset_leaves_a_rule_that_is_there_alone(void **state)
{
    (void)state;
    struct run run;
    run_start(&run, &(struct seed_options){.patience_ms = PATIENCE, .reset = "ma5"});
    expect(&run, &(struct step)HEALTHY);
    expect(&run, &(struct step){RULE, 200, "{}"});
    expect(&run, &(struct step){LEDGER, 200, ENTRY});
    assert_null(next(&run));
    assert_int_equal(seed_result(run.seed, 0)->outcome, SEED_FAILED);
    assert_non_null(strstr(seed_result(run.seed, 0)->text, "delete it in Grafana first"));
    run_end(&run);
}

static void a_grafana_that_never_comes_ends_it(void **state)
{
    (void)state;
    struct run run;
    struct grafana_call *call;
    struct grafana_answer none = {.body = "", .error = "connection refused"};
    run_start(&run, &(struct seed_options){.patience_ms = PATIENCE});
    while ((call = next(&run)) != NULL) {
        assert_string_equal(call->path, "/api/health");
        grafana_call_free(call);
        seed_answer(run.seed, &none, run.now);
        assert_string_equal(seed_waits_for(run.seed), "no answer: connection refused");
    }
    assert_true(seed_is_unreachable(run.seed));
    assert_in_range(run.now.ms, PATIENCE, PATIENCE + 10000);
    assert_int_equal(seed_result(run.seed, 0)->outcome, SEED_PENDING);
    run_end(&run);
}

/* It answers every question, and cuts every POST of the rule. */
static void a_grafana_that_answers_but_takes_nothing_ends_it(void **state)
{
    (void)state;
    struct run run;
    struct grafana_call *call;
    int posts = 0;
    run_start(&run, &(struct seed_options){.patience_ms = PATIENCE});
    while ((call = next(&run)) != NULL) {
        struct grafana_answer answer = {.status = 200, .body = "{\"database\":\"ok\"}"};
        if (strstr(call->path, "/alert-rules/") != NULL)
            answer = (struct grafana_answer){.status = 404, .body = ""};
        else if (strncmp(call->path, "/api/annotations", 16) == 0)
            answer.body = "[]";
        else if (strcmp(call->method, "POST") == 0)
            answer = (struct grafana_answer){.body = "", .error = "cut"};
        posts += strcmp(call->method, "POST") == 0 ? 1 : 0;
        answer.body_len = strlen(answer.body);
        grafana_call_free(call);
        seed_answer(run.seed, &answer, run.now);
        if (run.now.ms > 10 * PATIENCE)
            fail_msg("it goes on after %d POSTs", posts);
    }
    assert_true(seed_is_unreachable(run.seed));
    assert_in_range(posts, 2, 100); /* less and less often */
    assert_int_equal(seed_result(run.seed, 0)->outcome, SEED_PENDING);
    run_end(&run);
}

static void the_rule_is_posted_byte_for_byte(void **state)
{
    (void)state;
    struct run run;
    static const struct step steps[] = {HEALTHY, LACKING, {FOLDER, 200, ""}};
    run_start(&run, &(struct seed_options){.patience_ms = PATIENCE});
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        expect(&run, &steps[i]);
    SCOPED(grafana_call_free_p) struct grafana_call *call = next(&run);
    assert_int_equal(call->body_len, strlen(rule_json));
    assert_string_equal(call->body, rule_json);
    run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_leads_where_it_should),
        cmocka_unit_test(a_dry_run_writes_nothing),
        cmocka_unit_test(a_reset_brings_back_what_was_deleted),
        cmocka_unit_test(a_reset_leaves_a_rule_that_is_there_alone),
        cmocka_unit_test(a_grafana_that_never_comes_ends_it),
        cmocka_unit_test(a_grafana_that_answers_but_takes_nothing_ends_it),
        cmocka_unit_test(the_rule_is_posted_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
