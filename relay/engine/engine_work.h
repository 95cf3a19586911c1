/* engine_work.h - one notification on its way through the engine; its two files' only. */
#ifndef RELAY_ENGINE_ENGINE_WORK_H
#define RELAY_ENGINE_ENGINE_WORK_H

#include "relay/engine/engine_private.h"

#define NO_KEY SIZE_MAX

/* A key that this notification touches. In a dry run `key` is a copy. */
struct touched {
    struct key *key;
    const struct route *route;
    bool fired_before, quiet_before;
    bool fires, quiet;            /* after all alerts were applied */
    bool made;                    /* new with this notification */
    bool wanted;                  /* an alert reaches row 5 */
    struct cancelled cancelled;   /* what ended because the key stopped firing */
    bool joins;                   /* alerts that get to row 5 join its hold or deferral */
    struct decision shared;       /* rows 5 to 13, without key and route */
    const struct member *leading; /* of the request that was made */
};

/* One alert on its way through the rows. */
struct item {
    const struct alert *alert;
    size_t index; /* in the notification */
    const struct route *route;
    char *key;               /* its text, owned; NULL without a route */
    size_t touched;          /* which, or NO_KEY: a resolve of a key that is not there, or row 2 */
    bool in_request, waited; /* it belonged to the open request, to the hold or deferral, before
                                this notification */
    bool limited;            /* row 2: there was no room for it */
    bool left;               /* a resolve that took a member out */
};

struct work {
    struct engine *engine;
    const struct engine_event *event;
    struct effects *out; /* NULL in a dry run */
    struct item *items;
    struct touched *touched;
    size_t n, n_touched;
    struct budgets route_budgets, target_budgets; /* a dry run's: the engine's as they were */
    bool saved;                                   /* they are complete */
};

/* engine_apply.c: applies every alert to its key (in a dry run: to copies). */
__attribute__((warn_unused_result)) int engine_apply(struct work *w);
/* Frees the work; after a dry run everything is as it was before. */
void engine_work_clear(struct work *w);

#endif
