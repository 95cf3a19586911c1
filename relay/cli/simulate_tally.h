/* simulate_tally.h - dispatches per day and key, as recorded and as simulated. */
#ifndef RELAY_CLI_SIMULATE_TALLY_H
#define RELAY_CLI_SIMULATE_TALLY_H

#include "relay/base/clock.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who counts: the log's decisions, the log's requests (which know of timers too), the simulation.
 */
enum tally_side { TALLY_DECIDED, TALLY_REQUESTED, TALLY_NOW };
#define TALLY_SIDES 3

struct tally_row {
    char day[16];
    char *key;
    int64_t n[TALLY_SIDES];
    json_t *then, *now; /* why an alert did not dispatch: its words -> how often */
};

struct tally {
    bool utc;    /* days of UTC, not of local time */
    bool failed; /* out of memory */
    struct tally_row *rows;
    size_t n_rows, cap_rows;
};
void tally_clear(struct tally *t);

void tally_dispatch(struct tally *t, struct wall at, const char *key, enum tally_side side);
/* An alert as it was decided then and is decided now: objects of an answer's "alerts". */
void tally_compare(struct tally *t, struct wall at, const json_t *then, const json_t *now);

/* {"days":[{day,key,then,now,why}],"totals":{then,now}}; then = of this side. NULL: out of memory.
 */
json_t *tally_json(struct tally *t, enum tally_side then);

#endif
