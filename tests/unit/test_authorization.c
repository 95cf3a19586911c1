/* Who may post, by the Authorization header: bearer tokens and basic auth. */
#include "relay/alert/authorization.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *authorization_of(const void *context, const char *name)
{
    return strcasecmp(name, "Authorization") == 0 ? context : NULL;
}

struct fixture {
    struct secret *secrets[3];
    char username[16];
    struct auth auth;
};

/* secrets: up to three, NULL at the end. */
static void set_up(struct fixture *f, enum auth_scheme scheme, const char *const secrets[3])
{
    *f = (struct fixture){.username = "grafana"};
    f->auth = (struct auth){.scheme = scheme, .secrets = f->secrets, .username = f->username};
    for (size_t i = 0; i < 3 && secrets[i] != NULL; i++) {
        struct error err = {0};
        if (secret_new(&f->secrets[i], secrets[i], strlen(secrets[i]), &err) != 0)
            fail_msg("secret_new: %s", err.text);
        f->auth.n_secrets++;
    }
}

static void tear_down(struct fixture *f)
{
    for (size_t i = 0; i < f->auth.n_secrets; i++)
        secret_free(f->secrets[i]);
}

static int verify(const struct auth *auth, const char *authorization, const char **hint)
{
    struct claim claim;
    return auth_check_headers(auth, authorization_of, authorization, (struct wall){0}, &claim,
                              hint);
}

static void expect(const char *name, int got, int want)
{
    if (got != want)
        fail_msg("%s: got %s, want %s", name, got == 0 ? "ok" : auth_outcome_text(got),
                 want == 0 ? "ok" : auth_outcome_text(want));
}

static const char *const three_secrets[3] = {"new", "old", "third"};

/* clang-format off */
static const struct {
    const char *name, *authorization;
    int want;
} bearer_cases[] = {
    {"the first token", "Bearer new", 0},
    {"the second token", "Bearer old", 0},
    {"the third token", "Bearer third", 0},
    {"the scheme in lower case", "bearer new", 0},
    {"the scheme in upper case", "BEARER new", 0},
    {"two blanks", "Bearer  new", 0},
    {"no header", NULL, AUTH_MISSING},
    {"an empty header", "", AUTH_MISSING},
    {"another scheme", "Basic Z3JhZmFuYTpuZXc=", AUTH_MISSING},
    {"a scheme that begins so", "BearerToken new", AUTH_MISSING},
    {"the token alone", "new", AUTH_MISSING},
    {"a tab for the blank", "Bearer\tnew", AUTH_MISSING},
    {"a blank before the scheme", " Bearer new", AUTH_MISSING},
    {"no token", "Bearer", AUTH_MALFORMED},
    {"an empty token", "Bearer ", AUTH_MALFORMED},
    {"blanks for a token", "Bearer    ", AUTH_MALFORMED},
    {"another token", "Bearer newt", AUTH_MISMATCH},
    {"a shorter token", "Bearer ne", AUTH_MISMATCH},
    {"another case", "Bearer NEW", AUTH_MISMATCH},
    {"a blank behind", "Bearer new ", AUTH_MISMATCH},
    {"two tokens", "Bearer new, old", AUTH_MISMATCH},
    {"quotes", "Bearer \"new\"", AUTH_MISMATCH},
};

static const struct {
    const char *name, *authorization;
    int want;
} basic_cases[] = {
    {"the first password", "Basic Z3JhZmFuYTpuZXc=", 0},
    {"the second password", "Basic Z3JhZmFuYTpvbGQ=", 0},
    {"a password with a colon", "Basic Z3JhZmFuYTpwYTpzcw==", 0},
    {"the scheme in lower case", "basic Z3JhZmFuYTpuZXc=", 0},
    {"no header", NULL, AUTH_MISSING},
    {"another scheme", "Bearer Z3JhZmFuYTpuZXc=", AUTH_MISSING},
    {"digest", "Digest username=\"grafana\"", AUTH_MISSING},
    {"a scheme that begins so", "Basically Z3JhZmFuYTpuZXc=", AUTH_MISSING},
    {"no credentials", "Basic", AUTH_MALFORMED},
    {"empty credentials", "Basic ", AUTH_MALFORMED},
    {"no base64", "Basic grafana:new", AUTH_MALFORMED},
    {"padding left out", "Basic Z3JhZmFuYTpuZXc", AUTH_MALFORMED},
    {"too much padding", "Basic Z3JhZmFuYTpuZXc==", AUTH_MALFORMED},
    {"bytes behind", "Basic Z3JhZmFuYTpuZXc= x", AUTH_MALFORMED},
    {"the alphabet for URLs", "Basic Z3JhZmFuYTp-_-8=", AUTH_MALFORMED},
    {"no colon", "Basic Z3JhZmFuYQ==", AUTH_MALFORMED},
    {"an empty password", "Basic Z3JhZmFuYTo=", AUTH_MISMATCH},
    {"a wrong password", "Basic Z3JhZmFuYTp3cm9uZw==", AUTH_MISMATCH},
    {"a user in another case", "Basic R3JhZmFuYTpuZXc=", AUTH_MISMATCH},
    {"no user", "Basic Om5ldw==", AUTH_MISMATCH},
    {"a longer user", "Basic Z3JhZmFuYXM6bmV3", AUTH_MISMATCH},
};
/* clang-format on */

