#include "relay/github/limits.h"

#include "relay/github/date.h"
#include "relay/github/reply.h"
#include "relay/github/utf8.h"

#include <stdio.h>
#include <string.h>

int64_t limits_write_at(const struct credential *c)
{
    int64_t spaced = c->last_write == 0 ? 0 : c->last_write + LIMITS_WRITE_GAP_MS;

    return spaced > c->not_before ? spaced : c->not_before;
}

int64_t limits_read_at(const struct credential *c)
{
    return c->not_before;
}

int64_t limits_clock(const struct credential *c, int64_t now, struct wall wall)
{
    int64_t at;

    if (c->clock_ms == 0 || __builtin_add_overflow(now, c->clock_ms, &at))
        return wall.ms;
    return at;
}

void limits_wrote(struct credential *c, int64_t now)
{
    if (now > c->last_write)
        c->last_write = now;
}

/* Limits come as 403 or 429, with or without headers; some are told by the page they point to. */
static bool is_limit(const struct exchange_answer *answer, const struct reply *reply)
{
    const char *page = buf_text(&reply->documentation);
    const char *retry_after = exchange_answer_header(answer, "retry-after");

    return answer->status == 429 || reply_number(answer, "x-ratelimit-remaining") == 0 ||
           (retry_after != NULL && retry_after[strspn(retry_after, " \t")] != '\0') ||
           reply_says(reply, "secondary rate") || reply_says(reply, "rate limit exceeded") ||
           reply_says(reply, "abuse detection") || strstr(page, "secondary-rate-limits") != NULL ||
           strstr(page, "abuse-rate-limits") != NULL;
}

enum outcome limits_class(const struct exchange_answer *answer)
{
    enum outcome class = OUTCOME_REFUSED;
    struct reply reply;

    bool no_token = answer->transport == EXCHANGE_NO_TOKEN;
    if ((answer->transport != EXCHANGE_ANSWERED && !no_token) || answer->status >= 500)
        return OUTCOME_AMBIGUOUS;
    if (answer->status == 401)
        return OUTCOME_CREDENTIAL;
    if (answer->status != 403 && answer->status != 429)
        return no_token ? OUTCOME_CREDENTIAL : OUTCOME_REFUSED;
    reply_read(&reply, answer);
    if (is_limit(answer, &reply))
        class = OUTCOME_LIMITED;
    else if (no_token || reply_says(&reply, "resource not accessible by") ||
             reply_says(&reply, "saml"))
        class = OUTCOME_CREDENTIAL;
    reply_clear(&reply);
    return class;
}

/* Unix ms at GitHub when it answered: its own Date, else our wall clock. */
static int64_t answered_at(const struct exchange_answer *answer, struct wall wall)
{
    const char *date = exchange_answer_header(answer, "date");
    int64_t ms = wall.ms;

    if (date != NULL)
        date_parse_http(&ms, date);
    return ms;
}

/* to - from, within what a header may ask for. */
static int64_t wait_until(int64_t to, int64_t from)
{
    int64_t wait;

    if (__builtin_sub_overflow(to, from, &wait) || wait > LIMITS_WAIT_MAX_MS)
        return to > from ? LIMITS_WAIT_MAX_MS : LIMITS_WAIT_MIN_MS;
    return wait < LIMITS_WAIT_MIN_MS ? LIMITS_WAIT_MIN_MS : wait;
}

/* Seconds as unix milliseconds, INT64_MAX when that is too many. */
static int64_t ms_of(int64_t seconds)
{
    int64_t ms;

    return __builtin_mul_overflow(seconds, (int64_t)1000, &ms) ? INT64_MAX : ms;
}

/* 60 s, doubled for each block before this one. */
static int64_t backoff(int64_t blocks, int64_t max)
{
    int64_t wait = LIMITS_BACKOFF_MS;

    while (blocks-- > 0 && wait < max)
        wait *= 2;
    return wait < max ? wait : max;
}

/* In GitHub's order: Retry-After, a spent primary limit's reset, its advice of a minute. */
static int64_t limited_wait(const struct credential *c, const struct exchange_answer *answer,
                            struct wall wall)
{
    const char *retry_after = exchange_answer_header(answer, "retry-after");
    int64_t seconds = reply_number(answer, "retry-after");
    int64_t reset = reply_number(answer, "x-ratelimit-reset");
    int64_t at;

