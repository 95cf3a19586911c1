/* outcome.h - what an answer to a dispatch means: the table of GitHub's answers, as one function.
 *
 * Sources: GitHub's REST description (createWorkflowDispatch), its rate-limit and redirect pages,
 * and observed bodies. Messages are matched loosely and without case. What is not known to have
 * started nothing is AMBIGUOUS: it is never sent again blindly. */
#ifndef RELAY_GITHUB_OUTCOME_H
#define RELAY_GITHUB_OUTCOME_H

#include "relay/github/exchange.h"

enum outcome {
    OUTCOME_ACCEPTED,       /* 200 with a valid body: run id and URL */
    OUTCOME_ACCEPTED_NO_ID, /* 204 */
    OUTCOME_NOT_SENT,       /* never left */
    OUTCOME_LIMITED,        /* primary or secondary rate limit, 403 or 429: not executed */
    OUTCOME_CREDENTIAL,     /* 401; 403 for the whole credential (not accessible by …, SAML): not
                               executed */
    OUTCOME_REDIRECTED,     /* 307 to the same scheme, host and port: not executed; redirect set */
    OUTCOME_NO_RUN_DETAILS, /* 400 or 422 that names return_run_details: not executed */
    OUTCOME_NO_RELAY_ID,    /* 422 that calls exactly relay_id unexpected: not executed */
    OUTCOME_REFUSED,        /* 400, other 403, 404, 410, 422, 451, redirects elsewhere: permanent */
    OUTCOME_AMBIGUOUS, /* 5xx, cut, timeout, malformed 200, any other status: a run may exist */
};
const char *
outcome_text(enum outcome o); /* "accepted", "accepted_no_id", "not_sent", "limited", … */

#define OUTCOME_TEXT       256
#define OUTCOME_RUN_ID_MAX (INT64_C(1) << 53) /* ids are JSON numbers to most clients */

struct outcome_detail {
    enum outcome outcome;
    int64_t run_id;          /* ACCEPTED: 1 to OUTCOME_RUN_ID_MAX */
    char *run_url;           /* ACCEPTED: html_url (NULL: out of memory) */
    char *redirect;          /* REDIRECTED: absolute URL */
    char text[OUTCOME_TEXT]; /* one line for people: GitHub's message (control characters stripped)
                                and the remedy where known; 404 names both causes (missing, or the
                                token cannot see it). "" after a success */
};

/* What the exchange was. */
struct outcome_sent {
    bool relay_id;    /* it carried the input relay_id and may go on without (CORRELATION_AUTO) */
    bool run_details; /* it carried return_run_details */
    bool redirected; /* it went where a 307 led: the answer names the repository as it is called now
                      */
};

/* Fills *out anew; the caller ends it with outcome_detail_clear. ACCEPTED wants run_url and
 * html_url of the run in the target's repository (redirected: in any). */
void outcome_of_dispatch(struct outcome_detail *out, const struct exchange_answer *answer,
                         const struct target *target, struct outcome_sent sent);
void outcome_detail_clear(struct outcome_detail *d);
/* GitHub's message and a remedy (NULL: none) in one line, "HTTP 502" when there is no message. */
struct reply;
void outcome_words(char out[static OUTCOME_TEXT], int status, const struct reply *reply,
                   const char *remedy);

#endif
