#include "relay/edge/dispatcher.h"

#include "relay/base/clock.h"
#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/core/core.h"
#include "relay/edge/exchange_http.h"
#include "relay/edge/installations.h"
#include "relay/github/app.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An exchange that waits for the thread, or is under way. */
struct flight {
    struct flight *next, **link; /* link: what points here, while it is under way */
    struct dispatcher *dispatcher;
    struct exchange *exchange;
    struct secret *token;   /* that it was sent with */
    int64_t token_expiry_s; /* 0: no installation's token */
};

struct dispatcher {
    struct http_client *client; /* the thread's, but for wakeups */
    struct installations *installations;
    pthread_t thread;
    struct flight *under_way; /* the thread's: with the client, or waiting for a token */
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
    secret_free(f->token);
    free(f);
}

/* Hands the answer over; f is done. */
static void answer(struct flight *f, struct exchange_answer *a)
{
    if (a->body == NULL && (a->body = calloc(1, 1)) == NULL)
        abort(); /* an answer must not get lost; the store keeps all, a restart recovers */
    core_answer(f->dispatcher->core, f->exchange->kind, f->exchange->relay_id, a);
    flight_free(f);
}

static void answer_not_sent(struct flight *f, const char *why)
{
    log_error("dispatcher", "not_sent", LOG_STR("relay_id", f->exchange->relay_id),
              LOG_STR("error", why));
    struct exchange_answer a = {.transport = EXCHANGE_NOT_SENT};
    (void)snprintf(a.error, sizeof(a.error), "%.*s", (int)sizeof(a.error) - 1, why);
    answer(f, &a);
}

static void done(void *context, const struct http_result *result)
{
    struct flight *f = context;
    struct exchange_answer a;
    exchange_http_answer(&a, result, f->token);
    a.token_expiry_s = f->token_expiry_s;
    if (a.status == 401 && f->token_expiry_s != 0)
        installations_refused(f->dispatcher->installations, f->exchange);
    answer(f, &a);
}

/* With f->token. */
static void send_off(struct flight *f)
{
    struct error err = {0};
    if (!app_token_is_valid(secret_bytes(f->token), secret_len(f->token)))
        answer_not_sent(f, "the token holds a blank or a control character: put the token alone "
                           "into its file");
    else if (exchange_http_start(f->dispatcher->client, f->exchange, f->token, done, f, &err) != 0)
        answer_not_sent(f, err.text);
}

static void send_with(struct flight *f, const struct secret *token)
{
    struct error err = {0};
    if (secret_new(&f->token, secret_bytes(token), secret_len(token), &err) != 0)
        answer_not_sent(f, err.text);
    else
        send_off(f);
}

static void token_ready(void *context, const struct secret *token, int64_t expiry_s)
{
    struct flight *f = context;
    f->token_expiry_s = expiry_s;
    send_with(f, token);
}

static void token_failed(void *context, const struct exchange_answer *why)
{
    struct exchange_answer a;
    exchange_answer_copy(&a, why);
    answer(context, &a);
}

static void launch(struct dispatcher *d, const struct conf *conf, struct flight *f)
{
    const char *name = f->exchange->credential;
    const struct conf_credential *credential = conf_credential_by_name(conf, name);
    struct error err = {0};
    f->next = d->under_way;
    if (f->next != NULL)
        f->next->link = &f->next;
    f->link = &d->under_way;
    d->under_way = f;
    if (credential == NULL) {
        (void)error_set(&err, -ENOENT, "credential %s is no longer in the config", name);
        answer_not_sent(f, err.text);
    } else if (credential->app.id != NULL) {
        struct token_wanted wanted = {.ready = token_ready, .failed = token_failed, .context = f};
        installations_ask(d->installations, credential, f->exchange, wanted);
    } else if (credential->token != NULL) {
        send_with(f, credential->token);
    } else if (secret_read_file(&f->token, credential->token_file, 1, &err) != 0) {
        answer_not_sent(f, err.text);
    } else {
        send_off(f);
    }
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
        r = installations_new(&d->installations, d->client, clock_system(), err);
    if (r == 0)
        r = thread_start(&d->thread, "dispatcher", run, d, err);
    if (r != 0) {
        http_client_free(d->client);
        installations_free(d->installations);
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
    installations_free(d->installations);
    while (d->under_way != NULL)
        flight_free(d->under_way);
    conf_unref(d->conf);
    pthread_cond_destroy(&d->attached);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
