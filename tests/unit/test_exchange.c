#include "relay/github/exchange.h"

#include "relay/github/inputs.h"
#include "relay/github/url.h"
#include "tests/unit/answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#include <cmocka.h>
#include <jansson.h>

#define RELAY_ID "01JD0000000000000000000000"

struct names {
    char name[16], api_url[64], repository[32], workflow[64], ref[64], credential[16];
    struct target target;
};

static struct target *target_make(struct names *n, const char *api_url, const char *workflow,
                                  const char *ref, enum correlation correlation)
{
    *n = (struct names){.name = "retrain", .repository = "acme/ml", .credential = "github"};
    (void)snprintf(n->api_url, sizeof(n->api_url), "%s", api_url);
    (void)snprintf(n->workflow, sizeof(n->workflow), "%s", workflow);
    (void)snprintf(n->ref, sizeof(n->ref), "%s", ref);
    n->target = (struct target){.name = n->name,
                                .api_url = n->api_url,
                                .repository = n->repository,
                                .workflow = n->workflow,
                                .ref = n->ref,
                                .credential = n->credential,
                                .correlation = correlation};
    return &n->target;
}

/* clang-format off */
static const struct {
    const char *name, *api_url, *workflow, *ref, *inputs;
    enum correlation correlation;
    struct target_memory memory;
    const char *redirect, *url, *body;
} posts[] = {
    { "the reference exchange", "https://api.github.com", "retrain.yml", "main", "{\"model\":\"churn\"}",
      CORRELATION_AUTO, { 0 }, NULL, "https://api.github.com/repos/acme/ml/actions/workflows/retrain.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{\"relay_id\":\"" RELAY_ID "\",\"model\":\"churn\"},\"return_run_details\":true}" },
    { "a workflow's id, a server of one's own", "https://ghe.test:8443/api/v3", "12345", "release/2.0", "{}",
      CORRELATION_INPUT, { 0 }, NULL, "https://ghe.test:8443/api/v3/repos/acme/ml/actions/workflows/12345/dispatches",
      "{\"ref\":\"release/2.0\",\"inputs\":{\"relay_id\":\"" RELAY_ID "\"},\"return_run_details\":true}" },
    { "a file name is one segment of the path", "https://api.github.com", "a/../b?c#d %é.yml", "main", "{}",
      CORRELATION_NONE, { 0 }, NULL,
      "https://api.github.com/repos/acme/ml/actions/workflows/a%2F..%2Fb%3Fc%23d%20%25%C3%A9.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{},\"return_run_details\":true}" },
    { "no relay_id without correlation", "https://api.github.com", "r.yml", "main", "{\"a\":\"b\"}",
      CORRELATION_NONE, { 0 }, NULL, "https://api.github.com/repos/acme/ml/actions/workflows/r.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{\"a\":\"b\"},\"return_run_details\":true}" },
    { "no relay_id where the workflow has no such input", "https://api.github.com", "r.yml", "main", "{}",
      CORRELATION_AUTO, { .no_relay_id = true }, NULL, "https://api.github.com/repos/acme/ml/actions/workflows/r.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{},\"return_run_details\":true}" },
    { "a relay_id all the same where it is asked for", "https://api.github.com", "r.yml", "main", "{}",
      CORRELATION_INPUT, { .no_relay_id = true }, NULL, "https://api.github.com/repos/acme/ml/actions/workflows/r.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{\"relay_id\":\"" RELAY_ID "\"},\"return_run_details\":true}" },
    { "no run details from an old server", "https://api.github.com", "r.yml", "main", "{}",
      CORRELATION_NONE, { .no_run_details = true }, NULL, "https://api.github.com/repos/acme/ml/actions/workflows/r.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{}}" },
    { "where a 307 leads", "https://api.github.com", "r.yml", "main", "{}",
      CORRELATION_NONE, { .no_run_details = true }, "https://api.github.com/repositories/7/actions/workflows/r.yml/dispatches",
      "https://api.github.com/repositories/7/actions/workflows/r.yml/dispatches", "{\"ref\":\"main\",\"inputs\":{}}" },
    { "not where a 307 of another server led", "https://ghe.test/api/v3", "r.yml", "main", "{}",
      CORRELATION_NONE, { .no_run_details = true }, "https://api.github.com/repositories/7/actions/workflows/r.yml/dispatches",
      "https://ghe.test/api/v3/repos/acme/ml/actions/workflows/r.yml/dispatches", "{\"ref\":\"main\",\"inputs\":{}}" },
    { "text of an alert stays data", "https://api.github.com", "r.yml", "main", "{\"a\":\"\\\"},\\\"ref\\\":\\\"evil\"}",
      CORRELATION_NONE, { .no_run_details = true }, NULL, "https://api.github.com/repos/acme/ml/actions/workflows/r.yml/dispatches",
      "{\"ref\":\"main\",\"inputs\":{\"a\":\"\\\"},\\\"ref\\\":\\\"evil\"}}" },
};
/* clang-format on */

