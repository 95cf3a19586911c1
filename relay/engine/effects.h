/* effects.h - what an event did: to be stored in one transaction, then acted upon.
 *
 * Filled by the engine; the caller stores `changed`, `removed` and `outcomes`, makes a request of
 * each `created`, ends each `cancelled`. Keys in `changed` stay the engine's and are valid until
 * its next event. */
#ifndef RELAY_ENGINE_EFFECTS_H
#define RELAY_ENGINE_EFFECTS_H

#include "relay/engine/decision.h"
#include "relay/engine/key.h"
#include "relay/engine/route.h"

/* Why a request was made. */
enum cause { CAUSE_ALERT, CAUSE_TIMER, CAUSE_REDELIVER };
const char *cause_text(enum cause c);

struct created_request {
    char relay_id[ULID_SIZE];
    enum cause cause;
    char notification[ULID_SIZE]; /* where the leading member was heard; "" after redeliver */
    char replaces[ULID_SIZE];     /* the request that was redelivered, else "" */
    const char *route, *target;   /* names, borrowed from the config */
    const char *key;              /* borrowed from the key */
    int64_t expires_ms;           /* of the policy in force */
    bool held;                    /* it ends a hold; else a deferral … */
    int64_t waited_from;          /* … that began then (relay ms); 0: it ends none */
    char *inputs;                 /* owned: JSON object */
};

struct effects {
    struct decision *decisions; /* one an alert, in the notification's order */
    size_t n_decisions;
    struct decision *outcomes; /* what became of holds and deferrals without an alert: a timer, or
                                  members gone stale; key and route are set */
    size_t n_outcomes, cap_outcomes;
    const struct key **changed;
    size_t n_changed, cap_changed;
    char **removed; /* texts of keys that were forgotten; owned */
    size_t n_removed, cap_removed;
    struct created_request *created;
    size_t n_created, cap_created;
    char (*cancelled)[ULID_SIZE]; /* unexecuted requests whose key stopped firing */
    size_t n_cancelled, cap_cancelled;
};

void effects_clear(struct effects *e); /* frees all; ready for the next event */

/* The engine's own: each 0 or -ENOMEM. e NULL (a dry run) notes nothing; it removes and creates
 * nothing. */
int effects_change(struct effects *e, const struct key *k);
int effects_remove(struct effects *e, const char *text);
/* Takes o->key whatever happens. */
int effects_outcome(struct effects *e, const struct decision *o);
int effects_create(struct effects *e, const struct created_request *r);
int effects_cancel(struct effects *e, const char *relay_id);

#endif
