/* explain_text.h - an explanation, as the relay's JSON has it, in an operator's words. */
#ifndef RELAY_CLI_EXPLAIN_TEXT_H
#define RELAY_CLI_EXPLAIN_TEXT_H

#include "relay/base/buf.h"
#include "relay/base/clock.h"

#include <jansson.h>
#include <stdbool.h>

/* Prints all of it to stdout. */
void explain_print(const json_t *explanation, bool utc);
/* One row's sentence. */
void explain_sentence(struct buf *out, const json_t *check, struct wall now, bool utc);

#endif
