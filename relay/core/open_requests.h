/* open_requests.h - the requests that are open: in the order they were made, and each by its
 * relay_id in O(1). A GitHub that is down for hours leaves thousands of them, and every cancel and
 * answer asks for one. The core's thread only. */
#ifndef RELAY_CORE_OPEN_REQUESTS_H
#define RELAY_CORE_OPEN_REQUESTS_H

#include "relay/github/request.h"

/* Zeroed: none. */
struct open_requests {
    struct request **items; /* oldest first; owned */
    size_t n, cap;
    struct request **slots; /* the same by relay_id */
    size_t n_slots;         /* 2 x cap, a power of two */
};

/* Takes r, the newest; false when out of memory (r stays the caller's). */
__attribute__((warn_unused_result)) bool open_requests_add(struct open_requests *o,
                                                           struct request *r);
struct request *open_requests_find(const struct open_requests *o, const char *relay_id);
/* Gives r to the caller. */
void open_requests_remove(struct open_requests *o, const struct request *r);
void open_requests_clear(struct open_requests *o);

#endif
