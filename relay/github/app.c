#include "relay/github/app.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/date.h"
#include "relay/github/exchange_private.h"
#include "relay/github/limits.h"
#include "relay/github/reply.h"
#include "relay/github/url.h"
#include "relay/github/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

bool app_id_is_valid(const char *id)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(id);

    return len >= 1 && len <= 64 && strspn(id, letters) == len;
}

bool app_token_is_valid(const void *bytes, size_t len)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < len; i++) {
        if (b[i] <= ' ' || b[i] >= 0x7F)
            return false;
    }
    return len > 0;
}

/* --- the JWT ------------------------------------------------------------------------------------
 */

static void add_base64url(struct buf *b, const void *bytes, size_t len)
{
    char text[APP_JWT_MAX];

    if (len > sizeof(text) / 2) {
        b->failed = true;
        return;
    }
    sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    buf_add_text(b, text);
}

void app_jwt_begin(struct buf *jwt, const struct app *app, struct wall now, int64_t skew_ms)
{
    static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    SCOPED(buf_free) struct buf claims = BUF_INIT(512);
    int64_t there = now.ms + skew_ms;

    buf_addf(&claims, "{\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"iss\":\"%s\"}",
             (there - APP_ISSUED_BEFORE_MS) / 1000, (there + APP_JWT_LIFE_MS) / 1000, app->id);
    add_base64url(jwt, header, sizeof(header) - 1);
    buf_add_char(jwt, '.');
    add_base64url(jwt, buf_text(&claims), claims.len);
}

void app_jwt_end(struct buf *jwt, const unsigned char *signature, size_t len)
{
    buf_add_char(jwt, '.');
    add_base64url(jwt, signature, len);
}

/* --- the exchange -------------------------------------------------------------------------------
 */

/* The least that serves: one repository, one permission (reading metadata comes with any). */
static int set_body(struct exchange *x, const char *repository, struct error *err)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(512);
    const char *slash = strchr(repository, '/');

    buf_add_text(&text, "{\"repositories\":[");
    buf_add_json_string(&text, slash == NULL ? repository : slash + 1);
    buf_add_text(&text, "],\"permissions\":{\"actions\":\"write\"}}");
    x->body_len = text.len;
    x->body = buf_give(&text);
    return x->body == NULL ? error_set(err, -ENOMEM, "exchange: out of memory") : 0;
}

int app_token_exchange(struct exchange **out, const struct app *app, const struct exchange *waiting,
                       struct error *err)
{
    const struct target target = {.credential = waiting->credential,
                                  .api_url = waiting->api_url,
                                  .repository = waiting->repository};
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    int r = exchange_make(&x, EXCHANGE_TOKEN, &target, waiting->relay_id, err);
    if (r < 0)
        return r;
    if (exchange_add_header(x, "Content-Type", "application/json") < 0)
        return error_set(err, -ENOMEM, "exchange: out of memory");
    buf_addf(&url, "%s/app/installations/%" PRId64 "/access_tokens", target.api_url,
             app->installation);
    if ((r = exchange_set_url(x, &url, err)) < 0 || (r = set_body(x, target.repository, err)) < 0)
        return r;
    *out = GIVE(x);
    return 0;
}

#define REFUSAL_WORDS 112 /* of GitHub's own */
#define REMEDY_MAX    96

/* --- the answer ---------------------------------------------------------------------------------
 */

/* GitHub's clock when it answered: its Date, else ours. */
static int64_t answered_at(const struct exchange_answer *answer, struct wall wall)
{
    const char *date = exchange_answer_header(answer, "date");
    int64_t ms = wall.ms;

    if (date != NULL)
        (void)date_parse_http(&ms, date);
    return ms;
}

/* The tree is about to be freed: this text of it is wiped before. */
static void wipe_text(const json_t *text)
{
    const char *bytes = json_string_value(text);
    char *ours;

    if (bytes == NULL)
        return;
    memcpy(&ours, &bytes, sizeof(ours)); /* jansson gives no other way to what it will free */
    sodium_memzero(ours, json_string_length(text));
}

