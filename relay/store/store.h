/* store.h - the relay's durable truth, as a set of functions that core calls and nobody else.
 *
 * One owner, one thread (core). Everything between begin and commit is one transaction: either all
 * of it survives kill -9 and power loss once commit returned 0, or none of it happened. After any
 * negative return inside a transaction the owner calls rollback (a no-op when there is none) and
 * must load its state anew. A change outside of a transaction, or after a failure in it, is refused
 * (-EPROTO), and so is the commit. When a commit failed and the disk then even refuses to clear it
 * away (begin and probe fail until it does), a crash at that point leaves all of it or none; no
 * implementation can know which. Text is UTF-8; times are relay ms unless the name says wall (unix
 * ms).
 *
 * -EINVAL, -E2BIG and -EPROTO are refusals: the same again is refused again (store_refuses()). All
 * other faults may pass.
 *
 * Implementations: sqlite.h (durable), memory.h (explain, the simulator, tests). */
#ifndef RELAY_STORE_STORE_H
#define RELAY_STORE_STORE_H

#include "relay/base/error.h"
#include "relay/base/rng.h"
#include "relay/engine/engine.h"
#include "relay/github/request.h"

#define STORE_MAC_SIZE 32
#define STORE_LIST_MAX 200  /* most rows one listing gives */
#define STORE_SCAN_MAX 1000 /* most rows it looks at for them */

/* Where relay time stood at the last commit. */
struct store_time {
    int64_t relay_ms, boot_ms, wall_ms;
    int64_t wait_until; /* relay ms: of the wait after the newest start */
    char boot_id[BOOT_ID_MAX];
};

/* A verified notification with its answer. Borrowed by put; owned (store_notification_clear) when
 * read. */
struct store_notification {
    char id[ULID_SIZE];
    char *source, *format;
    int64_t received_wall;
    int64_t received_at;
    char *body;
    size_t body_len;
    char *alerts; /* JSON array: the decisions as they stand in the 202 */
};
void store_notification_clear(struct store_notification *n);
/* Is this fault a refusal, not trouble that may pass? */
bool store_refuses(int fault);

/* What became of a key's hold or deferral without an alert. Owned when made, borrowed when listed.
 */
struct store_outcome_row {
    int64_t at_wall;
    char *key;
    char *route; /* NULL: it is gone */
    char *verdict, *reason;
    char relay_id[ULID_SIZE]; /* with dispatch and running, else "" */
};

/* An operator's pause. Borrowed both ways. */
struct store_pause {
    enum engine_scope scope;
    const char *name;
    int64_t since_wall;
    int64_t until; /* relay ms: it ends by itself then; 0: it does not */
    const char *who, *why;
};

/* What an operator changed. Owned when made, borrowed when listed; texts may be "", never NULL. */
struct store_change {
    int64_t at_wall;
    char *who;          /* "uid 1000", "token", "relay" for a pause that ended by itself */
    char *action;       /* the command's word */
    char *scope, *name; /* "request" and its relay_id, "key", "route", "target" */
    char *why;          /* as it was said */
    char *detail;       /* what came of it, in words */
};

/* A step in the life of a request that neither it nor its attempts tell. */
struct store_event {
    int64_t at_wall;
    char event[32]; /* "held", a request's state, "cancel", "effect" */
    char detail[256];
};

/* A MAC that was accepted, so that it is never accepted twice. */
struct store_mac {
    unsigned char mac[STORE_MAC_SIZE];
    char notification[ULID_SIZE];
    int64_t signed_wall; /* the signed timestamp; INT64_MIN: its source signs none */
    int64_t received_at;
};

/* What may be forgotten: what is older than these. */
struct store_retention {
    int64_t received, created;          /* relay ms: of notifications, of requests */
    int64_t outcome_wall, changed_wall; /* unix ms: of outcomes, of changes */
    int64_t bytes; /* no more notifications than have so much in their bodies; one goes in any case
                    */
};

/* How far a backup is. */
struct store_backup {
    char path[512]; /* where it will be, or is */
    int pages, left;
    bool done;
};

struct store_forgotten {
    size_t rows;                      /* of all kinds */
    int64_t requests[REQUEST_STATES]; /* those of them that were requests, by state */
};

enum store_outcome { STORE_NONE = 1 /* get_…: no such row */ };

struct store_ops {
    void (*close)(void *self);

    int (*begin)(void *self, struct error *err);
    int (*commit)(void *self, const struct store_time *now, struct error *err);
    void (*rollback)(void *self);
    /* Writes and syncs one small row in a transaction of its own: is the disk well again? */
    int (*probe)(void *self, const struct store_time *now, struct error *err);
    /* Between transactions: takes over what stands in the journal when that has at least so many
     * pages. It takes milliseconds: whoever waits for an answer gets it first. What failed is still
     * in the journal, and nothing is lost. */
    int (*checkpoint)(void *self, int pages, struct error *err);

    int (*get_time)(void *self, struct store_time *out,
                    struct error *err); /* STORE_NONE: a new store */
    /* The newest signed time (unix ms) ever forgotten; INT64_MIN when none was. */
    int (*get_floor)(void *self, int64_t *out, struct error *err);

