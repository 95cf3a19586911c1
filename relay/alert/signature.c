#include "relay/alert/signature.h"

#include "relay/alert/authorization.h"
#include "relay/base/parse.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

_Static_assert(SIGNATURE_MAC_SIZE == crypto_auth_hmacsha256_BYTES, "HMAC-SHA256 gives 32 bytes");

const char *auth_outcome_text(int outcome)
{
    switch (outcome) {
    case AUTH_MISSING:
        return "missing";
    case AUTH_MALFORMED:
        return "malformed";
    case AUTH_MISMATCH:
        return "mismatch";
    case AUTH_STALE:
        return "stale";
    case AUTH_ADDRESS:
        return "address";
    default:
        return "unknown";
    }
}

const char *auth_scheme_text(enum auth_scheme scheme)
{
    switch (scheme) {
    case AUTH_GRAFANA_HMAC:
        return "grafana-hmac";
    case AUTH_BEARER:
        return "bearer";
    case AUTH_BASIC:
        return "basic";
    case AUTH_MTLS:
        return "mtls";
    }
    return "unknown";
}

/* timestamp NULL: the body alone. A key longer than a block is hashed first (RFC 2104), by _init.
 */
static void make_mac(unsigned char mac[static SIGNATURE_MAC_SIZE], const struct secret *secret,
                     const char *timestamp, const void *body, size_t len)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, secret_bytes(secret), secret_len(secret));
    if (timestamp != NULL) {
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)timestamp, strlen(timestamp));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)":", 1);
    }
    if (len > 0)
        crypto_auth_hmacsha256_update(&state, body, len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}

static bool signs_time(const struct auth *auth)
{
    return auth->timestamp_header[0] != '\0';
}

static const char *missing_timestamp_hint(const struct auth *auth)
{
    if (strcasecmp(auth->timestamp_header, GRAFANA_TIMESTAMP_HEADER) == 0)
        return "no timestamp header: in Grafana set contact point > HMAC signature > timestamp "
               "header to " GRAFANA_TIMESTAMP_HEADER;
    return "no timestamp header: in Grafana set contact point > HMAC signature > timestamp "
           "header to the name in this source's timestamp_header";
}

/* Digits only: what Go's strconv.FormatInt writes of a present time. */
static int read_timestamp(const struct auth *auth, const char *text, struct wall now,
                          struct claim *out, const char **hint)
{
    if (text == NULL) {
        *hint = missing_timestamp_hint(auth);
        return AUTH_MISSING;
    }
    int64_t seconds;
    size_t len = strlen(text);
    if (len >= sizeof(out->timestamp) || strspn(text, "0123456789") != len ||
        parse_int64(&seconds, text, 0, INT64_MAX / 1000, NULL) != 0) {
        *hint = "the timestamp header must hold unix seconds in decimal digits";
        return AUTH_MALFORMED;
    }
    memcpy(out->timestamp, text, len + 1);
    out->signed_at_ms = seconds * 1000;

    int64_t age_ms;
    if (__builtin_sub_overflow(now.ms, out->signed_at_ms, &age_ms) || age_ms > auth->window_ms ||
        age_ms < -auth->window_ms) {
        *hint =
            "the signed time is outside the window: an old request sent again, or the clocks of "
            "sender and relay differ";
        return AUTH_STALE;
    }
    return 0;
}

static int check_hmac_headers(const struct auth *auth, const char *signature, const char *timestamp,
                              struct wall now, struct claim *out, const char **hint)
{
    if (signature == NULL) {
        *hint = "no signature header: in Grafana set contact point > HMAC signature > secret (and "
                "header, to the name in this source's signature_header)";
        return AUTH_MISSING;
    }
    if (parse_hex(out->mac, sizeof(out->mac), signature, strlen(signature), NULL) != 0) {
        *hint = "the signature header must hold 64 hexadecimal digits and nothing else";
        return AUTH_MALFORMED;
    }
    return signs_time(auth) ? read_timestamp(auth, timestamp, now, out, hint) : 0;
}

int auth_check_headers(const struct auth *auth,
                       const char *(*header)(const void *context, const char *name),
                       const void *context, struct wall now, struct claim *out, const char **hint)
{
    const char *unwanted;
    if (hint == NULL)
        hint = &unwanted;
    *hint = NULL;
    *out = (struct claim){.signed_at_ms = INT64_MIN};
    switch (auth->scheme) {
    case AUTH_GRAFANA_HMAC:
        return check_hmac_headers(auth, header(context, auth->signature_header),
                                  signs_time(auth) ? header(context, auth->timestamp_header) : NULL,
                                  now, out, hint);
    case AUTH_BEARER:
        return authorization_check_bearer(auth, header(context, "Authorization"), hint);
    case AUTH_BASIC:
        return authorization_check_basic(auth, header(context, "Authorization"), hint);
    case AUTH_MTLS:
        return AUTH_MISSING; /* no header proves it */
    }
    return AUTH_MISMATCH;
}

int auth_check_body(const struct auth *auth, const struct claim *claim, const void *body,
                    size_t len)
{
    assert(auth->scheme == AUTH_GRAFANA_HMAC);
    /* By the config, not by the claim: a claim without time never turns into "the body alone". */
    const char *timestamp = signs_time(auth) ? claim->timestamp : NULL;
    int differs = -1;
    for (size_t i = 0; i < auth->n_secrets; i++) {
        unsigned char mac[SIGNATURE_MAC_SIZE];
        make_mac(mac, auth->secrets[i], timestamp, body, len);
        differs &= sodium_memcmp(mac, claim->mac, sizeof(mac)); /* 0 or -1, without a branch */
        sodium_memzero(mac, sizeof(mac));
    }
    return differs == 0 ? 0 : AUTH_MISMATCH;
}

void signature_make(char hex[static SIGNATURE_HEX_SIZE], const struct secret *secret,
                    const char *timestamp, const void *body, size_t len)
{
    unsigned char mac[SIGNATURE_MAC_SIZE];
    bool has_time = timestamp != NULL && timestamp[0] != '\0';
    make_mac(mac, secret, has_time ? timestamp : NULL, body, len);
    sodium_bin2hex(hex, SIGNATURE_HEX_SIZE, mac, sizeof(mac));
}