/* What is wrong with a 201, NULL when nothing is. */
static const char *read_token(struct app_token *token, const struct exchange_answer *answer,
                              struct wall wall)
{
    SCOPED(json_release_p) json_t *body = NULL;
    int64_t ends_at;

    if (strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0)
        return "its answer is no JSON";
    const json_t *text = json_object_get(body, "token");
    const char *expires = json_string_value(json_object_get(body, "expires_at"));
    size_t len = json_string_length(text);
    const char *fault = NULL;
    if (!app_token_is_valid(json_string_value(text), len) || len > APP_TOKEN_MAX)
        fault = "its answer holds no usable token";
    else if (expires == NULL || parse_rfc3339_ms(&ends_at, expires, NULL) != 0 ||
             ends_at <= answered_at(answer, wall))
        fault = "its answer holds no end of the token that is to come";
    else if (secret_new(&token->token, json_string_value(text), len, NULL) != 0)
        fault = "no locked memory for it";
    wipe_text(text);
    if (fault != NULL)
        return fault;
    token->life_ms = ends_at - answered_at(answer, wall);
    token->expiry_s = ends_at / 1000;
    return NULL;
}

static const char *remedy_of(int status)
{
    switch (status) {
    case 401:
        return "is the key one of this App?";
    case 403:
        return "is the installation suspended?";
    case 404:
        return "no such installation of this App";
    case 422:
        return "the installation needs Actions: write and this repository";
    default:
        return NULL;
    }
}

static void refuse(struct exchange_answer *out, const struct app *app, const char *repository,
                   const char *words)
{
    char line[3 * OUTCOME_TEXT];

    (void)snprintf(line, sizeof(line), "App %s, installation %" PRId64 ", token for %s: %s",
                   app->id, app->installation, repository, words);
    utf8_clean(out->error, sizeof(out->error), line);
}

/* Is the 401 one that another clock explains? Then *skew_ms is what it should have been. */
static bool is_skewed(const struct exchange_answer *answer, struct wall wall, int64_t *skew_ms)
{
    const char *date = exchange_answer_header(answer, "date");
    int64_t there;

    if (answer->status != 401 || date == NULL || !date_parse_http(&there, date))
        return false;
    int64_t skew = there - wall.ms;
    int64_t change = skew - *skew_ms;
    if (change > -APP_SKEW_MIN_MS && change < APP_SKEW_MIN_MS)
        return false;
    *skew_ms = skew;
    return true;
}

static bool is_refusal(int status)
{
    return status >= 400 && status < 500;
}

int app_read_answer(struct app_token *token, struct exchange_answer *out,
                    const struct exchange_answer *answer, const struct app *app,
                    const char *repository, struct wall wall, int64_t *skew_ms)
{
    struct reply reply;

    *token = (struct app_token){0};
    *out = (struct exchange_answer){.transport = EXCHANGE_NOT_SENT};
    if (answer->transport != EXCHANGE_ANSWERED) {
        refuse(out, app, repository, answer->error);
        return APP_REFUSED;
    }
    if (answer->status == 201) {
        const char *fault = read_token(token, answer, wall);
        if (fault == NULL)
            return 0;
        refuse(out, app, repository, fault);
        return APP_REFUSED;
    }
    if (is_refusal(answer->status)) {
        *out = *answer;
        out->transport = EXCHANGE_NO_TOKEN;
    }
    char words[REFUSAL_WORDS];
    char line[REFUSAL_WORDS + REMEDY_MAX];
    const char *remedy = limits_class(answer) == OUTCOME_LIMITED ? NULL : remedy_of(answer->status);
    reply_read(&reply, answer);
    utf8_clean(words, sizeof(words), buf_text(&reply.message)); /* the remedy is kept whole */
    reply_clear(&reply);
    if (words[0] == '\0')
        (void)snprintf(words, sizeof(words), "HTTP %d", answer->status);
    (void)snprintf(line, sizeof(line), "%s%s%s", words, remedy == NULL ? "" : ": ",
                   remedy == NULL ? "" : remedy);
    refuse(out, app, repository, line);
    return is_skewed(answer, wall, skew_ms) ? APP_SKEWED : APP_REFUSED;
}