    int (*put_notification)(void *self, const struct store_notification *n, struct error *err);
    int (*get_notification)(void *self, const char *id, struct store_notification *out,
                            struct error *err);
    int (*put_mac)(void *self, const struct store_mac *m, struct error *err);
    int (*get_mac)(void *self, const unsigned char mac[STORE_MAC_SIZE], struct store_mac *out,
                   struct error *err);
    /* Forgets MACs received before `before`, at most 1000 of the oldest, and raises the floor to
     * the newest signed time among them. *forgotten = how many. */
    int (*forget_macs)(void *self, int64_t before, size_t *forgotten, struct error *err);
    /* received_at of the oldest MAC that has a signed time; STORE_NONE when there is none. */
    int (*oldest_mac)(void *self, int64_t *received_at, struct error *err);

    int (*put_key)(void *self, const struct key *k,
                   struct error *err); /* whole key with members: one row */
    int (*delete_key)(void *self, const char *text, struct error *err);
    /* Calls each(context, key) for every key; each takes the key (key_free) and returns 0 or
     * -errno. */
    int (*load_keys)(void *self, int (*each)(void *context, struct key *k), void *context,
                     struct error *err);

    int (*put_request)(void *self, const struct request *r,
                       struct error *err); /* inserts or replaces all fields */
    int (*get_request)(void *self, const char *relay_id, struct request *out, struct error *err);
    int (*add_attempt)(void *self, const char *relay_id, const struct attempt *a,
                       struct error *err);
    /* Every open request, oldest first; each takes it (a heap struct: request_free, then free). */
    int (*load_open_requests)(void *self, int (*each)(void *context, struct request *r),
                              void *context, struct error *err);
    /* Likewise every request whose effect is "watched". */
    int (*load_watched_requests)(void *self, int (*each)(void *context, struct request *r),
                                 void *context, struct error *err);
    /* Slots of budgets taken after `since`: route, target, created_at, relay_id of requests with
     * slot = true. */
    int (*load_slots)(void *self, int64_t since,
                      int (*each)(void *context, const char *route, const char *target, int64_t at,
                                  const char *relay_id),
                      void *context, struct error *err);
    /* Number of requests in each state. */
    int (*count_requests)(void *self, int64_t counts[static REQUEST_STATES], struct error *err);

    int (*put_credential)(void *self, const struct credential *c, struct error *err);
    int (*get_credential)(void *self, const char *name,
                          struct credential *out /* out->name is not set */, struct error *err);
    int (*put_target_memory)(void *self, const char *target, const struct target_memory *m,
                             struct error *err);
    int (*get_target_memory)(void *self, const char *target, struct target_memory *out,
                             struct error *err);

    /* Looks at the oldest `limit` notifications, requests, outcomes and changes, and forgets those
     * of them that are older than `before` says, open requests excepted; *out = how many. A store
     * that does not outlive its process may keep them all (memory does). */
    int (*forget_history)(void *self, const struct store_retention *before, size_t limit,
                          struct store_forgotten *out, struct error *err);
    /* Bytes that its rows take, with what is around them. */
    int (*get_size)(void *self, int64_t *bytes, struct error *err);
    /* A copy of the store beside it, made in steps outside of transactions; it is the store as of
     * its last step. step: *out says how far it is; a failure or done ends it. -ENOTSUP: there is
     * no file to copy; -EBUSY: one is under way. */
    int (*backup_start)(void *self, struct error *err);
    int (*backup_step)(void *self, struct store_backup *out, struct error *err);
    void (*backup_end)(void *self); /* gives it up, if there is one */
    int (*add_outcome)(void *self, const struct store_outcome_row *o, struct error *err);
    /* An operator's pauses; one that is put again keeps its since_wall. */
    int (*put_pause)(void *self, const struct store_pause *p, struct error *err);
    int (*delete_pause)(void *self, enum engine_scope scope, const char *name, struct error *err);
    int (*load_pauses)(void *self, int (*each)(void *context, const struct store_pause *p),
                       void *context, struct error *err);
    int (*add_change)(void *self, const struct store_change *change, struct error *err);
    int (*add_event)(void *self, const char *relay_id, const struct store_event *e,
                     struct error *err);

    /* Listings for people: at most `limit` (1 to STORE_LIST_MAX) rows after `cursor` ("" = from the
     * start), newest first; each row is handed to `each`, which borrows it and says whether it is
     * wanted: the others do not count. *next (64 bytes) gets the cursor of the next page or "" at
     * the end; a page may be short, even empty, and not the last: no more than STORE_SCAN_MAX rows
     * are looked at. A cursor or limit that is none is -EINVAL. */
    int (*list_requests)(void *self, const char *cursor, size_t limit,
                         bool (*each)(void *context, const struct request *r), void *context,
                         char next[static 64], struct error *err);
    int (*list_attempts)(void *self, const char *relay_id,
                         void (*each)(void *context, const struct attempt *a), void *context,
                         struct error *err); /* oldest first, at most 200 */
    int (*list_events)(void *self, const char *relay_id,
                       void (*each)(void *context, const struct store_event *e), void *context,
                       struct error *err); /* oldest first, at most 200 */
    int (*list_outcomes)(void *self, const char *key /* NULL: of all */,
                         void (*each)(void *context, const struct store_outcome_row *o),
                         void *context, struct error *err); /* newest first, at most 200 */
    int (*list_changes)(void *self, const char *cursor, size_t limit,
                        bool (*each)(void *context, const struct store_change *change),
                        void *context, char next[static 64], struct error *err);
    int (*list_notifications)(void *self, const char *cursor, size_t limit,
                              bool (*each)(void *context,
                                           const struct store_notification *n /* body NULL */),
                              void *context, char next[static 64], struct error *err);
};

struct store {
    void *self;
    const struct store_ops *ops;
};

#endif
