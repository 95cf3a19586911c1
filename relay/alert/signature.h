/* signature.h - is this request from whom it says? Grafana's HMAC, bearer tokens, basic auth.
 *
 * Grafana signs hex(HMAC-SHA256(secret, body)), or of `timestamp ":" body` when its contact point
 * names a timestamp header (decimal unix seconds); the hex is lower case when Grafana makes it, and
 * either case is accepted. Verification is over the raw bytes, before any parsing, and
 * constant-time in the secret; all active secrets are always tried. Pure: time comes in as a value.
 */
#ifndef RELAY_ALERT_SIGNATURE_H
#define RELAY_ALERT_SIGNATURE_H

#include "relay/base/clock.h"
#include "relay/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_MAC_SIZE       32
#define SIGNATURE_HEX_SIZE       65 /* with the NUL */
#define GRAFANA_SIGNATURE_HEADER "X-Grafana-Alerting-Signature"
#define GRAFANA_TIMESTAMP_HEADER "X-Grafana-Alerting-Signature-Timestamp"
/* A signed time may differ from ours by so much, either way. */
#define SIGNATURE_WINDOW_MS (5 * 60 * 1000LL)

enum auth_scheme { AUTH_GRAFANA_HMAC, AUTH_BEARER, AUTH_BASIC, AUTH_MTLS };

/* How the senders of one source prove themselves. Owned by the config; immutable. */
struct auth {
    enum auth_scheme scheme;
    struct secret *
        *secrets; /* HMAC secrets, bearer tokens or basic passwords; n >= 1; mTLS has none */
    size_t n_secrets;
    char **names; /* mTLS only: one of them is in the client's certificate; n 0 = any */
    size_t n_names;
    char *username;         /* basic only */
    char *signature_header; /* HMAC only */
    char *timestamp_header; /* HMAC only; "" = the body alone is signed */
    int64_t window_ms;      /* HMAC only: |now - timestamp| <= window */
};

/* Positive outcomes: the request is refused with 401; the word is for log and metric only. An
 * Authorization header of another scheme than the source's counts as none. */
enum auth_outcome {
    AUTH_MISSING = 1, /* the header that should be there is not */
    AUTH_MALFORMED,   /* it is there and cannot be right: not 64 hex digits, no decimal seconds, no
                         base64 … */
    AUTH_MISMATCH,    /* right form, wrong secret */
    AUTH_STALE,       /* the signed time is outside the window */
    AUTH_ADDRESS,     /* sent from where the source may not be sent to; found by the listener */
};
const char *auth_outcome_text(int outcome); /* "missing" "malformed" "mismatch" "stale" "address" */
const char *auth_scheme_text(enum auth_scheme scheme); /* "grafana-hmac" "bearer" "basic" "mtls" */

/* What a sender claims, read from the headers. */
struct claim {
    unsigned char mac[SIGNATURE_MAC_SIZE]; /* HMAC: the signature received */
    char timestamp[24];                    /* HMAC: as received, "" when the scheme has none */
    int64_t signed_at_ms;                  /* unix ms of timestamp; INT64_MIN when none */
};

/* mTLS is the connection's affair: here it is always AUTH_MISSING.
 * The part that needs no body: bearer and basic are decided here completely; of an HMAC the headers
 * are read and the time is checked. header(context, name) gives a header's value or NULL. 0 = go on
 * (for bearer and basic: verified). *hint (may be NULL) gets a static sentence for the log that
 * says what to do, or NULL. */
__attribute__((warn_unused_result)) int
auth_check_headers(const struct auth *auth,
                   const char *(*header)(const void *context, const char *name),
                   const void *context, struct wall now, struct claim *out, const char **hint);
/* HMAC only: 0 = one of the secrets made claim->mac over this body; AUTH_MISMATCH else. */
__attribute__((warn_unused_result)) int
auth_check_body(const struct auth *auth, const struct claim *claim, const void *body, size_t len);

/* What Grafana would send. timestamp NULL or "" signs the body alone. */
void signature_make(char hex[static SIGNATURE_HEX_SIZE], const struct secret *secret,
                    const char *timestamp, const void *body, size_t len);

#endif
