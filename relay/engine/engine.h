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
 *    3  belongs to hold, deferral, request suppressed/duplicate
 *    4  the key does not fire              suppressed/below_min
 *    5  route, target or all is paused     BLOCKED/paused
 *    6  a hold is on                       held/joined
 *    7  a request is open                  BLOCKED/running
 *    8  disarmed                           BLOCKED/not_rearmed
 *    9  cooldown or retry_after            BLOCKED/cooldown
 *   10  budget of route or target          BLOCKED/budget
 *   11  an input cannot be made            suppressed/bad_input
 *   12  hold > 0                           held/hold
 *   13  otherwise                          dispatch/first, dispatch/joined
 *
 * BLOCKED is suppressed, or with when_blocked = defer deferred: then the key is asked again when
 * that block ends. At the end of a hold rows 5, 7-11 and 13 are asked, at the end of a block rows 5
 * and 7-13; what they say is an outcome of the key (effects.h). All alerts of a
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

enum engine_inputs { ENGINE_BAD_INPUT = 1 /* *err says why */ };

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
__attribute__((warn_unused_result)) int engine_configure(struct engine *e,
                                                         const struct engine_config *config,
                                                         int64_t now, struct error *err);

/* The stop file: nothing is POSTed, everything is blocked. */
__attribute__((warn_unused_result)) int engine_set_stop(struct engine *e, bool stop, int64_t now,
                                                        struct error *err);
enum engine_scope { ENGINE_ROUTE, ENGINE_TARGET };
/* An operator's pause of one route or target; the caller stores it. */
__attribute__((warn_unused_result)) int engine_set_paused(struct engine *e, enum engine_scope scope,
                                                          const char *name, bool paused,
                                                          int64_t now, struct error *err);
bool engine_is_paused(const struct engine *e, enum engine_scope scope, const char *name);
/* The i-th pause, NULL when there are no more; valid until they change. */
const char *engine_paused_at(const struct engine *e, size_t i, enum engine_scope *scope);

/* Restoring from the store, before the first event. restore_key takes k. */
__attribute__((warn_unused_result)) int engine_restore_key(struct engine *e, struct key *k,
                                                           struct error *err);
__attribute__((warn_unused_result)) int engine_restore_slot(struct engine *e, const char *route,
                                                            const char *target, int64_t at,
                                                            const char *relay_id,
                                                            struct error *err);

/* Notifications were refused for down_ms until now: what fell due meanwhile waits as long again, at
 * most ENGINE_WAIT_MAX_MS (longer than a group_interval of 5m, after which Grafana and Alertmanager
 * send again what was refused), and never shorter than a wait that was on already. */
#define ENGINE_WAIT_MAX_MS (6 * 60 * 1000)
int64_t engine_wait_until(int64_t now, int64_t down_ms, int64_t earlier_wait);
/* After restoring: what is due by now is due at wait_until. */
__attribute__((warn_unused_result)) int engine_started(struct engine *e, int64_t now,
                                                       int64_t wait_until, struct error *err);

/* When that happens which is to happen at `end`: at wait_until when it fell due while the relay was
 * down. */
int64_t engine_due(const struct engine *e, int64_t end);

/* One row as it was asked, for explanations. */
struct engine_check {
    int row;         /* 0: a resolve, which is asked no row; it holds when it took a member out */
    size_t alert;    /* rows 0 to 4: its index in the notification; else SIZE_MAX */
    const char *key; /* NULL: none */
    const struct key *state; /* the key with this notification's alerts applied, borrowed for the
                                call; after rows 5 to 13 were decided in rows 0 to 4. NULL: none */
    bool holds;              /* it decides (of the rows asked, the first that holds does) */
    int64_t have, limit; /* row 4: members that fire, min_alerts; row 10: slots taken, max (of the
                            target when `text` says so); else 0 */
    int64_t until;       /* relay ms where the block ends; 0: it is not on, WINDOW_NO_END: no time
                            ends it */
    const char *text; /* 5: what is paused; 7: the open relay_id; 10: whose budget; 11: the inputs
                         (JSON) or why there are none; else NULL */
};
typedef void engine_trace_fn(void *context, const struct engine_check *check);

struct engine_event {
    int64_t now;
    struct wall wall; /* for ULIDs */
    const char *source;
    const char *notification; /* its id */
    const struct notification *content;
    bool dry;               /* decisions only: nothing changes, no effects */
    engine_trace_fn *trace; /* told of every row asked, also those after the one that holds; NULL */
    void *trace_context;
};
__attribute__((warn_unused_result)) int engine_notification(struct engine *e,
                                                            const struct engine_event *event,
                                                            struct effects *out, struct error *err);

/* The next time engine_timers() has something to do; INT64_MAX = never. */
int64_t engine_next(const struct engine *e);
/* Everything due by now, at most 1000 keys at a time. */
__attribute__((warn_unused_result)) int engine_timers(struct engine *e, int64_t now,
                                                      struct wall wall, struct effects *out,
                                                      struct error *err);

/* --- the life of a request, as far as its key is concerned -------------------------------------
 */
enum may_post {
    MAY_POST,
    MAY_POST_WAIT,     /* stop file or pause: ask again when it is gone */
    MAY_POST_EXPIRED,  /* unexecuted for longer than `expires` */
    MAY_POST_RESOLVED, /* unexecuted, and its key does not fire */
};
struct request_view {
    const char *key, *relay_id, *route, *target;
    int64_t created_at;
    bool executed;
    bool by_operator;   /* redelivered: only the stop file makes it wait, no resolve ends it */
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

/* --- operators
 * ----------------------------------------------------------------------------------
 */
enum { ENGINE_NO_KEY = 1 };
/* Ends disarming, cooldown and retry_after of that key. */
__attribute__((warn_unused_result)) int engine_rearm(struct engine *e, const char *key, int64_t now,
                                                     struct effects *out, struct error *err);
struct redelivery {
    const char *relay_id; /* the old request */
    const char *key, *route, *target;
    const char *inputs; /* JSON, as they were */
    int64_t now;
    struct wall wall;
};
/* A new request with the old inputs. *d: dispatch/first with its relay_id, or what refuses it:
 * suppressed/paused (stop file), suppressed/running, suppressed/limit, ignored/no_route (route or
 * target left the config). It ends the key's hold or deferral: what was waited for is under way. */
__attribute__((warn_unused_result)) int engine_redeliver(struct engine *e,
                                                         const struct redelivery *r,
                                                         struct effects *out, struct decision *d,
                                                         struct error *err);

/* --- looking, for people -------------------------------------------------------------------------
 */
size_t engine_n_keys(const struct engine *e);
const struct key *engine_find_key(const struct engine *e, const char *text);
const struct key *engine_key_at(const struct engine *e, size_t i);
/* What the key does, else what blocks it: "open", "held", "deferred", "disarmed" or "cooldown"
 * (whichever lasts longer), "firing", "quiet".
 * *until: relay ms where a time ends that state, else 0. */
const char *engine_key_state(const struct engine *e, const struct key *k, int64_t now,
                             int64_t *until);
/* When the key may act, relay ms; each 0 when it is not on, INT64_MAX when no time ends it. */
struct engine_key_times {
    int64_t waiting; /* the end of its hold, or of the block that its deferral waits for */
    int64_t disarmed;
    int64_t cooldown, cooldown_from; /* of cooldown and retry_after the one that ends later */
};
void engine_key_times(const struct engine *e, const struct key *k, int64_t now,
                      struct engine_key_times *out);
/* Every word that engine_key_state gives, ended by NULL. */
extern const char *const engine_key_states[];

#endif
