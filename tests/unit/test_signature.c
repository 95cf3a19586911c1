/* Who may post, by Grafana's HMAC. The MACs were made with `openssl dgst -sha256 -hmac KEY`. */
#include "relay/alert/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>
#include <strings.h>

#define SIGNED_AT    "1795411772"
#define SIGNED_AT_MS INT64_C(1795411772000)
#define MAC_NEW                                                                                    \
    "45f49160ebb3e5838103371764ac6e387d7d98f58faf872ff3ee3c7a171f1096" /* SIGNED_AT:{} */
#define MAC_OLD                                                                                    \
    "6e5126bf039e17dca428cb4bfcb7bec6dfe0298995e3af263099beac4a6fd250" /* SIGNED_AT:{} */
#define MAC_THIRD                                                                                  \
    "ced2f87170c8c45a2453941dcee39a7ad6ee91bedb2a18e173e554c83fcf26a5" /* SIGNED_AT:{} */
#define MAC_ALONE "56fde440898b2046eee6f58816ea81c5780d6bd5d34d1ce41b99d54edacbc4b8" /* new, {} */

/* --- scaffolding --------------------------------------------------------------------------------
 */

struct sender {
    const char *signature, *timestamp, *authorization;
};

static const char *header_of(const void *context, const char *name)
{
    const struct sender *sender = context;
    if (strcasecmp(name, GRAFANA_SIGNATURE_HEADER) == 0)
        return sender->signature;
    if (strcasecmp(name, GRAFANA_TIMESTAMP_HEADER) == 0)
        return sender->timestamp;
    if (strcasecmp(name, "Authorization") == 0)
        return sender->authorization;
    return NULL;
}

static struct secret *secret_of(const char *text)
{
    struct secret *secret = NULL;
    struct error err = {0};
    if (secret_new(&secret, text, strlen(text), &err) != 0)
        fail_msg("secret_new: %s", err.text);
    return secret;
}

struct fixture {
    struct secret *secrets[3];
    char signature_header[64], timestamp_header[64];
    struct auth auth;
};

/* secrets: up to three, NULL at the end. */
static void set_up(struct fixture *f, const char *timestamp_header, const char *const secrets[3])
{
    *f = (struct fixture){.signature_header = GRAFANA_SIGNATURE_HEADER};
    assert_true(strlen(timestamp_header) < sizeof(f->timestamp_header));
    memcpy(f->timestamp_header, timestamp_header, strlen(timestamp_header) + 1);
    f->auth = (struct auth){.scheme = AUTH_GRAFANA_HMAC,
                            .secrets = f->secrets,
                            .signature_header = f->signature_header,
                            .timestamp_header = f->timestamp_header,
                            .window_ms = 300000};
    while (f->auth.n_secrets < 3 && secrets[f->auth.n_secrets] != NULL) {
        f->secrets[f->auth.n_secrets] = secret_of(secrets[f->auth.n_secrets]);
        f->auth.n_secrets++;
    }
}

static void tear_down(struct fixture *f)
{
    for (size_t i = 0; i < f->auth.n_secrets; i++)
        secret_free(f->secrets[i]);
}

static const char *const one_secret[3] = {"new"};

/* Headers, then body: as the webhook does it. */
static int verify(const struct auth *auth, const struct sender *sender, int64_t now_ms,
                  const char *body, const char **hint)
{
    struct claim claim;
    int outcome = auth_check_headers(auth, header_of, sender, (struct wall){now_ms}, &claim, hint);
    if (outcome != 0)
        return outcome;
    return auth_check_body(auth, &claim, body, strlen(body));
}

static void expect(const char *name, int got, int want)
{
    if (got != want)
        fail_msg("%s: got %s, want %s", name, got == 0 ? "ok" : auth_outcome_text(got),
                 want == 0 ? "ok" : auth_outcome_text(want));
}

