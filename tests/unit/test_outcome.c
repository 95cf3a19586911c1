#include "relay/github/outcome.h"

#include "tests/unit/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BODY(message)                                                                              \
    "{\"message\":\"" message                                                                      \
    "\",\"documentation_url\":\"https://docs.github.com/rest\",\"status\":\"422\"}"
#define OK_BODY(id, run, html)                                                                     \
    "{\"workflow_run_id\":" id ",\"run_url\":\"" run "\",\"html_url\":\"" html "\"}"
#define RUN  "https://api.github.com/repos/acme/ml/actions/runs/"
#define PAGE "https://github.com/acme/ml/actions/runs/"
#define BOTH                                                                                       \
    {                                                                                              \
        .relay_id = true, .run_details = true                                                      \
    }
#define MOVED "https://api.github.com/repositories/7/actions/workflows/r.yml/dispatches"

static char name[] = "retrain", api_url[] = "https://api.github.com", repository[] = "acme/ml",
            workflow[] = "retrain.yml", ref[] = "main", credential[] = "github";
static const struct target target = {.name = name,
                                     .api_url = api_url,
                                     .repository = repository,
                                     .workflow = workflow,
                                     .ref = ref,
                                     .credential = credential};

/* clang-format off */
static const struct {
    const char *name;
    int status;
    const char *headers, *body;
    struct outcome_sent sent;
    enum outcome want;
    const char *says; /* part of the text, NULL: the text is empty */
} rows[] = {
    /* --- successes --- */
    { "200 with the run", 200, "", OK_BODY("43042502224", RUN "43042502224", PAGE "43042502224"), BOTH, OUTCOME_ACCEPTED, NULL },
    { "200 from a server of one's own", 200, "", OK_BODY("7", "https://ghe.test/api/v3/repos/acme/ml/actions/runs/7", "https://ghe.test/acme/ml/actions/runs/7"), BOTH, OUTCOME_ACCEPTED, NULL },
    { "200 from GHE.com", 200, "", OK_BODY("7", "https://api.acme.ghe.com/repos/acme/ml/actions/runs/7", "https://acme.ghe.com/acme/ml/actions/runs/7"), BOTH, OUTCOME_ACCEPTED, NULL },
    { "200 with the repository in other case", 200, "", OK_BODY("7", RUN "7", "https://github.com/Acme/ML/actions/runs/7"), BOTH, OUTCOME_ACCEPTED, NULL },
    { "200 with more keys", 200, "", "{\"x\":[1],\"workflow_run_id\":7,\"run_url\":\"" RUN "7\",\"html_url\":\"" PAGE "7\"}", BOTH, OUTCOME_ACCEPTED, NULL },
    { "200 with the largest id", 200, "", OK_BODY("9007199254740992", RUN "9007199254740992", PAGE "9007199254740992"), BOTH, OUTCOME_ACCEPTED, NULL },
    { "200 after a redirect names the new repository", 200, "", OK_BODY("7", "https://api.github.com/repos/new/name/actions/runs/7", "https://github.com/new/name/actions/runs/7"), { .redirected = true }, OUTCOME_ACCEPTED, NULL },
    { "204", 204, "", "", BOTH, OUTCOME_ACCEPTED_NO_ID, NULL },
    /* --- a 200 that cannot be trusted --- */
    { "200 without a body", 200, "", "", BOTH, OUTCOME_AMBIGUOUS, "may have started" },
    { "200 with a page", 200, "", "<html>ok</html>", BOTH, OUTCOME_AMBIGUOUS, "may have started" },
    { "200 with an array", 200, "", "[7]", BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with an empty object", 200, "", "{}", BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with a body cut short", 200, "", "{\"workflow_run_id\":7,\"run_url\":\"https:", BOTH, OUTCOME_AMBIGUOUS, "may have started" },
    { "200 with the id as text", 200, "", OK_BODY("\"7\"", RUN "7", PAGE "7"), BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with the id as a fraction", 200, "", OK_BODY("7.0", RUN "7", PAGE "7"), BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with a null id", 200, "", OK_BODY("null", RUN "7", PAGE "7"), BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with the id 0", 200, "", OK_BODY("0", RUN "0", PAGE "0"), BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with a negative id", 200, "", OK_BODY("-7", RUN "-7", PAGE "-7"), BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with an id past 2^53", 200, "", OK_BODY("9007199254740993", RUN "9007199254740993", PAGE "9007199254740993"), BOTH, OUTCOME_AMBIGUOUS, "workflow_run_id" },
    { "200 with an id past 2^63", 200, "", OK_BODY("9223372036854775808", RUN "7", PAGE "7"), BOTH, OUTCOME_AMBIGUOUS, "may have started" },
    { "200 with two ids", 200, "", "{\"workflow_run_id\":7,\"workflow_run_id\":8,\"run_url\":\"" RUN "7\",\"html_url\":\"" PAGE "7\"}", BOTH, OUTCOME_AMBIGUOUS, "may have started" },
    { "200 with the run of another repository", 200, "", OK_BODY("7", "https://api.github.com/repos/evil/ml/actions/runs/7", PAGE "7"), BOTH, OUTCOME_AMBIGUOUS, "this repository" },
    { "200 with the page of another repository", 200, "", OK_BODY("7", RUN "7", "https://github.com/evil/ml/actions/runs/7"), BOTH, OUTCOME_AMBIGUOUS, "this repository" },
    { "200 with URLs of another run", 200, "", OK_BODY("7", RUN "8", PAGE "8"), BOTH, OUTCOME_AMBIGUOUS, "this repository" },
    { "200 with a script for a page", 200, "", OK_BODY("7", RUN "7", "javascript:x/acme/ml/actions/runs/7"), BOTH, OUTCOME_AMBIGUOUS, "this repository" },
    { "200 without a page", 200, "", "{\"workflow_run_id\":7,\"run_url\":\"" RUN "7\"}", BOTH, OUTCOME_AMBIGUOUS, "this repository" },
    { "200 after a redirect with URLs of another run", 200, "", OK_BODY("7", "https://api.github.com/repos/new/name/actions/runs/8", "https://github.com/new/name/actions/runs/7"), { .redirected = true }, OUTCOME_AMBIGUOUS, "this repository" },
    /* --- 400 --- */
    { "400 for JSON", 400, "", BODY("Problems parsing JSON"), BOTH, OUTCOME_REFUSED, "Problems parsing JSON" },
    { "400 for a body", 400, "", BODY("Body should be a JSON object"), BOTH, OUTCOME_REFUSED, "Body should be" },
    { "400 for a version", 400, "", BODY("'2022-11-28' is not a supported version"), BOTH, OUTCOME_REFUSED, "supported version" },
    { "400 that names return_run_details", 400, "", BODY("\\\"return_run_details\\\" is not a permitted key."), BOTH, OUTCOME_NO_RUN_DETAILS, "permitted key" },
    { "400 that calls relay_id unexpected is no validation of inputs", 400, "", BODY("Unexpected inputs provided: [\\\"relay_id\\\"]"), BOTH, OUTCOME_REFUSED, "Unexpected" },
    { "400 with a page", 400, "", "<html>Bad Request</html>", BOTH, OUTCOME_REFUSED, "HTTP 400" },
    { "400 without a body", 400, "", "", BOTH, OUTCOME_REFUSED, "HTTP 400" },
    /* --- 401 --- */
    { "401", 401, "", BODY("Bad credentials"), BOTH, OUTCOME_CREDENTIAL, "Bad credentials: the token is wrong" },
    { "401 without a body", 401, "", "", BOTH, OUTCOME_CREDENTIAL, "HTTP 401: the token is wrong" },
    /* --- 403 --- */
    { "403 for a fine-grained token", 403, "x-accepted-github-permissions: actions=write\n", BODY("Resource not accessible by personal access token"), BOTH, OUTCOME_CREDENTIAL, "needs on this repository: actions=write" },
    { "403 for an App", 403, "", BODY("Resource not accessible by integration"), BOTH, OUTCOME_CREDENTIAL, "needs on this repository: actions=write" },
    { "403 for an App, other case", 403, "", BODY("RESOURCE NOT ACCESSIBLE BY INTEGRATION"), BOTH, OUTCOME_CREDENTIAL, "actions=write" },
    { "403 for single sign-on", 403, "", BODY("Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."), BOTH, OUTCOME_CREDENTIAL, "single sign-on" },
    { "403 for missing rights", 403, "", BODY("Must have admin rights to Repository."), BOTH, OUTCOME_REFUSED, "write access" },
    { "403 for an archived repository", 403, "", BODY("Repository was archived so is read-only."), BOTH, OUTCOME_REFUSED, "archived" },
    { "403 with a page", 403, "", "<html>Forbidden</html>", BOTH, OUTCOME_REFUSED, "HTTP 403" },
    { "403 with the primary limit spent", 403, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000000\n", BODY("API rate limit exceeded for user ID 1."), BOTH, OUTCOME_LIMITED, "rate limit" },
    { "403 with the primary limit spent and no body", 403, "X-RateLimit-Remaining: 0\n", "", BOTH, OUTCOME_LIMITED, "HTTP 403" },
    { "403 with a limit that is not spent", 403, "x-ratelimit-remaining: 4999\n", BODY("Forbidden"), BOTH, OUTCOME_REFUSED, "Forbidden" },
    { "403 with a blank limit", 403, "x-ratelimit-remaining: \n", BODY("Forbidden"), BOTH, OUTCOME_REFUSED, "Forbidden" },
    { "403 without a limit", 403, "", BODY("Forbidden"), BOTH, OUTCOME_REFUSED, "Forbidden" },
    { "403 with a limit that is no number", 403, "x-ratelimit-remaining: 0x0\n", BODY("Forbidden"), BOTH, OUTCOME_REFUSED, "Forbidden" },
    { "403 for the secondary limit", 403, "", BODY("You have exceeded a secondary rate limit. Please wait a few minutes."), BOTH, OUTCOME_LIMITED, "secondary" },
    { "403 for the secondary limit, told by its page", 403, "", "{\"message\":\"Slow down\",\"documentation_url\":\"https://docs.github.com/rest/x#about-secondary-rate-limits\"}", BOTH, OUTCOME_LIMITED, "Slow down" },
    { "403 for the secondary limit, told by its old page", 403, "", "{\"message\":\"Slow down\",\"documentation_url\":\"https://developer.github.com/v3/#abuse-rate-limits\"}", BOTH, OUTCOME_LIMITED, "Slow down" },
    { "403 for abuse", 403, "", BODY("You have triggered an abuse detection mechanism."), BOTH, OUTCOME_LIMITED, "abuse" },
    { "403 with Retry-After", 403, "retry-after: 60\n", BODY("Forbidden"), BOTH, OUTCOME_LIMITED, "Forbidden" },
    { "403 with a blank Retry-After", 403, "retry-after: \n", BODY("Forbidden"), BOTH, OUTCOME_REFUSED, "Forbidden" },
    /* --- other refusals --- */
    { "404 names both causes", 404, "", BODY("Not Found"), BOTH, OUTCOME_REFUSED, "the token cannot see it" },
    { "404 names the first cause too", 404, "", BODY("Not Found"), BOTH, OUTCOME_REFUSED, "does not exist" },
    { "404 with a page", 404, "", "<!DOCTYPE html>", BOTH, OUTCOME_REFUSED, "HTTP 404: the repository or workflow" },
    { "410", 410, "", "", BOTH, OUTCOME_REFUSED, "retired" },
    { "451", 451, "", BODY("Repository access blocked"), BOTH, OUTCOME_REFUSED, "blocked" },
    { "429", 429, "", "", BOTH, OUTCOME_LIMITED, "HTTP 429" },
    { "429 with a page", 429, "", "<html>", BOTH, OUTCOME_LIMITED, "HTTP 429" },
    /* --- 422 --- */
    { "422 for another input", 422, "", BODY("Unexpected inputs provided: [\\\"x\\\"]"), BOTH, OUTCOME_REFUSED, "Unexpected inputs" },
    { "422 for relay_id alone", 422, "", BODY("Unexpected inputs provided: [\\\"relay_id\\\"]"), BOTH, OUTCOME_NO_RELAY_ID, "relay_id" },
    { "422 for relay_id, other case of the words", 422, "", BODY("unexpected INPUTS provided: [\\\"relay_id\\\"]"), BOTH, OUTCOME_NO_RELAY_ID, "relay_id" },
    { "422 for relay_id, told among the errors", 422, "", "{\"message\":\"Validation Failed\",\"errors\":[\"Unexpected inputs provided: [\\\"relay_id\\\"]\"]}", BOTH, OUTCOME_NO_RELAY_ID, "Validation Failed; Unexpected" },
    { "422 for relay_id, told by an object", 422, "", "{\"message\":\"Validation Failed\",\"errors\":[{\"resource\":\"Workflow\",\"message\":\"Unexpected inputs provided: [\\\"relay_id\\\"]\"}]}", BOTH, OUTCOME_NO_RELAY_ID, "Unexpected" },
    { "422 for relay_id, told twice", 422, "", "{\"message\":\"Unexpected inputs provided: [\\\"relay_id\\\"]\",\"errors\":[\"Unexpected inputs provided: [\\\"relay_id\\\"]\"]}", BOTH, OUTCOME_NO_RELAY_ID, "Unexpected" },
    { "422 for relay_id that was not sent", 422, "", BODY("Unexpected inputs provided: [\\\"relay_id\\\"]"), { .run_details = true }, OUTCOME_REFUSED, "relay_id" },
    { "422 for relay_id and another", 422, "", BODY("Unexpected inputs provided: [\\\"relay_id\\\", \\\"model\\\"]"), BOTH, OUTCOME_REFUSED, "model" },
    { "422 for another and relay_id", 422, "", BODY("Unexpected inputs provided: [\\\"model\\\", \\\"relay_id\\\"]"), BOTH, OUTCOME_REFUSED, "model" },
    { "422 for relay_id, then for another", 422, "", "{\"message\":\"Unexpected inputs provided: [\\\"relay_id\\\"]\",\"errors\":[\"Unexpected inputs provided: [\\\"model\\\"]\"]}", BOTH, OUTCOME_REFUSED, "model" },
    { "422 for a name that ends alike", 422, "", BODY("Unexpected inputs provided: [\\\"my_relay_id\\\"]"), BOTH, OUTCOME_REFUSED, "my_relay_id" },
    { "422 for a name with relay_id in it and a bracket", 422, "", BODY("Unexpected inputs provided: [\\\"relay_id\\\"], [\\\"x"), BOTH, OUTCOME_NO_RELAY_ID, "relay_id" },
    { "422 for an empty list", 422, "", BODY("Unexpected inputs provided: []"), BOTH, OUTCOME_REFUSED, "Unexpected" },
    { "422 with a list that is none", 422, "", BODY("Unexpected inputs provided: relay_id"), BOTH, OUTCOME_REFUSED, "relay_id" },
    { "422 with a list cut short", 422, "", BODY("Unexpected inputs provided: [\\\"relay_id"), BOTH, OUTCOME_REFUSED, "relay_id" },
    { "422 for a relay_id that is wanted", 422, "", BODY("Required input 'relay_id' not provided"), BOTH, OUTCOME_REFUSED, "Required input" },
    { "422 for a choice", 422, "", BODY("Provided value 'v' for input 'x' not in the list of allowed values"), BOTH, OUTCOME_REFUSED, "allowed values" },
    { "422 for a ref", 422, "", BODY("No ref found for: main"), BOTH, OUTCOME_REFUSED, "No ref found" },
    { "422 for a trigger", 422, "", BODY("Workflow does not have 'workflow_dispatch' trigger"), BOTH, OUTCOME_REFUSED, "trigger" },
    { "422 for a disabled workflow", 422, "", BODY("Cannot trigger a 'workflow_dispatch' on a disabled workflow"), BOTH, OUTCOME_REFUSED, "disabled" },
    { "422 that names return_run_details", 422, "", BODY("Invalid request.\\n\\n\\\"return_run_details\\\" is not a permitted key."), BOTH, OUTCOME_NO_RUN_DETAILS, "return_run_details" },
    { "422 that names it among the errors", 422, "", "{\"message\":\"Invalid request\",\"errors\":[\"return_run_details is not permitted\"]}", BOTH, OUTCOME_NO_RUN_DETAILS, "return_run_details" },
    { "422 that names return_run_details when it was not sent", 422, "", BODY("\\\"return_run_details\\\" is not a permitted key."), { .relay_id = true }, OUTCOME_REFUSED, "permitted" },
    { "422 for an input called return_run_details", 422, "", BODY("Unexpected inputs provided: [\\\"return_run_details\\\"]"), BOTH, OUTCOME_REFUSED, "Unexpected" },
    { "422 without a message", 422, "", "{\"errors\":[{\"resource\":\"Workflow\",\"field\":\"ref\",\"code\":\"missing\"}]}", BOTH, OUTCOME_REFUSED, "Workflow; ref; missing" },
    { "422 with nothing to say", 422, "", "{\"errors\":[null,1,{}]}", BOTH, OUTCOME_REFUSED, "HTTP 422" },
    { "422 with errors in one text", 422, "", "{\"errors\":\"No ref\"}", BOTH, OUTCOME_REFUSED, "No ref" },
    /* --- redirects --- */
    { "307 to the same server", 307, "location: " MOVED "\n", BODY("Moved Permanently"), BOTH, OUTCOME_REDIRECTED, "update the config" },
    { "307 to the same server, port written out", 307, "location: https://API.github.com:443/x\n", "", BOTH, OUTCOME_REDIRECTED, "307" },
    { "307 to a path", 307, "location: /repositories/7/actions/workflows/r.yml/dispatches\n", "", BOTH, OUTCOME_REDIRECTED, "307" },
    { "307 to another host", 307, "location: https://evil.example/repositories/7\n", "", BOTH, OUTCOME_REFUSED, "not followed" },
    { "307 to another host without a scheme", 307, "location: //evil.example/x\n", "", BOTH, OUTCOME_REFUSED, "not followed" },
    { "307 to another host behind a user name", 307, "location: https://api.github.com@evil.example/\n", "", BOTH, OUTCOME_REFUSED, "not followed" },
    { "307 to another scheme", 307, "location: http://api.github.com/repositories/7\n", "", BOTH, OUTCOME_REFUSED, "not followed" },
    { "307 to another port", 307, "location: https://api.github.com:8443/repositories/7\n", "", BOTH, OUTCOME_REFUSED, "not followed" },
    { "307 to a relative path", 307, "location: dispatches\n", "", BOTH, OUTCOME_REFUSED, "not followed" },
    { "307 to nowhere", 307, "", BODY("Moved Permanently"), BOTH, OUTCOME_REFUSED, "not followed" },
    { "301", 301, "location: " MOVED "\n", BODY("Moved Permanently"), BOTH, OUTCOME_REFUSED, "update the config" },
    { "302", 302, "location: " MOVED "\n", "", BOTH, OUTCOME_REFUSED, "update the config" },
    { "308", 308, "location: " MOVED "\n", "", BOTH, OUTCOME_REFUSED, "update the config" },
    /* --- what is not known to have started nothing --- */
    { "500", 500, "", BODY("Server Error"), BOTH, OUTCOME_AMBIGUOUS, "Server Error: a run may have started" },
    { "502 with a page", 502, "", "<html><h1>Unicorn!</h1></html>", BOTH, OUTCOME_AMBIGUOUS, "HTTP 502" },
    { "503 with Retry-After", 503, "retry-after: 60\n", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 503" },
    { "504", 504, "x-ratelimit-remaining: 0\n", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 504" },
    { "500 that names return_run_details", 500, "", BODY("return_run_details"), BOTH, OUTCOME_AMBIGUOUS, "may have started" },
    { "201", 201, "", "{\"id\":7}", BOTH, OUTCOME_AMBIGUOUS, "HTTP 201" },
    { "202", 202, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 202" },
    { "303", 303, "location: " MOVED "\n", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 303" },
    { "304", 304, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 304" },
    { "100", 100, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 100" },
    { "408", 408, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 408" },
    { "418", 418, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 418" },
    { "0", 0, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 0" },
    { "999", 999, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP 999" },
    { "-1", -1, "", "", BOTH, OUTCOME_AMBIGUOUS, "HTTP -1" },
};
/* clang-format on */

static void every_answer_has_its_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct exchange_answer a = answer_make(rows[i].status, rows[i].headers, rows[i].body);
        struct outcome_detail d;
        outcome_of_dispatch(&d, &a, &target, rows[i].sent);
        if (d.outcome != rows[i].want)
            fail_msg("%s: %s, not %s (%s)", rows[i].name, outcome_text(d.outcome),
                     outcome_text(rows[i].want), d.text);
        if (rows[i].says == NULL ? d.text[0] != '\0' : strstr(d.text, rows[i].says) == NULL)
            fail_msg("%s: it says \"%s\"", rows[i].name, d.text);
        if ((d.run_id != 0) != (d.outcome == OUTCOME_ACCEPTED) ||
            (d.run_url != NULL) != (d.outcome == OUTCOME_ACCEPTED) ||
            (d.redirect != NULL) != (d.outcome == OUTCOME_REDIRECTED))
            fail_msg("%s: fields that do not go with %s", rows[i].name, outcome_text(d.outcome));
        outcome_detail_clear(&d);
        exchange_answer_clear(&a);
    }
}

static void a_run_is_taken_as_it_is_named(void **state)
{
    struct exchange_answer a =
        answer_make(200, "", OK_BODY("43042502224", RUN "43042502224", PAGE "43042502224"));
    struct outcome_detail d;

    (void)state;
    outcome_of_dispatch(&d, &a, &target, (struct outcome_sent)BOTH);
    assert_true(d.run_id == INT64_C(43042502224));
    assert_string_equal(d.run_url, PAGE "43042502224");
    outcome_detail_clear(&d);
    assert_null(d.run_url);
    outcome_detail_clear(&d);
    exchange_answer_clear(&a);
}

static void a_redirect_is_an_absolute_url(void **state)
{
    struct exchange_answer a = answer_make(307, "location: /repositories/7/x\n", "");
    struct outcome_detail d;

    (void)state;
    outcome_of_dispatch(&d, &a, &target, (struct outcome_sent)BOTH);
    assert_string_equal(d.redirect, "https://api.github.com/repositories/7/x");
    outcome_detail_clear(&d);
    exchange_answer_clear(&a);
}

static void without_an_answer_only_the_transport_counts(void **state)
{
    struct exchange_answer a = answer_none(EXCHANGE_UNKNOWN, "timed out\nafter 30 s");
    struct outcome_detail d;

    (void)state;
    a.status = 422; /* a status line may have come before the cut */
    outcome_of_dispatch(&d, &a, &target, (struct outcome_sent)BOTH);
    assert_int_equal(d.outcome, OUTCOME_AMBIGUOUS);
    assert_string_equal(d.text, "timed outafter 30 s");
    outcome_detail_clear(&d);

    a = answer_none(EXCHANGE_NOT_SENT, "could not resolve host");
    outcome_of_dispatch(&d, &a, &target, (struct outcome_sent)BOTH);
    assert_int_equal(d.outcome, OUTCOME_NOT_SENT);
    assert_string_equal(d.text, "could not resolve host");
    outcome_detail_clear(&d);
}

static void a_message_is_one_clean_line_that_fits(void **state)
{
    static char body[4096];
    struct outcome_detail d;
    size_t at = (size_t)snprintf(body, sizeof(body),
                                 "{\"message\":\"a\\u0007\\u001b[31m\\nb\\u0085\xed\x95\x9c");

    (void)state;
    for (int i = 0; i < 500; i++)
        at += (size_t)snprintf(body + at, sizeof(body) - at, "\xed\x95\x9c");
    (void)snprintf(body + at, sizeof(body) - at, "\"}");
    struct exchange_answer a = answer_make(404, "", body);
    outcome_of_dispatch(&d, &a, &target, (struct outcome_sent)BOTH);
    assert_memory_equal(d.text, "a[31mb\xed\x95\x9c", 9);
    assert_true(strlen(d.text) < sizeof(d.text));
    assert_non_null(strstr(d.text, "\xed\x95\x9c: the repository or workflow does not exist"));
    outcome_detail_clear(&d);
    exchange_answer_clear(&a);
}

static void outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(outcome_text(OUTCOME_ACCEPTED), "accepted");
    assert_string_equal(outcome_text(OUTCOME_AMBIGUOUS), "ambiguous");
    for (int i = OUTCOME_ACCEPTED; i <= OUTCOME_AMBIGUOUS; i++) {
        assert_non_null(outcome_text((enum outcome)i));
        for (int j = OUTCOME_ACCEPTED; j < i; j++)
            assert_string_not_equal(outcome_text((enum outcome)i), outcome_text((enum outcome)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_meaning),
        cmocka_unit_test(a_run_is_taken_as_it_is_named),
        cmocka_unit_test(a_redirect_is_an_absolute_url),
        cmocka_unit_test(without_an_answer_only_the_transport_counts),
        cmocka_unit_test(a_message_is_one_clean_line_that_fits),
        cmocka_unit_test(outcomes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
