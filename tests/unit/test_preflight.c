/* A preflight answer by answer: what is asked next, and what is found. */
#include "relay/github/preflight.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"
#include "tests/unit/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define API     "https://api.github.com"
#define REPO    API "/repos/acme/kospi"
#define NOW     INT64_C(1764115200000) /* Wed, 26 Nov 2025 00:00:00 GMT */
#define DATED   "date: Wed, 26 Nov 2025 00:00:00 GMT\n"
#define LIMIT   "{\"resources\":{\"core\":{\"limit\":5000,\"remaining\":4999,\"reset\":1764118800}}}"
#define NAMED   "{\"full_name\":\"acme/kospi\",\"archived\":false,\"permissions\":{\"push\":true}}"
#define BRANCH  "{\"ref\":\"refs/heads/main\"}"
#define ACTIVE  "{\"state\":\"active\",\"path\":\".github/workflows/retrain.yml\"}"
#define REFUSED "{\"message\":\"Resource not accessible by personal access token\"}"
#define STEPS   6

struct step {
    const char *url;
    int status;
    const char *headers, *body;
};

/* Every row goes this way up to `at`, where another answer comes; `next` is asked then. */
static const struct step way[STEPS] = {
    {API "/rate_limit", 200, DATED, LIMIT},
    {REPO, 200, "", NAMED},
    {REPO "/git/ref/heads/main", 200, "", BRANCH},
    {REPO "/actions/workflows/retrain.yml", 200, "", ACTIVE},
    {REPO "/contents/.github/workflows/retrain.yml?ref=main", 404, "", "{}"},
    {NULL, 0, NULL, NULL},
};