/* --- HMAC ---------------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
    const char *name, *signature, *timestamp, *body;
    int want;
} hmac_cases[] = {
    {"what Grafana sends", MAC_NEW, SIGNED_AT, "{}", 0},
    {"upper-case hex", "45F49160EBB3E5838103371764AC6E387D7D98F58FAF872FF3EE3C7A171F1096", SIGNED_AT, "{}", 0},
    {"mixed-case hex", "45F49160EBB3E5838103371764ac6e387d7d98f58faf872ff3ee3c7a171f1096", SIGNED_AT, "{}", 0},
    {"an empty body", "6b2a85995b4faf1c96fcaa507addcb6062dc8a3bb24a02963c594e8ce7f27fd0", SIGNED_AT, "", 0},
    {"another body", MAC_NEW, SIGNED_AT, "{ }", AUTH_MISMATCH},
    {"one byte more", MAC_NEW, SIGNED_AT, "{}\n", AUTH_MISMATCH},
    {"another time than was signed", MAC_NEW, "1795411773", "{}", AUTH_MISMATCH},
    {"the same time in other digits", MAC_NEW, "01795411772", "{}", AUTH_MISMATCH},
    {"a digit moved from time to body", MAC_NEW, "179541177", "2:{}", AUTH_STALE},
    {"another secret", MAC_OLD, SIGNED_AT, "{}", AUTH_MISMATCH},
    {"the last digit wrong", "45f49160ebb3e5838103371764ac6e387d7d98f58faf872ff3ee3c7a171f1097", SIGNED_AT, "{}", AUTH_MISMATCH},
    {"the first digit wrong", "55f49160ebb3e5838103371764ac6e387d7d98f58faf872ff3ee3c7a171f1096", SIGNED_AT, "{}", AUTH_MISMATCH},
    {"a signature of the body alone", MAC_ALONE, SIGNED_AT, "{}", AUTH_MISMATCH},
    {"zeros", "0000000000000000000000000000000000000000000000000000000000000000", SIGNED_AT, "{}", AUTH_MISMATCH},
    {"no signature", NULL, SIGNED_AT, "{}", AUTH_MISSING},
    {"neither header", NULL, NULL, "{}", AUTH_MISSING},
    {"no timestamp", MAC_NEW, NULL, "{}", AUTH_MISSING},
    {"an empty signature", "", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"63 digits", "45f49160ebb3e5838103371764ac6e387d7d98f58faf872ff3ee3c7a171f109", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"65 digits", MAC_NEW "6", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"66 digits", MAC_NEW "60", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"a letter that is no digit", "g5f49160ebb3e5838103371764ac6e387d7d98f58faf872ff3ee3c7a171f1096", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"a blank before", " " MAC_NEW, SIGNED_AT, "{}", AUTH_MALFORMED},
    {"a blank behind", MAC_NEW " ", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"a blank for a digit", "45f49160ebb3e583 103371764ac6e387d7d98f58faf872ff3ee3c7a171f1096", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"colons between bytes", "45:f4:91:60:eb:b3:e5:83:81:03:37:17:64:ac:6e:38:7d:7d:98:f5:8f:a", SIGNED_AT, "{}", AUTH_MALFORMED},
    {"GitHub's prefix", "sha256=" MAC_NEW, SIGNED_AT, "{}", AUTH_MALFORMED},
    {"0x", "0x" MAC_NEW, SIGNED_AT, "{}", AUTH_MALFORMED},
    {"an empty timestamp", MAC_NEW, "", "{}", AUTH_MALFORMED},
    {"a negative timestamp", MAC_NEW, "-" SIGNED_AT, "{}", AUTH_MALFORMED},
    {"minus zero", MAC_NEW, "-0", "{}", AUTH_MALFORMED},
    {"a plus sign", MAC_NEW, "+" SIGNED_AT, "{}", AUTH_MALFORMED},
    {"a blank before the time", MAC_NEW, " " SIGNED_AT, "{}", AUTH_MALFORMED},
    {"a blank behind the time", MAC_NEW, SIGNED_AT " ", "{}", AUTH_MALFORMED},
    {"a fraction", MAC_NEW, SIGNED_AT ".5", "{}", AUTH_MALFORMED},
    {"an exponent", MAC_NEW, "1e9", "{}", AUTH_MALFORMED},
    {"hexadecimal", MAC_NEW, "0x6b038dfc", "{}", AUTH_MALFORMED},
    {"a date", MAC_NEW, "2026-11-23T05:29:32Z", "{}", AUTH_MALFORMED},
    {"the least time past int64 ms", MAC_NEW, "9223372036854776", "{}", AUTH_MALFORMED},
    {"2^63 seconds", MAC_NEW, "9223372036854775808", "{}", AUTH_MALFORMED},
    {"23 digits", MAC_NEW, "99999999999999999999999", "{}", AUTH_MALFORMED},
    {"24 digits, no room in a claim", MAC_NEW, "000000000000001795411772", "{}", AUTH_MALFORMED},
    {"a thousand digits", MAC_NEW, NULL /* set below */, "{}", AUTH_MALFORMED},
    {"the greatest time in int64 ms", MAC_NEW, "9223372036854775", "{}", AUTH_STALE},
    {"milliseconds", MAC_NEW, SIGNED_AT "000", "{}", AUTH_STALE},
    {"1970", MAC_NEW, "0", "{}", AUTH_STALE},
};
/* clang-format on */

