/* installations.h - tokens of GitHub Apps: asked for when one is wanted, kept while it is good.
 *
 * One token for each installation, API and repository. It is kept until a minute before its end, 59
 * minutes at most, by the monotonic clock, so that no wall clock matters; the key file is read anew
 * for each. Exchanges that want one while it is being asked for wait together. A clock that differs
 * from GitHub's is noticed by a 401 with its Date: the JWT is then made once more. The dispatcher's
 * thread only. */
#ifndef RELAY_EDGE_INSTALLATIONS_H
#define RELAY_EDGE_INSTALLATIONS_H

#include "relay/base/clock.h"
#include "relay/base/http_client.h"
#include "relay/base/secret.h"
#include "relay/conf.h"
#include "relay/github/exchange.h"

struct installations;

/* Exactly one of the two is called, once: within installations_ask() or later. */
struct token_wanted {
    void (*ready)(void *context, const struct secret *token, int64_t expiry_s);
    /* answer: what the exchange that waited gets instead (app.h); borrowed. */
    void (*failed)(void *context, const struct exchange_answer *answer);
    void *context;
};

/* Borrows client and clock. */
__attribute__((warn_unused_result)) int installations_new(struct installations **out,
                                                          struct http_client *client,
                                                          const struct clock *clock,
                                                          struct error *err);
/* Wipes every token; who waits is forgotten. After http_client_free(). NULL is fine. */
void installations_free(struct installations *all);
/* credential: an App. waiting: the exchange that wants to be sent. */
void installations_ask(struct installations *all, const struct conf_credential *credential,
                       const struct exchange *waiting, struct token_wanted wanted);
/* An exchange with such a token got a 401. A token of the last seconds is kept all the same: it may
 * be too new to be known everywhere at GitHub. */
void installations_refused(struct installations *all, const struct exchange *refused);

#endif