/* clang-format off */
static const struct {
    const char *name;
    size_t at;
    struct step answer; /* its url is not looked at */
    const char *next;   /* NULL: nothing more is asked */
    const char *last;   /* the last finding: "severity subject: a part of the text" */
} cases[] = {
    {"the limit is told", 0, {0, 200, DATED, LIMIT}, REPO, "ok limit: 4999 of 5000"},
    {"no limits on this server", 0, {0, 404, DATED, "{}"}, REPO, "ok limit: this server has no rate limit"},
    {"a limit of one request in ten", 0, {0, 200, DATED, "{\"resources\":{\"core\":{\"limit\":50,\"remaining\":4,\"reset\":1}}}"}, REPO, "warning limit: 4 of 50"},
    {"limits in no known form", 0, {0, 200, DATED, "{}"}, REPO, "skipped limit: the answer has no"},
    {"a bad token", 0, {0, 401, "", "{\"message\":\"Bad credentials\"}"}, NULL, "error credential: Bad credentials"},
    {"a policy of the organization", 0, {0, 403, "", "{\"message\":\"Resource protected by organization SAML enforcement.\"}"}, NULL, "error credential: Resource protected"},
    {"GitHub is ill", 0, {0, 503, "", ""}, NULL, "error reachable: HTTP 503"},
    {"another server", 0, {0, 400, "", ""}, NULL, "error reachable: HTTP 400"},
    {"limited", 1, {0, 429, "retry-after: 60\n", ""}, NULL, "warning limit: HTTP 429"},
    {"moved on this server", 1, {0, 301, "location: " API "/repositories/7\n", ""}, API "/repositories/7", "ok limit: "},
    {"moved to another server", 1, {0, 301, "location: https://example.com/x\n", ""}, NULL, "error repository: HTTP 301"},
    {"not there", 1, {0, 404, "", "{}"}, NULL, "error repository: acme/kospi: not found"},
    {"renamed", 1, {0, 200, "", "{\"full_name\":\"acme/new\"}"}, API "/repos/acme/new/git/ref/heads/main", "skipped permission: "},
    {"a name that is none", 1, {0, 200, "", "{\"full_name\":\"../x\"}"}, NULL, "error repository: the answer has no full_name"},
    {"no JSON", 1, {0, 200, "", "<html>"}, NULL, "error repository: the answer is no JSON"},
    {"not a branch", 2, {0, 404, "", "{}"}, REPO "/git/ref/tags/main", "skipped permission: "},
    {"a branch that only begins so", 2, {0, 200, "", "{\"ref\":\"refs/heads/main2\"}"}, REPO "/git/ref/tags/main", "skipped permission: "},
    {"an empty repository", 2, {0, 409, "", "{\"message\":\"Git Repository is empty.\"}"}, REPO "/actions/workflows/retrain.yml", "error ref: Git Repository is empty."},
    {"a ref that may not be read", 2, {0, 403, "", REFUSED}, REPO "/actions/workflows/retrain.yml", "skipped ref: main"},
    {"no workflow", 3, {0, 404, "", "{}"}, NULL, "error workflow: retrain.yml: not found"},
    {"Actions may not be read", 3, {0, 403, "x-accepted-github-permissions: actions=read\n", REFUSED}, NULL, "error workflow: Resource not accessible by personal access token (GitHub wants actions=read)"},
    {"a workflow without a file", 3, {0, 200, "", "{\"state\":\"active\",\"path\":\"dynamic/pages\"}"}, NULL, "skipped file: "},
    {"a path that leads elsewhere", 3, {0, 200, "", "{\"state\":\"active\",\"path\":\".github/workflows/../../x?y\"}"}, NULL, "skipped file: "},
    {"a disabled workflow", 3, {0, 200, "", "{\"state\":\"disabled_manually\",\"path\":\"x\"}"}, NULL, "skipped file: "},
    {"not at the ref", 4, {0, 404, "", "{}"}, NULL, "error file: .github/workflows/retrain.yml: not at ref main"},
    {"a file that may not be read", 4, {0, 403, "", REFUSED}, NULL, "skipped file: .github/workflows/retrain.yml: this credential"},
    {"a file too large for this endpoint", 4, {0, 200, "", "{\"encoding\":\"none\",\"content\":\"\"}"}, NULL, "warning file: "},
    {"a file that is no base64", 4, {0, 200, "", "{\"encoding\":\"base64\",\"content\":\"*\"}"}, NULL, "warning file: "},
    {"a file in pieces", 4, {0, 200, "", "{\"encoding\":\"base64\",\"content\":\"b246\\nIHB1c2gK\\n\"}"}, NULL, "error trigger: "},
};
/* clang-format on */

static char target_name[] = "retrain", api[] = API, repository[] = "acme/kospi",
            workflow[] = "retrain.yml", ref[] = "main", credential[] = "/run/token";
static const struct target target = {.name = target_name,
                                     .api_url = api,
                                     .repository = repository,
                                     .workflow = workflow,
                                     .ref = ref,
                                     .credential = credential};

/* The URL that is asked, "" when none is; a copy. */
static char *ask(struct preflight *p)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    struct error err = {0};

    if (preflight_next(p, &x, &err) != PREFLIGHT_ASK)
        return strdup("");
    assert_int_equal(x->kind, EXCHANGE_READ);
    assert_string_equal(x->method, "GET");
    assert_string_equal(x->repository, "acme/kospi");
    return strdup(x->url);
}

static void answer(struct preflight *p, const struct step *s)
{
    struct exchange_answer a = answer_make(s->status, s->headers, s->body);

    preflight_answer(p, &a, (struct wall){NOW});
    exchange_answer_clear(&a);
}

static void each_answer_leads_on_or_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SCOPED(preflight_free_p) struct preflight *p = NULL;
        SCOPED(buf_free) struct buf line = BUF_INIT(1024);
        struct error err = {0};
        assert_int_equal(preflight_new(&p, &target, NULL, 0, &err), 0);
        for (size_t step = 0; step <= cases[i].at; step++) {
            SCOPED(free_p) char *url = ask(p);
            assert_string_equal(url, way[step].url);
            answer(p, step == cases[i].at ? &cases[i].answer : &way[step]);
        }
        const struct findings *all = preflight_findings(p);
        const struct finding *last = &all->items[all->n - 1];
        SCOPED(free_p) char *next = ask(p);
        buf_addf(&line, "%s %s: %s", severity_text(last->severity), last->subject, last->text);
        if (strcmp(next, cases[i].next == NULL ? "" : cases[i].next) != 0 ||
            strncmp(buf_text(&line), cases[i].last, strlen(cases[i].last)) != 0)
            fail_msg("%s: %s, then %s", cases[i].name, buf_text(&line), next);
    }
}

