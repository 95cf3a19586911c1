#include "relay/edge/dispatcher.h"

#include "relay/base/clock.h"
#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/core/core.h"
#include "relay/edge/carrier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* An exchange that waits for the thread. */
struct flight {
    struct flight *next;
    struct exchange *exchange;
};

struct dispatcher {
    struct carrier *carrier; /* the thread's, but for wakeups */
    pthread_t thread;
    struct core *core;    /* set before the first exchange */
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t attached;
    struct flight *first, **end;
    struct conf *conf;
    bool stopping;
};

static void answered(void *context, const struct exchange *x, struct exchange_answer *answer)
{
    struct dispatcher *d = context;
    core_answer(d->core, x->kind, x->relay_id, answer);
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
            if (stopping)
                exchange_free(f->exchange);
            else
                carrier_send(d->carrier, f->exchange,
                             conf_credential_by_name(conf, f->exchange->credential), answered, d);
            free(f);
        }
        if (stopping)
            return NULL;
        carrier_run(d->carrier, -1);
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
    int r = carrier_new(&d->carrier, clock_system(), err);
    if (r == 0)
        r = thread_start(&d->thread, "dispatcher", run, d, err);
    if (r != 0) {
        carrier_free(d->carrier);
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
    struct flight *f = must_alloc(1, sizeof(*f));
    f->exchange = x;
    pthread_mutex_lock(&d->lock);
    *d->end = f;
    d->end = &f->next;
    pthread_mutex_unlock(&d->lock);
    carrier_wakeup(d->carrier);
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
    carrier_wakeup(d->carrier);
    pthread_join(d->thread, NULL);
    carrier_free(d->carrier);
    conf_unref(d->conf);
    pthread_cond_destroy(&d->attached);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
