#include "relay/base/http_server_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* How many times body_max is read and thrown away for a client that is to hear "too large". */
enum { SWALLOWED_BODIES = 8 };

/* --- the library's callbacks, in the order in which they come ------------------------ */

/* Called with the request line, before the target is split and decoded in place. */
void *http_request_on_target(void *self, const char *target, struct MHD_Connection *handle)
{
    struct http_server *s = self;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_connection *connection = info == NULL ? NULL : info->socket_context;
    struct http_request *r = connection == NULL ? NULL : calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->server = s;
    r->connection = connection;
    r->handle = handle;
    r->body = BUF_INIT(s->options.body_max + 1);
    r->sanity.target = target;
    if (target != NULL) {
        r->sanity.target_len = strlen(target);
        r->sanity.target_fault = http_sanity_target(target);
    }
    /* The first request's time runs since the connection was made. On a connection that is used
     * again the same time was for the silence between, so it starts anew here. */
    if (connection->reused)
        deadline_set(s->deadlines, &connection->deadline, s->options.header_time_ms);
    return r;
}

static void refuse(struct http_request *r, int status, const char *reason, const char *detail)
{
    static const struct http_header retry[] = {{MHD_HTTP_HEADER_RETRY_AFTER, "10"}};
    const struct http_handler *handler = &r->server->options.handler;
    http_request_problem(r, status, detail, retry, status == MHD_HTTP_SERVICE_UNAVAILABLE ? 1 : 0);
    if (handler->refused != NULL)
        handler->refused(handler->self, r->path, status, reason);
}

static bool wants_body(const struct http_request *r)
{
    return r->sanity.chunked || r->sanity.content_length > 0;
}

static void on_header(struct http_request *r, const char *version)
{
    struct http_server *s = r->server;
    r->sanity.method = r->method;
    r->sanity.version = version;
    const char *fault = http_sanity_check(&r->sanity, r->handle);
    if (fault != NULL) {
        refuse(r, MHD_HTTP_BAD_REQUEST, "malformed", fault);
    } else if (r->sanity.header_bytes > s->options.header_max) {
        refuse(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "header_too_large", NULL);
    } else if (r->sanity.content_length > s->options.body_max) {
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "too_large", NULL);
    } else if (atomic_load(&s->draining)) {
        refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, "draining", "shutting down");
    } else {
        if (wants_body(r))
            deadline_set(s->deadlines, &r->connection->deadline, s->options.body_time_ms);
        r->begun = true;
        atomic_fetch_add(&s->in_flight, 1);
        s->options.handler.begin(s->options.handler.self, r);
    }
}

static enum MHD_Result on_body(struct http_request *r, const char *data, size_t *len)
{
    size_t max = r->server->options.body_max;
    size_t n = *len;
    *len = 0; /* all of it was taken */
    r->received += n;
    if (r->received > max && !r->too_large) {
        r->too_large = true;
        buf_free(&r->body);
    }
    /* The library takes an answer only before the body or after it. So what is too much is read and
     * dropped, up to a bound; body_time_ms is the other one. */
    if (r->too_large)
        return r->received / SWALLOWED_BODIES > max ? MHD_NO : MHD_YES;
    buf_add(&r->body, data, n);
    return MHD_YES;
}

static void on_end(struct http_request *r)
{
    const struct http_handler *handler = &r->server->options.handler;
    r->stage = HTTP_STAGE_COMPLETE;
    if (r->too_large)
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "too_large", NULL);
    else if (buf_failed(&r->body))
        refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, "no_memory", NULL);
    else
        handler->complete(handler->self, r);
}

/* Sends or suspends. begin() may leave it at nothing; then the body comes. */
static enum MHD_Result settle(struct http_request *r)
{
    enum http_settled settled = http_answer_settle(r);
    if (settled == HTTP_SETTLED_NOTHING && r->stage == HTTP_STAGE_COMPLETE) {
        log_error("http_server", "handler_without_answer", LOG_STR("path", r->path));
        http_request_problem(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL, 0);
        settled = http_answer_settle(r);
    }
    if (settled == HTTP_SETTLED_NOTHING)
        r->stage = HTTP_STAGE_BODY;
    else if (settled == HTTP_SETTLED_OK && r->stage != HTTP_STAGE_SENT)
        r->stage = HTTP_STAGE_COMPLETE; /* suspended, perhaps by begin() */
    return settled == HTTP_SETTLED_CUT ? MHD_NO : MHD_YES;
}

