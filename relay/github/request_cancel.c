/* Cancelling a run at GitHub, since an operator wants it: asked again until GitHub answers, refuses
 * or the run is over. POST …/runs/ID/cancel (github.com's REST documentation): 202, or 409 when
 * there is nothing left to cancel. It is idempotent. */
#include "relay/github/reply.h"
#include "relay/github/request.h"
#include "relay/github/utf8.h"

#include <stdio.h>
#include <string.h>

#define WANTED "wanted"

static void say(struct request *r, const char *cancel)
{
    (void)snprintf(r->cancel, sizeof(r->cancel), "%s", cancel);
    r->cancel_at = 0;
    r->cancel_failures = 0;
}

void request_want_cancel(struct request *r)
{
    say(r, WANTED);
}

bool request_cancel_wanted(const struct request *r)
{
    return strcmp(r->cancel, WANTED) == 0;
}

bool request_cancel_due(const struct request *r, int64_t *at)
{
    *at = r->cancel_at;
    return request_cancel_wanted(r) && r->run_id != 0 &&
           (r->state == REQUEST_ACCEPTED || r->state == REQUEST_ADOPTED ||
            r->state == REQUEST_RUNNING);
}

static void again(struct request *r, int64_t now)
{
    int64_t delay = REQUEST_RETRY_MS;
    for (int64_t i = 0; i < r->cancel_failures && delay < REQUEST_RETRY_MAX_MS; i++)
        delay *= 2;
    r->cancel_failures++;
    r->cancel_at = now + (delay < REQUEST_RETRY_MAX_MS ? delay : REQUEST_RETRY_MAX_MS);
}

static bool is_final(const struct exchange_answer *answer)
{
    return answer->transport == EXCHANGE_ANSWERED && answer->status >= 400 &&
           answer->status < 500 && limits_class(answer) == OUTCOME_REFUSED;
}

void request_cancelled(struct request *r, const struct exchange_answer *answer,
                       char words[static OUTCOME_TEXT], int64_t now)
{
    words[0] = '\0';
    if (answer->transport == EXCHANGE_ANSWERED && answer->status == 202) {
        say(r, "asked");
        r->next_at = now; /* a look tells what came of it */
        return;
    }
    if (answer->transport == EXCHANGE_ANSWERED) {
        struct reply reply;
        reply_read(&reply, answer);
        outcome_words(words, answer->status, &reply, NULL);
        reply_clear(&reply);
    } else {
        utf8_clean(words, OUTCOME_TEXT, answer->error);
    }
    if (is_final(answer))
        say(r, "refused");
    else
        again(r, now);
}
