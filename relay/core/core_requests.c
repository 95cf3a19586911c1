/* Requests on their way: what is due now, and what an answer of the forge changes. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct request_view core_view_of(const struct request *r)
{
    return (struct request_view){.key = r->key,
                                 .relay_id = r->relay_id,
                                 .route = r->route,
                                 .target = r->target,
                                 .by_operator = r->replaces[0] != '\0',
                                 .created_at = r->created_at,
                                 .executed = r->executed,
                                 .expires_ms = r->expires_ms};
}

void core_drop_ended(struct core *c, struct request *r)
{
    if (request_is_open(r->state))
        return;
    open_requests_remove(&c->open, r);
    if (core_effect_is_watched(r)) {
        core_effect_watch(c, r);
        return;
    }
    request_free(r);
    free(r);
}

int core_put_request(struct core *c, const struct request *r, enum request_state before,
                     struct error *err)
{
    c->counts[before]--;
    c->counts[r->state]++;
    int result = core_begin(c, err);
    if (result == 0)
        result = c->ports.store.ops->put_request(c->ports.store.self, r, err);
    return result != 0 ? result : core_note_step(c, r, before, err);
}

struct credential *core_find_credential(struct core *c, const char *name)
{
    for (size_t i = 0; i < c->n_credentials; i++) {
        if (strcmp(c->credentials[i].name, name) == 0)
            return &c->credentials[i];
    }
    return NULL;
}

struct learnt *core_find_learnt(struct core *c, const char *target)
{
    struct learnt *own = NULL;
    for (size_t i = 0; own == NULL && i < c->n_learnt; i++)
        own = strcmp(c->learnt[i].target, target) == 0 ? &c->learnt[i] : NULL;
    for (size_t i = 0; own != NULL && i < c->n_learnt; i++) {
        if (strcmp(c->learnt[i].place, own->place) == 0)
            return &c->learnt[i];
    }
    return NULL;
}

/* --- what is due -------------------------------------------------------------------------------
 */

void core_due_at(struct core *c, int64_t at)
{
    if (at < c->next_due)
        c->next_due = at;
}

int core_count_end(struct core *c, const struct request *r, struct error *err)
{
    return core_count(c, c->metrics.ended, 1, r->target, request_state_text(r->state), r->reason,
                      err);
}

/* For the log; NULL leaves it out. */
static const char *run_text(char out[static 24], const struct request *r)
{
    (void)snprintf(out, 24, "%" PRId64, r->run_id);
    return r->run_id == 0 ? NULL : out;
}

int core_end_request(struct core *c, struct request *r, enum request_state before,
                     enum request_end end, int64_t now, struct error *err)
{
    if (end == END_NOTHING_RAN || end == END_REFUSED)
        r->slot = false;
    SCOPED(effects_clear) struct effects effects = {0};
    r->ended_wall = clock_wall(c->ports.clock).ms;
    int result = core_put_request(c, r, before, err);
    if (result == 0)
        result = core_note_effect(c, r, err);
    if (result == 0)
        result = engine_ended(c->engine, r->key, r->relay_id, end, now, &effects, err);
    if (result == 0)
        result = core_apply(c, &effects, now, err);
    if (result == 0)
        result = core_count_end(c, r, err);
    if (result == 0)
        result = core_effect_count(c, r, err);
    char run[24];
    log_info("core", request_state_text(r->state), LOG_STR("relay_id", r->relay_id),
             LOG_STR("key", r->key), LOG_STR("reason", r->reason), LOG_STR("detail", r->detail),
             LOG_STR("run", run_text(run, r)), LOG_STR("run_url", r->run_url));
    core_drop_ended(c, r);
    return result;
}

int core_request_dies(struct core *c, struct request *r, const char *reason, enum request_end end,
                      int64_t now, struct error *err)
{
    enum request_state before = r->state;
    request_die(r, reason);
    return core_end_request(c, r, before, r->executed ? END_RAN : end, now, err);
}

int core_start_exchange(struct core *c, struct exchange *x, struct error *err)
{
    if (c->n_starting == c->cap_starting) {
        size_t cap = c->cap_starting == 0 ? 8 : c->cap_starting * 2;
        struct exchange **grown = realloc(c->starting, cap * sizeof(struct exchange *));
        if (grown == NULL) {
            exchange_free(x);
            return error_set(err, -ENOMEM, "core: out of memory");
        }
        c->starting = grown;
        c->cap_starting = cap;
    }
    c->starting[c->n_starting++] = x;
    if (!core_add_flight(c, x->relay_id, x->kind, x->credential))
        return error_set(err, -ENOMEM, "core: out of memory");
    return 0;
}

static int forget_macs(struct core *c, int64_t now, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    if (c->oldest_mac == INT64_MAX || c->oldest_mac + CORE_REPLAY_MEMORY_MS > now)
        return 0;
    size_t forgotten;
    int r = core_begin(c, err);
    if (r == 0)
        /* "before" leaves out the one that is due right now: one ms more takes it, too */
        r = ops->forget_macs(c->ports.store.self, now - CORE_REPLAY_MEMORY_MS + 1, &forgotten, err);
    if (r == 0)
        r = ops->get_floor(c->ports.store.self, &c->floor, err);
    if (r == 0)
        r = ops->oldest_mac(c->ports.store.self, &c->oldest_mac, err);
    if (r == STORE_NONE) {
        c->oldest_mac = INT64_MAX;
        r = 0;
    }
    return r;
}

