#include "relay/edge/dispatcher.h"

#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/core/core.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_HEADER_MAX (66 * 1024)

/* An exchange that waits for the thread, or is under way. */
struct flight {
    struct flight *next, **link; /* link: what points here, while it is under way */
    struct dispatcher *dispatcher;
    struct exchange *exchange;
};

struct dispatcher {
    struct http_client *client; /* the thread's, but for wakeups */
    pthread_t thread;
    struct flight *under_way; /* the thread's: handed to the client */
    struct core *core;        /* set before the first exchange */
    pthread_mutex_t lock;     /* everything below */
    pthread_cond_t attached;
    struct flight *first, **end;
    struct conf *conf;
    bool stopping;
};

static void flight_free(struct flight *f)
{
    if (f->link != NULL) {
        *f->link = f->next;
        if (f->next != NULL)
            f->next->link = f->link;
    }
    exchange_free(f->exchange);
    free(f);
}

static char *copy(const char *text)
{
    char *out = strdup(text);
    if (out == NULL)
        abort(); /* an answer must not get lost; the store keeps all, a restart recovers */
    return out;
}

/* Hands the answer over; f is done. */
static void answer(struct flight *f, struct exchange_answer *a)
{
    if (a->body == NULL)
        a->body = copy("");
    core_answer(f->dispatcher->core, f->exchange->kind, f->exchange->relay_id, a);
    flight_free(f);
}

static void answer_not_sent(struct flight *f, const char *why)
{
    struct exchange_answer a = {.transport = EXCHANGE_NOT_SENT};
    (void)snprintf(a.error, sizeof(a.error), "%.*s", (int)sizeof(a.error) - 1, why);
    answer(f, &a);
}

static size_t count_wanted(void)
{
    size_t n = 0;
    while (exchange_wanted_headers[n] != NULL)
        n++;
    return n;
}

static void take_headers(struct exchange_answer *a, const struct http_result *result)
{
    a->headers = calloc(count_wanted() + 1, sizeof(*a->headers));
    if (a->headers == NULL)
        abort();
    for (const char *const *name = exchange_wanted_headers; *name != NULL; name++) {
        const char *value = http_result_header(result, *name);
        if (value != NULL)
            a->headers[a->n_headers++] = (struct exchange_header){copy(*name), copy(value)};
    }
}

static void done(void *context, const struct http_result *result)
{
    static const enum exchange_transport transports[] = {[HTTP_ANSWER] = EXCHANGE_ANSWERED,
                                                         [HTTP_NOT_SENT] = EXCHANGE_NOT_SENT,
                                                         [HTTP_UNKNOWN] = EXCHANGE_UNKNOWN};
    struct flight *f = context;
    struct exchange_answer a = {.transport = transports[result->outcome],
                                .status = result->status,
                                .duration_ms = result->duration_ms};
    (void)snprintf(a.error, sizeof(a.error), "%s", result->error);
    a.body = malloc(result->body_len + 1);
    if (a.body == NULL)
        abort();
    memcpy(a.body, result->body, result->body_len);
    a.body[result->body_len] = '\0';
    a.body_len = result->body_len;
    take_headers(&a, result);
    answer(f, &a);
}

/* "Authorization: Bearer TOKEN" into out; what it holds is wiped by the caller. */
static int authorization(const struct conf *conf, const char *name, struct buf *out,
                         struct error *err)
{
    const struct conf_credential *credential = conf_credential_by_name(conf, name);
    if (credential == NULL)
        return error_set(err, -ENOENT, "credential %s is no longer in the config", name);
    SCOPED(secret_free_p) struct secret *from_file = NULL;
    const struct secret *token = credential->token;
    if (credential->token_file != NULL) {
        int r = secret_read_file(&from_file, credential->token_file, 1, err);
        if (r != 0)
            return r;
        token = from_file;
    }
    const char *bytes = (const char *)secret_bytes(token);
    for (size_t i = 0; i < secret_len(token); i++) {
        if ((unsigned char)bytes[i] <= ' ' || (unsigned char)bytes[i] >= 0x7F)
            return error_set(err, -EINVAL,
                             "the token of %s holds a blank or a control character: put the token "
                             "alone into its file",
                             name);
    }
    buf_add_text(out, "Authorization: Bearer ");
    buf_add(out, bytes, secret_len(token));
    return buf_failed(out) ? error_set(err, -ENOMEM, "out of memory") : 0;
}

static void wipe(struct buf *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    buf_free(b);
}

