/* exchange_private.h - what exchange.c and app.c make exchanges of. */
#ifndef RELAY_GITHUB_EXCHANGE_PRIVATE_H
#define RELAY_GITHUB_EXCHANGE_PRIVATE_H

#include "relay/base/buf.h"
#include "relay/github/exchange.h"

/* What all kinds have in common; URL and body come later. */
__attribute__((warn_unused_result)) int exchange_make(struct exchange **out,
                                                      enum exchange_kind kind,
                                                      const struct target *target,
                                                      const char *relay_id, struct error *err);
/* -ENOMEM without words. */
__attribute__((warn_unused_result)) int exchange_add_header(struct exchange *x, const char *name,
                                                            const char *value);
/* Takes what is in url. */
__attribute__((warn_unused_result)) int exchange_set_url(struct exchange *x, struct buf *url,
                                                         struct error *err);

#endif
