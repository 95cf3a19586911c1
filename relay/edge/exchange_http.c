#include "relay/edge/exchange_http.h"

#include "relay/base/buf.h"
#include "relay/base/must.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_HEADER_MAX (66 * 1024)

int exchange_http_start(struct http_client *client, const struct exchange *x,
                        const struct secret *token,
                        void (*done)(void *context, const struct http_result *result),
                        void *context, struct error *err)
{
    size_t n = 0;
    while (x->headers[n] != NULL)
        n++;
    SCOPED(secret_wipe_buf) struct buf authorization = BUF_INIT(TOKEN_HEADER_MAX);
    SCOPED(free_p) const char **headers = calloc(n + 2, sizeof(*headers));
    buf_add_text(&authorization, "Authorization: Bearer ");
    buf_add(&authorization, secret_bytes(token), secret_len(token));
    if (headers == NULL || buf_failed(&authorization))
        return error_set(err, -ENOMEM, "out of memory");
    memcpy(headers, x->headers, n * sizeof(*headers));
    headers[n] = buf_text(&authorization);
    struct http_call call = {
        .method = x->method,
        .url = x->url,
        .headers = headers,
        .body = x->body,
        .body_len = x->body_len,
        .connect_timeout_ms = GITHUB_CONNECT_TIMEOUT_MS,
        .timeout_ms = GITHUB_TIMEOUT_MS,
        .response_max = x->response_max,
        .fresh = strcmp(x->method, "POST") == 0, /* never silently sent twice */
        .allow_http =
            strncmp(x->url, "http:", 5) == 0, /* the config lets it pass for loopback only */
    };
    return http_client_start(client, &call, done, context, err);
}

static void take_headers(struct exchange_answer *a, const struct http_result *result,
                         const struct secret *token)
{
    size_t n = 0;
    while (exchange_wanted_headers[n] != NULL)
        n++;
    a->headers = must_alloc(n + 1, sizeof(*a->headers));
    for (const char *const *name = exchange_wanted_headers; *name != NULL; name++) {
        const char *value = http_result_header(result, *name);
        if (value == NULL)
            continue;
        char *kept = must_copy(value);
        (void)secret_hide(kept, strlen(kept), token);
        a->headers[a->n_headers++] = (struct exchange_header){must_copy(*name), kept};
    }
}

void exchange_http_answer(struct exchange_answer *out, const struct http_result *result,
                          const struct secret *token)
{
    static const enum exchange_transport transports[] = {[HTTP_ANSWER] = EXCHANGE_ANSWERED,
                                                         [HTTP_NOT_SENT] = EXCHANGE_NOT_SENT,
                                                         [HTTP_UNKNOWN] = EXCHANGE_UNKNOWN};
    *out = (struct exchange_answer){.transport = transports[result->outcome],
                                    .status = result->status,
                                    .duration_ms = result->duration_ms};
    (void)snprintf(out->error, sizeof(out->error), "%s", result->error);
    out->body = must_alloc(result->body_len + 1, 1);
    memcpy(out->body, result->body, result->body_len);
    out->body[result->body_len] = '\0';
    out->body_len = result->body_len;
    take_headers(out, result, token);
    out->body_len = secret_hide(out->body, out->body_len, token);
    (void)secret_hide(out->error, strlen(out->error), token);
}
