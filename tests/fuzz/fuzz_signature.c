/* What a sender proves itself by: lines with the signature, the timestamp and the Authorization
 * header, then the body. Of what chance writes nothing is accepted but the secret itself. */
#include "relay/alert/signature.h"
#include "tests/fuzz/fuzz.h"

#define SECRET   "a secret of the tests"
#define USER     "grafana"
#define NOW_MS   INT64_C(1764000000000)
#define HEX_TEXT (SIGNATURE_HEX_SIZE - 1)

struct sender {
    const char *signature, *timestamp, *authorization;
};

static const char *header(const void *context, const char *name)
{
    const struct sender *s = context;
    if (strcmp(name, GRAFANA_SIGNATURE_HEADER) == 0)
        return s->signature;
    return strcmp(name, GRAFANA_TIMESTAMP_HEADER) == 0 ? s->timestamp : s->authorization;
}

static int check(const struct auth *auth, const struct sender *s, struct claim *claim)
{
    const char *hint = NULL;
    return auth_check_headers(auth, header, s, (struct wall){NOW_MS}, claim, &hint);
}

static void check_authorization(struct auth auth, const struct sender *s)
{
    struct claim claim;
    auth.scheme = AUTH_BEARER;
    assert(check(&auth, s, &claim) != 0 || strstr(s->authorization, SECRET) != NULL);
    auth.scheme = AUTH_BASIC;
    (void)check(&auth, s, &claim);
}

static void check_signature(const struct auth *auth, struct sender s, const uint8_t *body,
                            size_t len)
{
    struct claim claim;
    char hex[SIGNATURE_HEX_SIZE];
    const char *signed_time = auth->timestamp_header[0] == '\0' ? NULL : s.timestamp;
    signature_make(hex, auth->secrets[0], signed_time, body, len);
    if (check(auth, &s, &claim) == 0) {
        assert(strlen(s.signature) == HEX_TEXT);
        assert((auth_check_body(auth, &claim, body, len) == 0) ==
               (strcasecmp(s.signature, hex) == 0));
    }
    s.signature = hex;
    int r = check(auth, &s, &claim);
    assert(r == 0 || signed_time != NULL);
    if (r == 0)
        assert(auth_check_body(auth, &claim, body, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char user[] = USER, signature_header[] = GRAFANA_SIGNATURE_HEADER,
                timestamp_header[] = GRAFANA_TIMESTAMP_HEADER, none[] = "";
    SCOPED(secret_free_p) struct secret *secret = NULL;
    SCOPED(free_p) char *signature = fuzz_take_line(&data, &size);
    SCOPED(free_p) char *timestamp = fuzz_take_line(&data, &size);
    SCOPED(free_p) char *authorization = fuzz_take_line(&data, &size);
    const struct sender sender = {signature, timestamp, authorization};
    assert(secret_new(&secret, SECRET, strlen(SECRET), NULL) == 0);
    struct auth auth = {
        .scheme = AUTH_GRAFANA_HMAC,
        .secrets = &secret,
        .n_secrets = 1,
        .username = user,
        .signature_header = signature_header,
        .timestamp_header = timestamp_header,
        .window_ms = SIGNATURE_WINDOW_MS,
    };
    check_signature(&auth, sender, data, size);
    auth.timestamp_header = none;
    check_signature(&auth, sender, data, size);
    check_authorization(auth, &sender);
    return 0;
}