static const char *header_of(const struct exchange *x, const char *name)
{
    for (char **h = x->headers; *h != NULL; h++) {
        size_t len = strlen(name);
        if (strncasecmp(*h, name, len) == 0 && strncmp(*h + len, ": ", 2) == 0)
            return *h + len + 2;
    }
    return NULL;
}

static void a_dispatch_is_one_post_with_its_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
        struct names n;
        struct exchange *x = NULL;
        struct error err = {0};
        target_make(&n, posts[i].api_url, posts[i].workflow, posts[i].ref, posts[i].correlation);
        if (exchange_dispatch(&x, &n.target, &posts[i].memory, RELAY_ID, posts[i].inputs,
                              posts[i].redirect, &err) != 0)
            fail_msg("%s: %s", posts[i].name, err.text);
        if (strcmp(x->url, posts[i].url) != 0 || strcmp(x->body, posts[i].body) != 0)
            fail_msg("%s: %s %s", posts[i].name, x->url, x->body);
        assert_int_equal(x->body_len, strlen(x->body));
        assert_int_equal(x->kind, EXCHANGE_DISPATCH);
        assert_string_equal(x->method, "POST");
        assert_string_equal(x->relay_id, RELAY_ID);
        assert_string_equal(x->credential, "github");
        exchange_free(x);
    }
}

static void headers_name_the_client_and_the_version_and_no_token(void **state)
{
    struct names n;
    struct exchange *x = NULL;
    const struct target_memory memory = {0};

    (void)state;
    target_make(&n, "https://api.github.com", "r.yml", "main", CORRELATION_AUTO);
    assert_int_equal(exchange_dispatch(&x, &n.target, &memory, RELAY_ID, "{}", NULL, NULL), 0);
    assert_string_equal(header_of(x, "User-Agent"), "drift-relay/" DRIFT_RELAY_VERSION);
    assert_string_equal(header_of(x, "Accept"), "application/vnd.github+json");
    assert_string_equal(header_of(x, "X-GitHub-Api-Version"), "2022-11-28");
    assert_string_equal(header_of(x, "Content-Type"), "application/json");
    assert_null(header_of(x, "Authorization"));
    assert_null(header_of(x, "If-None-Match"));
    exchange_free(x);
}

/* github.com, GHE.com, and a server of one's own. */
static void each_api_url_leads_to_all_endpoints(void **state)
{
    static const char *const bases[] = {"https://api.github.com", "https://api.acme.ghe.com",
                                        "https://ghe.test/api/v3",
                                        "https://ghe.test:8443/git/api/v3"};
    static const char place[] = "/repos/acme/ml/actions/workflows/r.yml";

    (void)state;
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        struct names n;
        struct exchange *x = NULL;
        const struct target_memory memory = {0};
        size_t len = strlen(bases[i]);
        target_make(&n, bases[i], "r.yml", "main", CORRELATION_AUTO);
        char *where = exchange_place(&n.target, NULL);
        assert_int_equal(strncmp(where, bases[i], len), 0);
        assert_string_equal(where + len, "/repos/acme/ml/actions/workflows/r.yml@main");
        assert_int_equal(exchange_dispatch(&x, &n.target, &memory, RELAY_ID, "{}", NULL, NULL), 0);
        assert_int_equal(strncmp(x->url, bases[i], len), 0);
        assert_string_equal(x->url + len, "/repos/acme/ml/actions/workflows/r.yml/dispatches");
        exchange_free(x);
        assert_int_equal(exchange_run(&x, &n.target, RELAY_ID, 7, NULL, NULL), 0);
        assert_int_equal(strncmp(x->url, bases[i], len), 0);
        assert_string_equal(x->url + len, "/repos/acme/ml/actions/runs/7");
        exchange_free(x);
        struct exchange_list list = {.until = "", .page = 2};
        assert_int_equal(exchange_runs(&x, &n.target, RELAY_ID, where, &list, NULL), 0);
        assert_int_equal(strncmp(x->url, bases[i], len), 0);
        assert_int_equal(strncmp(x->url + len, place, sizeof(place) - 1), 0);
        assert_string_equal(x->url + len + sizeof(place) - 1,
                            "/runs?event=workflow_dispatch&created=%3E%3D1970-01-01T00:00:00Z&"
                            "exclude_pull_requests=true&per_page=50&page=2");
        exchange_free(x);
        list = (struct exchange_list){61000, "1970-01-01T00:02:00Z", 1, true};
        assert_int_equal(exchange_runs(&x, &n.target, RELAY_ID, where, &list, NULL), 0);
        assert_string_equal(x->url + len + sizeof(place) - 1,
                            "/runs?created=1970-01-01T00:01:01Z..1970-01-01T00:02:00Z&"
                            "exclude_pull_requests=true&per_page=50&page=1");
        exchange_free(x);
        free(where);
    }
}