static int due_timers(struct core *c, int64_t now, struct error *err)
{
    while (engine_next(c->engine) <= now) {
        SCOPED(effects_clear) struct effects effects = {0};
        int r = engine_timers(c->engine, now, clock_wall(c->ports.clock), &effects, err);
        if (r == 0)
            r = core_apply(c, &effects, now, err);
        if (r == 0)
            r = core_effect_stale(c, &effects, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int core_due(struct core *c, struct error *err)
{
    int64_t now = relay_time_now(&c->time);
    int r = due_timers(c, now, err);
    if (r == 0)
        r = forget_macs(c, now, err);
    if (r == 0 && c->next_due <= now) {
        c->next_due = INT64_MAX;
        r = core_due_requests(c, now, err);
        if (r == 0)
            r = core_effect_due(c, now, err);
        if (r == 0)
            r = core_pauses_due(c, now, err);
        if (r == 0)
            r = core_online_due(c, now, err);
    }
    return r;
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* In the log and the metrics. */
static int note_posted(struct core *c, const struct request *r,
                       const struct exchange_answer *answer, enum outcome outcome,
                       const struct attempt *attempt, struct error *err)
{
    bool expected = outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_ACCEPTED_NO_ID ||
                    outcome == OUTCOME_NO_RUN_DETAILS || outcome == OUTCOME_NO_RELAY_ID;
    char run[24];
    log_at(expected ? LOG_INFO : LOG_WARN, "core", "posted", LOG_STR("relay_id", r->relay_id),
           LOG_STR("target", r->target), LOG_STR("outcome", outcome_text(outcome)),
           LOG_INT("http_status", answer->status), LOG_STR("state", request_state_text(r->state)),
           LOG_STR("run", run_text(run, r)),
           LOG_STR("detail", attempt->detail[0] == '\0' ? NULL : attempt->detail));
    int result = core_begin(c, err);
    if (result == 0)
        result = core_count(c, c->metrics.dispatch_attempts, 1, r->target, outcome_text(outcome),
                            NULL, err);
    if (result == 0)
        result =
            core_observe(c, c->metrics.dispatch_seconds, (double)answer->duration_ms / 1000, err);
    return result;
}

static int answer_dispatch(struct core *c, struct request *r, struct message *m, int64_t now,
                           struct error *err)
{
    const struct exchange_answer *answer = &m->u.answer.answer;
    const struct store_ops *ops = c->ports.store.ops;
    const struct target *target = conf_target_by_name(c->conf, r->target);
    struct target gone = {.name = r->target, .repository = (char[]){""}, .api_url = (char[]){""}};
    struct target_memory scratch = {0};
    struct learnt *learnt = core_find_learnt(c, r->target);
    struct credential *credential =
        target == NULL ? NULL : core_find_credential(c, target->credential);
    enum request_state before = r->state;
    enum outcome outcome;
    struct attempt attempt;
    struct wall wall = clock_wall(c->ports.clock);
    bool changed = request_posted(r, answer, target == NULL ? &gone : target,
                                  learnt == NULL ? &scratch : &learnt->memory, &outcome, &attempt,
                                  now, wall, c->ports.rng);
    int result = note_posted(c, r, answer, outcome, &attempt, err);
    if (result == 0 && changed && learnt != NULL)
        result = ops->put_target_memory(c->ports.store.self, learnt->place, &learnt->memory, err);
    if (result == 0 && credential != NULL) {
        (void)limits_note(credential, answer, outcome, now, wall);
        limits_wrote(credential, now);
        result = ops->put_credential(c->ports.store.self, credential, err);
    }
    if (result == 0)
        result = ops->add_attempt(c->ports.store.self, r->relay_id, &attempt, err);
    if (result != 0)
        return result;
    if (r->state == REQUEST_DEAD)
        return core_end_request(c, r, before, END_REFUSED, now, err);
    if (!request_is_open(r->state))
        return core_end_request(c, r, before, END_RAN, now, err);
    SCOPED(effects_clear) struct effects effects = {0};
    if (!r->executed)
        result = engine_not_executed(c->engine, r->key, r->relay_id, &effects, err);
    if (result == 0)
        result = core_apply(c, &effects, now, err);
    if (result == 0)
        result = core_put_request(c, r, before, err);
    return result != 0 ? result : core_cancel_queued(c, r, now, err);
}

int core_handle_answer(struct core *c, struct message *m, struct error *err)
{
    core_remove_flight(c, m->u.answer.relay_id);
    c->next_due = 0; /* a write or read slot is free again */
    int64_t now = relay_time_now(&c->time);
    if (m->u.answer.kind == EXCHANGE_READ)
        return core_online_answer(c, &m->u.answer.answer, now, err);
    struct request *r = open_requests_find(&c->open, m->u.answer.relay_id);
    if (r == NULL)
        return 0;
    if (m->u.answer.kind == EXCHANGE_CANCEL)
        return core_answer_cancel(c, r, &m->u.answer.answer, now, err);
    return m->u.answer.kind == EXCHANGE_DISPATCH
               ? answer_dispatch(c, r, m, now, err)
               : core_answer_read(c, r, m->u.answer.kind, &m->u.answer.answer, now, err);
}
