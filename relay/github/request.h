/* request.h - one durable intent to start one run, from its creation to the run's conclusion.
 *
 *   queued -> sending -> accepted -> running -> done(CONCLUSION | unknown)
 *     ^ ^       | | |                  ^
 *     | |       | | `-> accepted_no_id |-> adopted -> running
 *     | |       | |          |         |
 *     | |       | |          `-> done(untracked)
 *     | |       | `---> ambiguous -> adopted | parked(may_have_run)
 *     | |       |            |
 *     | `-------´            `-> lost
 *     |  not sent or            |
 *     |  refused for now        |
 *     `-------------------------´ once
 *   sending -> dead(refused), queued -> dead(expired | resolved | cancelled)
 *
 * accepted_no_id and ambiguous look for the run: they read the list of the workflow's runs for a
 * title that shows [relay_id] (request_listed). Not listed counts only when a reading that began
 * after the grace was complete. It means that nothing ran (lost, passed through at once) where the
 * target is known to show it, and nothing elsewhere. What may have run never ends dead: it is
 * parked instead, also when it was lost and is then refused, expired, resolved or cancelled. Every
 * event that a state does not take leaves it as it is.
 *
 * A run that waited for its concurrency group (`pending`) and was cancelled stays running for one
 * more list: a newer run of its workflow, whatever started it, that was created in the minute
 * before took its place, and it ends as done(superseded). Without one somebody cancelled it:
 * done(cancelled).
 *
 * Pure: events in, changed struct out; core stores it. `sending` is on disk before the POST leaves,
 * so a crash in between is ambiguous, not free. Times are relay ms unless they say wall. */
#ifndef RELAY_GITHUB_REQUEST_H
#define RELAY_GITHUB_REQUEST_H

#include "relay/github/limits.h"
#include "relay/github/outcome.h"

enum request_state {
    REQUEST_QUEUED,
    REQUEST_SENDING,
    REQUEST_ACCEPTED, /* the run's id is known, its status not yet read */
    REQUEST_ACCEPTED_NO_ID,
    REQUEST_AMBIGUOUS,
    REQUEST_ADOPTED,
    REQUEST_RUNNING,
    REQUEST_LOST,
    REQUEST_DONE,
    REQUEST_DEAD,
    REQUEST_PARKED,
};
#define REQUEST_STATES          11
#define REQUEST_RETRY_MS        5000         /* after a POST that was not executed: doubling … */
#define REQUEST_RETRY_MAX_MS    (600 * 1000) /* … up to this */
#define REQUEST_HOPS_MAX        2
#define REQUEST_POLL_MS         5000 /* the first poll; failures double from it … */
#define REQUEST_POLL_RUNNING_MS 30000
#define REQUEST_POLL_WAITING_MS 120000
#define REQUEST_POLL_MAX_MS     (600 * 1000)  /* … up to this */
#define REQUEST_GONE_MS         (3600 * 1000) /* of 404s: the run was deleted */
#define REQUEST_FRESH_MS        60000         /* reads lag behind writes: a 404 says nothing yet */
#define REQUEST_GRACE_MS                                                                           \
    (45 * 60 * 1000)             /* as long as runs were seen to take until they showed            \
                                  */
#define REQUEST_SINCE_MS  120000 /* a list begins so long before the POST */
#define REQUEST_LOOK_MS   120000 /* between two readings: 5 s doubling to this */
#define REQUEST_PAGES_MAX 200    /* of one reading: 10,000 runs */
#define REQUEST_FOUND_MAX 8      /* runs of one relay_id: of more, the oldest are known */
#define REQUEST_PLACE_TAKEN_MS                                                                     \
    60000 /* a waiting run is cancelled seconds after the newer one's creation */
#define REQUEST_PLACE_ASKS_MAX 5 /* failed lists after which it is taken for cancelled */
#define REQUEST_TRACK_MS                                                                           \
    (36 * 3600 * 1000) /* a queued job lives 24 h; an answer after that is of no use */
const char *request_state_text(enum request_state s);
bool request_state_parse(enum request_state *out, const char *text);
/* Neither done, dead nor parked. */
bool request_is_open(enum request_state s);

/* One reading of the list, page by page. Newest first; past GITHUB_RUNS_LISTED it goes on with what
 * was created until the oldest one seen. */
