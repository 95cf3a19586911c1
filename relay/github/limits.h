/* limits.h - when a credential may be used again: rate limits, bad tokens, spacing of writes.
 *
 * A credential is blocked as a whole: GitHub's limits are per token. Times are relay time (ms that
 * never run back), so a restart or a clock jump changes no wait; the state is stored with each
 * change. GitHub asks for writes one at a time, >= 1 s apart. Waits: Retry-After (seconds or HTTP
 * date), else with x-ratelimit-remaining 0 until x-ratelimit-reset + 1 s (against the answer's Date
 * when it has one), else 60 s doubling to 1 h. After a 401 or a credential-wide 403: 60 s doubling
 * to 15 min (the token file is read anew for every exchange). A header that is missing or blank is
 * not zero. Pure. */
#ifndef RELAY_GITHUB_LIMITS_H
#define RELAY_GITHUB_LIMITS_H

#include "relay/base/clock.h"
#include "relay/github/outcome.h"

#define LIMITS_WRITE_GAP_MS      1000
#define LIMITS_WAIT_MIN_MS       1000               /* "Retry-After: 0", a reset in the past */
#define LIMITS_WAIT_MAX_MS       (24 * 3600 * 1000) /* what a header may ask for at most */
#define LIMITS_BACKOFF_MS        60000              /* without a header: doubling … */
#define LIMITS_LIMITED_MAX_MS    (3600 * 1000)      /* … up to this after a limit, */
#define LIMITS_CLOCK_MS          10000         /* smaller changes of clock_ms need not be stored */
#define LIMITS_CREDENTIAL_MAX_MS (900 * 1000)  /* … this after a refusal */
#define LIMITS_ROW_MS            (3600 * 1000) /* a POST that waits is tried again sooner */

struct credential {
    char *name;
    int64_t not_before; /* relay ms: no exchange of it before; 0 = free */
    int64_t
        limited_until;  /* relay ms: so far a limit reaches; not_before may be later by a refusal */
    int64_t last_write; /* relay ms of the last POST; 0 = none */
    int64_t blocks;     /* times in a row it was limited or refused */
    int64_t remaining;  /* x-ratelimit-remaining as last heard, -1 = never */
    int64_t
        token_expiry_s; /* github-authentication-token-expiration as unix seconds, 0 = unknown */
    char reason[128];   /* why it is blocked, "" when it is not */
    int64_t clock_ms;   /* GitHub's Date (unix ms) less relay time, as last heard; 0 = never */
};

/* Earliest relay time of the next write / read. */
int64_t limits_write_at(const struct credential *c);
int64_t limits_read_at(const struct credential *c);
/* GitHub's clock (unix ms) as far as its answers told; our own before the first of them. */
int64_t limits_clock(const struct credential *c, int64_t now, struct wall wall);
/* A POST leaves now: call it with request_posting, in the same commit, and again when its answer is
 * there, whatever that is: only then is it sure that it left no later. */
void limits_wrote(struct credential *c, int64_t now);
/* Notes what an answer says; true when *c changed in a way that must be stored (everything but
 * `remaining`). outcome: of outcome_of_dispatch, or of limits_class for other exchanges. A block is
 * never shortened, and what was answered while it is on (exchanges that had left before) counts as
 * no further failure. The row of blocks ends with a write that is taken, or with any other answer
 * that is neither a limit nor a refusal nor ambiguous, LIMITS_ROW_MS after its last block. */
bool limits_note(struct credential *c, const struct exchange_answer *answer, enum outcome outcome,
                 int64_t now, struct wall wall);
/* Its token, or what it may do, may be another by now (a start, a reload): a refusal's block ends,
 * a limit's stays. It need not be stored. */
void limits_renewed(struct credential *c);
/* Is this answer (to any exchange) a limit or a credential's refusal? OUTCOME_LIMITED,
 * OUTCOME_CREDENTIAL; OUTCOME_AMBIGUOUS when it says nothing about the credential (no answer, 5xx);
 * else OUTCOME_REFUSED, whatever it was: the credential is well. */
enum outcome limits_class(const struct exchange_answer *answer);

#endif