    if (seconds >= 0)
        return wait_until(ms_of(seconds), 0);
    if (retry_after != NULL && date_parse_http(&at, retry_after))
        return wait_until(at, answered_at(answer, wall));
    if (reset > 0 && reply_number(answer, "x-ratelimit-remaining") == 0) {
        at = ms_of(reset);
        return wait_until(at == INT64_MAX ? at : at + 1000, answered_at(answer, wall));
    }
    return backoff(c->blocks, LIMITS_LIMITED_MAX_MS);
}

/* Returns its end. */
static int64_t block(struct credential *c, const struct exchange_answer *answer, int64_t wait,
                     int64_t now)
{
    char words[OUTCOME_TEXT];
    struct reply reply;
    int64_t until;

    if (now >= c->not_before)
        c->blocks++;
    if (__builtin_add_overflow(now, wait, &until))
        until = INT64_MAX;
    if (until < c->not_before)
        return until;
    c->not_before = until;
    if (answer->transport == EXCHANGE_NO_TOKEN) { /* its own words say more than GitHub's */
        utf8_clean(c->reason, sizeof(c->reason), answer->error);
        return until;
    }
    reply_read(&reply, answer);
    outcome_words(words, answer->status, &reply, NULL);
    utf8_clean(c->reason, sizeof(c->reason), words);
    reply_clear(&reply);
    return until;
}

static void note_headers(struct credential *c, const struct exchange_answer *answer, int64_t now)
{
    const char *expiry = exchange_answer_header(answer, "github-authentication-token-expiration");
    int64_t remaining = reply_number(answer, "x-ratelimit-remaining");
    const char *date = exchange_answer_header(answer, "date");
    int64_t ms, ahead;

    if (remaining >= 0)
        c->remaining = remaining;
    if (date != NULL && date_parse_http(&ms, date) && !__builtin_sub_overflow(ms, now, &ahead))
        c->clock_ms = ahead == 0 ? 1 : ahead;
    if (expiry != NULL && date_parse_expiry(&ms, expiry))
        c->token_expiry_s = ms / 1000;
    /* Targets of one App have tokens of their own: the newest stands for them. */
    if (answer->token_expiry_s > c->token_expiry_s)
        c->token_expiry_s = answer->token_expiry_s;
}

/* GitHub looked into the request, or carried it out. A redirect tells of no permission, a refusal
 * need not (a 404), and reads may work where writes do not. */
static bool is_write_taken(enum outcome outcome)
{
    return outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_ACCEPTED_NO_ID ||
           outcome == OUTCOME_NO_RUN_DETAILS || outcome == OUTCOME_NO_RELAY_ID;
}

static bool moved(int64_t clock_ms, int64_t before)
{
    int64_t by;

    return (clock_ms == 0) != (before == 0) || __builtin_sub_overflow(clock_ms, before, &by) ||
           by > LIMITS_CLOCK_MS || by < -LIMITS_CLOCK_MS;
}

bool limits_note(struct credential *c, const struct exchange_answer *answer, enum outcome outcome,
                 int64_t now, struct wall wall)
{
    const struct credential before = *c;

    if (answer->transport == EXCHANGE_ANSWERED)
        note_headers(c, answer, now);
    if (outcome == OUTCOME_LIMITED) {
        int64_t until = block(c, answer, limited_wait(c, answer, wall), now);
        if (until > c->limited_until)
            c->limited_until = until;
    } else if (outcome == OUTCOME_CREDENTIAL) {
        (void)block(c, answer, backoff(c->blocks, LIMITS_CREDENTIAL_MAX_MS), now);
    } else if (outcome != OUTCOME_NOT_SENT && outcome != OUTCOME_AMBIGUOUS &&
               now >= c->not_before) {
        if (is_write_taken(outcome) || now - c->not_before >= LIMITS_ROW_MS) {
            c->not_before = 0;
            c->blocks = 0;
        }
        c->limited_until = 0;
        c->reason[0] = '\0';
    }
    return moved(c->clock_ms, before.clock_ms) || c->not_before != before.not_before ||
           c->limited_until != before.limited_until || c->blocks != before.blocks ||
           c->token_expiry_s != before.token_expiry_s || strcmp(c->reason, before.reason) != 0;
}

void limits_renewed(struct credential *c)
{
    if (c->not_before <= c->limited_until)
        return;
    c->not_before = c->limited_until;
    if (c->not_before == 0)
        c->reason[0] = '\0';
}
