/* http_client.h - HTTP out, on libcurl: many calls at once on one thread, nothing implicit.
 *
 * HTTP/1.1 only. Both timeouts are always set, bodies and headers are capped, redirects are never
 * followed, no proxy is taken from the environment, .netrc is ignored, peers are verified (TLS 1.2
 * or newer), https only (http where the call says so), Expect: 100-continue is off, no header but
 * Host, Accept and Content-Length is added, a stuck resolver does not hold up others, and a call
 * that is `fresh` uses a connection of its own, because libcurl may silently send a request again
 * on a re-used connection that died. POST and PATCH are always fresh, whatever the call says.
 *
 * One thread owns a client and runs it; only http_client_wakeup() may come from others.
 * http_client_setup() (curl_global_init) comes first in main, before any thread. The process must
 * ignore SIGPIPE (service_prepare() does): libcurl is told to leave signals alone. */
#ifndef RELAY_BASE_HTTP_CLIENT_H
#define RELAY_BASE_HTTP_CLIENT_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

/* An answer's header may have at most this many bytes and lines, interim (1xx) answers included;
 * past either: HTTP_UNKNOWN. GitHub sends some 30 lines, 3 KB. */
#define HTTP_HEADER_BYTES_MAX 65536
#define HTTP_HEADER_LINES_MAX 256

struct http_call {
    const char *method; /* GET POST PUT DELETE PATCH; a GET has no body */
    const char *url;    /* absolute, with scheme, without user or password */
    /* "Name: value", ended by NULL, or NULL; User-Agent and Authorization included. Never sent to
     * a proxy that tunnels. */
    const char *const *headers;
    const char *body; /* NULL = none */
    size_t body_len;
    int64_t connect_timeout_ms; /* > 0: resolve, connect, TLS */
    int64_t timeout_ms;         /* > 0: the whole call */
    size_t response_max;        /* longer bodies: HTTP_UNKNOWN, truncated = true */
    bool fresh;
    bool allow_http;         /* plain http permitted (loopback only: the caller has checked) */
    const char *proxy;       /* NULL or "" = none */
    const char *ca_file;     /* the only authorities trusted; NULL = the system's */
    const char *unix_socket; /* connect there instead; NULL = TCP */
};

/* NOT_SENT is a proof, not a guess: libcurl calls CURLOPT_PREREQFUNCTION once a connection stands
 * (TLS and proxy tunnel included) and before it writes any byte of the request on it; a call that
 * ended before that cannot have been acted on. Everything after that point that is no complete
 * answer is UNKNOWN, a failed send included. What no client can tell: a body that has neither a
 * length nor chunks ends with the connection, so one that was cut looks whole (ANSWER). */
enum http_outcome {
    HTTP_ANSWER,   /* a complete answer: status, headers, body */
    HTTP_NOT_SENT, /* resolve, connect or TLS failed or timed out: no byte of the request left */
    HTTP_UNKNOWN,  /* anything else: the server may have acted */
};

struct http_result {
    enum http_outcome outcome;
    int status; /* 0 without an answer; also set when the whole header came but the body did not */
    const char *body; /* NUL-terminated after body_len; "" when none */
    size_t body_len;
    bool truncated;      /* the body was longer than response_max; its beginning is in body */
    char error[256];     /* words when outcome is not HTTP_ANSWER, else ""; no secrets, one line */
    int64_t duration_ms; /* from start to end, waiting for a name included */
    void *transfer_;     /* http_result_header(), http_result_free() */
};

/* First header of that name in the final answer, case-insensitive, or NULL; borrowed. Trailers
 * and the headers of interim answers are not among them. */
const char *http_result_header(const struct http_result *result, const char *name);

/* Fails with -ENOSYS when libcurl lacks TLS or resolves names in the calling thread. */
__attribute__((warn_unused_result)) int http_client_setup(struct error *err);
__attribute__((warn_unused_result)) int http_client_new(struct http_client **out,
                                                        struct error *err);
/* Cuts what runs, without callbacks. NULL is fine; not from within done(). */
void http_client_free(struct http_client *c);
void http_client_free_p(struct http_client **c);
/* Copies everything it needs. done(context, result) is called once, from http_client_run(), with a
 * result that lives during the call; it may start further calls. -EINVAL for a URL, method, header
 * or timeout that is not allowed: then done is never called. */
__attribute__((warn_unused_result)) int
http_client_start(struct http_client *c, const struct http_call *call,
                  void (*done)(void *context, const struct http_result *result), void *context,
                  struct error *err);
/* Works on the calls; returns when something ended or moved, at a wakeup, or after timeout_ms
 * (< 0: no limit). Call it in a loop. */
void http_client_run(struct http_client *c, int64_t timeout_ms);
/* From any thread: makes the http_client_run() that waits, or else the next one, return at once. */
void http_client_wakeup(struct http_client *c);
/* Calls that have not ended; one whose done() runs has ended. */
size_t http_client_in_flight(const struct http_client *c);

/* One call, waited for: for the command line. Same rules. result's strings live until
 * http_result_free(). Negative only when the call could not be tried (bad URL, memory): result is
 * then empty and need not be freed. */
__attribute__((warn_unused_result)) int
http_call_once(const struct http_call *call, struct http_result *result, struct error *err);
/* Only for a result of http_call_once(); leaves it empty. */
void http_result_free(struct http_result *result);

#endif
