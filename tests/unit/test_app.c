#include "relay/github/app.h"
#include "relay/base/scope.h"
#include "relay/github/limits.h"
#include "tests/unit/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

/* Mon, 24 Nov 2025 16:00:00 GMT */
#define WALL_S INT64_C(1764000000)
#define DATE   "date: Mon, 24 Nov 2025 16:00:00 GMT\n"
#define TOKEN  "ghs_12345_eyJhbGciOiJFUzI1NiJ9.abc-_.def"

static const struct wall wall = {1000 * WALL_S};
static char id[] = "12345";
static const struct app app = {.id = id, .installation = 678};

static void decode(char *out, size_t size, const char *text, size_t len)
{
    size_t n = 0;
    assert_int_equal(sodium_base642bin((unsigned char *)out, size - 1, text, len, NULL, &n, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    out[n] = '\0';
}

/* clang-format off */
static const struct {
    const char *name, *id;
    int64_t wall_ms, skew_ms;
    const char *claims;
} jwts[] = {
    { "an hour has 60 minutes", "12345", 1000 * WALL_S, 0, "{\"iat\":1763999940,\"exp\":1764000540,\"iss\":\"12345\"}" },
    { "a client id", "Iv23liABC.d_e-f", 1000 * WALL_S + 999, 0, "{\"iat\":1763999940,\"exp\":1764000540,\"iss\":\"Iv23liABC.d_e-f\"}" },
    { "our clock is behind", "12345", 1000 * WALL_S, 3600000, "{\"iat\":1764003540,\"exp\":1764004140,\"iss\":\"12345\"}" },
    { "our clock is ahead", "12345", 1000 * WALL_S, -3600000, "{\"iat\":1763996340,\"exp\":1763996940,\"iss\":\"12345\"}" },
};

static const struct {
    const char *id;
    bool valid;
} ids[] = {
    { "1", true }, { "Iv23liABC.d_e-f", true }, { "", false }, { "1\"", false }, { "a b", false }, { "é", false },
    { "0123456789012345678901234567890123456789012345678901234567890123", true },
    { "01234567890123456789012345678901234567890123456789012345678901234", false },
};

/* outcome: of the dispatch that waited. */
static const struct {
    const char *name;
    int status;
    const char *headers, *body;
    enum outcome outcome;
    const char *says;
} refusals[] = {
    { "a key that is not the App's", 401, DATE, "{\"message\":\"A JSON web token could not be decoded\"}", OUTCOME_CREDENTIAL,
      "App 12345, installation 678, token for acme/kospi: A JSON web token could not be decoded: is the key one of this App?" },
    { "suspended", 403, DATE, "{\"message\":\"This installation has been suspended\"}", OUTCOME_CREDENTIAL, "suspended" },
    { "another App's", 404, DATE, "{\"message\":\"Not Found\"}", OUTCOME_CREDENTIAL, "Not Found: no such installation of this App" },
    { "too few permissions", 422, DATE, "{\"message\":\"The permissions requested are not granted to this installation.\"}",
      OUTCOME_CREDENTIAL, "needs Actions: write" },
    { "gone", 410, "", "", OUTCOME_CREDENTIAL, "HTTP 410" },
    { "primary limit", 403, DATE "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000060\n", "{\"message\":\"API rate limit exceeded\"}",
      OUTCOME_LIMITED, "API rate limit exceeded" },
    { "secondary limit", 429, DATE "retry-after: 9\n", "{\"message\":\"You have exceeded a secondary rate limit.\"}", OUTCOME_LIMITED,
      "secondary" },
    { "server error", 502, DATE, "<html>", OUTCOME_NOT_SENT, "HTTP 502" },
    { "redirected", 307, DATE "location: /elsewhere\n", "{\"message\":\"Moved Permanently\"}", OUTCOME_NOT_SENT, "Moved Permanently" },
    { "200", 200, DATE, "{\"token\":\"" TOKEN "\",\"expires_at\":\"2025-11-24T17:00:00Z\"}", OUTCOME_NOT_SENT, "HTTP 200" },
    { "no JSON", 201, DATE, "<html>" TOKEN, OUTCOME_NOT_SENT, "is no JSON" },
    { "a list", 201, DATE, "[\"" TOKEN "\"]", OUTCOME_NOT_SENT, "no usable token" },
    { "a number for a token", 201, DATE, "{\"token\":1,\"expires_at\":\"2025-11-24T17:00:00Z\"}", OUTCOME_NOT_SENT, "no usable token" },
    { "an empty token", 201, DATE, "{\"token\":\"\",\"expires_at\":\"2025-11-24T17:00:00Z\"}", OUTCOME_NOT_SENT, "no usable token" },
    { "a token with a line end", 201, DATE, "{\"token\":\"" TOKEN "\\r\\nX: y\",\"expires_at\":\"2025-11-24T17:00:00Z\"}",
      OUTCOME_NOT_SENT, "no usable token" },
    { "no end", 201, DATE, "{\"token\":\"" TOKEN "\"}", OUTCOME_NOT_SENT, "no end of the token" },
    { "an end that is none", 201, DATE, "{\"token\":\"" TOKEN "\",\"expires_at\":\"soon\"}", OUTCOME_NOT_SENT, "no end of the token" },
    { "over already", 201, DATE, "{\"token\":\"" TOKEN "\",\"expires_at\":\"2025-11-24T16:00:00Z\"}", OUTCOME_NOT_SENT, "no end of the token" },
};

static const struct {
    const char *name;
    int status;
    const char *headers;
    int64_t before_ms, after_ms;
    int result;
} skews[] = {
    { "GitHub is an hour ahead", 401, "date: Mon, 24 Nov 2025 17:00:00 GMT\n", 0, 3600000, APP_SKEWED },
    { "GitHub is an hour behind", 401, "date: Mon, 24 Nov 2025 15:00:00 GMT\n", 0, -3600000, APP_SKEWED },
    { "known already: another fault", 401, "date: Mon, 24 Nov 2025 17:00:00 GMT\n", 3600000, 3600000, APP_REFUSED },
    { "our clock was set right since", 401, DATE, 3600000, 0, APP_SKEWED },
    { "too little to matter", 401, "date: Mon, 24 Nov 2025 16:00:29 GMT\n", 0, 0, APP_REFUSED },
    { "no date", 401, "", 0, 0, APP_REFUSED },
    { "a date that is none", 401, "date: now\n", 0, 0, APP_REFUSED },
    { "another refusal", 404, "date: Mon, 24 Nov 2025 17:00:00 GMT\n", 0, 0, APP_REFUSED },
};
/* clang-format on */

static void a_jwt_is_header_and_claims_in_base64url(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(jwts) / sizeof(jwts[0]); i++) {
        char name[80];
        char part[512];
        (void)snprintf(name, sizeof(name), "%s", jwts[i].id);
        const struct app a = {.id = name, .installation = 1};
        SCOPED(buf_free) struct buf jwt = BUF_INIT(APP_JWT_MAX);
        app_jwt_begin(&jwt, &a, (struct wall){jwts[i].wall_ms}, jwts[i].skew_ms);
        assert_false(buf_failed(&jwt));
        const char *dot = strchr(buf_text(&jwt), '.');
        assert_non_null(dot);
        decode(part, sizeof(part), buf_text(&jwt), (size_t)(dot - buf_text(&jwt)));
        assert_string_equal(part, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
        decode(part, sizeof(part), dot + 1, strlen(dot + 1));
        if (strcmp(part, jwts[i].claims) != 0)
            fail_msg("%s: %s", jwts[i].name, part);
        size_t len = jwt.len;
        app_jwt_end(&jwt, (const unsigned char *)"\xff\xfe\xfd\xfb", 4);
        assert_string_equal(buf_text(&jwt) + len, ".__79-w"); /* neither +, / nor = */
    }
}

static void an_id_is_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        assert_int_equal(app_id_is_valid(ids[i].id), ids[i].valid);
}

static void the_exchange_asks_for_one_repository_and_one_permission(void **state)
{
    (void)state;
    char credential[] = "c";
    char api_url[] = "https://ghe.test/api/v3";
    char repository[] = "acme/kospi";
    const struct exchange waiting = {.relay_id = "01JD0000000000000000000000",
                                     .credential = credential,
                                     .api_url = api_url,
                                     .repository = repository};
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    assert_int_equal(app_token_exchange(&x, &app, &waiting, NULL), 0);
    assert_int_equal(x->kind, EXCHANGE_TOKEN);
    assert_string_equal(x->method, "POST");
    assert_string_equal(x->url, "https://ghe.test/api/v3/app/installations/678/access_tokens");
    assert_string_equal(x->body,
                        "{\"repositories\":[\"kospi\"],\"permissions\":{\"actions\":\"write\"}}");
    assert_int_equal(x->body_len, strlen(x->body));
    for (char **h = x->headers; *h != NULL; h++)
        assert_null(strcasestr(*h, "authorization"));
}

static int read_with(struct app_token *token, struct exchange_answer *out, int status,
                     const char *headers, const char *body, int64_t *skew_ms)
{
    struct exchange_answer a = answer_make(status, headers, body);
    int r = app_read_answer(token, out, &a, &app, "acme/kospi", wall, skew_ms);
    if (r == APP_REFUSED && out->transport == EXCHANGE_NO_TOKEN)
        *out = (struct exchange_answer){.transport = out->transport, .status = out->status};
    exchange_answer_clear(&a);
    return r;
}

static void a_token_comes_with_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *name, *headers, *expires;
        int64_t life_ms;
    } lives[] = {
        {"an hour", DATE, "2025-11-24T17:00:00Z", 3600000},
        {"by GitHub's clock", "date: Mon, 24 Nov 2025 16:20:00 GMT\n", "2025-11-24T17:20:00Z",
         3600000},
        {"by ours without a date", "", "2025-11-24T16:30:00Z", 1800000},
        {"another zone", DATE, "2025-11-25T02:00:00+09:00", 3600000},
    };
    for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
        char body[2048];
        char text[700];
        struct app_token token;
        struct exchange_answer out;
        int64_t skew_ms = 0;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        memcpy(text, TOKEN, sizeof(TOKEN) - 1);
        (void)snprintf(body, sizeof(body),
                       "{\"token\":\"%s\",\"expires_at\":\"%s\",\"repository_selection\":"
                       "\"selected\"}",
                       text, lives[i].expires);
        if (read_with(&token, &out, 201, lives[i].headers, body, &skew_ms) != 0)
            fail_msg("%s: %s", lives[i].name, out.error);
        assert_true(secret_equals(token.token, text, strlen(text)));
        assert_int_equal(token.life_ms, lives[i].life_ms);
        secret_free(token.token);
    }
}

