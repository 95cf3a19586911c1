/* mailbox.h - messages from any thread to the one that owns the truth, in order.
 *
 * One lock, held for a few pointer moves. What strangers can send is bounded in number and bytes
 * (full = the sender is told 503); what the relay sends itself (answers, reloads) always fits. */
#ifndef RELAY_CORE_MAILBOX_H
#define RELAY_CORE_MAILBOX_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail {
    struct mail *next;
    size_t bytes; /* what it holds, for the bound; 0 = does not count */
};

struct mailbox;

__attribute__((warn_unused_result)) int mailbox_new(struct mailbox **out, size_t max_bounded,
                                                    size_t max_bytes, struct error *err);
void mailbox_free(struct mailbox *m); /* must be empty */
/* False when it is full or closed: the message stays the caller's. Only mail with bytes > 0 can be
 * refused for being full. */
bool mailbox_put(struct mailbox *m, struct mail *mail);
/* From now on bounded mail is refused. */
void mailbox_close(struct mailbox *m);
/* Is there mail, now or within wait_ms (< 0: for ever)? */
bool mailbox_wait(struct mailbox *m, int64_t wait_ms);
/* What waits, oldest first, at most `most` of it; NULL: nothing does. */
struct mail *mailbox_take(struct mailbox *m, size_t most);

#endif
