/* core.h - the one thread that owns the truth.
 *
 * Everything that changes state comes here as a message: verified notifications, answers from the
 * forge, a new config, the stop file. Whatever waits is decided and written in one transaction
 * (group commit), and only then answered: an answer that says "stored" means synchronous=FULL. When
 * the store fails, nothing of the batch happened: senders are told 503, the state is loaded anew
 * from the store, answers of the forge are kept until it works again (one that it refuses for what
 * it says counts as lost on its way).
 *
 * Threads: core_start() makes the core's own; every other function may be called from any thread
 * unless it says otherwise. Reply functions run on the core's thread and must not block.
 *
 * A simulator or a test is that thread itself: core_open(), core_step() as often as it asks for,
 * core_close() once core_may_close(), core_free(). Without core_close() it is as if the process was
 * killed. */
#ifndef RELAY_CORE_CORE_H
#define RELAY_CORE_CORE_H

#include "relay/alert/alert.h"
#include "relay/alert/signature.h"
#include "relay/base/metrics.h"
#include "relay/base/traceparent.h"
#include "relay/conf.h"
#include "relay/core/mailbox.h"
#include "relay/core/ports.h"
#include "relay/engine/engine.h"

struct core;

enum core_verdict {
    CORE_STORED,    /* 202: on disk; body is the answer */
    CORE_DUPLICATE, /* 202: this MAC was stored before; body repeats the first answer's decisions */
    CORE_DRY,       /* 200: nothing was stored */
    CORE_FOUND,     /* 200: what a query asked for */
    CORE_CHANGED,   /* 200: the command was carried out and is on disk */
    CORE_CONFLICT,  /* 409: it cannot be, as things are; body is the detail, plain text */
    CORE_NOT_FOUND, /* 404; after a command body is the detail, plain text */
    CORE_BAD_QUERY, /* 400: body is the detail, plain text */
    CORE_STALE,     /* 401: signed at or before the newest signed time that was forgotten */
    CORE_UNAVAILABLE, /* 503: body is the detail, plain text */
};

struct core_reply {
    enum core_verdict verdict;
    const char *body; /* JSON unless the verdict says otherwise; borrowed for the call */
    size_t len;
};
typedef void core_reply_fn(void *context, const struct core_reply *reply);

/* A verified notification. Heap; core_submit() takes it. */
struct intake {
    char *source;
    enum alert_format format;
    int64_t received_wall;
    bool signed_time; /* claim has a MAC and a signed time: it is remembered against replay */
    struct claim claim;
    char *body; /* owned */
    size_t body_len;
    struct notification *content;       /* owned; its strings may not point into body */
    char traceparent[TRACEPARENT_SIZE]; /* of the sender, for the log; "": none */
    bool dry;
    core_reply_fn *reply;
    void *context;
};
void intake_free(struct intake *in);
/* False when the mailbox is full or the core is draining: the intake stays the caller's. */
bool core_submit(struct core *c, struct intake *in);

/* What a notification would come to: every row that is asked with its values, the decision, the
 * inputs, and when the same alert would start a run if nothing else happens (docs/cli.md lists
 * the answer's fields). Nothing is stored or started. CORE_DRY, or CORE_BAD_QUERY: a body that is
 * no notification, no such source, a time before now. */
struct core_explanation {
    const char *source; /* NULL: the only one whose format fits */
    const char *at;     /* RFC 3339; NULL: now */
    const char *body;
    size_t body_len;
};
/* All of it is copied. False as above. */
bool core_explain(struct core *c, const struct core_explanation *question, core_reply_fn *reply,
                  void *context);

enum core_query {
    QUERY_STATUS,
    QUERY_READY,   /* CORE_FOUND or CORE_UNAVAILABLE */
    QUERY_METRICS, /* text exposition */
    QUERY_KEYS,    /* listings take cursor and limit */
    QUERY_KEY,     /* those below take id */
    QUERY_REQUESTS,
    QUERY_REQUEST,
    QUERY_NOTIFICATIONS,
    QUERY_NOTIFICATION,
    QUERY_OVERVIEW, /* of keys a page: id is a state, else all, cursor as the page before gave it;
                     * also while the store fails */
    QUERY_BODY,     /* a notification's, byte for byte as it was signed */
    QUERY_CHANGES,  /* what operators changed */
    QUERY_BACKUP,
};
/* Strings are copied. False as above. */
bool core_ask(struct core *c, enum core_query query, const char *id, const char *cursor,
              size_t limit, core_reply_fn *reply, void *context);