static void a_bearer_token_is_one_of_the_secrets(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, AUTH_BEARER, three_secrets);
    for (size_t i = 0; i < sizeof(bearer_cases) / sizeof(bearer_cases[0]); i++) {
        const char *hint = NULL;
        int got = verify(&f.auth, bearer_cases[i].authorization, &hint);
        expect(bearer_cases[i].name, got, bearer_cases[i].want);
        assert_int_equal(hint != NULL, got == AUTH_MISSING);
    }
    tear_down(&f);
}

static void basic_auth_is_user_and_one_of_the_passwords(void **state)
{
    (void)state;
    static const char *const passwords[3] = {"new", "old", "pa:ss"};
    struct fixture f;
    set_up(&f, AUTH_BASIC, passwords);
    for (size_t i = 0; i < sizeof(basic_cases) / sizeof(basic_cases[0]); i++) {
        const char *hint = NULL;
        int got = verify(&f.auth, basic_cases[i].authorization, &hint);
        expect(basic_cases[i].name, got, basic_cases[i].want);
        assert_int_equal(hint != NULL, got == AUTH_MISSING);
    }
    tear_down(&f);
}

/* "grafana:" and n times 'x', as a header. */
static void basic_header(char *out, size_t size, size_t n)
{
    static unsigned char plain[16384];
    static char encoded[32768];
    assert_true(n + 8 <= sizeof(plain));
    memcpy(plain, "grafana:", 8);
    memset(plain + 8, 'x', n);
    sodium_bin2base64(encoded, sizeof(encoded), plain, n + 8, sodium_base64_VARIANT_ORIGINAL);
    int written = snprintf(out, size, "Basic %s", encoded);
    assert_true(written > 0 && (size_t)written < size);
}

static void credentials_of_any_length_are_handled(void **state)
{
    (void)state;
    static char header[32768], password[6137];
    memset(password, 'x', sizeof(password) - 1);
    const char *const secrets[3] = {password};
    struct fixture f;
    set_up(&f, AUTH_BASIC, secrets);
    basic_header(header, sizeof(header), 6136); /* 6144 bytes: 8192 of base64, the most */
    expect("the longest password", verify(&f.auth, header, NULL), 0);
    basic_header(header, sizeof(header), 6135);
    expect("one less", verify(&f.auth, header, NULL), AUTH_MISMATCH);
    basic_header(header, sizeof(header), 6137);
    expect("one more", verify(&f.auth, header, NULL), AUTH_MALFORMED);
    basic_header(header, sizeof(header), 16000);
    expect("far too long", verify(&f.auth, header, NULL), AUTH_MALFORMED);
    tear_down(&f);
}

static void bearer_and_basic_claim_no_time(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, AUTH_BEARER, three_secrets);
    struct claim claim;
    memset(&claim, 0xFF, sizeof(claim));
    assert_int_equal(
        auth_check_headers(&f.auth, authorization_of, "Bearer new", (struct wall){0}, &claim, NULL),
        0);
    assert_true(claim.signed_at_ms == INT64_MIN);
    assert_string_equal(claim.timestamp, "");
    assert_true(sodium_is_zero(claim.mac, sizeof(claim.mac)));
    tear_down(&f);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bearer_token_is_one_of_the_secrets),
        cmocka_unit_test(basic_auth_is_user_and_one_of_the_passwords),
        cmocka_unit_test(credentials_of_any_length_are_handled),
        cmocka_unit_test(bearer_and_basic_claim_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
