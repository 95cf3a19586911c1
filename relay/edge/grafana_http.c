#include "relay/edge/grafana_http.h"

#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/scope.h"
#include "relay/base/secret.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         15000
#define RESPONSE_MAX       (32U * 1024 * 1024) /* all rules of an organization */
#define URL_BYTES_MAX      8192
#define HEADER_BYTES_MAX   (92 * 1024) /* the base64 of 64 KiB */

struct grafana_client {
    struct http_client *http;
    char *url, *secret_file, *user;
    _Atomic bool cut;
    char *body; /* of the last answer */
    char error[512];
};

/* The one call that is under way. */
struct carried {
    struct grafana_client *client;
    const struct secret *secret, *coded; /* what must not be repeated; NULL = none */
    struct grafana_answer *answer;
    bool over;
};

static int copy(char **out, const char *text)
{
    if (text == NULL)
        return 0;
    *out = strdup(text);
    return *out == NULL ? -ENOMEM : 0;
}

int grafana_client_new(struct grafana_client **out, const struct grafana_access *access,
                       struct error *err)
{
    SCOPED(grafana_client_free_p) struct grafana_client *c = calloc(1, sizeof(*c));
    if (c == NULL || (c->url = strdup(access->url)) == NULL ||
        copy(&c->secret_file, access->secret_file) != 0 || copy(&c->user, access->user) != 0)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t len = strlen(c->url); len > 0 && c->url[len - 1] == '/';)
        c->url[--len] = '\0';
    int r = http_client_new(&c->http, err);
    if (r == 0)
        *out = GIVE(c);
    return r;
}

void grafana_client_free(struct grafana_client *c)
{
    if (c == NULL)
        return;
    http_client_free(c->http);
    free(c->url);
    free(c->secret_file);
    free(c->user);
    free(c->body);
    free(c);
}

void grafana_client_free_p(struct grafana_client **c)
{
    grafana_client_free(*c);
}

void grafana_client_cut(struct grafana_client *c)
{
    c->cut = true;
    http_client_wakeup(c->http);
}

/* --- the credential
 * -------------------------------------------------------------------------------------- */

static void sodium_free_p(unsigned char **memory)
{
    sodium_free(*memory); /* wipes */
}

static bool is_plain(const struct secret *s)
{
    for (size_t i = 0; i < secret_len(s); i++) {
        if (secret_bytes(s)[i] <= ' ' || secret_bytes(s)[i] >= 0x7f)
            return false;
    }
    return true;
}

/* base64 of user:password. */
static int encode(struct secret **out, const char *user, const struct secret *password,
                  struct error *err)
{
    size_t user_len = strlen(user);
    size_t len = user_len + 1 + secret_len(password);
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    SCOPED(sodium_free_p) unsigned char *plain = sodium_malloc(len);
    SCOPED(sodium_free_p) unsigned char *text = sodium_malloc(size);
    if (plain == NULL || text == NULL)
        return error_set(err, -ENOMEM, "out of memory for a secret");
    memcpy(plain, user, user_len + 1);
    plain[user_len] = ':';
    memcpy(plain + user_len + 1, secret_bytes(password), secret_len(password));
    (void)sodium_bin2base64((char *)text, size, plain, len, sodium_base64_VARIANT_ORIGINAL);
    return secret_new(out, text, size - 1, err);
}

static int read_secret(const struct grafana_client *c, struct secret **secret,
                       struct secret **coded, struct error *err)
{
    if (c->secret_file == NULL)
        return 0;
    int r = secret_read_file(secret, c->secret_file, 1, err);
    if (r != 0)
        return r;
    if (c->user != NULL)
        return encode(coded, c->user, *secret, err);
    if (!is_plain(*secret))
        return error_set(err, -EINVAL,
                         "%s: the token holds a blank or a control character: put "
                         "the token alone into its file",
                         c->secret_file);
    return 0;
}

/* --- calls
 * -------------------------------------------------------------------------------------- */

static void no_answer(struct grafana_client *c, struct grafana_answer *answer, const char *why)
{
    (void)snprintf(c->error, sizeof(c->error), "%s", why);
    *answer = (struct grafana_answer){.body = "", .error = c->error, .unsent = true};
}

static void done(void *context, const struct http_result *result)
{
    struct carried *carried = context;
    struct grafana_client *c = carried->client;
    carried->over = true;
    free(c->body);
    c->body = malloc(result->body_len + 1);
    if (result->outcome != HTTP_ANSWER || c->body == NULL) {
        no_answer(c, carried->answer, c->body == NULL ? "out of memory" : result->error);
        carried->answer->unsent = result->outcome == HTTP_NOT_SENT;
        return;
    }
    memcpy(c->body, result->body, result->body_len);
    c->body[result->body_len] = '\0';
    size_t len = result->body_len;
    if (carried->secret != NULL)
        len = secret_hide(c->body, len, carried->secret);
    if (carried->coded != NULL)
        len = secret_hide(c->body, len, carried->coded);
    *carried->answer = (struct grafana_answer){
        .status = result->status, .body = c->body, .body_len = len, .error = ""};
}

static int start(struct grafana_client *c, const struct grafana_call *call, struct carried *carried,
                 struct error *err)
{
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_BYTES_MAX);
    SCOPED(secret_wipe_buf) struct buf authorization = BUF_INIT(HEADER_BYTES_MAX);
    const struct secret *credential = carried->coded != NULL ? carried->coded : carried->secret;
    const char *headers[6] = {"User-Agent: drift-relay/" DRIFT_RELAY_VERSION,
                              "Accept: application/json"};
    size_t n = 2;
    if (call->body != NULL)
        headers[n++] = "Content-Type: application/json";
    if (call->editable)
        headers[n++] = "X-Disable-Provenance: true";
    if (credential != NULL) {
        buf_add_text(&authorization,
                     carried->coded != NULL ? "Authorization: Basic " : "Authorization: Bearer ");
        buf_add(&authorization, secret_bytes(credential), secret_len(credential));
        headers[n++] = buf_text(&authorization);
    }
    buf_addf(&url, "%s%s", c->url, call->path);
    if (buf_failed(&url) || buf_failed(&authorization))
        return error_set(err, -ENOMEM, "the URL or the credential is too long");
    struct http_call http = {.method = call->method,
                             .url = buf_text(&url),
                             .headers = headers,
                             .body = call->body,
                             .body_len = call->body_len,
                             .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                             .timeout_ms = TIMEOUT_MS,
                             .response_max = RESPONSE_MAX,
                             .allow_http = true};
    return http_client_start(c->http, &http, done, carried, err);
}

void grafana_client_call(struct grafana_client *c, const struct grafana_call *call,
                         struct grafana_answer *answer)
{
    SCOPED(secret_free_p) struct secret *secret = NULL;
    SCOPED(secret_free_p) struct secret *coded = NULL;
    struct error err = {0};
    struct carried carried = {.client = c, .answer = answer};
    no_answer(c, answer, "out of memory");
    if (call == NULL)
        return;
    if (read_secret(c, &secret, &coded, &err) != 0) {
        no_answer(c, answer, err.text);
        return;
    }
    carried.secret = secret;
    carried.coded = coded;
    if (start(c, call, &carried, &err) != 0) {
        no_answer(c, answer, err.text);
        return;
    }
    while (!carried.over && !c->cut)
        http_client_run(c->http, -1); /* every call has its own end */
    if (!carried.over) {
        no_answer(c, answer, "stopped");
        answer->unsent = false;
    }
}
