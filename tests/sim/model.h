/* model.h - what the relay should decide, in the plainest form: the text of the design, evaluated
 * by linear scans over everything that happened. It shares words and the struct policy with the
 * product, and no code that decides.
 *
 * Relay time throughout. A struct model is flat, so that a copy is a snapshot: a dry run, or a
 * batch that the store refused, is taken back by assignment. */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "relay/engine/engine.h"
#include "tests/sim/history.h"

#define MODEL_KEYS     64
#define MODEL_MEMBERS  (SIM_SOURCES * SIM_INSTANCES)
#define MODEL_REQUESTS 256
#define MODEL_OUTCOMES 512
#define MODEL_TEXT     64
#define NO_REQUEST     (-1)

struct model_member {
    int source, instance;
    int64_t starts_at, heard_at;
    bool blind;
    bool waits;      /* for the key's hold or deferral */
    bool in_request; /* the open one */
    bool value_null; /* of its firing as last heard */
};

struct model_key {
    bool used;
    char text[MODEL_TEXT];
    int route;
    size_t n_members;
    struct model_member members[MODEL_MEMBERS];
    int64_t quiet_since;                            /* while it has no member */
    int64_t disarmed_at, cooldown_from, retry_from; /* 0 = not */
    bool settled; /* quiet for settle since the open request's POST */
    int request;  /* the open one */
    bool held;
    int64_t hold_began, hold_from;
    bool deferred;
    int64_t deferred_at;
    enum reason deferred_for;
    bool over_at_start; /* the deferral's block was over when the relay started */
    int64_t over_at;    /* … else when it was first seen over; 0 = it is on */
};

/* Its run is looked for, after an unclear answer or after a 204. */
enum model_look { LOOK_NOT, LOOK_AMBIGUOUS, LOOK_NO_ID };

struct model_request {
    char relay_id[ULID_SIZE]; /* "" until it was seen */
    char key[MODEL_TEXT];
    int route, target;
    enum cause cause;
    int64_t created_at, expires_ms;
    bool slot, open, by_operator;
    bool in_flight;  /* its POST is under way */
    bool executed;   /* a POST may have started a run: then no more of them, unless `again` */
    bool correlated; /* its last POST carried its relay_id */
    enum model_look look;
    int64_t grace_until;
    int64_t offset;   /* wall clock less relay time at the first POST that may have started a run */
    bool cancel;      /* an operator wants its run cancelled: it is not POSTed again */
    bool lost, again; /* its run did not appear: once, and the one POST that follows is due */
    bool adopted;
    int64_t posted_at, accepted_at, gone_since, ended_at;
    int64_t least_cooldown; /* of the policies in force since its POST */
    int posts, hops;
    bool pardoned;   /* an operator rearmed its key since */
    const char *end; /* "done", "dead", "parked" */
    const char *why; /* NULL: not foretold */
};

struct model_decision {
    enum verdict verdict;
    enum reason reason;
    int route; /* -1: none */
    char key[MODEL_TEXT];
    int request; /* whose relay_id stands with it */
    int64_t until;
};

struct model {
    const struct sim_conf *conf;
    bool stop;
    bool route_paused[SIM_ROUTES], target_paused[SIM_TARGETS];
    int64_t started_at, wait_until;
    int64_t released_at; /* the last end of a pause or the stop file since the start */
    struct model_key keys[MODEL_KEYS];
    size_t n_requests;
    struct model_request requests[MODEL_REQUESTS];
    size_t n_outcomes;
    struct model_decision outcomes[MODEL_OUTCOMES];
    const char *trouble; /* it can hold no more */
};

/* One decision for each item. */
void model_notify(struct model *m, const struct event *e, int64_t now,
                  struct model_decision out[SIM_ITEMS]);
void model_timers(struct model *m, int64_t now);
void model_started(struct model *m, int64_t now, int64_t down_ms);
void model_reload(struct model *m, const struct sim_conf *conf, int64_t now);

/* NULL: it may be POSTed now; else why not. */
const char *model_may_post(const struct model *m, const struct model_request *r, int64_t now);
void model_posting(struct model *m, int request, int64_t now);
void model_not_executed(struct model *m, int request);
/* Its POST may have started a run that nobody named. */
void model_unclear(struct model *m, int request, enum model_look look, int64_t now);
/* A list that counts does not show it. marked: its target's runs are known to show it. */
void model_not_listed(struct model *m, int request, bool marked, int64_t now);
void model_ended(struct model *m, int request, enum request_end end, int64_t now);
void model_requests_end(struct model *m, int64_t now);
bool model_rearm(struct model *m, const char *key, int64_t now);
struct model_decision model_redeliver(struct model *m, int request, int64_t now);

/* --- what the files of the model share ----------------------------------------------------------
 */
enum model_asker { ASKED_BY_ALERT, ASKED_BY_HOLD, ASKED_BY_BLOCK };
const struct policy *model_policy(const struct model *m, int route);
struct model_key *model_find(struct model *m, const char *text);
/* NULL: its route has max_keys of them. */
struct model_key *model_find_or_add(struct model *m, const char *text, int route, int64_t now);
int64_t model_hold_end(const struct model *m, const struct model_key *k);
size_t model_firing(const struct model_key *k);
bool model_fires(const struct model *m, const struct model_key *k);
/* Is this block on? *until: when a time ends it, else 0. */
bool model_is_blocked(const struct model *m, const struct model_key *k, enum reason by, int64_t now,
                      int64_t *until);
/* Where the block that a deferral waits for ended or will end; 0: an event ends it. */
int64_t model_block_end(const struct model *m, const struct model_key *k);
/* Rows 5 to 13 for a key. */
struct model_decision model_ask(struct model *m, struct model_key *k, enum model_asker asker,
                                int64_t now);
const struct model_member *model_leading(const struct model_key *k);
/* After members left: true when something ended because the key stopped firing. */
bool model_stopped_firing(struct model *m, struct model_key *k, bool fired, int64_t now);
void model_end_waiting(struct model_key *k);
/* What fell due while the relay was down waits. */
int64_t model_due(const struct model *m, int64_t at);
void model_arm(struct model *m, struct model_key *k, int64_t now);
void model_advance(struct model *m, struct model_key *k, int64_t now);
void model_forget(struct model *m, struct model_key *k, int64_t now);
int model_create(struct model *m, struct model_key *k, enum cause cause, int64_t now);

#endif