static void an_hmac_is_accepted_only_when_every_bit_is_right(void **state)
{
    (void)state;
    char digits[1001];
    memset(digits, '1', sizeof(digits) - 1);
    digits[sizeof(digits) - 1] = '\0';

    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    for (size_t i = 0; i < sizeof(hmac_cases) / sizeof(hmac_cases[0]); i++) {
        struct sender sender = {.signature = hmac_cases[i].signature,
                                .timestamp = hmac_cases[i].timestamp};
        if (strcmp(hmac_cases[i].name, "a thousand digits") == 0)
            sender.timestamp = digits;
        expect(hmac_cases[i].name, verify(&f.auth, &sender, SIGNED_AT_MS, hmac_cases[i].body, NULL),
               hmac_cases[i].want);
    }
    tear_down(&f);
}

static void every_flipped_bit_of_a_signature_is_a_mismatch(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    struct claim claim;
    struct sender sender = {.signature = MAC_NEW, .timestamp = SIGNED_AT};
    assert_int_equal(
        auth_check_headers(&f.auth, header_of, &sender, (struct wall){SIGNED_AT_MS}, &claim, NULL),
        0);
    for (size_t bit = 0; bit < sizeof(claim.mac) * 8; bit++) {
        claim.mac[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_int_equal(auth_check_body(&f.auth, &claim, "{}", 2), AUTH_MISMATCH);
        claim.mac[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    assert_int_equal(auth_check_body(&f.auth, &claim, "{}", 2), 0);
    tear_down(&f);
}

static const struct {
    const char *name;
    int64_t offset_ms; /* of now from the signed time */
    int want;
} window_cases[] = {
    {"the same instant", 0, 0},
    {"exactly 300 s later", 300000, 0},
    {"300.001 s later", 300001, AUTH_STALE},
    {"exactly 300 s early", -300000, 0},
    {"300.001 s early", -300001, AUTH_STALE},
    {"a day later", 86400000, AUTH_STALE},
    {"a clock at its far end", INT64_MAX - SIGNED_AT_MS, AUTH_STALE},
    {"a clock at its other end", INT64_MIN, AUTH_STALE},
};

static void the_window_has_exact_edges(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    struct sender sender = {.signature = MAC_NEW, .timestamp = SIGNED_AT};
    for (size_t i = 0; i < sizeof(window_cases) / sizeof(window_cases[0]); i++) {
        int64_t now = window_cases[i].offset_ms;
        if (now != INT64_MIN)
            now += SIGNED_AT_MS;
        const char *hint = NULL;
        int got = verify(&f.auth, &sender, now, "{}", &hint);
        expect(window_cases[i].name, got, window_cases[i].want);
        assert_int_equal(hint != NULL, got == AUTH_STALE);
    }
    tear_down(&f);
}

static void the_claim_holds_what_was_received(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    struct sender sender = {.signature = MAC_NEW, .timestamp = SIGNED_AT};
    struct claim claim;
    const char *hint = "stale";
    assert_int_equal(
        auth_check_headers(&f.auth, header_of, &sender, (struct wall){SIGNED_AT_MS}, &claim, &hint),
        0);
    assert_null(hint);
    assert_string_equal(claim.timestamp, SIGNED_AT);
    assert_true(claim.signed_at_ms == SIGNED_AT_MS);
    char hex[SIGNATURE_HEX_SIZE];
    sodium_bin2hex(hex, sizeof(hex), claim.mac, sizeof(claim.mac));
    assert_string_equal(hex, MAC_NEW);
    tear_down(&f);
}

static void without_timestamp_header_the_body_alone_is_signed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "", one_secret);
    struct sender plain = {.signature = MAC_ALONE};
    struct claim claim;
    assert_int_equal(auth_check_headers(&f.auth, header_of, &plain, (struct wall){0}, &claim, NULL),
                     0);
    assert_string_equal(claim.timestamp, "");
    assert_true(claim.signed_at_ms == INT64_MIN);
    assert_int_equal(auth_check_body(&f.auth, &claim, "{}", 2), 0);

    /* A timestamp that comes all the same is not looked at. */
    struct sender both = {.signature = MAC_ALONE, .timestamp = "nonsense"};
    expect("an unwanted timestamp", verify(&f.auth, &both, 0, "{}", NULL), 0);
    struct sender timed = {.signature = MAC_NEW, .timestamp = SIGNED_AT};
    expect("a signature over time and body", verify(&f.auth, &timed, SIGNED_AT_MS, "{}", NULL),
           AUTH_MISMATCH);
    /* ... so the signed text "ts:body" may stand as a body: it is what was signed. */
    expect("time and body as the body",
           verify(&f.auth, &timed, SIGNED_AT_MS, SIGNED_AT ":{}", NULL), 0);
    tear_down(&f);
}

static void a_claim_without_time_never_counts_as_the_body_alone(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    struct claim claim = {.signed_at_ms = INT64_MIN};
    assert_int_equal(sodium_hex2bin(claim.mac, sizeof(claim.mac), MAC_ALONE, 64, NULL, NULL, NULL),
                     0);
    assert_int_equal(auth_check_body(&f.auth, &claim, "{}", 2), AUTH_MISMATCH);
    tear_down(&f);
}

static void each_of_several_secrets_is_accepted_in_each_place(void **state)
{
    (void)state;
    static const char *const names[] = {"new", "old", "third"};
    static const char *const macs[] = {MAC_NEW, MAC_OLD, MAC_THIRD};
    static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        for (size_t n = 1; n <= 3; n++) {
            const char *secrets[3] = {NULL, NULL, NULL};
            for (size_t k = 0; k < n; k++)
                secrets[k] = names[orders[i][k]];
            struct fixture f;
            set_up(&f, GRAFANA_TIMESTAMP_HEADER, secrets);
            for (size_t k = 0; k < 3; k++) {
                struct sender sender = {.signature = macs[orders[i][k]], .timestamp = SIGNED_AT};
                expect(names[orders[i][k]], verify(&f.auth, &sender, SIGNED_AT_MS, "{}", NULL),
                       k < n ? 0 : AUTH_MISMATCH);
            }
            tear_down(&f);
        }
}

/* --- hints --------------------------------------------------------------------------------------
 */

static void a_missing_timestamp_is_explained_with_the_setting_and_the_header(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    struct sender sender = {.signature = MAC_NEW};
    const char *hint = NULL;
    assert_int_equal(verify(&f.auth, &sender, SIGNED_AT_MS, "{}", &hint), AUTH_MISSING);
    assert_non_null(hint);
    assert_non_null(strstr(hint, "contact point > HMAC signature > timestamp header"));
    assert_non_null(strstr(hint, GRAFANA_TIMESTAMP_HEADER));
    tear_down(&f);

    set_up(&f, "X-Signed-At", one_secret);
    assert_int_equal(verify(&f.auth, &sender, SIGNED_AT_MS, "{}", &hint), AUTH_MISSING);
    assert_non_null(hint);
    assert_non_null(strstr(hint, "contact point > HMAC signature > timestamp header"));
    assert_null(strstr(hint, GRAFANA_TIMESTAMP_HEADER)); /* that would be the wrong name here */
    assert_non_null(strstr(hint, "timestamp_header"));
    tear_down(&f);
}

static void a_missing_signature_is_explained(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, GRAFANA_TIMESTAMP_HEADER, one_secret);
    struct sender sender = {.timestamp = SIGNED_AT, .authorization = "Bearer new"};
    const char *hint = NULL;
    assert_int_equal(verify(&f.auth, &sender, SIGNED_AT_MS, "{}", &hint), AUTH_MISSING);
    assert_non_null(hint);
    assert_non_null(strstr(hint, "HMAC signature > secret"));
    tear_down(&f);
}

