/* app.h - a GitHub App's way to a token: the JWT it signs, the exchange, what the answer means.
 *
 * The App proves itself by a JWT (RFC 7519, RS256) and gets a token for one of its installations,
 * asked for one repository and `actions: write` only. It lives an hour. Its length and form are
 * GitHub's business (`ghs_` and 36 characters once, some 520 with dots by now). Pure.
 * Source: GitHub's REST description (createInstallationAccessToken) and its page on App JWTs. */
#ifndef RELAY_GITHUB_APP_H
#define RELAY_GITHUB_APP_H

#include "relay/base/buf.h"
#include "relay/base/clock.h"
#include "relay/base/secret.h"
#include "relay/github/exchange.h"

#include <stdbool.h>

#define APP_ISSUED_BEFORE_MS (60 * 1000)  /* `iat` is set back: clocks differ */
#define APP_JWT_LIFE_MS      (540 * 1000) /* `exp` from now: GitHub allows 10 minutes */
#define APP_SKEW_MIN_MS      (30 * 1000)  /* a smaller difference of clocks explains no refusal */
#define APP_TOKEN_MAX        (16 * 1024)
#define APP_JWT_MAX          4096

struct app {
    char *id;             /* App id or client id */
    int64_t installation; /* > 0 */
};

/* An App id or a client id: 1 to 64 of [A-Za-z0-9._-]. */
bool app_id_is_valid(const char *id);

/* Adds what is to be signed, "HEADER.CLAIMS". skew_ms: GitHub's clock less ours. */
void app_jwt_begin(struct buf *jwt, const struct app *app, struct wall now, int64_t skew_ms);
/* Adds ".SIGNATURE". */
void app_jwt_end(struct buf *jwt, const unsigned char *signature, size_t len);

/* The exchange for a token that `waiting` can be sent with. */
__attribute__((warn_unused_result)) int app_token_exchange(struct exchange **out,
                                                           const struct app *app,
                                                           const struct exchange *waiting,
                                                           struct error *err);

struct app_token {
    struct secret *token;
    int64_t life_ms;  /* from the answer on, by GitHub's clock when it told it; > 0 */
    int64_t expiry_s; /* unix seconds */
};

enum app_outcome {
    APP_REFUSED = 1, /* *out is the answer for the exchanges that waited: EXCHANGE_NO_TOKEN when
                        GitHub refused, a limit among it, else EXCHANGE_NOT_SENT */
    APP_SKEWED,      /* a 401 by a clock that differs from ours: *skew_ms is new, once more is worth
                        it; *out as before */
};
/* Reads the answer to app_token_exchange(): 0 and *token, else *out, whose words name the App and
 * the remedy. out borrows headers and body of the answer. skew_ms: in: what the JWT was made with;
 * wall: when the answer came. */
__attribute__((warn_unused_result)) int
app_read_answer(struct app_token *token, struct exchange_answer *out,
                const struct exchange_answer *answer, const struct app *app, const char *repository,
                struct wall wall, int64_t *skew_ms);

/* Fit for an Authorization header: visible ASCII only. */
bool app_token_is_valid(const void *bytes, size_t len);

#endif
