/* carrier.h - carries exchanges out, each with the token of its credential.
 *
 * A token file is read anew for every exchange, so that a rotated token works at once; the token of
 * an App's installation is asked for first (installations.h), and an exchange whose token GitHub
 * refuses has not been sent. Bodies that are too large, redirects and silent re-sending are the
 * HTTP client's to refuse. One thread, but for carrier_wakeup(). */
#ifndef RELAY_EDGE_CARRIER_H
#define RELAY_EDGE_CARRIER_H

#include "relay/base/clock.h"
#include "relay/conf.h"
#include "relay/github/exchange.h"

struct carrier;

/* Borrows clock. After http_client_setup(). */
__attribute__((warn_unused_result)) int carrier_new(struct carrier **out, const struct clock *clock,
                                                    struct error *err);
/* Cuts what is under way, without answers. NULL is fine. */
void carrier_free(struct carrier *c);
/* Takes x. done is called once, within this call or in carrier_run(): x is borrowed for it, and
 * what *answer holds is its to keep. credential: that of x, borrowed for the call; NULL: the config
 * has it no longer. Aborts without memory: an answer must not get lost, and a restart recovers. */
void carrier_send(struct carrier *c, struct exchange *x, const struct conf_credential *credential,
                  void (*done)(void *context, const struct exchange *x,
                               struct exchange_answer *answer),
                  void *context);
/* As http_client_run() and http_client_wakeup(). */
void carrier_run(struct carrier *c, int64_t timeout_ms);
void carrier_wakeup(struct carrier *c);

#endif