static void words_are_those_of_log_and_metric(void **state)
{
    (void)state;
    assert_string_equal(auth_outcome_text(AUTH_MISSING), "missing");
    assert_string_equal(auth_outcome_text(AUTH_MALFORMED), "malformed");
    assert_string_equal(auth_outcome_text(AUTH_MISMATCH), "mismatch");
    assert_string_equal(auth_outcome_text(AUTH_STALE), "stale");
    assert_string_equal(auth_scheme_text(AUTH_GRAFANA_HMAC), "grafana-hmac");
    assert_string_equal(auth_scheme_text(AUTH_BEARER), "bearer");
    assert_string_equal(auth_scheme_text(AUTH_BASIC), "basic");
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hmac_is_accepted_only_when_every_bit_is_right),
        cmocka_unit_test(every_flipped_bit_of_a_signature_is_a_mismatch),
        cmocka_unit_test(the_window_has_exact_edges),
        cmocka_unit_test(the_claim_holds_what_was_received),
        cmocka_unit_test(without_timestamp_header_the_body_alone_is_signed),
        cmocka_unit_test(a_claim_without_time_never_counts_as_the_body_alone),
        cmocka_unit_test(each_of_several_secrets_is_accepted_in_each_place),
        cmocka_unit_test(a_missing_timestamp_is_explained_with_the_setting_and_the_header),
        cmocka_unit_test(a_missing_signature_is_explained),
        cmocka_unit_test(words_are_those_of_log_and_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