static void a_read_moves_on_its_server_only_and_keeps_its_own_query(void **state)
{
    static const struct {
        const char *where, *url;
    } rows[] = {
        {"https://ghe.test/api/v3/repositories/7/runs",
         "https://ghe.test/api/v3/repositories/7/runs"},
        {"https://GHE.test:443/x?event=push&page=9#f", "https://GHE.test:443/x"},
        {"https://api.github.com/x", "https://ghe.test/api/v3/repos/acme/ml/runs"},
        {"http://ghe.test/x", "https://ghe.test/api/v3/repos/acme/ml/runs"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct names n;
        struct exchange *x = NULL;
        target_make(&n, "https://ghe.test/api/v3", "r.yml", "main", CORRELATION_AUTO);
        assert_int_equal(exchange_runs(&x, &n.target, RELAY_ID,
                                       "https://ghe.test/api/v3/repos/acme/ml@main",
                                       &(struct exchange_list){.until = "", .page = 1}, NULL),
                         0);
        assert_int_equal(exchange_move(x, rows[i].where, NULL), 0);
        size_t len = strlen(rows[i].url);
        if (strncmp(x->url, rows[i].url, len) != 0 ||
            strncmp(x->url + len, "?event=workflow_dispatch&created=", 33) != 0)
            fail_msg("%s: %s", rows[i].where, x->url);
        exchange_free(x);
    }
}

static void a_poll_is_a_get_of_the_run(void **state)
{
    struct names n;
    struct exchange *x = NULL;

    (void)state;
    target_make(&n, "https://api.github.com", "r.yml", "main", CORRELATION_AUTO);
    assert_int_equal(exchange_run(&x, &n.target, RELAY_ID, 43042502224, "W/\"abc\"", NULL), 0);
    assert_string_equal(x->url, "https://api.github.com/repos/acme/ml/actions/runs/43042502224");
    assert_string_equal(x->method, "GET");
    assert_int_equal(x->kind, EXCHANGE_RUN);
    assert_null(x->body);
    assert_int_equal(x->body_len, 0);
    assert_string_equal(header_of(x, "If-None-Match"), "W/\"abc\"");
    assert_null(header_of(x, "Content-Type"));
    exchange_free(x);
}

static void an_etag_that_could_forge_a_header_is_not_sent(void **state)
{
    static const char *const etags[] = {"a\r\nAuthorization: x", "\"a\nb\"", "", "\x7f",
                                        "\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof(etags) / sizeof(etags[0]); i++) {
        struct names n;
        struct exchange *x = NULL;
        target_make(&n, "https://api.github.com", "r.yml", "main", CORRELATION_AUTO);
        assert_int_equal(exchange_run(&x, &n.target, RELAY_ID, 1, etags[i], NULL), 0);
        assert_null(header_of(x, "If-None-Match"));
        exchange_free(x);
    }
}

static void inputs_that_are_none_make_no_exchange(void **state)
{
    static const char *const inputs[] = {
        "",
        "[]",
        "{\"a\":1}",
        "{\"a\":null}",
        "{} {}",
        "{\"a\":{}}",
        "{\"relay_id\":\"x\"}",
        "{\"Relay_ID\":\"x\"}",
        "\"text\"",
        "{\"a\":\"1\",\"a\":\"2\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct names n;
        struct exchange *x = NULL;
        struct error err = {0};
        const struct target_memory memory = {0};
        target_make(&n, "https://api.github.com", "r.yml", "main", CORRELATION_AUTO);
        if (exchange_dispatch(&x, &n.target, &memory, RELAY_ID, inputs[i], NULL, &err) != -EINVAL)
            fail_msg("taken: %s", inputs[i]);
        assert_null(x);
        assert_true(strlen(err.text) > 0);
    }
}

/* n inputs of `bytes` bytes each. */
static char *many_inputs(int n, size_t bytes)
{
    json_t *object = json_object();
    char name[16];
    char *value = malloc(bytes + 1);

    memset(value, 'v', bytes);
    value[bytes] = '\0';
    for (int i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "i%d", i);
        json_object_set_new(object, name, json_string(value));
    }
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    free(value);
    return text;
}

