/* When a waiting request is POSTed. GitHub takes a write a second and may be away for hours, so
 * that thousands wait for one credential: they are walked at every answer, and most must cost
 * little. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What of its credential is under way keeps another write from leaving. */
static bool is_writing(const struct core *c, const struct credential *credential)
{
    return core_count_flights(c, EXCHANGE_DISPATCH, credential->name) +
               core_count_flights(c, EXCHANGE_CANCEL, credential->name) >
           0;
}

/* Until when no write of that credential may leave: 0 = one may; INT64_MAX: until the answer to
 * what is under way. */
static int64_t barred_until(const struct core *c, const struct credential *credential, int64_t now)
{
    if (is_writing(c, credential))
        return INT64_MAX;
    int64_t free_at = limits_write_at(credential);
    return free_at > now ? free_at : 0;
}

void core_due_new(struct core *c, const struct request *r, int64_t now)
{
    const struct target *target = conf_target_by_name(c->conf, r->target);
    const struct credential *credential =
        target == NULL ? NULL : core_find_credential(c, target->credential);
    struct request_view view = core_view_of(r);
    core_due_at(c, engine_expires_at(c->engine, &view));
    if (credential == NULL)
        core_due_at(c, now);
    else if (!is_writing(c, credential))
        core_due_at(c, limits_write_at(credential));
}

/* queued -> sending, on disk before the POST leaves (c->starting is started after the commit). */
static int post(struct core *c, struct request *r, const struct target *target,
                struct credential *credential, int64_t now, struct error *err)
{
    enum request_state before = r->state;
    struct exchange *x;
    int result = exchange_dispatch(&x, target, &core_find_learnt(c, target->name)->memory,
                                   r->relay_id, r->inputs, r->redirect, err);
    if (result == -EINVAL) { /* it can never be built: the request's fault, not the store's */
        (void)snprintf(r->detail, sizeof(r->detail), "%.*s", (int)sizeof(r->detail) - 1, err->text);
        return core_request_dies(c, r, "refused", END_REFUSED, now, err);
    }
    if (result != 0)
        return result;
    result = request_posting(r, x, limits_clock(credential, now, clock_wall(c->ports.clock)), now);
    if (result != 0) {
        exchange_free(x);
        return error_set(err, result, "core: out of memory");
    }
    result = core_start_exchange(c, x, err);
    r->asked = 0; /* what ends it from here on has no effect before the answer: ask then */
    limits_wrote(credential, now);
    SCOPED(effects_clear) struct effects effects = {0};
    if (result == 0)
        result = core_put_request(c, r, before, err);
    if (result == 0)
        result = core_effect_overtaken(c, r->key, err);
    if (result == 0)
        result = engine_posting(c->engine, r->key, r->relay_id, now, &effects, err);
    if (result == 0)
        result = core_apply(c, &effects, now, err);
    if (result == 0)
        result = c->ports.store.ops->put_credential(c->ports.store.self, credential, err);
    log_info("core", "posting", LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key),
             LOG_STR("target", r->target), LOG_INT("attempt", r->attempts));
    return result;
}

/* May r be POSTed now? It is, or it dies, or c->next_due says when to ask again. Frees r when it
 * dies. One that was lost is asked as if it had never been POSTed: nobody wants the run any more
 * once the key stopped firing or it expired. */
static int consider_post(struct core *c, struct request *r, int64_t at, int64_t now,
                         struct error *err)
{
    struct request_view view = core_view_of(r);
    const struct target *target = conf_target_by_name(c->conf, r->target);
    struct credential *credential =
        target == NULL ? NULL : core_find_credential(c, target->credential);
    view.executed = false;
    enum may_post may = engine_may_post(c->engine, &view, now);
    if (may == MAY_POST_EXPIRED)
        return core_request_dies(c, r, "expired", END_REFUSED, now, err);
    if (may == MAY_POST_RESOLVED)
        return core_request_dies(c, r, "resolved", END_NOTHING_RAN, now, err);
    if (may == MAY_POST_WAIT || c->quitting)
        return 0; /* asked again when the stop file or the pause goes */
    r->asked = c->asked;
    r->ask_at = engine_expires_at(c->engine, &view);
    core_due_at(c, r->ask_at);
    if (credential == NULL) {
        (void)snprintf(r->detail, sizeof(r->detail), "target %.100s is no longer in the config",
                       r->target);
        return core_request_dies(c, r, "refused", END_REFUSED, now, err);
    }
    int64_t barred = barred_until(c, credential, now);
    at = at > barred ? at : barred;
    if (at > now) {
        core_due_at(c, at); /* or an answer brings us back */
        return 0;
    }
    return post(c, r, target, credential, now, err);
}

/* What is known of the last target that was asked for, in one walk. */
struct walk {
    const char *target; /* NULL: nothing */
    int64_t barred;
};

/* True: its POST may not leave yet, by its own next try or by its target's credential, and nothing
 * else can have changed since the engine was asked about it: what ends a request that waits comes
 * as an effect. */
static bool must_wait(struct core *c, struct walk *walk, const struct request *r, int64_t at,
                      int64_t now)
{
    if (r->asked != c->asked || r->ask_at <= now || r->executed || r->lost)
        return false;
    if (walk->target == NULL || strcmp(walk->target, r->target) != 0) {
        const struct target *target = conf_target_by_name(c->conf, r->target);
        const struct credential *credential =
            target == NULL ? NULL : core_find_credential(c, target->credential);
        walk->target = r->target;
        walk->barred = credential == NULL ? 0 : barred_until(c, credential, now);
    }
    at = at > walk->barred ? at : walk->barred;
    if (at <= now)
        return false;
    core_due_at(c, at < r->ask_at ? at : r->ask_at);
    return true;
}

/* One step of r, when one is due. It may end, and be freed. */
static int due_request(struct core *c, struct request *r, struct walk *walk, int64_t now,
                       struct error *err)
{
    int64_t at = 0;
    int64_t cancel_at;
    int result = 0;
    enum request_step step = request_next_step(r, &at);
    if (step == STEP_POST && must_wait(c, walk, r, at, now))
        return 0;
    if (request_cancel_due(r, &cancel_at)) {
        result = core_consider_cancel(c, r, cancel_at, now, err);
        if (result != 0 || core_in_flight(c, r->relay_id))
            return result;
    }
    if (step == STEP_NONE)
        return 0;
    walk->target = NULL; /* what follows may use it, and r may end */
    return step == STEP_POST ? consider_post(c, r, at, now, err)
                             : core_consider_read(c, r, step, at, now, err);
}

int core_due_requests(struct core *c, int64_t now, struct error *err)
{
    struct walk walk = {.target = NULL};
    for (size_t i = 0; i < c->open.n;) {
        struct request *r = c->open.items[i];
        int result = core_in_flight(c, r->relay_id) ? 0 : due_request(c, r, &walk, now, err);
        if (result != 0)
            return result;
        if (i < c->open.n && c->open.items[i] == r) /* else it ended, and the next one moved up */
            i++;
    }
    return 0;
}

void core_ask_all(struct core *c)
{
    c->asked++;
    c->next_due = 0;
}
