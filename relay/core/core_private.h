/* core_private.h - the core's state, shared by its own files only. All of it belongs to the core's
 * thread, but for the mailbox and the two atomics. */
#ifndef RELAY_CORE_CORE_PRIVATE_H
#define RELAY_CORE_CORE_PRIVATE_H

#include "relay/base/log.h"
#include "relay/core/core.h"
#include "relay/core/open_requests.h"
#include "relay/core/relay_time.h"
#include "relay/engine/engine.h"

#include <pthread.h>

/* 2 x the window of signed timestamps: so long a MAC is remembered. */
#define CORE_REPLAY_MEMORY_MS (2 * SIGNATURE_WINDOW_MS)
#define COUNT_LABELS          3

enum message_type {
    MESSAGE_INTAKE,
    MESSAGE_QUERY,
    MESSAGE_COMMAND,
    MESSAGE_EXPLAIN,
    MESSAGE_ANSWER,
    MESSAGE_RELOAD,
    MESSAGE_TROUBLE,
    MESSAGE_STOP_FILE,
    MESSAGE_QUIT,
};

struct message {
    struct mail mail; /* first: a struct mail is a struct message */
    enum message_type type;
    union {
        struct intake *intake;
        struct {
            enum core_query query;
            char *id, *cursor;
            char *filter[CORE_FIELDS]; /* NULL: any */
            size_t limit;
            core_reply_fn *reply;
            void *context;
        } query;
        struct {
            struct core_order order;
            char *id, *who, *why; /* what order points to */
            core_reply_fn *reply;
            void *context;
        } command;
        struct {
            char *source, *at, *body; /* source, at: NULL as in struct core_explanation */
            size_t body_len;
            core_reply_fn *reply;
            void *context;
        } explain;
        struct {
            enum exchange_kind kind;
            char relay_id[ULID_SIZE];
            struct exchange_answer answer;
        } answer;
        struct conf *conf;
        struct {
            enum core_subject subject;
            char *fault;
        } trouble;
        bool stop;
        bool now;
    } u;
    /* What it is answered once the batch is on disk. */
    enum core_verdict verdict;
    struct buf reply;
    bool given_up;          /* when it could not be stored: it never will be */
    struct effects effects; /* of an intake: its decisions, counted when on disk */
};

/* An exchange under way. */
struct flight {
    char relay_id[ULID_SIZE];
    enum exchange_kind kind;
    char *credential;
};

struct learnt {
    char *target;
    char *place; /* exchange_place of it: what was learnt is stored under that name */
    struct target_memory memory;
};

struct core_metrics {
    struct metrics *registry;
    struct metric *alerts, *timers, *requests, *dispatch_attempts, *dispatch_seconds,
        *run_conclusions, *run_active, *queue_oldest, *key_states, *rate_remaining, *token_expiry,
        *commit_seconds, *store_errors, *reload_time, *truncated, *duplicate_runs, *ended,
        *target_findings, *effective;
};

/* What the open transaction makes true. */
struct count {
    void (*add)(struct metric *metric, double amount, ...); /* or observe */
    struct metric *metric;
    double amount;
    char *labels[COUNT_LABELS];
};

/* The last backup. */
struct core_backup {
    const char *state; /* NULL: none yet; "running", "done", "failed" */
    int64_t began_wall, ended_wall;
    struct store_backup progress;
    struct error error;
};

/* A pause that is on. Owned. */
struct core_pause {
    enum engine_scope scope;
    char *name;
    int64_t since_wall;
    int64_t until; /* relay ms; 0: until it is resumed */
    char *who, *why;
};

struct core_online;

/* fault NULL: there is none. */
struct trouble {
    char *fault;
    int64_t since_wall;
};

struct core {
    struct ports ports;
    struct conf *conf;
    struct core_metrics metrics;
    void (*stopped)(void *context);
    void *stopped_context;
    struct mailbox *mailbox;
    struct log_room log_room; /* what a batch says */
    pthread_t thread;
    _Atomic bool ready;
    _Atomic bool quit_now;

