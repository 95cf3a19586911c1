/* reply.h - what GitHub says in the body of an answer that is no success. Pure.
 *
 * {"message","documentation_url","status","errors"}; errors are strings or objects with a message
 * (or code, field, resource), and every part may be missing (GitHub's REST troubleshooting page). A
 * body that is none of this gives empty texts. */
#ifndef RELAY_GITHUB_REPLY_H
#define RELAY_GITHUB_REPLY_H

#include "relay/base/buf.h"
#include "relay/base/strict_json.h"
#include "relay/github/exchange.h"

#define REPLY_DEPTH_MAX 32

struct reply {
    struct buf message;       /* message and errors, "; " between; not cleaned */
    struct buf documentation; /* documentation_url */
};

void reply_read(struct reply *out, const struct exchange_answer *answer);
void reply_clear(struct reply *r);
/* Loose, without case. */
bool reply_says(const struct reply *r, const char *words);
/* Every list behind "Unexpected inputs provided:" holds exactly this one name, and there is one. */
bool reply_only_unexpected(const struct reply *r, const char *input);

/* A header as a whole number >= 0, -1 when it is missing, blank or anything else (a blank
 * header is not zero). Blanks around it are allowed. */
int64_t reply_number(const struct exchange_answer *answer, const char *header);

#endif