/* clang-format off */
static const struct {
    const char *name;
    const char *headers;
    int64_t token_expiry_s;
    const char *severities; /* of reachable, clock, credential, expiry, limit: their first letters */
} tokens[] = {
    {"a token without an end", DATED, 0, "ooooo"},
    {"one that ends in two weeks", DATED "github-authentication-token-expiration: 2025-12-10 00:00:01 UTC\n", 0, "ooooo"},
    {"one that ends before", DATED "github-authentication-token-expiration: 2025-12-09 23:59:59 UTC\n", 0, "oooWo"},
    {"an App's is made anew", DATED "github-authentication-token-expiration: 2025-11-26 01:00:00 UTC\n", 1764118800, "oooo"},
    {"half a minute ahead", "date: Wed, 26 Nov 2025 00:00:30 GMT\n", 0, "ooooo"},
    {"more than that", "date: Wed, 26 Nov 2025 00:00:31 GMT\n", 0, "oWooo"},
    {"more than that behind", "date: Tue, 25 Nov 2025 23:59:29 GMT\n", 0, "oWooo"},
    {"no clock", "", 0, "osooo"},
};
/* clang-format on */

static void the_first_answer_tells_of_clock_and_token(void **state)
{
    static const char letters[SEVERITIES] = {'o', 's', 'W', 'E'};

    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        SCOPED(preflight_free_p) struct preflight *p = NULL;
        SCOPED(buf_free) struct buf got = BUF_INIT(64);
        struct error err = {0};
        assert_int_equal(preflight_new(&p, &target, NULL, 0, &err), 0);
        struct exchange_answer a = answer_make(200, tokens[i].headers, LIMIT);
        a.token_expiry_s = tokens[i].token_expiry_s;
        preflight_answer(p, &a, (struct wall){NOW});
        exchange_answer_clear(&a);
        for (size_t j = 0; j < preflight_findings(p)->n; j++)
            buf_add_char(&got, letters[preflight_findings(p)->items[j].severity]);
        if (strcmp(buf_text(&got), tokens[i].severities) != 0)
            fail_msg("%s: %s", tokens[i].name, buf_text(&got));
    }
}

static void without_an_answer_nothing_more_is_asked(void **state)
{
    static const struct {
        enum exchange_transport transport;
        const char *subject;
        bool unreachable;
    } ends[] = {{EXCHANGE_NOT_SENT, "reachable", true},
                {EXCHANGE_UNKNOWN, "reachable", true},
                {EXCHANGE_NO_TOKEN, "credential", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        SCOPED(preflight_free_p) struct preflight *p = NULL;
        struct error err = {0};
        assert_int_equal(preflight_new(&p, &target, NULL, 0, &err), 0);
        struct exchange_answer a = answer_none(ends[i].transport, "why\x1b[31m");
        preflight_answer(p, &a, (struct wall){NOW});
        SCOPED(free_p) char *next = ask(p);
        assert_string_equal(next, "");
        assert_int_equal(preflight_findings(p)->n, 1);
        assert_string_equal(preflight_findings(p)->items[0].subject, ends[i].subject);
        assert_non_null(strstr(preflight_findings(p)->items[0].text, "why[31m"));
        assert_int_equal(preflight_is_unreachable(p), ends[i].unreachable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_leads_on_or_ends_it),
        cmocka_unit_test(the_first_answer_tells_of_clock_and_token),
        cmocka_unit_test(without_an_answer_nothing_more_is_asked),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
