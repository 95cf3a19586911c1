/* clang-format off */
/* engine.h - every decision: which alert starts a run, which does not, and why.
 *
 * Pure: no I/O, no clock. State in, event in, `now` in; decisions and effects out. `now` is relay
 * time (milliseconds that never run back) and must not be smaller than at the event before.
 * One thread (core). After any negative return the state is undefined: throw the engine away and
 * restore a new one from the store, where the failed event's transaction was rolled back.
 *
 * The order of decision is a table of rows; the first that holds decides an alert that is not a
 * resolve:
 *
 *    1  test, no_data, error               ignored/that word
 *    2  no route; too many keys, members   ignored/no_route; suppressed/limit
 *    3  belongs to the open request        suppressed/duplicate
 *    4  the key does not fire              suppressed/below_min
 *    5  stop file                          suppressed/paused
 *    7  a request is open                  suppressed/running
 *    8  disarmed                           suppressed/not_rearmed
 *    9  cooldown or retry_after            suppressed/cooldown
 *   10  budget of route or target          suppressed/budget
 *   11  an input cannot be made            suppressed/bad_input
 *   13  otherwise                          dispatch/first, dispatch/joined
 *
 * Rows 6 and 12 belong to `hold`, which a config may not ask for yet. All alerts of a
 * notification are applied before any is decided, in an order of their own, so that their order
 * in the body never matters. */
/* clang-format on */
#ifndef RELAY_ENGINE_ENGINE_H
#define RELAY_ENGINE_ENGINE_H

#include "relay/alert/alert.h"
#include "relay/base/clock.h"
#include "relay/base/error.h"
#include "relay/base/rng.h"
#include "relay/engine/effects.h"
#include "relay/engine/route.h"

struct engine;

struct engine_target {
    const char *name;
    struct budget_policy budget;
};

/* Borrowed until the next engine_configure(). */
struct engine_config {
    const struct route *const *routes; /* in order */
    size_t n_routes;
    const struct engine_target *targets;
    size_t n_targets;
};

struct leading {
    const struct member *member;
    const struct alert
        *alert;   /* when it is in the notification at hand; else NULL: read member->notification */
    size_t count; /* members that fire */
};

enum engine_inputs { ENGINE_BAD_INPUT = 1 };

/* What the engine asks of the world, as functions. */
struct engine_ports {
    void *self;
    const struct rng *rng;
    /* Makes a request's inputs: 0 and *json (the engine takes it), ENGINE_BAD_INPUT, or negative.
     */
    int (*inputs)(void *self, const struct route *route, const char *key, const char *relay_id,
                  const struct leading *leading, char **json, struct error *err);
};

__attribute__((warn_unused_result)) int
engine_new(struct engine **out, const struct engine_ports *ports, struct error *err);
void engine_free(struct engine *e);
void engine_free_p(struct engine **e);

/* A new config acts at once: all windows end by its policies. Keys of routes that are gone keep the
 * default policy until they are forgotten. */
__attribute__((warn_unused_result)) int
engine_configure(struct engine *e, const struct engine_config *config, struct error *err);
void engine_set_stop(struct engine *e, bool stop);

/* Restoring from the store, before the first event. restore_key takes k. */
__attribute__((warn_unused_result)) int engine_restore_key(struct engine *e, struct key *k,
                                                           struct error *err);
__attribute__((warn_unused_result)) int engine_restore_slot(struct engine *e, const char *route,
                                                            const char *target, int64_t at,
                                                            const char *relay_id,
                                                            struct error *err);

struct engine_event {
    int64_t now;
    struct wall wall; /* for ULIDs */
    const char *source;
    const char *notification; /* its id */
    const struct notification *content;
    bool dry; /* decisions only: nothing changes, no effects */
};
__attribute__((warn_unused_result)) int engine_notification(struct engine *e,
                                                            const struct engine_event *event,
                                                            struct effects *out, struct error *err);

/* The next time engine_timers() has something to do; INT64_MAX = never. */
int64_t engine_next(const struct engine *e);
/* Everything due by now, at most 1000 keys at a time. */
__attribute__((warn_unused_result)) int engine_timers(struct engine *e, int64_t now,
                                                      struct effects *out, struct error *err);

/* --- the life of a request, as far as its key is concerned -------------------------------------
 */
enum may_post {
    MAY_POST,
    MAY_POST_WAIT,     /* stop file: ask again when it is gone */
    MAY_POST_EXPIRED,  /* unexecuted for longer than `expires` */
    MAY_POST_RESOLVED, /* unexecuted, and its key does not fire */
};
struct request_view {
    const char *key, *relay_id;
    int64_t created_at;
    bool executed;
    int64_t expires_ms; /* used when its route is gone */
};
enum may_post engine_may_post(struct engine *e, const struct request_view *r, int64_t now);
/* When an unexecuted request expires. */
int64_t engine_expires_at(const struct engine *e, const struct request_view *r);

enum request_end {
    END_NOTHING_RAN, /* resolved or cancelled in time: slots back, key as before */
    END_REFUSED,     /* refused or expired: the same, but retry_after passes first */
    END_RAN,         /* it ran or may have: cooldown, disarmed */
    END_FAILED,      /* it ran and failed: cooldown, armed */
};
/* Its POST is about to leave: from now on it may have run. */
__attribute__((warn_unused_result)) int engine_posting(struct engine *e, const char *key,
                                                       const char *relay_id, int64_t now,
                                                       struct effects *out, struct error *err);
/* The POST was refused for now, or not sent. */
__attribute__((warn_unused_result)) int engine_not_executed(struct engine *e, const char *key,
                                                            const char *relay_id,
                                                            struct effects *out, struct error *err);
__attribute__((warn_unused_result)) int engine_ended(struct engine *e, const char *key,
                                                     const char *relay_id, enum request_end end,
                                                     int64_t now, struct effects *out,
                                                     struct error *err);

/* --- looking, for people -------------------------------------------------------------------------
 */
size_t engine_n_keys(const struct engine *e);
const struct key *engine_find_key(const struct engine *e, const char *text);
const struct key *engine_key_at(const struct engine *e, size_t i);
/* "firing"/"quiet" refined by what blocks it: "open", "cooldown", "disarmed", "firing", "quiet".
 * *until: relay ms where a time ends that state, else 0. */
const char *engine_key_state(const struct engine *e, const struct key *k, int64_t now,
                             int64_t *until);
/* Every word that engine_key_state gives, ended by NULL. */
extern const char *const engine_key_states[];

#endif
