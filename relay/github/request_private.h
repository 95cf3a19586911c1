/* request_private.h - shared by request_find.c and request_poll.c. */
#ifndef RELAY_GITHUB_REQUEST_PRIVATE_H
#define RELAY_GITHUB_REQUEST_PRIVATE_H

#include "relay/github/request.h"

bool request_is_redirect(int status);
/* Reads go to the target's own URL again: of another kind, or since it was wrong. */
void request_stay(struct request *r);
/* The list of the runs that were created just before r's waiting run was cancelled. */
void request_place_listed(struct request *r, const struct exchange_answer *answer, int64_t now);

#endif
