/* http_deadline.h - cuts sockets whose time is over.
 *
 * libmicrohttpd's own timeout counts silence only: one byte a second keeps a connection open for
 * ever. Here one thread waits for the earliest deadline and calls shutdown(2) on its socket; the
 * library then sees the end of the connection and closes it by itself. The descriptor is never
 * closed here, so an entry must be removed before its owner closes the descriptor.
 *
 * Any thread; one lock, held only for list work and the (non-blocking) shutdown. Waiting happens in
 * real time, so the clock must advance like CLOCK_MONOTONIC. */
#ifndef RELAY_BASE_HTTP_DEADLINE_H
#define RELAY_BASE_HTTP_DEADLINE_H

#include "relay/base/clock.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct deadline_watch;

/* Embedded in whatever owns the socket; the fields belong to this module. */
struct deadline {
    int fd;
    int64_t at_ms; /* mono; INT64_MAX = none */
    bool passed;   /* the socket was shut down */
    struct deadline *previous, *next;
};

/* Starts the thread; it inherits the caller's signal mask. clock is borrowed. */
__attribute__((warn_unused_result)) int
deadline_watch_start(struct deadline_watch **out, const struct clock *clock, struct error *err);
/* Ends the thread. No entry may be left. NULL is fine. */
void deadline_watch_stop(struct deadline_watch *w);
/* From now on the library is told again, ten times a second, of every peer that ended its side:
 * libmicrohttpd's edge-triggered epoll misses an end that came together with the last bytes, and
 * would wait for the rest of the request until its deadline. For a drain, which waits for it too.
 */
void deadline_watch_remind(struct deadline_watch *w);

/* A connection comes: deadline_add, or deadline_unexpect, follows. False: the watch has ended. */
bool deadline_expect(struct deadline_watch *w);
void deadline_unexpect(struct deadline_watch *w);
/* Cuts every socket, whatever its deadline, and expects no more; waits until every entry is
 * removed. False: some are left after wait_ms. */
bool deadline_watch_end(struct deadline_watch *w, int64_t wait_ms);

/* Watches fd, which was expected, from now on; its time is over in ms milliseconds. */
void deadline_add(struct deadline_watch *w, struct deadline *d, int fd, int64_t ms);
/* Starts anew, in ms milliseconds from now. */
void deadline_set(struct deadline_watch *w, struct deadline *d, int64_t ms);
void deadline_clear(struct deadline_watch *w, struct deadline *d);
void deadline_remove(struct deadline_watch *w, struct deadline *d);

#endif
