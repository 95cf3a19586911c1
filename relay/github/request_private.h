/* request_private.h - shared by request_find.c and request_poll.c. */
#ifndef RELAY_GITHUB_REQUEST_PRIVATE_H
#define RELAY_GITHUB_REQUEST_PRIVATE_H

#include "relay/github/request.h"

/* The list of the runs that were created just before r's waiting run was cancelled. */
void request_place_listed(struct request *r, const struct exchange_answer *answer, int64_t now);

#endif
