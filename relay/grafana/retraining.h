/* retraining.h - a request as people see it in Grafana: the annotation of one retraining.
 *
 * Made of what the operators' API says of a request (docs/webhook.md). A region from the POST that
 * started the run to its end; while it runs, a point. Tagged "retraining", "relay_id:ULID",
 * "route:NAME", "target:NAME" and "conclusion:WORD"; the relay_id finds it again, so that none is
 * made twice. Pure. */
#ifndef RELAY_GRAFANA_RETRAINING_H
#define RELAY_GRAFANA_RETRAINING_H

#include "relay/base/buf.h"
#include "relay/base/clock.h"
#include "relay/base/rng.h"
#include "relay/grafana/call.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define RETRAINING_TAG_MAX 96
#define RETRAINING_TAGS    5

struct retraining {
    char relay_id[ULID_SIZE];
    int64_t start_ms; /* unix: its last POST */
    int64_t end_ms;   /* unix: when the relay heard of its end; 0 = open */
    char tags[RETRAINING_TAGS][RETRAINING_TAG_MAX];
    const char *tag_list[RETRAINING_TAGS + 1]; /* of tags, ended by NULL */
    struct buf text;
};

/* request: an object of GET /api/v1/requests. False: nothing has run for it, as far as is known (it
 * waits, or was refused), so there is nothing to show. *out is not to be moved. */
bool retraining_read(struct retraining *out, const json_t *request);
void retraining_clear(struct retraining *r);
/* Can a request in this state no longer change? True for every end, those without a run too. */
bool retraining_request_is_over(const json_t *request);

/* How long after a POST without an answer Grafana may still carry it out: until then it is looked
 * for and not made again. */
#define TRACK_UNSURE_MS (2 * 60 * 1000)

/* What is known of its annotation. Zeroed: nothing. */
enum track_stage {
    TRACK_LOOK,  /* is it there? */
    TRACK_MAKE,  /* it is not */
    TRACK_OPEN,  /* it is, to be given its end */
    TRACK_CHECK, /* is it gone? */
    TRACK_OVER,  /* nothing more is done */
};
struct retraining_track {
    enum track_stage stage;
    int64_t id;
    int64_t unsure_until_ms; /* mono: a POST before may have been carried out by then */
};

enum track_outcome {
    TRACK_FOUND,   /* looked for */
    TRACK_MADE,    /* a new annotation */
    TRACK_PATCHED, /* its end is written */
    TRACK_LATER,   /* not there yet, or perhaps gone: looked for again later */
    TRACK_AWAY,    /* Grafana is: again later */
    TRACK_REFUSED, /* Grafana's answer says why: again later */
};

/* Is there something to call for? */
bool retraining_is_due(const struct retraining_track *t, const struct retraining *r);
/* Only when it is due. NULL when out of memory. */
struct grafana_call *retraining_call(const struct retraining_track *t, const struct retraining *r);
enum track_outcome retraining_answer(struct retraining_track *t, const struct retraining *r,
                                     const struct grafana_answer *answer, struct mono now);

#endif
