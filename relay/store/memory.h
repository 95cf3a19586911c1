/* memory.h - the store in memory: what it holds outlives the core that uses it, not the process.
 *
 * For explain, the simulator and tests. The contract is store.h's, with honest transactions: what
 * was not committed is gone after a rollback, and closing the struct store in the middle of a
 * transaction is a crash at that point. Changes cost what they change, commits and rollbacks what
 * their transaction changed.
 *
 * Threads: as store.h says, one at a time; the functions here belong to the same one. */
#ifndef RELAY_STORE_MEMORY_H
#define RELAY_STORE_MEMORY_H

#include "relay/store/store.h"

struct memory_store;

__attribute__((warn_unused_result)) int memory_store_new(struct memory_store **out,
                                                         struct error *err);
void memory_store_free(struct memory_store *m); /* closed; NULL is fine */
/* -EBUSY: it is open already. out->ops->close() gives it back. */
__attribute__((warn_unused_result)) int memory_store_open(struct memory_store *m, struct store *out,
                                                          struct error *err);

/* Kinds of operations, to be combined. A probe is one of each but MEMORY_READ. */
enum memory_operation {
    MEMORY_READ = 1,
    MEMORY_BEGIN = 2,
    MEMORY_CHANGE = 4,
    MEMORY_COMMIT = 8,
};

/* A disk that fails: of the operations of these kinds `skip` succeed, the next `times` fail. */
struct memory_fault {
    unsigned operations; /* of enum memory_operation */
    size_t skip, times;
    int code; /* what they return, < 0 */
    /* A commit that failed is in doubt: begin and probe clear it away once they succeed, a crash
     * before that leaves all of it in the store (see store.h). */
    bool doubtful;
};
/* Replaces what was set before; times 0: nothing fails. */
void memory_store_fail(struct memory_store *m, const struct memory_fault *fault);
/* How many operations failed by it so far. */
size_t memory_store_failures(const struct memory_store *m);

#endif
