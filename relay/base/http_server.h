/* http_server.h - HTTP/1.1 in, on libmicrohttpd, made strict.
 *
 * What the library lets pass is refused here before a handler runs (400 and the connection closed):
 * two Content-Length, Content-Length beside Transfer-Encoding, a Transfer-Encoding other than
 * chunked, header names that are no tokens (a space before the colon), folded header lines, control
 * bytes in the header, a request target with control bytes (%00 too), blanks, broken
 * percent-encoding or more than 100 arguments, HTTP/1.1 without exactly one Host. A bare LF is read
 * as a line end. A client that half-closes its connection after the request may get no answer, and
 * one whose body is refused early may miss it in the reset. What the library itself refuses (no
 * HTTP request at all, a length that is no number, a header that outgrows its memory) gets its own
 * 4xx in HTML and is not reported.
 *
 * Time limits are our own (the library's timeout only counts silence): header_time_ms for a new
 * connection until the first header is complete, for the silence between two requests, and for each
 * later header from its request line on; then body_time_ms for the whole body, and body_time_ms
 * again for the client to take the answer. Past one of them the connection is shut down. No limit
 * runs while an answer is awaited.
 *
 * At the limit of `connections` (split evenly over the threads) clients wait in the backlog; past
 * per_address a connection is closed at once.
 *
 * Threads: the library's own (`threads` of them) and one for the deadlines, all signals blocked.
 * Handlers run on the library's threads and must not block: no network, no disk. An answer that
 * takes longer is given later: http_request_later() in the handler, then http_request_answer()
 * once, from any thread, even before the handler returned. A request that waits for its answer
 * stays valid when its client goes away, so the answering thread need not know. Every request that
 * was begun is finished exactly once by http_handler.done, also when the client went away. */
#ifndef RELAY_BASE_HTTP_SERVER_H
#define RELAY_BASE_HTTP_SERVER_H

#include "relay/base/buf.h"
#include "relay/base/clock.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_server;
struct http_request;
struct tls;

struct http_handler {
    void *self;
    /* The header is complete and sane; no byte of the body was read. May answer, now or later (then
     * the body is not read and the connection closes: a client that is still sending may miss the
     * answer); may set the context; else the body is read, at most body_max bytes. By
     * Content-Length 413 comes before begin; by count after at most 8 x body_max, which are read
     * and dropped. */
    void (*begin)(void *self, struct http_request *r);
    /* The body is complete. Answers, or calls http_request_later() first and lets another thread
     * answer. Not called after begin answered. */
    void (*complete)(void *self, struct http_request *r);
    /* The request is over and r becomes invalid: free the context here. May be NULL. */
    void (*done)(void *self, struct http_request *r);
    /* What the server answered by itself, for counting: 400 malformed, 413 too_large,
     * 431 header_too_large, 503 no_memory, 503 draining (status and reason). May be NULL. path is
     * decoded and comes from the client. When begin was called before (413 by count, no_memory),
     * done follows. */
    void (*refused)(void *self, const char *path, int status, const char *reason);
};

struct http_server_options {
    const char *name;      /* in log lines: listener=NAME; texts are copied */
    const char *host;      /* numeric address; or NULL with unix_path */
    uint16_t port;         /* 0 takes a free one */
    const char *unix_path; /* a socket file instead: replaced if nobody answers on it, mode 0660,
                            * removed at stop */
    struct tls *tls;       /* HTTPS with this identity (a reference is taken); NULL = plain HTTP */
    unsigned threads;      /* >= 1 */
    size_t body_max;       /* bytes, >= 1 */
    size_t header_max; /* bytes of request line and header before 431, 1 KiB to 1 MiB; a connection
                        * takes twice that and 16 KiB. Very many tiny lines end earlier, as each
                        * costs the library 72 bytes. */
    int64_t header_time_ms, body_time_ms;
    unsigned connections, per_address; /* connections >= threads; 0 = no per-address limit */
    struct http_handler handler;
    const struct clock *clock; /* mono only, advancing in real time; borrowed until stop */
};

/* Listens and serves at once; logs event=listening listener=NAME address=A:P (or
 * address=unix:PATH). */
__attribute__((warn_unused_result)) int http_server_start(struct http_server **out,
                                                          const struct http_server_options *options,
                                                          struct error *err);
/* The port in use (with port 0: the one taken); 0 for a unix socket. */
uint16_t http_server_port(const struct http_server *s);
/* Connections made from now on get this identity; those that stand keep theirs. No effect on a
 * server that was started without one. Any thread. */
void http_server_set_tls(struct http_server *s, struct tls *tls);
/* Requests that come from now on are answered 503 with Retry-After and never begun; every answer
 * carries Connection: close; clients that left in the middle of a request are noticed. The address
 * is closed by http_server_stop(). Returns at once. Call both from one thread. */
void http_server_drain(struct http_server *s);
/* Requests begun and not yet done. */
unsigned http_server_in_flight(const struct http_server *s);
/* Waits until nothing is in flight, at most wait_ms, then stops the threads and frees s. Requests
 * still waiting for http_request_answer() are cut; a later answer to them must not come. NULL is
 * fine. */
void http_server_stop(struct http_server *s, int64_t wait_ms);

/* --- the request: valid from begin until done returns -------------------------------- */
const char *http_request_method(const struct http_request *r);
/* Decoded, without the query. */
const char *http_request_path(const struct http_request *r);
/* First header of that name (case does not matter), or NULL. */
const char *http_request_header(const struct http_request *r, const char *name);
/* Values of all headers of that name, in the order received: how many there are, of which the first
 * `max` are in `values`. */
size_t http_request_headers(const struct http_request *r, const char *name, const char **values,
                            size_t max);
/* Value of a query argument, "" for one without value, NULL when absent. */
const char *http_request_argument(const struct http_request *r, const char *name);
/* The numeric address of the peer ("unix" on a socket file). */
const char *http_request_peer(const struct http_request *r);
/* The user at the other end of a socket file, when it connected; false on TCP. */
bool http_request_peer_uid(const struct http_request *r, uid_t *uid);
/* What tls_check_client() says of the peer; TLS_CLIENT_NONE without TLS. In begin() and complete()
 * only. */
__attribute__((warn_unused_result)) int
http_request_check_client(const struct http_request *r, const char *const *names, size_t n_names);
/* From complete() on: the whole body; "" with len 0 when there is none. */
const char *http_request_body(const struct http_request *r, size_t *len);
/* True when the request has neither Content-Length nor chunked coding. */
bool http_request_lacks_length(const struct http_request *r);
void http_request_set_context(struct http_request *r, void *context);
void *http_request_context(const struct http_request *r);

/* --- the answer ---------------------------------------------------------------------- */
struct http_header {
    const char *name, *value;
};
/* Call in begin or complete, before r is handed to another thread. */
void http_request_later(struct http_request *r);
/* Exactly once a request. body is copied; headers (n may be 0) too; content_type may be NULL.
 * Content-Length, Date and Connection are added. Any thread after http_request_later(), else only
 * inside the handler. After this call in another thread r may already be gone. A handler that
 * neither answers nor promises to in complete() is a bug: logged, 500. */
void http_request_answer(struct http_request *r, int status, const char *content_type,
                         const void *body, size_t len, const struct http_header *headers,
                         size_t n_headers);
/* application/problem+json (RFC 9457):
 * {"type":"about:blank","title":TITLE,"status":N,"detail":DETAIL}; title is the status's standard
 * phrase; detail NULL leaves it out. */
void http_request_problem(struct http_request *r, int status, const char *detail,
                          const struct http_header *headers, size_t n_headers);

#endif
