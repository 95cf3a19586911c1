#include "relay/base/http_client.h"

#include "relay/base/http_transfer.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <curl/curl.h>
#include <sodium.h>

#define IDLE_CONNECTIONS_MAX 16

struct running {
    TAILQ_ENTRY(running) link;
    struct transfer *transfer;
    void (*done)(void *context, const struct http_result *result);
    void *context;
    struct transfer **keep; /* instead of done: where the ended transfer goes */
};

TAILQ_HEAD(running_list, running);

struct http_client {
    CURLM *multi;
    struct running_list running;
    size_t in_flight;
    size_t ended; /* since the client was made */
};

/* What libcurl frees may be a request with a token in it, which would stay readable until somebody
 * else gets that memory. */
static void wipe_and_free(void *memory)
{
    if (memory != NULL)
        sodium_memzero(memory, malloc_usable_size(memory));
    free(memory);
}

/* Moves always: realloc() would leave a copy where the memory was. */
static void *wipe_and_realloc(void *memory, size_t size)
{
    void *grown = malloc(size);
    size_t had = memory == NULL ? 0 : malloc_usable_size(memory);
    if (grown == NULL)
        return NULL;
    if (had > 0)
        memcpy(grown, memory, had < size ? had : size);
    wipe_and_free(memory);
    return grown;
}

int http_client_setup(struct error *err)
{
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free,
                                         wipe_and_realloc, strdup, calloc);
    if (code != CURLE_OK)
        return error_set(err, -ENOSYS, "libcurl: %s", curl_easy_strerror(code));
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    if ((info->features & CURL_VERSION_SSL) == 0)
        return error_set(err, -ENOSYS, "libcurl %s cannot do TLS", info->version);
    if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
        return error_set(err, -ENOSYS, "libcurl %s blocks while it resolves names", info->version);
    return 0;
}

int http_client_new(struct http_client **out, struct error *err)
{
    SCOPED(http_client_free_p) struct http_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    TAILQ_INIT(&c->running);
    if ((c->multi = curl_multi_init()) == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    CURLMcode code = curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    if (code != CURLM_OK)
        return error_set(err, -EINVAL, "libcurl: %s", curl_multi_strerror(code));
    *out = GIVE(c);
    return 0;
}

/* Takes it out of the client. The transfer stays, and so does the callback to be called. */
static struct running unlink_running(struct http_client *c, struct running *r)
{
    struct running copy = *r;
    (void)curl_multi_remove_handle(c->multi, transfer_handle(r->transfer));
    TAILQ_REMOVE(&c->running, r, link);
    c->in_flight--;
    c->ended++;
    free(r);
    return copy;
}

void http_client_free(struct http_client *c)
{
    if (c == NULL)
        return;
    while (!TAILQ_EMPTY(&c->running))
        transfer_free(unlink_running(c, TAILQ_FIRST(&c->running)).transfer);
    (void)curl_multi_cleanup(c->multi);
    free(c);
}

void http_client_free_p(struct http_client **c)
{
    http_client_free(*c);
}

/* how: everything but the transfer. */
static int start(struct http_client *c, const struct http_call *call, struct running how,
                 struct error *err)
{
    SCOPED(transfer_free_p) struct transfer *t = NULL;
    int result = transfer_new(&t, call, err);
    if (result < 0)
        return result;
    SCOPED(free_p) struct running *r = calloc(1, sizeof(*r));
    if (r == NULL || curl_easy_setopt(transfer_handle(t), CURLOPT_PRIVATE, r) != CURLE_OK)
        return error_set(err, -ENOMEM, "out of memory");
    CURLMcode code = curl_multi_add_handle(c->multi, transfer_handle(t));
    if (code != CURLM_OK)
        return error_set(err, code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EINVAL, "libcurl: %s",
                         curl_multi_strerror(code));
    *r = how;
    r->transfer = GIVE(t);
    TAILQ_INSERT_TAIL(&c->running, r, link);
    c->in_flight++;
    (void)GIVE(r); /* the list's now */
    return 0;
}

int http_client_start(struct http_client *c, const struct http_call *call,
                      void (*done)(void *context, const struct http_result *result), void *context,
                      struct error *err)
{
    return start(c, call, (struct running){.done = done, .context = context}, err);
}

static void finish(struct http_client *c, struct running *r, CURLcode code)
{
    struct running ended = unlink_running(c, r);
    SCOPED(transfer_free_p) struct transfer *t = ended.transfer;
    transfer_end(t, code);
    if (ended.keep == NULL)
        ended.done(ended.context, transfer_result(t));
    else
        *ended.keep = GIVE(t);
}

/* When libcurl's multi handle itself is broken no call would ever end: end them here, each by what
 * is known of it. Those that a callback starts meanwhile are left for the next round. */
static void finish_all(struct http_client *c)
{
    for (size_t n = c->in_flight; n > 0; n--)
        finish(c, TAILQ_FIRST(&c->running), CURLE_FAILED_INIT);
}

static void work(struct http_client *c)
{
    int n;
    if (curl_multi_perform(c->multi, &n) != CURLM_OK)
        finish_all(c);
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &n)) != NULL;) {
        CURLcode code = m->data.result; /* m dies when the handle is taken out */
        struct running *r = NULL;
        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r) == CURLE_OK && r != NULL)
            finish(c, r, code);
    }
}

void http_client_run(struct http_client *c, int64_t timeout_ms)
{
    size_t ended = c->ended;
    work(c);
    if (c->ended != ended)
        return;
    int wait_ms = timeout_ms < 0 || timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    if (curl_multi_poll(c->multi, NULL, 0, wait_ms, NULL) != CURLM_OK)
        finish_all(c);
    work(c);
}

void http_client_wakeup(struct http_client *c)
{
    (void)curl_multi_wakeup(c->multi); /* fails only when a wakeup is already waiting */
}

size_t http_client_in_flight(const struct http_client *c)
{
    return c->in_flight;
}

int http_call_once(const struct http_call *call, struct http_result *result, struct error *err)
{
    *result = (struct http_result){.body = ""};
    SCOPED(http_client_free_p) struct http_client *c = NULL;
    struct transfer *ended = NULL;
    int r = http_client_new(&c, err);
    if (r == 0)
        r = start(c, call, (struct running){.keep = &ended}, err);
    if (r < 0)
        return r;
    while (ended == NULL)
        http_client_run(c, -1);
    *result = *transfer_result(ended);
    return 0;
}

void http_result_free(struct http_result *result)
{
    transfer_free(result->transfer_);
    *result = (struct http_result){.body = ""};
}
