/* What is read at the forge: the runs whose ids are known, and the lists in which the others are
 * looked for. */
#include "relay/base/log.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <string.h>

#define READS_PER_CREDENTIAL 4

static struct credential *credential_of(struct core *c, const struct request *r)
{
    const struct target *target = conf_target_by_name(c->conf, r->target);
    return target == NULL ? NULL : core_find_credential(c, target->credential);
}

/* It cannot be asked about: its target left the config, or is on another server now. It is followed
 * again if that comes back. */
static int wait_for_target(struct core *c, struct request *r, int64_t now, struct error *err)
{
    enum request_state before = r->state;
    if (request_lost_track(r, now))
        return core_end_request(c, r, before, END_RAN, now, err);
    core_due_at(c, request_track_until(r));
    return 0;
}

/* Takes x. */
static int start_read(struct core *c, const struct request *r, struct exchange *x,
                      struct error *err)
{
    int result = r->moved == NULL ? 0 : exchange_move(x, r->moved, err);
    if (result == 0)
        return core_start_exchange(c, x, err);
    exchange_free(x);
    return result;
}

int core_consider_read(struct core *c, struct request *r, enum request_step step, int64_t at,
                       int64_t now, struct error *err)
{
    struct credential *credential = credential_of(c, r);
    struct exchange *x;
    int result;
    if (c->quitting)
        return 0;
    if (credential == NULL)
        return wait_for_target(c, r, now, err);
    int64_t free_at = limits_read_at(credential);
    at = at > free_at ? at : free_at;
    if (at > now) {
        core_due_at(c, at);
        return 0;
    }
    if (core_count_flights(c, EXCHANGE_RUN, credential->name) +
            core_count_flights(c, EXCHANGE_RUNS, credential->name) >=
        READS_PER_CREDENTIAL)
        return 0; /* an answer brings us back */
    const struct target *target = conf_target_by_name(c->conf, r->target);
    if (step == STEP_POLL) {
        result = exchange_run(&x, target, r->relay_id, r->run_id, r->etag, err);
        return result != 0 ? result : start_read(c, r, x, err);
    }
    const struct run_search *s = &r->search;
    request_looking(r, limits_clock(credential, now, clock_wall(c->ports.clock)), now);
    const struct exchange_list list = {s->since, s->until, s->page, s->any_event};
    result = exchange_runs(&x, target, r->relay_id, r->place, &list, err);
    if (result == -EINVAL)
        return wait_for_target(c, r, now, err);
    return result != 0 ? result : start_read(c, r, x, err);
}

static bool failed(const char *conclusion)
{
    return strcmp(conclusion, "failure") == 0 || strcmp(conclusion, "timed_out") == 0 ||
           strcmp(conclusion, "startup_failure") == 0;
}

static int take_run(struct core *c, struct request *r, const struct exchange_answer *answer,
                    int64_t now, struct error *err)
{
    struct learnt *learnt = core_find_learnt(c, r->target);
    struct target_memory scratch = {0};
    char before[sizeof(r->run_status)];
    memcpy(before, r->run_status, sizeof(before));
    bool changed = request_polled(r, answer, learnt == NULL ? &scratch : &learnt->memory, now);
    if (strcmp(before, r->run_status) != 0 && request_is_open(r->state))
        log_info("core", "run", LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key),
                 LOG_INT("run", r->run_id), LOG_STR("status", r->run_status));
    if (!changed || learnt == NULL)
        return 0;
    return c->ports.store.ops->put_target_memory(c->ports.store.self, learnt->place,
                                                 &learnt->memory, err);
}

static int take_list(struct core *c, struct request *r, const struct exchange_answer *answer,
                     const struct credential *credential, int64_t now, struct error *err)
{
    const struct learnt *learnt = core_find_learnt(c, r->target);
    struct wall wall = clock_wall(c->ports.clock);
    bool marked = learnt != NULL && learnt->memory.marked && strcmp(learnt->place, r->place) == 0;
    enum request_state before = r->state;
    request_listed(r, answer, marked,
                   credential == NULL ? wall.ms : limits_clock(credential, now, wall), now);
    if (r->state == before || !request_is_open(r->state))
        return 0;
    log_warn("core", r->state == REQUEST_ADOPTED ? "adopted" : r->reason,
             LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key), LOG_INT("run", r->run_id),
             LOG_STR("duplicates", r->duplicates), LOG_STR("detail", r->detail));
    return r->state != REQUEST_ADOPTED
               ? 0
               : core_count(c, c->metrics.duplicate_runs, (double)(r->search.n_found - 1),
                            r->target, NULL, NULL, err);
}

int core_answer_read(struct core *c, struct request *r, enum exchange_kind kind,
                     const struct exchange_answer *answer, int64_t now, struct error *err)
{
    struct credential *credential = credential_of(c, r);
    enum request_state before = r->state;
    int result = core_begin(c, err);
    /* First: its Date tells where a list had to begin. */
    if (result == 0 && credential != NULL &&
        limits_note(credential, answer, limits_class(answer), now, clock_wall(c->ports.clock)))
        result = c->ports.store.ops->put_credential(c->ports.store.self, credential, err);
    const struct target *target = conf_target_by_name(c->conf, r->target);
    if (result == 0 && target != NULL && request_read_moved(r, answer, target->api_url, now)) {
        log_warn("core", "moved", LOG_STR("relay_id", r->relay_id), LOG_STR("to", r->moved),
                 LOG_STR("remedy", "the repository was renamed or moved: update the config"));
        return 0; /* nothing of it is stored */
    }
    if (result == 0 && kind == EXCHANGE_RUN)
        result = take_run(c, r, answer, now, err);
    else if (result == 0)
        result = take_list(c, r, answer, credential, now, err);
    if (result != 0)
        return result;
    if (request_is_open(r->state)) {
        result = core_put_request(c, r, before, err);
        return result != 0 ? result : core_cancel_queued(c, r, now, err);
    }
    if (strcmp(r->reason, "success") == 0)
        core_effect_ran(c, r, now);
    if (r->run_id != 0)
        result = core_count(c, c->metrics.run_conclusions, 1, r->target, r->reason, NULL, err);
    return result != 0
               ? result
               : core_end_request(c, r, before, failed(r->reason) ? END_FAILED : END_RAN, now, err);
}