static void a_refusal_is_never_ambiguous_and_says_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct exchange_answer a =
            answer_make(refusals[i].status, refusals[i].headers, refusals[i].body);
        struct exchange_answer out;
        struct app_token token;
        struct outcome_detail d;
        int64_t skew_ms = 0;
        const struct target target = {0};
        assert_int_equal(app_read_answer(&token, &out, &a, &app, "acme/kospi", wall, &skew_ms),
                         APP_REFUSED);
        assert_null(token.token);
        outcome_of_dispatch(&d, &out, &target, (struct outcome_sent){0});
        if (d.outcome != refusals[i].outcome)
            fail_msg("%s: %s", refusals[i].name, outcome_text(d.outcome));
        if (strstr(d.text, refusals[i].says) == NULL)
            fail_msg("%s: %s", refusals[i].name, d.text);
        assert_null(strstr(d.text, "ghs_"));
        outcome_detail_clear(&d);
        exchange_answer_clear(&a);
    }
}

static void without_an_answer_nothing_was_sent(void **state)
{
    (void)state;
    static const enum exchange_transport transports[] = {EXCHANGE_NOT_SENT, EXCHANGE_UNKNOWN};
    for (size_t i = 0; i < 2; i++) {
        struct exchange_answer a = answer_none(transports[i], "timed out");
        struct exchange_answer out;
        struct app_token token;
        int64_t skew_ms = 0;
        assert_int_equal(app_read_answer(&token, &out, &a, &app, "acme/kospi", wall, &skew_ms),
                         APP_REFUSED);
        assert_int_equal(out.transport, EXCHANGE_NOT_SENT);
        assert_non_null(strstr(out.error, "installation 678, token for acme/kospi: timed out"));
    }
}