/* First with the header, then with each piece of the body, then without data at its end; once more
 * after a suspended connection was resumed. */
enum MHD_Result http_request_on_access(void *self, struct MHD_Connection *handle, const char *path,
                                       const char *method, const char *version, const char *data,
                                       size_t *len, void **request)
{
    struct http_request *r = *request;
    (void)self;
    (void)handle;
    if (r == NULL)
        return MHD_NO; /* there was no memory for it */
    switch (r->stage) {
    case HTTP_STAGE_HEADER:
        r->path = path;
        r->method = method;
        on_header(r, version);
        return settle(r);
    case HTTP_STAGE_BODY:
        if (*len > 0)
            return on_body(r, data, len);
        on_end(r);
        return settle(r);
    case HTTP_STAGE_COMPLETE:
        return settle(r);
    case HTTP_STAGE_SENT:
        break;
    }
    *len = 0;
    return MHD_YES;
}

/* Also for requests that were cut, and for those whose header the library itself refused. */
void http_request_on_completed(void *self, struct MHD_Connection *handle, void **request,
                               enum MHD_RequestTerminationCode why)
{
    struct http_server *s = self;
    struct http_request *r = *request;
    (void)handle;
    (void)why;
    if (r == NULL)
        return;
    *request = NULL;
    http_answer_forget(r);
    if (r->begun && s->options.handler.done != NULL)
        s->options.handler.done(s->options.handler.self, r);
    r->connection->reused = true;
    deadline_set(s->deadlines, &r->connection->deadline, s->options.header_time_ms);
    bool begun = r->begun;
    buf_free(&r->body);
    free(r);
    if (begun && atomic_fetch_sub(&s->in_flight, 1) == 1 && atomic_load(&s->draining)) {
        ssize_t ignored = write(s->idle_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)ignored; /* fails only when stop() has been woken often enough */
    }
}

/* --- what a request can be asked ----------------------------------------------------- */

const char *http_request_method(const struct http_request *r)
{
    return r->method;
}

const char *http_request_path(const struct http_request *r)
{
    return r->path;
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->handle, MHD_HEADER_KIND, name);
}

struct header_values {
    const char *name, **values;
    size_t n, max;
};

static enum MHD_Result collect(void *self, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    struct header_values *v = self;
    (void)kind;
    if (strcasecmp(name, v->name) != 0)
        return MHD_YES;
    if (v->n < v->max)
        v->values[v->n] = value == NULL ? "" : value;
    v->n++;
    return MHD_YES;
}

size_t http_request_headers(const struct http_request *r, const char *name, const char **values,
                            size_t max)
{
    struct header_values v = {.name = name, .values = values, .max = max};
    MHD_get_connection_values(r->handle, MHD_HEADER_KIND, collect, &v);
    return v.n;
}

const char *http_request_argument(const struct http_request *r, const char *name)
{
    const char *value = NULL;
    if (MHD_lookup_connection_value_n(r->handle, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
                                      NULL) != MHD_YES)
        return NULL;
    return value == NULL ? "" : value;
}

const char *http_request_peer(const struct http_request *r)
{
    return r->connection->peer;
}

bool http_request_peer_uid(const struct http_request *r, uid_t *uid)
{
    if (r->connection->has_uid)
        *uid = r->connection->uid;
    return r->connection->has_uid;
}

int http_request_check_client(const struct http_request *r, const char *const *names,
                              size_t n_names)
{
    const union MHD_ConnectionInfo *info =
        r->connection->tls == NULL
            ? NULL
            : MHD_get_connection_info(r->handle, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info == NULL ? TLS_CLIENT_NONE : tls_check_client(info->tls_session, names, n_names);
}

const char *http_request_body(const struct http_request *r, size_t *len)
{
    *len = r->body.len;
    return buf_text(&r->body);
}

bool http_request_lacks_length(const struct http_request *r)
{
    return !r->sanity.chunked && !r->sanity.has_length;
}

void http_request_set_context(struct http_request *r, void *context)
{
    r->context = context;
}

void *http_request_context(const struct http_request *r)
{
    return r->context;
}