static void launch(struct dispatcher *d, const struct conf *conf, struct flight *f)
{
    const struct exchange *x = f->exchange;
    size_t n = 0;
    while (x->headers[n] != NULL)
        n++;
    SCOPED(wipe) struct buf token = BUF_INIT(TOKEN_HEADER_MAX);
    SCOPED(free_p) const char **headers = calloc(n + 2, sizeof(*headers));
    struct error err = {0};
    if (headers == NULL || authorization(conf, x->credential, &token, &err) != 0) {
        log_error("dispatcher", "not_sent", LOG_STR("relay_id", x->relay_id),
                  LOG_STR("error", headers == NULL ? "out of memory" : err.text));
        answer_not_sent(f, headers == NULL ? "out of memory" : err.text);
        return;
    }
    memcpy(headers, x->headers, n * sizeof(*headers));
    headers[n] = buf_text(&token);
    struct http_call call = {
        .method = x->method,
        .url = x->url,
        .headers = headers,
        .body = x->body,
        .body_len = x->body_len,
        .connect_timeout_ms = GITHUB_CONNECT_TIMEOUT_MS,
        .timeout_ms = GITHUB_TIMEOUT_MS,
        .response_max = x->response_max,
        .fresh = x->kind == EXCHANGE_DISPATCH, /* never silently sent twice */
        .allow_http =
            strncmp(x->url, "http:", 5) == 0, /* the config lets it pass for loopback only */
    };
    if (http_client_start(d->client, &call, done, f, &err) != 0) {
        answer_not_sent(f, err.text);
        return;
    }
    f->next = d->under_way;
    if (f->next != NULL)
        f->next->link = &f->next;
    f->link = &d->under_way;
    d->under_way = f;
}

static struct flight *take(struct dispatcher *d, struct conf **conf, bool *stopping)
{
    pthread_mutex_lock(&d->lock);
    while (d->core == NULL && !d->stopping)
        pthread_cond_wait(&d->attached, &d->lock);
    struct flight *list = d->first;
    d->first = NULL;
    d->end = &d->first;
    *stopping = d->stopping;
    *conf = conf_ref(d->conf);
    pthread_mutex_unlock(&d->lock);
    return list;
}

static void *run(void *argument)
{
    struct dispatcher *d = argument;
    for (;;) {
        SCOPED(conf_unref_p) struct conf *conf = NULL;
        bool stopping;
        struct flight *list = take(d, &conf, &stopping);
        while (list != NULL) {
            struct flight *f = list;
            list = f->next;
            f->next = NULL;
            if (stopping)
                flight_free(f);
            else
                launch(d, conf, f);
        }
        if (stopping)
            return NULL;
        http_client_run(d->client, -1);
    }
}

int dispatcher_start(struct dispatcher **out, struct conf *conf, struct error *err)
{
    struct dispatcher *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return error_set(err, -ENOMEM, "dispatcher: out of memory");
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->attached, NULL);
    d->end = &d->first;
    d->conf = conf_ref(conf);
    int r = http_client_new(&d->client, err);
    if (r == 0)
        r = thread_start(&d->thread, "dispatcher", run, d, err);
    if (r != 0) {
        http_client_free(d->client);
        conf_unref(d->conf);
        free(d);
        return r;
    }
    *out = d;
    return 0;
}

static void start(void *self, struct exchange *x)
{
    struct dispatcher *d = self;
    struct flight *f = calloc(1, sizeof(*f));
    if (f == NULL)
        abort();
    f->dispatcher = d;
    f->exchange = x;
    pthread_mutex_lock(&d->lock);
    *d->end = f;
    d->end = &f->next;
    pthread_mutex_unlock(&d->lock);
    http_client_wakeup(d->client);
}

struct forge dispatcher_forge(struct dispatcher *d)
{
    return (struct forge){.self = d, .start = start};
}

void dispatcher_attach(struct dispatcher *d, struct core *core)
{
    pthread_mutex_lock(&d->lock);
    d->core = core;
    pthread_cond_signal(&d->attached);
    pthread_mutex_unlock(&d->lock);
}

void dispatcher_reload(struct dispatcher *d, struct conf *conf)
{
    pthread_mutex_lock(&d->lock);
    struct conf *old = d->conf;
    d->conf = conf_ref(conf);
    pthread_mutex_unlock(&d->lock);
    conf_unref(old);
}

void dispatcher_stop(struct dispatcher *d)
{
    if (d == NULL)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_cond_signal(&d->attached);
    pthread_mutex_unlock(&d->lock);
    http_client_wakeup(d->client);
    pthread_join(d->thread, NULL);
    http_client_free(d->client);
    while (d->under_way != NULL)
        flight_free(d->under_way);
    conf_unref(d->conf);
    pthread_cond_destroy(&d->attached);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
