#include "relay/github/request.h"

#include "relay/github/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_texts[REQUEST_STATES] = {
    [REQUEST_QUEUED] = "queued",       [REQUEST_SENDING] = "sending",
    [REQUEST_ACCEPTED] = "accepted",   [REQUEST_ACCEPTED_NO_ID] = "accepted_no_id",
    [REQUEST_AMBIGUOUS] = "ambiguous", [REQUEST_ADOPTED] = "adopted",
    [REQUEST_RUNNING] = "running",     [REQUEST_LOST] = "lost",
    [REQUEST_DONE] = "done",           [REQUEST_DEAD] = "dead",
    [REQUEST_PARKED] = "parked",
};

const char *request_state_text(enum request_state s)
{
    return state_texts[s];
}

bool request_state_parse(enum request_state *out, const char *text)
{
    for (size_t i = 0; i < REQUEST_STATES; i++) {
        if (strcmp(state_texts[i], text) == 0) {
            *out = (enum request_state)i;
            return true;
        }
    }
    return false;
}

bool request_is_open(enum request_state s)
{
    return s != REQUEST_DONE && s != REQUEST_DEAD && s != REQUEST_PARKED;
}

void request_free(struct request *r)
{
    if (r == NULL)
        return;
    free(r->route);
    free(r->key);
    free(r->target);
    free(r->inputs);
    free(r->run_url);
    free(r->etag);
    free(r->redirect);
}

enum request_step request_next_step(const struct request *r, int64_t *at)
{
    *at = r->next_at;
    switch (r->state) {
    case REQUEST_QUEUED:
        return STEP_POST;
    case REQUEST_ACCEPTED:
    case REQUEST_ADOPTED:
    case REQUEST_RUNNING:
        return STEP_POLL;
    case REQUEST_SENDING:
    case REQUEST_ACCEPTED_NO_ID:
    case REQUEST_AMBIGUOUS:
    case REQUEST_LOST:
    case REQUEST_DONE:
    case REQUEST_DEAD:
    case REQUEST_PARKED:
        break;
    }
    return STEP_NONE;
}

static void set_reason(struct request *r, const char *reason)
{
    utf8_clean(r->reason, sizeof(r->reason), reason);
}

static void enter(struct request *r, enum request_state state, const char *reason)
{
    r->state = state;
    set_reason(r, reason);
}

static void drop_redirect(struct request *r)
{
    free(r->redirect);
    r->redirect = NULL;
    r->hops = 0;
}

void request_posting(struct request *r, int64_t now)
{
    if (r->state != REQUEST_QUEUED)
        return;
    enter(r, REQUEST_SENDING, "");
    r->attempts++;
    r->posted_at = now;
}

/* 5 s doubled for each failure before this one, spread by a fifth to both sides so that requests
 * that failed together do not come back together. */
static int64_t retry_delay(int64_t failures, const struct rng *rng)
{
    int64_t delay = REQUEST_RETRY_MS;
    uint32_t draw;

    while (--failures > 0 && delay < REQUEST_RETRY_MAX_MS)
        delay *= 2;
    if (delay > REQUEST_RETRY_MAX_MS)
        delay = REQUEST_RETRY_MAX_MS;
    rng->bytes(rng->self, &draw, sizeof(draw));
    return delay - delay / 5 + delay * 2 / 5 * (int64_t)draw / UINT32_MAX;
}

static void requeue_later(struct request *r, const struct outcome_detail *d, int64_t now,
                          const struct rng *rng)
{
    enter(r, REQUEST_QUEUED, outcome_text(d->outcome));
    drop_redirect(r);
    r->failures++;
    r->next_at = now + retry_delay(r->failures, rng);
}

static void requeue_at_once(struct request *r, const struct outcome_detail *d, int64_t now)
{
    enter(r, REQUEST_QUEUED, outcome_text(d->outcome));
    r->next_at = now;
}

static void redirected(struct request *r, struct outcome_detail *d, int64_t now)
{
    if (r->hops >= REQUEST_HOPS_MAX) {
        drop_redirect(r);
        enter(r, REQUEST_DEAD, "refused");
        (void)snprintf(r->detail, sizeof(r->detail), "HTTP 307 more than %d times in a row",
                       REQUEST_HOPS_MAX);
        return;
    }
    free(r->redirect);
    r->redirect = d->redirect;
    d->redirect = NULL;
    r->hops++;
    requeue_at_once(r, d, now);
}

