#include "relay/github/request.h"

#include "relay/github/request_private.h"
#include "relay/github/utf8.h"

#include <errno.h>
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
    free(r->moved);
    free(r->place);
}

enum request_step request_next_step(const struct request *r, int64_t *at)
{
    *at = r->next_at;
    switch (r->state) {
    case REQUEST_QUEUED:
        return STEP_POST;
    case REQUEST_ACCEPTED:
    case REQUEST_ADOPTED:
        return STEP_POLL;
    case REQUEST_RUNNING: /* after a restart its end is read anew, with the times of the list */
        return r->conclusion[0] != '\0' && r->search.page != 0 ? STEP_LOOK : STEP_POLL;
    case REQUEST_ACCEPTED_NO_ID:
    case REQUEST_AMBIGUOUS:
        return STEP_LOOK;
    case REQUEST_SENDING:
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

int request_posting(struct request *r, const struct exchange *x, int64_t github_ms, int64_t now)
{
    if (r->state != REQUEST_QUEUED)
        return 0;
    char *place = strdup(x->place);
    if (place == NULL)
        return -ENOMEM;
    free(r->place);
    r->place = place;
    r->correlated = x->correlated;
    request_stay(r);
    if (!r->executed) { /* else the run of an earlier POST may still show */
        r->look_from = now;
        r->look_wall = github_ms;
    }
    enter(r, REQUEST_SENDING, "");
    r->attempts++;
    r->posted_at = now;
    return 0;
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

static void die(struct request *r, const char *reason)
{
    if (r->executed)
        enter(r, REQUEST_PARKED, "may_have_run");
    else
        enter(r, REQUEST_DEAD, reason);
}

static void redirected(struct request *r, struct outcome_detail *d, int64_t now)
{
    if (r->hops >= REQUEST_HOPS_MAX) {
        drop_redirect(r);
        (void)snprintf(r->detail, sizeof(r->detail), "HTTP 307 more than %d times in a row",
                       REQUEST_HOPS_MAX);
        die(r, "refused");
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

/* Nothing more can be known of it. */
static void give_up(struct request *r)
{
    if (r->state == REQUEST_ACCEPTED_NO_ID)
        enter(r, REQUEST_DONE, "untracked");
    else
        enter(r, REQUEST_PARKED, "may_have_run");
}

/* A run may exist, and only its title can tell. */
static void look(struct request *r, enum request_state state, int64_t now)
{
    enter(r, state, "");
    r->executed = true;
    r->failures = 0;
    r->polls = 0;
    r->grace_until = now + REQUEST_GRACE_MS;
    r->next_at = now + REQUEST_POLL_MS;
    if (!r->correlated)
        give_up(r);
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
        r->accepted_at = now;
        look(r, REQUEST_ACCEPTED_NO_ID, now);
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
        die(r, "refused");
        break;
    case OUTCOME_AMBIGUOUS:
        look(r, REQUEST_AMBIGUOUS, now);
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

bool request_recover(struct request *r, int64_t now)
{
    if (r->state != REQUEST_SENDING && r->state != REQUEST_LOST)
        return false;
    (void)snprintf(r->detail, sizeof(r->detail),
                   "the relay stopped before the answer was recorded");
    look(r, REQUEST_AMBIGUOUS, now);
    return true;
}

static bool is_looked_for(const struct request *r)
{
    return r->state == REQUEST_ACCEPTED_NO_ID || r->state == REQUEST_AMBIGUOUS;
}

int64_t request_track_until(const struct request *r)
{
    return (is_looked_for(r) ? r->posted_at : r->accepted_at) + REQUEST_TRACK_MS;
}

bool request_lost_track(struct request *r, int64_t now)
{
    bool followed =
        r->state == REQUEST_ACCEPTED || r->state == REQUEST_ADOPTED || r->state == REQUEST_RUNNING;
    if ((!followed && !is_looked_for(r)) || now < request_track_until(r))
        return false;
    if (followed)
        enter(r, REQUEST_DONE, "unknown");
    else
        give_up(r);
    return true;
}

void request_die(struct request *r, const char *reason)
{
    if (r->state != REQUEST_QUEUED)
        return;
    if (r->executed)
        (void)snprintf(r->detail, sizeof(r->detail),
                       "its run did not appear, and it was not POSTed again: %s", reason);
    die(r, reason);
}
