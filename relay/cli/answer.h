/* answer.h - what a relay's JSON says, as text for people. */
#ifndef RELAY_CLI_ANSWER_H
#define RELAY_CLI_ANSWER_H

#include "relay/base/clock.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define ANSWER_TIME 96

/* A text; "-" where there is none. */
const char *answer_text(const json_t *object, const char *name);
bool answer_has(const json_t *object, const char *name); /* a text is there */
/* "10m ago", "in 2h"; "-" where there is no time. */
const char *answer_distance(char out[static ANSWER_TIME], const json_t *object, const char *name,
                            struct wall now);
/* "2026-11-25 07:00:00"; "-" likewise. */
const char *answer_clock(char out[static ANSWER_TIME], const json_t *object, const char *name,
                         bool utc);
/* "2026-11-25 07:00:00 (in 2h10m)"; "-" likewise. */
const char *answer_time(char out[static ANSWER_TIME], const json_t *object, const char *name,
                        struct wall now, bool utc);

#endif
