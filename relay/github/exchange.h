/* exchange.h - one HTTP request to GitHub and its answer, as values.
 *
 * Built here, carried out by the dispatcher, read by outcome.h and request.h. An exchange holds no
 * token: it names the credential, and the dispatcher adds the Authorization header.
 * Pure; any thread. Carry it out without following redirects and without "Expect: 100-continue".
 * API version 2022-11-28 (github.com's REST documentation): mode A, with return_run_details. */
#ifndef RELAY_GITHUB_EXCHANGE_H
#define RELAY_GITHUB_EXCHANGE_H

#include "relay/base/error.h"
#include "relay/base/rng.h"
#include "relay/github/target.h"

#include <stddef.h>
#include <stdint.h>

#define GITHUB_API_VERSION        "2022-11-28"
#define GITHUB_CONNECT_TIMEOUT_MS 10000
#define GITHUB_TIMEOUT_MS         30000 /* GitHub itself gives up after 10 s */
#define GITHUB_RESPONSE_MAX       (1024 * 1024)
#define GITHUB_RUNS_MAX           (8 * 1024 * 1024) /* a run is some 20 kB, plus its commit message */
#define GITHUB_RUNS_PER_PAGE      50
#define GITHUB_RUNS_LISTED        1000 /* a filtered list ends there, whatever total_count says */

enum exchange_kind {
    EXCHANGE_DISPATCH, /* POST …/actions/workflows/W/dispatches: not idempotent */
    EXCHANGE_RUN,      /* GET …/actions/runs/ID */
    EXCHANGE_RUNS,     /* GET …/actions/workflows/W/runs?…: one page of a list */
    EXCHANGE_TOKEN,    /* POST /app/installations/ID/access_tokens (app.h): for another exchange */
    EXCHANGE_READ,     /* any other GET (preflight.h) */
    EXCHANGE_CANCEL,   /* POST …/actions/runs/ID/cancel */
};

struct exchange {
    enum exchange_kind kind;
    char relay_id[ULID_SIZE]; /* the request it serves */
    const char *method;       /* static */
    char *url;
    char **headers; /* "Name: value", ended by NULL, without Authorization */
    char *body;     /* NULL for a GET */
    size_t body_len;
    size_t response_max;        /* bytes */
    char *credential;           /* name */
    char *api_url, *repository; /* the target's: where and for what a token may have to be asked */
    bool correlated;            /* a dispatch: it carries the input relay_id */
    char *place;                /* a dispatch: exchange_place of where it goes; else NULL */
};

/* Does a POST for this target carry the input relay_id? */
bool exchange_sends_relay_id(const struct target *target, const struct target_memory *memory);
/* Which workflow file this is about, "URL of the workflow@ref": what was learnt of one says nothing
 * of another. redirect: as below. NULL when out of memory; caller frees. */
char *exchange_place(const struct target *target, const char *redirect);
/* inputs: a JSON object of strings without relay_id. redirect: NULL, or the URL of a same-host 307
 * to POST to instead; one that is not of the target's present scheme, host and port is not followed
 * (the config may have changed since it was stored). -EINVAL with err: inputs that are none, more
 * than INPUTS_MAX or INPUTS_JSON_MAX with the relay_id, a URL too long. */
__attribute__((warn_unused_result)) int exchange_dispatch(struct exchange **out,
                                                          const struct target *target,
                                                          const struct target_memory *memory,
                                                          const char *relay_id, const char *inputs,
                                                          const char *redirect, struct error *err);
/* etag: NULL or the one of the last answer. */
__attribute__((warn_unused_result)) int exchange_run(struct exchange **out,
                                                     const struct target *target,
                                                     const char *relay_id, int64_t run_id,
                                                     const char *etag, struct error *err);
__attribute__((warn_unused_result)) int exchange_cancel(struct exchange **out,
                                                        const struct target *target,
                                                        const char *relay_id, int64_t run_id,
                                                        struct error *err);
struct exchange_list {
    int64_t since;     /* unix ms */
    const char *until; /* RFC 3339; "": no end */
    int page;          /* from 1 */
    bool any_event;    /* else only dispatched runs */
};
/* A page of the runs of the workflow at `place` that were created in that time. -EINVAL with err:
 * the place is not of the target's present scheme, host and port. */
__attribute__((warn_unused_result)) int
exchange_runs(struct exchange **out, const struct target *target, const char *relay_id,
              const char *place, const struct exchange_list *list, struct error *err);
/* Sends a GET to `where` instead, with its own query. Untouched when that is not of the scheme,
 * host and port of its target's api_url. */
__attribute__((warn_unused_result)) int exchange_move(struct exchange *x, const char *where,
                                                      struct error *err);
void exchange_free(struct exchange *x); /* NULL is fine */
void exchange_free_p(struct exchange **x);

enum exchange_transport {
    EXCHANGE_ANSWERED,
    EXCHANGE_NOT_SENT, /* nothing can have happened: no token, DNS, connect, TLS */
    EXCHANGE_UNKNOWN,  /* it may have been received: cut, timed out, too large, garbage */
    EXCHANGE_NO_TOKEN, /* nothing left, since GitHub refused the token for it: status, body and
                          headers are those of that answer, error says it in words */
};

struct exchange_header {
    char *name, *value;
};

struct exchange_answer {
    enum exchange_transport transport;
    int status;
    char *body; /* NUL-terminated, "" when none */
    size_t body_len;
    struct exchange_header *headers; /* those of exchange_wanted_headers that came */
    size_t n_headers;
    char error[256]; /* transport words, no secret */
    int64_t duration_ms;
    int64_t token_expiry_s; /* of the installation token it was sent with, unix seconds; else 0 */
};

/* Names (lower case, ended by NULL) that the dispatcher copies out of an answer. */
extern const char *const exchange_wanted_headers[];
/* Value of a header, its name compared without case; NULL when it did not come. */
const char *exchange_answer_header(const struct exchange_answer *a, const char *name);
/* A copy of its own, to be cleared too; aborts without memory, since no answer may get lost. */
void exchange_answer_copy(struct exchange_answer *out, const struct exchange_answer *a);
void exchange_answer_clear(struct exchange_answer *a); /* frees what it holds */

#endif