struct run_search {
    int page;      /* the one asked for; 0 = no reading is on */
    int pages;     /* asked for in all */
    int64_t began; /* relay */
    int64_t since; /* unix ms */
    char until[24];
    bool any_event;      /* who took its place? Else only dispatched runs are listed */
    char oldest[24];     /* created_at of the last run that had one */
    bool unsorted;       /* it is not the oldest */
    int64_t total, seen; /* since `until` */
    size_t n_found;      /* oldest first */
    struct {
        int64_t id;
        char created[24];
    } found[REQUEST_FOUND_MAX];
};

struct request {
    char relay_id[ULID_SIZE];
    enum request_state state;
    char reason[64]; /* done: the run's conclusion, superseded, untracked or unknown; dead: refused,
                        expired, resolved, cancelled;  parked: may_have_run; queued: lost, or the
                        outcome that sent it back, as in  outcome_text() ("" at first) */
    char detail[256]; /* GitHub's words behind the reason, "" when none */
    char *route, *key, *target;
    char cause[16];               /* "alert", "timer", "redeliver" */
    char notification[ULID_SIZE]; /* the one that caused it, "" when none */
    char replaces[ULID_SIZE];     /* the request that it redelivers, else "" */
    char *inputs;                 /* JSON object, made once */
    int64_t created_at;           /* relay */
    int64_t created_wall;         /* unix ms, display */
    int64_t ended_wall;           /* likewise; 0: open, or an older release ended it */
    int64_t expires_ms; /* the route's `expires` when it was made: used when the route is gone */
    bool slot;          /* it holds a slot of the budgets */
    bool executed; /* a POST may have started a run (false while every POST was refused for now or
                      not sent) */
    int64_t attempts;    /* POSTs made */
    int64_t posted_at;   /* relay time of the last POST, 0 = none */
    int64_t next_at;     /* relay: earliest next step (retry or poll); 0 = at once */
    int64_t failures;    /* not-executed attempts, or failed polls, in a row */
    int64_t run_id;      /* 0 = unknown; real ids exceed 2^32 */
    char *run_url;       /* html, NULL = unknown */
    char run_status[32]; /* GitHub's word, as last read */
    char conclusion[32]; /* GitHub's word, "" until completed */
    int64_t run_attempt;
    int64_t accepted_at; /* relay, 0 */
    int64_t polls;
    char *etag;        /* of the last run answer, NULL */
    char *redirect;    /* of a same-host 307: where the next POST goes; NULL */
    int64_t hops;      /* 307s followed for the next POST; at most 2 */
    char *moved;       /* of a same-host redirect: where reads go now; NULL. Not stored, nor is: */
    int64_t read_hops; /* redirects followed for the next read; at most 2 */
    char *place;       /* exchange_place of its last POST, NULL */
    int64_t look_from; /* relay time of the first POST that may have started a run, 0 */
    int64_t look_wall; /* … by GitHub's clock as then known, unix ms */
    int64_t grace_until;  /* relay, from the end of the last POST on; 0 */
    bool lost;            /* once: it is not POSTed a third time */
    bool adopted;         /* its run was found by its title */
    bool correlated;      /* its last POST carried the input relay_id */
    bool effect_doubt;    /* an alert of its key left otherwise than by getting well */
    char duplicates[128]; /* more runs of this relay_id: their ids, "" none */
    char effect[16]; /* after a success, did its key get quiet? "" not judged, "watched", or what
                        became of that: effective, not_effective, unknown */
    int64_t effect_until; /* relay: watched until then */
    char cancel[16]; /* an operator wants its run cancelled at GitHub: "" not, "wanted", or what
                        became of that: asked, refused */
    int64_t cancel_at, cancel_failures; /* relay: when to ask for it again. Not stored */
    size_t effect_members;              /* of its key, as last counted; not stored */
    struct run_search search;           /* not stored: a restart reads anew */
    int64_t ask_at;     /* the core's: relay, when it has to be asked about its POST again … */
    uint64_t asked;     /* … unless core_ask_all() was called since. Not stored */
    int64_t gone_since; /* relay: the first of the 404s in a row, 0 = none. Not stored: a restart
                           begins the hour anew */
};
/* Frees what it holds, not the struct itself. NULL is fine. */
void request_free(struct request *r);