    struct engine *engine;
    const struct route **engine_routes; /* what the engine borrows: made of conf */
    struct engine_target *engine_targets;
    struct relay_time time;
    bool stop;       /* the stop file exists */
    bool explaining; /* whoever asks gets the answer: nothing is logged */
    bool quitting;
    struct mono quit_until;
    bool store_ok;
    int64_t store_failed_at;  /* relay ms, while it is not */
    struct error store_error; /* likewise */
    struct trouble troubles[CORE_SUBJECTS];
    bool in_transaction;
    struct count *unsaid; /* of the open transaction: counted when it is on disk */
    size_t n_unsaid, cap_unsaid;
    struct open_requests open;
    struct request **watched; /* ended in success: did it help? One of a key */
    size_t n_watched, cap_watched;
    struct core_backup backup;
    struct core_pause *pauses;
    size_t n_pauses;
    int64_t counts[REQUEST_STATES];
    struct flight *flights;
    size_t n_flights, cap_flights;
    struct credential *credentials;
    size_t n_credentials;
    struct learnt *learnt;
    size_t n_learnt;
    struct core_online *online; /* NULL: nobody asks */
    int64_t floor;              /* unix ms */
    int64_t oldest_mac;         /* relay ms, INT64_MAX = none */
    int64_t retain_next;        /* relay ms: when to look for old history again */
    int64_t next_due;           /* relay ms: when a request or timer wants something */
    uint64_t asked;             /* how often core_ask_all() was called */
    struct exchange **starting; /* to be started once the batch is on disk */
    size_t n_starting, cap_starting;
    struct message *held; /* comes before the mailbox: what is behind a reload, and what waits for a
                             working store (answers, reloads) */
};

/* core_messages.c: made by other threads (NULL when out of memory), freed with all they hold by the
 * core's. */
struct message *core_message_new(enum message_type type);
void core_message_free(struct message *m);

/* core.c */
int core_handle(struct core *c, struct message *m, struct error *err);
/* Whoever waits for its reply gets it. */
void core_deliver(struct core *c, struct message *m);

/* core_held.c */
/* The store failed: nothing of the batch happened. Senders try again; what only we know is held,
 * and nothing that came behind it overtakes it: all that waits is abandoned, too. */
void core_abandon(struct core *c, struct message *batch, const char *why);
/* The store takes nothing of what m says, however often it is tried. An answer counts as lost on
 * its way, once, so that its run is looked for; else m is given up. */
void core_give_up(struct message *m, const struct error *err);

/* core_state.c: loading, storing, the transaction of a batch */
__attribute__((warn_unused_result)) int core_load(struct core *c, bool at_start, struct error *err);
__attribute__((warn_unused_result)) int core_configure(struct core *c, struct conf *conf,
                                                       struct error *err);
void core_release_state(struct core *c);
/* Opens the batch's transaction if it is not open yet. */
__attribute__((warn_unused_result)) int core_begin(struct core *c, struct error *err);
__attribute__((warn_unused_result)) int core_commit(struct core *c, struct error *err);
/* Stores what an event did: keys, outcomes, new requests, cancelled ones. */
__attribute__((warn_unused_result)) int core_apply(struct core *c, const struct effects *e,
                                                   int64_t now, struct error *err);

/* core_intake.c */
__attribute__((warn_unused_result)) int core_intake(struct core *c, struct message *m,
                                                    struct error *err);
/* The engine's port: makes inputs of the leading member's alert. */
int core_inputs(void *self, const struct route *route, const char *key, const char *relay_id,
                const struct leading *leading, char **json, struct error *err);

/* core_requests.c */
__attribute__((warn_unused_result)) int core_handle_answer(struct core *c, struct message *m,
                                                           struct error *err);
/* Does what is due: timers, forgetting MACs, deaths, POSTs and polls (put into c->starting). Sets
 * c->next_due. */
__attribute__((warn_unused_result)) int core_due(struct core *c, struct error *err);
__attribute__((warn_unused_result)) int core_put_request(struct core *c, const struct request *r,
                                                         enum request_state before,
                                                         struct error *err);
/* r has ended: one more of such ends. */
__attribute__((warn_unused_result)) int core_count_end(struct core *c, const struct request *r,
                                                       struct error *err);
struct credential *core_find_credential(struct core *c, const char *name);
struct request_view core_view_of(const struct request *r);
/* What was learnt of the target's workflow; targets of one place share it. NULL: no such target. */
struct learnt *core_find_learnt(struct core *c, const char *target);
/* Takes r out of the open ones when it has ended, and frees it unless it is watched then. */
void core_drop_ended(struct core *c, struct request *r);
void core_due_at(struct core *c, int64_t at);

