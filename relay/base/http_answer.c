#include "relay/base/http_server_private.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <stdlib.h>
#include <string.h>

enum { PROBLEM_MAX = 16384 };

/* --- lock held ----------------------------------------------------------------------- */

static void start_waiting(struct http_request *r)
{
    r->suspended = true;
    r->waiting_previous = NULL;
    r->waiting_next = r->server->waiting;
    if (r->waiting_next != NULL)
        r->waiting_next->waiting_previous = r;
    r->server->waiting = r;
    MHD_suspend_connection(r->handle);
}

static void end_waiting(struct http_request *r)
{
    r->suspended = false;
    if (r->waiting_previous != NULL)
        r->waiting_previous->waiting_next = r->waiting_next;
    else
        r->server->waiting = r->waiting_next;
    if (r->waiting_next != NULL)
        r->waiting_next->waiting_previous = r->waiting_previous;
    MHD_resume_connection(r->handle);
}

/* --- the library's thread ------------------------------------------------------------ */

static enum http_settled send_answer(struct http_request *r, struct MHD_Response *response,
                                     int status)
{
    struct http_server *s = r->server;
    r->stage = HTTP_STAGE_SENT;
    if (response == NULL)
        return HTTP_SETTLED_CUT;
    if (atomic_load(&s->draining) || !r->begun || r->too_large)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    /* A client that does not take its answer is no better than one that does not send. */
    deadline_set(s->deadlines, &r->connection->deadline, s->options.body_time_ms);
    enum MHD_Result queued = MHD_queue_response(r->handle, (unsigned)status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES ? HTTP_SETTLED_OK : HTTP_SETTLED_CUT;
}

enum http_settled http_answer_settle(struct http_request *r)
{
    struct http_server *s = r->server;
    enum http_settled settled = HTTP_SETTLED_NOTHING;
    struct MHD_Response *response = NULL;
    pthread_mutex_lock(&s->lock);
    bool answered = r->answered;
    int status = r->status;
    if (r->later && !answered && s->cutting) {
        settled = HTTP_SETTLED_CUT;
    } else if (answered) {
        response = GIVE(r->response);
    } else if (r->later) {
        deadline_clear(s->deadlines, &r->connection->deadline);
        start_waiting(r);
        settled = HTTP_SETTLED_OK;
    }
    pthread_mutex_unlock(&s->lock);
    return answered && settled == HTTP_SETTLED_NOTHING ? send_answer(r, response, status) : settled;
}

void http_answer_forget(struct http_request *r)
{
    pthread_mutex_lock(&r->server->lock);
    struct MHD_Response *response = GIVE(r->response);
    pthread_mutex_unlock(&r->server->lock);
    if (response != NULL)
        MHD_destroy_response(response);
}

void http_answer_cut_all(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->cutting = true;
    while (s->waiting != NULL)
        end_waiting(s->waiting);
    pthread_mutex_unlock(&s->lock);
}

/* --- any thread ---------------------------------------------------------------------- */

void http_request_later(struct http_request *r)
{
    pthread_mutex_lock(&r->server->lock);
    r->later = true;
    pthread_mutex_unlock(&r->server->lock);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        log_error("http_server", "header_left_out", LOG_STR("name", name));
}

/* NULL when out of memory. */
static struct MHD_Response *make_response(const char *content_type, const void *body, size_t len,
                                          const struct http_header *headers, size_t n_headers)
{
    SCOPED(free_p) void *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, body, len);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, copy, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        return NULL;
    copy = NULL; /* the response owns it */
    if (content_type != NULL)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < n_headers; i++)
        add_header(response, headers[i].name, headers[i].value);
    return response;
}

void http_request_answer(struct http_request *r, int status, const char *content_type,
                         const void *body, size_t len, const struct http_header *headers,
                         size_t n_headers)
{
    struct http_server *s = r->server;
    struct MHD_Response *response = make_response(content_type, body, len, headers, n_headers);
    if (response == NULL)
        log_error("http_server", "no_memory_for_answer", LOG_STR("listener", s->name));
    pthread_mutex_lock(&s->lock);
    bool twice = r->answered;
    if (!twice) {
        r->answered = true;
        r->status = status;
        r->response = GIVE(response);
        if (r->suspended)
            end_waiting(r);
    }
    pthread_mutex_unlock(&s->lock);
    /* From here on r may be gone. */
    if (!twice)
        return;
    log_error("http_server", "answered_twice", LOG_INT("http_status", status));
    if (response != NULL)
        MHD_destroy_response(response);
}

void http_request_problem(struct http_request *r, int status, const char *detail,
                          const struct http_header *headers, size_t n_headers)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(PROBLEM_MAX);
    buf_add_text(&body, "{\"type\":\"about:blank\",\"title\":");
    buf_add_json_string(&body, MHD_get_reason_phrase_for((unsigned)status));
    buf_addf(&body, ",\"status\":%d", status);
    if (detail != NULL) {
        buf_add_text(&body, ",\"detail\":");
        buf_add_json_string(&body, detail);
    }
    buf_add_text(&body, "}");
    /* Without memory, or for an endless detail, the status has to be enough. */
    size_t len = buf_failed(&body) ? 0 : body.len;
    http_request_answer(r, status, "application/problem+json", buf_text(&body), len, headers,
                        n_headers);
}
