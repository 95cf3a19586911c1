/* world.h - the real core over a store, with a clock, a forge and chance that the history decides;
 * beside it the model; and what is compared after each step.
 *
 * One history at a time. The first difference ends it: world->failure says what was expected. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "relay/core/core.h"
#include "relay/store/memory.h"
#include "tests/sim/forge.h"
#include "tests/sim/model.h"

#define WORLD_FLIGHTS 64
#define WORLD_BATCH   64
#define WORLD_NONCES  512

struct flight {
    enum exchange_kind kind;
    char relay_id[ULID_SIZE];
    int request;           /* of the model */
    bool correlated;       /* a POST that carries its relay_id */
    int64_t began, offset; /* a list: relay time, and the wall clock less it */
    unsigned loads;        /* … and what was loaded by then */
};

enum message_type { SENT_NOTIFICATION, SENT_ANSWER, SENT_RELOAD, SENT_STOP_FILE, SENT_COMMAND };
/* What was sent to the core, what is expected of it, and what it replied. */
struct sent {
    enum message_type type;
    const struct event *event;
    struct flight flight;
    size_t answer; /* of the forge's table */
    int conf;
    int64_t signed_at;
    enum core_command command;
    int scope, named; /* PAUSE, RESUME: route or target; else a request */
    char key[MODEL_TEXT];
    bool expects_reply;
    enum core_verdict expected;
    int replays; /* DUPLICATE: of the ledger */
    size_t n;
    struct model_decision decisions[SIM_ITEMS];
    bool replied;
    enum core_verdict verdict;
    char *body;
};

/* What the store must know, one row a notification. */
struct ledger {
    size_t n;
    struct {
        unsigned nonce;
        bool has_mac;
        int64_t received_at, signed_at;
    } rows[WORLD_NONCES];
    int64_t floor;
};

/* All that is taken back when the store refuses a batch. */
struct expectation {
    struct model model;
    struct ledger ledger;
    bool knows_relay_id[SIM_TARGETS], knows_details[SIM_TARGETS]; /* that it lacks them */
    bool marked[SIM_TARGETS];
    /* By credential. A refusal is forgotten when the token may be another: at a start, a reload. */
    int64_t blocked_until[SIM_TARGETS], refused_until[SIM_TARGETS];
};

struct totals {
    uint64_t histories, events, verdicts[VERDICT_RESOLVED + 1], outcomes, posts, requests, crashes,
        restarts, failed_commits, steps, adopted, lost, incidents, days, bad_answers;
};

struct world {
    const struct history *history;
    const char *folder;
    struct totals *totals;
    bool verbose, sqlite;
    /* the machine */
    int64_t boot_ms, wall_ms;
    unsigned boots;
    struct draw rng;
    struct clock clock;
    struct rng rng_port;
    /* the relay */
    struct memory_store *memory; /* NULL: SQLite */
    struct conf *confs[SIM_CONFS];
    struct metrics *metrics;
    struct core *core; /* NULL while it is down */
    struct store store;
    int64_t wait_ms;
    bool stop_file;
    bool quit_sent, quitting; /* the second from the step that reads it */
    int conf;                 /* in force */
    int64_t relay_base, boot_base;
    /* the forge */
    size_t n_flights;
    struct flight flights[WORLD_FLIGHTS];
    size_t n_started; /* during the step */
    struct flight started[WORLD_FLIGHTS];
    int64_t last_write[SIM_TARGETS]; /* by credential */
    unsigned loads;                  /* of the state from the store: a reading under way ends */
    int64_t runs;
    int64_t incident_ms; /* so long it will yet answer badly */
    struct draw incident_draw;
    /* on its way to the core */
    size_t n_sent;
    struct sent sent[WORLD_BATCH];
    size_t n_held; /* answers and reloads that wait for the store */
    struct sent held[WORLD_BATCH];
    /* the store fails */
    struct memory_fault fault;
    int fault_steps;
    bool store_ok;
    int64_t failed_at;
    bool in_doubt; /* `doubt` is what a crash now would find, if it finds a commit at failed_at */
    /* what should be */
    struct expectation x, before, doubt;
    char *answers[WORLD_NONCES]; /* of the ledger's rows: the alerts of the reply */
    char ids[WORLD_NONCES][ULID_SIZE];
    bool told_[MODEL_REQUESTS]; /* its end was compared with the store */
    size_t outcomes_seen;
    bool start_seen; /* the first step since the start is over */
    int64_t step_at;
    char failure[1024];
};

/* NULL, or what went wrong (in w). Runs events whose `kept` is set (all when NULL). */
const char *world_run(struct world *w, const struct history *h, const bool *kept);
void world_free(struct world *w);

/* --- what its files share -----------------------------------------------------------------------
 */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *w, const char *format, ...);
void world_clocks(struct world *w);
void world_advance(struct world *w, int64_t ms);
int64_t world_relay_now(const struct world *w);
/* NULL: it is refused, which is a failure. */
struct conf *world_conf(struct world *w, int i);
void world_start(struct world *w);
/* The process is gone, as it is. */
void world_drop(struct world *w);
void world_step(struct world *w);
/* Time passes, and the core does what it wants to. */
void world_pass(struct world *w, int64_t ms);
/* Steps until the core wants to sleep. */
void world_settle(struct world *w);
void world_event(struct world *w, const struct event *e);
/* The i-th exchange under way is answered: by the n-th of a table, or of its bad ones in an
 * incident. */
void world_answer(struct world *w, const struct event *e, size_t i, unsigned n);
void world_incident(struct world *w, const struct event *e);
/* What is under way during an incident is answered. */
void world_incident_answers(struct world *w);
/* What a message should do. */
void world_expect(struct world *w, struct sent *s, int64_t now);
/* The credential (its token) of target t in the config in force; -1: t is gone. */
int world_credential(const struct world *w, int target);
/* The store's requests are the model's, and what was POSTed may be. */
void world_compare_requests(struct world *w);
void world_compare_replies(struct world *w);
void world_compare_rest(struct world *w, bool thoroughly);
void world_forge_start(void *self, struct exchange *x);

#endif