/* core_post.c */
/* r was made: asked what to do with when its POST may leave, not with every batch that makes one (a
 * long queue would be walked each time). */
void core_due_new(struct core *c, const struct request *r, int64_t now);
/* Each open request's step that is due, or c->next_due says when one will be. */
__attribute__((warn_unused_result)) int core_due_requests(struct core *c, int64_t now,
                                                          struct error *err);
/* Something else than time or an answer changed what may be POSTed: all are asked about anew. */
void core_ask_all(struct core *c);

/* core_requests.c */
/* x is started once the batch is on disk. Takes x. */
__attribute__((warn_unused_result)) int core_start_exchange(struct core *c, struct exchange *x,
                                                            struct error *err);
/* The request ended: its key learns it, the store keeps it. Frees r. */
__attribute__((warn_unused_result)) int core_end_request(struct core *c, struct request *r,
                                                         enum request_state before,
                                                         enum request_end end, int64_t now,
                                                         struct error *err);

/* core_find.c */
/* A poll or a page of a list, now or when c->next_due says. Frees r when it ends. */
__attribute__((warn_unused_result)) int core_consider_read(struct core *c, struct request *r,
                                                           enum request_step step, int64_t at,
                                                           int64_t now, struct error *err);
/* Frees r when it ends. */
__attribute__((warn_unused_result)) int core_answer_read(struct core *c, struct request *r,
                                                         enum exchange_kind kind,
                                                         const struct exchange_answer *answer,
                                                         int64_t now, struct error *err);

/* core_cancel.c: asks GitHub to cancel a run, since an operator wants it */
__attribute__((warn_unused_result)) int
core_consider_cancel(struct core *c, struct request *r, int64_t at, int64_t now, struct error *err);
/* r was answered: it ends when it would be POSTed again. Frees r then. */
__attribute__((warn_unused_result)) int core_cancel_queued(struct core *c, struct request *r,
                                                           int64_t now, struct error *err);
__attribute__((warn_unused_result)) int core_answer_cancel(struct core *c, struct request *r,
                                                           const struct exchange_answer *answer,
                                                           int64_t now, struct error *err);

/* core_flights.c: the exchanges under way, at most one of a request */
bool core_in_flight(const struct core *c, const char *relay_id);
/* False: out of memory. */
bool core_add_flight(struct core *c, const char *relay_id, enum exchange_kind kind,
                     const char *credential);
void core_remove_flight(struct core *c, const char *relay_id);
/* credential NULL: of all. */
size_t core_count_flights(const struct core *c, enum exchange_kind kind, const char *credential);
void core_free_flights(struct core *c);

/* r ends before anything ran; its key learns it. Frees r. */
__attribute__((warn_unused_result)) int core_request_dies(struct core *c, struct request *r,
                                                          const char *reason, enum request_end end,
                                                          int64_t now, struct error *err);

/* core_online.c: asks whether a dispatch of each target would work */
__attribute__((warn_unused_result)) int core_online_new(struct core_online **out,
                                                        struct error *err);
void core_online_free(struct core_online *o); /* NULL is fine */
/* What was found wrong of each target, as JSON objects. */
void core_online_show(const struct core *c, struct buf *out);
/* Another config is in force, or the state was loaded anew. */
__attribute__((warn_unused_result)) int core_online_restart(struct core *c, struct error *err);
__attribute__((warn_unused_result)) int core_online_due(struct core *c, int64_t now,
                                                        struct error *err);
__attribute__((warn_unused_result)) int core_online_answer(struct core *c,
                                                           const struct exchange_answer *answer,
                                                           int64_t now, struct error *err);

/* core_effect.c: did a successful run end what it was started for? */
/* r has just ended in success, and is not stored yet. */
void core_effect_ran(struct core *c, struct request *r, int64_t now);
bool core_effect_is_watched(const struct request *r);
/* r was judged, if it was. */
__attribute__((warn_unused_result)) int core_effect_count(struct core *c, const struct request *r,
                                                          struct error *err);
/* Takes a watched one, which is stored. */
void core_effect_watch(struct core *c, struct request *r);
/* After the keys. */
__attribute__((warn_unused_result)) int core_effect_load(struct core *c, struct error *err);
void core_effect_forget(struct core *c);
void core_effect_touch(struct core *c);
/* A notification was applied; these were its alerts. */
__attribute__((warn_unused_result)) int core_effect_heard(struct core *c, const struct effects *e,
                                                          const struct alert *alerts,
                                                          struct error *err);