static void another_clock_is_learnt_from_a_401(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
        struct app_token token;
        struct exchange_answer out;
        int64_t skew_ms = skews[i].before_ms;
        int r = read_with(&token, &out, skews[i].status, skews[i].headers, "", &skew_ms);
        if (r != skews[i].result || skew_ms != skews[i].after_ms)
            fail_msg("%s: %d, %lld ms", skews[i].name, r, (long long)skew_ms);
    }
}

static void a_refused_token_blocks_its_credential_as_a_401_does(void **state)
{
    (void)state;
    struct credential c = {.remaining = -1};
    struct exchange_answer a = answer_make(404, "x-ratelimit-remaining: 7\n", "{}");
    struct exchange_answer out;
    struct app_token token;
    int64_t skew_ms = 0;
    assert_int_equal(app_read_answer(&token, &out, &a, &app, "acme/kospi", wall, &skew_ms),
                     APP_REFUSED);
    assert_int_equal(limits_class(&out), OUTCOME_CREDENTIAL);
    assert_true(limits_note(&c, &out, OUTCOME_CREDENTIAL, 1000, wall));
    assert_int_equal(c.not_before, 1000 + LIMITS_BACKOFF_MS);
    assert_int_equal(c.remaining, -1); /* that was the App's limit, not the installation's */
    assert_non_null(strstr(c.reason, "App 12345, installation 678"));
    exchange_answer_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jwt_is_header_and_claims_in_base64url),
        cmocka_unit_test(an_id_is_taken_or_refused),
        cmocka_unit_test(the_exchange_asks_for_one_repository_and_one_permission),
        cmocka_unit_test(a_token_comes_with_its_end),
        cmocka_unit_test(a_refusal_is_never_ambiguous_and_says_what_to_do),
        cmocka_unit_test(without_an_answer_nothing_was_sent),
        cmocka_unit_test(another_clock_is_learnt_from_a_401),
        cmocka_unit_test(a_refused_token_blocks_its_credential_as_a_401_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
