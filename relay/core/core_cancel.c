/* Cancelling runs at GitHub: a write like a dispatch, spaced like one, but one that may be
 * repeated.
 */
#include "relay/base/log.h"
#include "relay/core/core_private.h"

#include <stdio.h>
#include <string.h>

int core_consider_cancel(struct core *c, struct request *r, int64_t at, int64_t now,
                         struct error *err)
{
    const struct target *target = conf_target_by_name(c->conf, r->target);
    struct credential *credential =
        target == NULL ? NULL : core_find_credential(c, target->credential);
    struct exchange *x;
    if (credential == NULL || c->quitting)
        return 0; /* at the next start, or when its target comes back */
    int64_t free_at = limits_write_at(credential);
    at = at > free_at ? at : free_at;
    if (at > now) {
        core_due_at(c, at);
        return 0;
    }
    if (core_count_flights(c, EXCHANGE_DISPATCH, credential->name) +
            core_count_flights(c, EXCHANGE_CANCEL, credential->name) >
        0)
        return 0; /* its answer brings us back */
    int result = core_begin(c, err);
    if (result == 0)
        result = exchange_cancel(&x, target, r->relay_id, r->run_id, err);
    if (result == 0)
        result = core_start_exchange(c, x, err);
    if (result != 0)
        return result;
    limits_wrote(credential, now);
    return c->ports.store.ops->put_credential(c->ports.store.self, credential, err);
}

int core_cancel_queued(struct core *c, struct request *r, int64_t now, struct error *err)
{
    if (r->state != REQUEST_QUEUED || !request_cancel_wanted(r))
        return 0;
    return core_request_dies(c, r, "cancelled", END_NOTHING_RAN, now, err);
}

int core_answer_cancel(struct core *c, struct request *r, const struct exchange_answer *answer,
                       int64_t now, struct error *err)
{
    const struct target *target = conf_target_by_name(c->conf, r->target);
    struct credential *credential =
        target == NULL ? NULL : core_find_credential(c, target->credential);
    char words[OUTCOME_TEXT];
    request_cancelled(r, answer, words, now);
    log_info("core", "cancel", LOG_STR("relay_id", r->relay_id), LOG_INT("run", r->run_id),
             LOG_STR("cancel", r->cancel), LOG_INT("http_status", answer->status),
             LOG_STR("detail", words));
    int result = core_begin(c, err);
    if (result == 0 && credential != NULL) {
        (void)limits_note(credential, answer, limits_class(answer), now,
                          clock_wall(c->ports.clock));
        limits_wrote(credential, now);
        result = c->ports.store.ops->put_credential(c->ports.store.self, credential, err);
    }
    if (result == 0)
        result = core_put_request(c, r, r->state, err);
    char detail[OUTCOME_TEXT + 32];
    (void)snprintf(detail, sizeof(detail), "%s%s%s", r->cancel, words[0] == '\0' ? "" : ": ",
                   words);
    return result != 0 ? result
                       : core_note_event(c, r->relay_id, clock_wall(c->ports.clock).ms, "cancel",
                                         detail, err);
}