/* One POST as it is kept and shown. */
struct attempt {
    int64_t at_wall;
    char outcome[32];
    int http_status; /* 0 = none */
    char detail[256];
};

enum request_step { STEP_NONE, STEP_POST, STEP_POLL, STEP_LOOK };
/* What the request wants next and the relay time from when on it may (credentials aside). */
enum request_step request_next_step(const struct request *r, int64_t *at);

/* queued -> sending: call, store, then POST x. The core calls limits_wrote with it. github_ms: now
 * by GitHub's clock (limits_clock). -ENOMEM: nothing changed. */
__attribute__((warn_unused_result)) int request_posting(struct request *r, const struct exchange *x,
                                                        int64_t github_ms, int64_t now);
/* The answer to its POST: new state, *attempt for the record, *memory as learnt, *outcome for
 * limits_note. rng spreads the retry: not executed = 5 s doubling to 10 min with +-20 % jitter; at
 * once after NO_RUN_DETAILS and NO_RELAY_ID (the first time: with the delay when it was known
 * before) and after a redirect, of which two are followed in a row. A retry after a delay goes to
 * the target's own URL again. Returns true when *memory changed. Unless it is sending, only
 * *outcome and *attempt are filled. */
bool request_posted(struct request *r, const struct exchange_answer *answer,
                    const struct target *target, struct target_memory *memory,
                    enum outcome *outcome, struct attempt *attempt, int64_t now, struct wall wall,
                    const struct rng *rng);
/* The answer to a poll. Tolerates unknown statuses, 304, 404 in the first minute (retried), limits,
 * 5xx; ends as done(CONCLUSION), or done(unknown) 36 h after acceptance or when the run is gone
 * (404 for an hour). Completed without a conclusion is not the end. Schedule: 5 s, 10 s, 20 s, then
 * 30 s while in_progress, 120 s in any other status; failures 5 s doubling to 10 min, `detail` says
 * why. A run's texts are kept without control characters. Returns true when *memory changed
 * (marked: display_title shows [relay_id] of a run whose id came from a 200; unmarked again
 * when such a run's title does not, though its POST carried the input). */
bool request_polled(struct request *r, const struct exchange_answer *answer,
                    struct target_memory *memory, int64_t now);
/* Call it first with the answer to a read of any kind. True: a redirect to api_url's own scheme,
 * host and port, which the next read, at once, follows (exchange_move(x, r->moved)); two in a row.
 */
bool request_read_moved(struct request *r, const struct exchange_answer *answer,
                        const char *api_url, int64_t now);
/* The page of the list that is wanted next: r->search, for exchange_runs. */
void request_looking(struct request *r, int64_t github_ms, int64_t now);
/* The answer to it, also of a run that may be superseded. marked: what is known of r->place says
 * that its runs show their relay_id. Ends as adopted (of several runs the oldest), or after the
 * grace as r was described above; a run that was found is adopted even when the reading failed
 * later. Failures (5xx, limits, 404, what cannot be read) are no reading: 5 s doubling to 10 min,
 * and 36 h after the POST it is given up. */
void request_listed(struct request *r, const struct exchange_answer *answer, bool marked,
                    int64_t github_ms, int64_t now);
/* At start: a request found `sending` was cut between POST and record: ambiguous. True when it
 * changed. */
bool request_recover(struct request *r, int64_t now);
/* A run that is followed or looked for for 36 h ends as done(unknown), done(untracked) or parked,
 * also one that cannot be asked about any more (its target left the config). True when it ended. */
bool request_lost_track(struct request *r, int64_t now);
/* When request_lost_track will be true. */
int64_t request_track_until(const struct request *r);
/* Its run is to be cancelled, as soon as it is known. */
void request_want_cancel(struct request *r);
bool request_cancel_wanted(const struct request *r);
/* May GitHub be asked to, at *at (relay)? Then send exchange_cancel. */
bool request_cancel_due(const struct request *r, int64_t *at);
/* The answer to it: asked (202), refused (409, 403, 404, …), or wanted still: 5 s doubling to
 * 10 min. words: why, "" when asked. */
void request_cancelled(struct request *r, const struct exchange_answer *answer,
                       char words[static OUTCOME_TEXT], int64_t now);
/* Ends it as dead(reason), or parked when it may have run. Only from queued. */
void request_die(struct request *r, const char *reason);

#endif
