/* backlog.h - the retrainings that Grafana is told of: which are left, and whose turn it is.
 *
 * Filled from the operators' listing of requests, newest first. One that is open stays, however old
 * it is; one that ended is forgotten three days after its end, written or not. One that cannot be
 * written comes again after a while that doubles, up to five minutes, and holds up none of the
 * others. Pure: times are handed in. */
#ifndef RELAY_GRAFANA_BACKLOG_H
#define RELAY_GRAFANA_BACKLOG_H

#include "relay/base/clock.h"
#include "relay/base/rng.h"
#include "relay/grafana/retraining.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define BACKLOG_MAX 2000

struct backlog_item {
    char relay_id[ULID_SIZE];
    int64_t created_ms; /* unix */
    int64_t ended_ms;   /* unix; 0: open, as far as is known */
    struct retraining_track track;
    bool over;                /* nothing is left to write */
    bool told;                /* that it cannot be written, once */
    int64_t due_ms, delay_ms; /* mono; 0: at once */
};

struct backlog;

/* Of requests made before `started` an annotation may be on its way to Grafana still. NULL when out
 * of memory. */
struct backlog *backlog_new(struct wall started);
void backlog_free(struct backlog *b); /* NULL is fine */

/* A page of the listing. False: nothing on it is new. */
bool backlog_take(struct backlog *b, const json_t *requests, struct wall wall, struct mono now);
void backlog_forget(struct backlog *b, struct wall wall);
/* All of them at once, whatever failed before. */
void backlog_hurry(struct backlog *b);

/* A round goes over all that are due, from where the last one ended; NULL ends it. */
void backlog_begin_round(struct backlog *b);
struct backlog_item *backlog_next(struct backlog *b, struct mono now);
/* What its request says now; NULL: the relay does not know it. */
void backlog_update(struct backlog_item *item, const json_t *request, struct wall wall);
void backlog_postpone(struct backlog_item *item, struct mono now);

#endif
