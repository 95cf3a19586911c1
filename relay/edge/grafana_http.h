/* grafana_http.h - carries calls to Grafana out, one after the other, each waited for.
 *
 * One thread; only grafana_client_cut() may come from another. After http_client_setup(). The
 * credential's file is read anew for every call, so that a rotated one works at once; what an
 * answer repeats of it is hidden. */
#ifndef RELAY_EDGE_GRAFANA_HTTP_H
#define RELAY_EDGE_GRAFANA_HTTP_H

#include "relay/base/error.h"
#include "relay/grafana/call.h"

struct grafana_client;

struct grafana_access {
    const char *url;         /* base, with or without a slash at its end; plain http is allowed */
    const char *secret_file; /* a service account's token, or the user's password; NULL = none */
    const char *user;        /* NULL: it is a token */
};

/* Copies the texts. */
__attribute__((warn_unused_result)) int grafana_client_new(struct grafana_client **out,
                                                           const struct grafana_access *access,
                                                           struct error *err);
void grafana_client_free(struct grafana_client *c); /* NULL is fine */
void grafana_client_free_p(struct grafana_client **c);
/* At most 15 s. *answer borrows from c until the next call; a call NULL (out of memory), or one
 * that cannot be made, is an answer without status too. */
void grafana_client_call(struct grafana_client *c, const struct grafana_call *call,
                         struct grafana_answer *answer);
/* From any thread: the call under way ends at once without an answer, and so does every later one.
 */
void grafana_client_cut(struct grafana_client *c);

#endif
