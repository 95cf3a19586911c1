/* engine_private.h - the engine's state, shared by its own files only. */
#ifndef RELAY_ENGINE_ENGINE_PRIVATE_H
#define RELAY_ENGINE_ENGINE_PRIVATE_H

#include "relay/engine/budget.h"
#include "relay/engine/engine.h"
#include "relay/engine/key_table.h"
#include "relay/engine/window.h"

struct budgets {
    struct budget *items;
    size_t n;
};

struct engine {
    struct engine_ports ports;
    struct engine_config config;
    struct key_table *keys;
    struct budgets route_budgets, target_budgets;
    struct route_count {
        char *route;
        size_t keys;
    } * counts; /* keys per route, for max_keys */
    size_t n_counts;
    bool stop;
    struct paused {
        enum engine_scope scope;
        char *name;
    } * paused;
    size_t n_paused;
    int64_t released_at; /* when a pause or the stop file last ended; 0 = not since the start */
    int64_t started_at, wait_until; /* as in struct window_rules */
    int64_t now;                    /* of the newest event that knew it */
    size_t n_waiting_for_budget;
    bool slots_changed; /* those keys must be looked at again */
};

/* --- engine.c -----------------------------------------------------------------------------------
 */
const struct route *engine_route(const struct engine *e,
                                 const char *name); /* NULL when it is gone */
const struct policy *engine_policy(const struct engine *e, const struct key *k);
struct window_rules engine_rules(const struct engine *e, const struct key *k);
const struct budget *engine_find_budget(const struct budgets *budgets, const char *name);
const struct budget_policy *engine_target_budget(const struct engine *e, const char *target);
struct budget *engine_budget(struct budgets *budgets,
                             const char *name); /* made when new; NULL out of memory */
/* Number of keys of that route; NULL when out of memory. */
size_t *engine_key_count(struct engine *e, const char *route);

/* --- engine_key.c: one key's state and deadline -------------------------------------------------
 */
/* When the hold or deferral that is on wants to be decided; WINDOW_NO_END while only an event can
 * end its block. */
int64_t engine_waiting_due(const struct engine *e, const struct key *k);
/* At the start: a block that had ended by then, or ends with it, is one that fell due while the
 * relay was down. */
void engine_note_over(const struct engine *e, struct key *k);
/* Brings k's windows up to now and ends what may not outlive its firing. */
__attribute__((warn_unused_result)) int engine_advance(struct engine *e, struct key *k, int64_t now,
                                                       struct effects *out);
/* After k changed: forgets it, or sets its deadline and notes the change. k may be gone after this.
 */
__attribute__((warn_unused_result)) int engine_settle(struct engine *e, struct key *k,
                                                      struct effects *out);
struct cancelled {
    bool request, waiting; /* an unexecuted request; a hold or deferral */
};
/* The key stopped firing: its hold, its deferral, an unexecuted request of the engine's own end. */
__attribute__((warn_unused_result)) int engine_cancel(struct engine *e, struct key *k,
                                                      struct effects *out, struct cancelled *what);
void engine_give_back(struct engine *e, const char *relay_id);
__attribute__((warn_unused_result)) int engine_add_key(struct engine *e, struct key *k);
/* Sets deadlines anew: of all keys, or of those that `only` wants. */
__attribute__((warn_unused_result)) int
engine_refresh(struct engine *e, bool (*only)(const struct key *k), struct error *err);
/* At the end of an event: slots that it gave back wake who waits for one. */
__attribute__((warn_unused_result)) int engine_wake(struct engine *e, struct error *err);

/* --- engine_rows.c: rows 5 to 13 for one key ----------------------------------------------------
 */
struct question {
    struct engine *engine;
    struct key *key;
    const struct route *route;
    int64_t now;
    struct wall wall;
    const struct engine_event *event; /* NULL: a timer asks */
    struct effects *out;              /* NULL in a dry run */
    const struct member *leading;     /* answer: of the request that was made */
};
/* Rows 5 to 10: true and *d (suppressed, or held for row 6) when one holds. */
bool engine_blocked(const struct question *q, struct decision *d);
/* Rows 11 to 13; row 12 if may_hold. */
__attribute__((warn_unused_result)) int engine_act(struct question *q, bool may_hold,
                                                   struct decision *d, struct error *err);
/* Row 13 without asking: takes made->inputs. */
__attribute__((warn_unused_result)) int engine_create(struct question *q,
                                                      struct created_request *made);
bool engine_route_paused(const struct engine *e, const char *route, const char *target);

#endif
