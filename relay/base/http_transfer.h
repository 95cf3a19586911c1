/* http_transfer.h - one call of http_client.h as one libcurl handle; for http_client.c only.
 *
 * Holds every option that makes libcurl explicit, the callbacks that cap an answer, and the rule
 * that tells HTTP_NOT_SENT from HTTP_UNKNOWN. One thread, the client's. */
#ifndef RELAY_BASE_HTTP_TRANSFER_H
#define RELAY_BASE_HTTP_TRANSFER_H

#include "relay/base/http_client.h"

#include <curl/curl.h>

struct transfer;

/* Copies everything it needs of call. -EINVAL for a call that is not allowed. */
__attribute__((warn_unused_result)) int
transfer_new(struct transfer **out, const struct http_call *call, struct error *err);
/* NULL is fine. Not while the handle is in a multi handle. */
void transfer_free(struct transfer *t);
void transfer_free_p(struct transfer **t);
CURL *transfer_handle(const struct transfer *t);
/* Reads what became of it: once, when libcurl is done with the handle. */
void transfer_end(struct transfer *t, CURLcode code);
/* After transfer_end(); borrowed from t. */
const struct http_result *transfer_result(const struct transfer *t);

#endif