static void githubs_limits_of_inputs_hold_with_the_relay_id(void **state)
{
    static const struct {
        int n;
        size_t bytes;
        enum correlation correlation;
        int want;
    } rows[] = {
        {24, 1, CORRELATION_AUTO, 0},          {25, 1, CORRELATION_AUTO, -EINVAL},
        {25, 1, CORRELATION_NONE, 0},          {26, 1, CORRELATION_NONE, -EINVAL},
        {1, 65526, CORRELATION_NONE, 0},       {1, 65527, CORRELATION_NONE, -EINVAL},
        {1, 65526, CORRELATION_AUTO, -EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct names n;
        struct exchange *x = NULL;
        const struct target_memory memory = {0};
        char *inputs = many_inputs(rows[i].n, rows[i].bytes);
        target_make(&n, "https://api.github.com", "r.yml", "main", rows[i].correlation);
        int r = exchange_dispatch(&x, &n.target, &memory, RELAY_ID, inputs, NULL, NULL);
        if (r != rows[i].want)
            fail_msg("%d inputs of %zu bytes: %d", rows[i].n, rows[i].bytes, r);
        exchange_free(x);
        free(inputs);
    }
}

static void an_answers_headers_are_found_without_case(void **state)
{
    struct exchange_answer a = answer_make(200, "Retry-After: 5\netag: \"x\"\nblank: \n", NULL);

    (void)state;
    assert_string_equal(exchange_answer_header(&a, "retry-after"), "5");
    assert_string_equal(exchange_answer_header(&a, "ETag"), "\"x\"");
    assert_string_equal(exchange_answer_header(&a, "blank"), "");
    assert_null(exchange_answer_header(&a, "date"));
    exchange_answer_clear(&a);
    assert_null(exchange_answer_header(&a, "etag"));
    exchange_answer_clear(&a);
}

static void wanted_headers_are_lower_case(void **state)
{
    (void)state;
    for (size_t i = 0; exchange_wanted_headers[i] != NULL; i++) {
        for (const char *c = exchange_wanted_headers[i]; *c != '\0'; c++)
            assert_true(*c == '-' || (*c >= 'a' && *c <= 'z'));
    }
}

static void a_url_too_long_is_refused(void **state)
{
    struct names n;
    struct exchange *x = NULL;
    struct error err = {0};
    const struct target_memory memory = {0};
    static char workflow[1200];

    (void)state;
    target_make(&n, "https://api.github.com", "r.yml", "main", CORRELATION_AUTO);
    memset(workflow, '/', sizeof(workflow) - 1);
    n.target.workflow = workflow;
    assert_int_equal(exchange_dispatch(&x, &n.target, &memory, RELAY_ID, "{}", NULL, &err),
                     -EINVAL);
    assert_null(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dispatch_is_one_post_with_its_body),
        cmocka_unit_test(headers_name_the_client_and_the_version_and_no_token),
        cmocka_unit_test(each_api_url_leads_to_all_endpoints),
        cmocka_unit_test(a_read_moves_on_its_server_only_and_keeps_its_own_query),
        cmocka_unit_test(a_poll_is_a_get_of_the_run),
        cmocka_unit_test(an_etag_that_could_forge_a_header_is_not_sent),
        cmocka_unit_test(inputs_that_are_none_make_no_exchange),
        cmocka_unit_test(githubs_limits_of_inputs_hold_with_the_relay_id),
        cmocka_unit_test(an_answers_headers_are_found_without_case),
        cmocka_unit_test(wanted_headers_are_lower_case),
        cmocka_unit_test(a_url_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