static void accepted(struct request *r, struct outcome_detail *d, int64_t now)
{
    enter(r, REQUEST_ACCEPTED, "");
    r->executed = true;
    r->run_id = d->run_id;
    free(r->run_url);
    r->run_url = d->run_url;
    d->run_url = NULL;
    r->accepted_at = now;
    r->failures = 0;
    r->next_at = now + REQUEST_POLL_MS;
}

/* What the answer teaches about the target: at once the first time, else it would not end. */
static bool learn(struct request *r, bool *known, const struct outcome_detail *d, int64_t now,
                  const struct rng *rng)
{
    if (*known) {
        requeue_later(r, d, now, rng);
        return false;
    }
    *known = true;
    requeue_at_once(r, d, now);
    return true;
}

static bool take_outcome(struct request *r, struct outcome_detail *d, struct target_memory *memory,
                         int64_t now, const struct rng *rng)
{
    switch (d->outcome) {
    case OUTCOME_ACCEPTED:
        accepted(r, d, now);
        break;
    case OUTCOME_ACCEPTED_NO_ID:
        enter(r, REQUEST_DONE, "untracked");
        r->executed = true;
        r->accepted_at = now;
        break;
    case OUTCOME_NOT_SENT:
    case OUTCOME_LIMITED:
    case OUTCOME_CREDENTIAL:
        requeue_later(r, d, now, rng);
        break;
    case OUTCOME_REDIRECTED:
        redirected(r, d, now);
        break;
    case OUTCOME_NO_RUN_DETAILS:
        return learn(r, &memory->no_run_details, d, now, rng);
    case OUTCOME_NO_RELAY_ID:
        return learn(r, &memory->no_relay_id, d, now, rng);
    case OUTCOME_REFUSED:
        enter(r, REQUEST_DEAD, "refused");
        break;
    case OUTCOME_AMBIGUOUS:
        enter(r, REQUEST_PARKED, "may_have_run");
        r->executed = true;
        break;
    }
    return false;
}

bool request_posted(struct request *r, const struct exchange_answer *answer,
                    const struct target *target, struct target_memory *memory,
                    enum outcome *outcome, struct attempt *attempt, int64_t now, struct wall wall,
                    const struct rng *rng)
{
    /* Another request may have taught *memory something since this one left, so *memory does not
     * tell what it carried. An answer that calls a key unexpected proves that it was there. */
    const struct outcome_sent sent = {.relay_id = target->correlation == CORRELATION_AUTO,
                                      .run_details = true,
                                      .redirected = r->redirect != NULL};
    struct outcome_detail d;
    bool changed = false;

    outcome_of_dispatch(&d, answer, target, sent);
    *outcome = d.outcome;
    *attempt = (struct attempt){.at_wall = wall.ms};
    if (answer->transport == EXCHANGE_ANSWERED)
        attempt->http_status = answer->status;
    (void)snprintf(attempt->outcome, sizeof(attempt->outcome), "%s", outcome_text(d.outcome));
    (void)snprintf(attempt->detail, sizeof(attempt->detail), "%s", d.text);
    if (r->state == REQUEST_SENDING) {
        (void)snprintf(r->detail, sizeof(r->detail), "%s", d.text);
        changed = take_outcome(r, &d, memory, now, rng);
    }
    outcome_detail_clear(&d);
    return changed;
}

bool request_recover(struct request *r)
{
    switch (r->state) {
    case REQUEST_SENDING:
    case REQUEST_AMBIGUOUS:
    case REQUEST_LOST:
        enter(r, REQUEST_PARKED, "may_have_run");
        if (r->detail[0] == '\0')
            (void)snprintf(r->detail, sizeof(r->detail),
                           "the relay stopped before the answer was recorded");
        break;
    case REQUEST_ACCEPTED_NO_ID:
        enter(r, REQUEST_DONE, "untracked");
        break;
    case REQUEST_QUEUED:
    case REQUEST_ACCEPTED:
    case REQUEST_ADOPTED:
    case REQUEST_RUNNING:
    case REQUEST_DONE:
    case REQUEST_DEAD:
    case REQUEST_PARKED:
        return false;
    }
    r->executed = true;
    return true;
}

void request_die(struct request *r, const char *reason)
{
    if (r->state == REQUEST_QUEUED)
        enter(r, REQUEST_DEAD, reason);
}