/* Timers were applied: whoever left, left because it was unheard. */
__attribute__((warn_unused_result)) int core_effect_stale(struct core *c, const struct effects *e,
                                                          struct error *err);
/* The next run of the key is POSTed. */
__attribute__((warn_unused_result)) int core_effect_overtaken(struct core *c, const char *key,
                                                              struct error *err);
__attribute__((warn_unused_result)) int core_effect_due(struct core *c, int64_t now,
                                                        struct error *err);

/* core_retention.c: at the end of a batch of so many messages, of so many bytes */
__attribute__((warn_unused_result)) int core_retain(struct core *c, size_t messages,
                                                    size_t message_bytes, struct error *err);

/* core_backup.c */
__attribute__((warn_unused_result)) int core_backup(struct core *c, const struct core_order *order,
                                                    struct message *m, struct error *err);
bool core_backup_is_on(const struct core *c);
/* One slice of the backup that is on, outside of a transaction. */
void core_backup_step(struct core *c);

/* core_pauses.c */
__attribute__((warn_unused_result)) int core_pauses_load(struct core *c, struct error *err);
void core_pauses_forget(struct core *c);
__attribute__((warn_unused_result)) int core_pause(struct core *c, const struct store_pause *p,
                                                   struct error *err);
__attribute__((warn_unused_result)) int core_resume(struct core *c, enum engine_scope scope,
                                                    const char *name, struct error *err);
/* Ends those whose time is over. */
__attribute__((warn_unused_result)) int core_pauses_due(struct core *c, int64_t now,
                                                        struct error *err);

/* core_history.c: into the transaction that is open, or is opened */
/* An operator's order was carried out; detail: what came of it, "" when that is all. */
__attribute__((warn_unused_result)) int core_note_change(struct core *c,
                                                         const struct core_order *order,
                                                         const char *detail, struct error *err);
__attribute__((warn_unused_result)) int core_note_event(struct core *c, const char *relay_id,
                                                        int64_t at_wall, const char *event,
                                                        const char *detail, struct error *err);
/* An event of a request that an operator made. */
__attribute__((warn_unused_result)) int core_note_order(struct core *c, const char *relay_id,
                                                        const char *event,
                                                        const struct core_order *order,
                                                        struct error *err);
/* A request was made and is stored. */
__attribute__((warn_unused_result)) int core_note_created(struct core *c,
                                                          const struct created_request *made,
                                                          int64_t now, struct error *err);
/* Its state changed. */
__attribute__((warn_unused_result)) int core_note_step(struct core *c, const struct request *r,
                                                       enum request_state before,
                                                       struct error *err);
/* Its effect did. */
__attribute__((warn_unused_result)) int core_note_effect(struct core *c, const struct request *r,
                                                         struct error *err);

/* core_commands.c */
__attribute__((warn_unused_result)) int core_handle_command(struct core *c, struct message *m,
                                                            struct error *err);

/* core_explain.c */
__attribute__((warn_unused_result)) int core_handle_explain(struct core *c, struct message *m,
                                                            struct error *err);

/* core_views.c */
void core_query(struct core *c, struct message *m);
/* core_overview.c: on one page, bounded */
__attribute__((warn_unused_result)) int core_overview(struct core *c, struct message *m,
                                                      struct error *err);
void core_write_decisions(struct core *c, const struct effects *e, const struct alert *alerts,
                          int64_t now, struct buf *out);

/* core_metrics.c */
void core_metrics_make(struct core_metrics *m, struct metrics *registry);
void core_metrics_refresh(struct core *c);
/* A notification was answered. */
void core_metrics_intake(struct core *c, const struct message *m);
/* One more of metric, or a value observed, once the open transaction is on disk: an event whose
 * commit fails comes again. Labels as for metric_add, NULL from the first that is not there. */
__attribute__((warn_unused_result)) int core_count(struct core *c, struct metric *metric,
                                                   double amount, const char *first,
                                                   const char *second, const char *third,
                                                   struct error *err);
__attribute__((warn_unused_result)) int core_observe(struct core *c, struct metric *metric,
                                                     double value, struct error *err);
/* What waits for the transaction happened (on_disk), or did not. */
void core_metrics_settle(struct core *c, bool on_disk);

#endif
