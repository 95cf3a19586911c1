/* exchange_http.h - an exchange as a call of the HTTP client, and the result as its answer. */
#ifndef RELAY_EDGE_EXCHANGE_HTTP_H
#define RELAY_EDGE_EXCHANGE_HTTP_H

#include "relay/base/http_client.h"
#include "relay/base/secret.h"
#include "relay/github/exchange.h"

/* Sends x with "Authorization: Bearer TOKEN"; done as http_client_start() says. What it wrote the
 * token to is wiped before it returns. */
__attribute__((warn_unused_result)) int
exchange_http_start(struct http_client *client, const struct exchange *x,
                    const struct secret *token,
                    void (*done)(void *context, const struct http_result *result), void *context,
                    struct error *err);
/* Copies what the result says, with stars for the token that was sent: servers and proxies do
 * repeat a request's headers in their errors. exchange_answer_clear() frees it. Aborts without
 * memory: an answer must not get lost, and a restart recovers. */
void exchange_http_answer(struct exchange_answer *out, const struct http_result *result,
                          const struct secret *token);

#endif
