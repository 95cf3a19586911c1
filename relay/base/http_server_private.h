/* http_server_private.h - what the files of the HTTP server share; nobody else includes it.
 *
 * http_server.c   options, daemon, drain and stop
 * http_request.c  one request's way through the library's callbacks, and what it can be asked
 * http_answer.c   the answer, now or from another thread
 *
 * A request belongs to the library thread of its connection, from the request line to
 * NOTIFY_COMPLETED, which frees it. Another thread may touch only what is marked "lock", and only
 * between http_request_later() and http_request_answer(): during that time the connection is
 * suspended, and a suspended connection is not closed by the library, whatever the client does. The
 * answering thread stores the answer and resumes under the server's lock; the library thread takes
 * the same lock before it goes on, so the request cannot vanish under the answering thread. */
#ifndef RELAY_BASE_HTTP_SERVER_PRIVATE_H
#define RELAY_BASE_HTTP_SERVER_PRIVATE_H

#include "relay/base/buf.h"
#include "relay/base/http_deadline.h"
#include "relay/base/http_listen.h"
#include "relay/base/http_sanity.h"
#include "relay/base/http_server.h"
#include "relay/base/log.h"
#include "relay/base/tls.h"

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

struct http_server {
    struct http_server_options options; /* name and unix_path are copies, host is not kept */
    char *name, *unix_path;
    struct listener listener;
    struct MHD_Daemon *daemon;
    struct deadline_watch *deadlines;
    struct log_brake brake; /* for what the library has to say */
    int idle_fd;            /* eventfd: the last request in flight is done */
    atomic_uint in_flight;
    atomic_bool draining;
    pthread_mutex_t lock;         /* everything below, and the requests' fields that say so */
    struct http_request *waiting; /* suspended, their answers not given yet */
    struct tls *tls;              /* of the next connection; NULL = plain HTTP */
    bool cutting;                 /* stop: nothing may be suspended any more */
};

struct http_connection {
    struct http_server *server;
    struct deadline deadline;
    struct tls *tls; /* with which it was made */
    char peer[48];   /* numeric address or "unix" */
    bool has_uid;
    uid_t uid;
    bool reused; /* a request was completed on it */
};

/* What the library thread does next with a request. */
enum http_stage {
    HTTP_STAGE_HEADER,   /* no handler was called */
    HTTP_STAGE_BODY,     /* begin() returned without an answer */
    HTTP_STAGE_COMPLETE, /* no more bytes are wanted: send the answer as soon as there is one */
    HTTP_STAGE_SENT,     /* the library has the answer */
};

struct http_request {
    struct http_server *server;
    struct http_connection *connection;
    struct MHD_Connection *handle;
    void *context;
    const char *method, *path;
    struct http_sanity sanity;
    enum http_stage stage;
    bool begun;     /* done() is owed */
    bool too_large; /* the rest of the body is swallowed, then 413 */
    uint64_t received;
    struct buf body;

    /* lock */
    bool later, suspended, answered;
    int status;
    struct MHD_Response *response; /* NULL when it could not be made: the connection is cut */
    struct http_request *waiting_previous, *waiting_next;
};

/* http_request.c: the library's callbacks; their self is the server. */
void *http_request_on_target(void *self, const char *target, struct MHD_Connection *handle);
enum MHD_Result http_request_on_access(void *self, struct MHD_Connection *handle, const char *path,
                                       const char *method, const char *version, const char *data,
                                       size_t *len, void **request);
void http_request_on_completed(void *self, struct MHD_Connection *handle, void **request,
                               enum MHD_RequestTerminationCode why);

/* http_answer.c, on the library's thread. Sends the answer if there is one, suspends if one was
 * promised. */
enum http_settled { HTTP_SETTLED_NOTHING, HTTP_SETTLED_OK, HTTP_SETTLED_CUT };
enum http_settled http_answer_settle(struct http_request *r);
/* Frees an answer that was never sent, after the answering thread has let go of r. */
void http_answer_forget(struct http_request *r);
/* Resumes all that wait, so that the library thread ends them; nothing is suspended after it. */
void http_answer_cut_all(struct http_server *s);

#endif
