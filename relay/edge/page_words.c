#include "relay/edge/page_private.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *verdict, *reason;
    const char *words;
} decisions[] = {
    {"ignored",    "test",        "It was a contact point's test, and those start nothing."},
    {"ignored",    "no_data",     "The rule had no data, and silence is no breach."},
    {"ignored",    "error",       "The rule could not be evaluated, and an error is no breach."},
    {"ignored",    "no_route",    "No route takes it."},
    {"suppressed", "limit",       "Its route has as many keys or members as it may (max_keys, max_members)."},
    {"suppressed", "duplicate",   "It already belongs to the hold, deferral or request of its key."},
    {"suppressed", "below_min",   "Fewer alerts fire under this key than min_alerts asks for."},
    {"suppressed", "paused",      "Its route or target was paused, or the stop file was there."},
    {"suppressed", "running",     "A request of this key was still open, and a key has one at a time."},
    {"suppressed", "not_rearmed", "A run was started for this incident already; the key arms again once it was quiet."},
    {"suppressed", "cooldown",    "The cooldown since the last run of this key was not over."},
    {"suppressed", "budget",      "The budget of its route or target was spent."},
    {"suppressed", "bad_input",   "An input of the workflow could not be made from this alert."},
    {"held",       "hold",        "The key has to fire for the whole hold before anything starts."},
    {"held",       "joined",      "It joined the hold that is on."},
    {"deferred",   "paused",      "Its route or target was paused; the key is asked again when that ends."},
    {"deferred",   "running",     "A request of this key was open; the key is asked again when it ends."},
    {"deferred",   "not_rearmed", "A run was started for this incident already; the key is asked again when it is armed."},
    {"deferred",   "cooldown",    "The cooldown was not over; the key is asked again when it is."},
    {"deferred",   "budget",      "The budget was spent; the key is asked again when a slot is free."},
    {"timer",      "cancelled",   "Its alerts were not heard any more (stale_after), which ended what had not been started yet."},
    {"resolved",   "cancelled",   "It resolved, which ended what had not been started yet."},
};

static const struct {
    const char *reason, *words;
} blocks[] = {
    {"paused",      "the pause ends"},
    {"running",     "its open request ends"},
    {"not_rearmed", "the key is armed again"},
    {"cooldown",    "the cooldown is over"},
    {"budget",      "the budget has a free slot"},
};

static const struct {
    const char *state, *reason; /* reason NULL: any */
    const char *words;
} requests[] = {
    {"queued",         "not_sent",     "GitHub could not be reached; it is tried again."},
    {"queued",         "limited",      "GitHub asked to wait; it is tried again."},
    {"queued",         "credential",   "GitHub refused the credential; it waits for a better one."},
    {"queued",         "lost",         "No run appeared for the first POST; it is sent once more."},
    {"queued",         NULL,           "It waits for its POST."},
    {"sending",        NULL,           "Its POST is under way."},
    {"accepted",       NULL,           "GitHub took it; its run has not been read yet."},
    {"accepted_no_id", NULL,           "GitHub took it without naming the run, which is looked for."},
    {"ambiguous",      NULL,           "GitHub's answer was lost; its run is looked for before anything is sent again."},
    {"adopted",        NULL,           "Its run was found by its title and is followed."},
    {"running",        NULL,           "Its run is under way."},
    {"lost",           NULL,           "No run appeared; it is sent once more."},
    {"done",           "success",      "Its run ended well."},
    {"done",           "failure",      "Its run failed."},
    {"done",           "cancelled",    "Its run was cancelled at GitHub."},
    {"done",           "timed_out",    "Its run took too long."},
    {"done",           "superseded",   "A newer run took its place in the concurrency group."},
    {"done",           "untracked",    "GitHub took it; its run was never found."},
    {"done",           "unknown",      "Its run was followed for too long."},
    {"done",           NULL,           "Its run ended."},
    {"dead",           "resolved",     "Not started: its alerts resolved before anything ran."},
    {"dead",           "expired",      "Not started: it could not be sent in time (expires)."},
    {"dead",           "refused",      "Not started: GitHub refused it."},
    {"dead",           "cancelled",    "Not started: an operator cancelled it."},
    {"parked",         NULL,           "It may have run, and nobody can tell: look at GitHub, then redeliver or leave it."},
};
/* clang-format on */

static bool same(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

const char *page_decision_words(const char *verdict, const char *reason)
{
    for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
        if (same(verdict, decisions[i].verdict) && same(reason, decisions[i].reason))
            return decisions[i].words;
    }
    return NULL;
}

const char *page_block_words(const char *reason)
{
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (same(reason, blocks[i].reason))
            return blocks[i].words;
    }
    return "what blocks it ends";
}

const char *page_request_words(const char *state, const char *reason)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        if (same(state, requests[i].state) &&
            (requests[i].reason == NULL || same(reason, requests[i].reason)))
            return requests[i].words;
    }
    return "";
}