/* What a listing is narrowed by: NULL = by nothing. A page of it may be short, even empty, and not
 * the last one (store.h). */
enum core_field {
    FIELD_STATE, /* of keys; of requests, also "open" */
    FIELD_ROUTE,
    FIELD_KEY,
    FIELD_TARGET, /* this and the next four of requests */
    FIELD_CAUSE,
    FIELD_CONCLUSION,
    FIELD_EFFECT,
    FIELD_REASON,  /* also of notifications: that of one of their alerts, which has all that … */
    FIELD_VERDICT, /* … is asked for */
    FIELD_SOURCE,
    FIELD_ACTION, /* of changes, and the next two */
    FIELD_WHO,
    FIELD_NAME,
    CORE_FIELDS
};
extern const char *const core_field_names[CORE_FIELDS];
struct core_filter {
    const char *values[CORE_FIELDS];
};
/* A page of a listing, all of it copied. CORE_BAD_QUERY when the listing has no such field. False
 * as above. */
bool core_list(struct core *c, enum core_query query, const struct core_filter *filter,
               const char *cursor, size_t limit, core_reply_fn *reply, void *context);

/* What operators do. All are idempotent but redeliver, which makes a new request each time. */
enum core_command {
    COMMAND_REDELIVER, /* id: a relay_id */
    COMMAND_CANCEL,    /* likewise: dropped before its POST, else its run is cancelled at GitHub */
    COMMAND_REARM,     /* id: a key */
    COMMAND_PAUSE,     /* id: a route or target */
    COMMAND_RESUME,
    COMMAND_BACKUP, /* starts one; it is made beside the store, QUERY_BACKUP tells how far it is */
};
struct core_order {
    enum core_command command;
    enum engine_scope scope; /* read by pause and resume only */
    const char *id;          /* of a backup: "" */
    const char *who, *why;   /* kept with the change; NULL: not said */
    int64_t for_ms;          /* a pause ends by itself after so long, relay time; 0: it does not */
};
/* All of it is copied. False as above. */
bool core_command(struct core *c, const struct core_order *order, core_reply_fn *reply,
                  void *context);

/* The forge's answer to an exchange: takes what *answer holds. */
void core_answer(struct core *c, enum exchange_kind kind, const char *relay_id,
                 struct exchange_answer *answer);
/* Takes a reference of its own. */
void core_reload(struct core *c, struct conf *conf);
/* Trouble that the core only shows: a config was refused and the one in force stays, Grafana cannot
 * be asked. */
enum core_subject { CORE_CONFIG, CORE_GRAFANA };
#define CORE_SUBJECTS 2
/* fault is copied; NULL: it is over (of the config also when one is taken). */
void core_trouble(struct core *c, enum core_subject subject, const char *fault);
void core_stop_file(struct core *c, bool exists);

struct core_options {
    struct ports ports; /* the store becomes the core's: it closes it */
    struct conf *conf;  /* takes a reference of its own */
    struct metrics *metrics;
    bool stop_file;                 /* it exists now */
    bool online;                    /* ask GitHub about the targets, when the config says so */
    void (*stopped)(void *context); /* the core's thread is about to end */
    void *stopped_context;
};
/* Loads the state and starts the thread. */
__attribute__((warn_unused_result)) int
core_start(struct core **out, const struct core_options *options, struct error *err);
/* Finish: nothing new is taken, nothing more is POSTed, POSTs under way are waited for and
 * recorded, then the thread ends. now = true: without waiting (a POST under way is then ambiguous
 * at the next start). */
void core_quit(struct core *c, bool now);
/* Waits for core_start()'s thread to end. The forge must not answer after core_free(). */
void core_join(struct core *c);
void core_free(struct core *c); /* after core_join(); NULL is fine */
bool core_is_ready(const struct core *c);

/* What core_start()'s thread does, for a caller that is its own: all four from one thread. */

/* Loads the state. `stopped` is not called. */
__attribute__((warn_unused_result)) int
core_open(struct core **out, const struct core_options *options, struct error *err);
/* Handles what waits (one batch: at most 1024 messages, a reload alone), does what is due, commits,
 * replies, starts exchanges. Returns after how many ms of the clock it wants to be called again,
 * earlier when somebody has sent something: 0 = at once, < 0 = only then. */
int64_t core_step(struct core *c);
/* core_quit() was sent, and nothing is left that is worth waiting for. */
bool core_may_close(const struct core *c);
/* The last commit; what still waits is refused. Only core_free() may follow. */
void core_close(struct core *c);

#endif
