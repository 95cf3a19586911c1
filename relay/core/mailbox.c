#include "relay/core/mailbox.h"

#include "relay/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct mailbox {
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t came;
    struct mail *first, **end;
    size_t n_bounded, bytes;
    size_t max_bounded, max_bytes;
    bool closed;
};

int mailbox_new(struct mailbox **out, size_t max_bounded, size_t max_bytes, struct error *err)
{
    struct mailbox *m = calloc(1, sizeof(*m));
    pthread_condattr_t attributes;
    if (m == NULL || pthread_condattr_init(&attributes) != 0) {
        free(m);
        return error_set(err, -ENOMEM, "mailbox: out of memory");
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->came, &attributes);
    pthread_condattr_destroy(&attributes);
    m->end = &m->first;
    m->max_bounded = max_bounded;
    m->max_bytes = max_bytes;
    *out = m;
    return 0;
}

void mailbox_free(struct mailbox *m)
{
    if (m == NULL)
        return;
    pthread_cond_destroy(&m->came);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

bool mailbox_put(struct mailbox *m, struct mail *mail)
{
    pthread_mutex_lock(&m->lock);
    bool full = mail->bytes > 0 && (m->closed || m->n_bounded >= m->max_bounded ||
                                    mail->bytes > m->max_bytes - m->bytes);
    bool awaited = !full && m->first == NULL;
    if (!full) {
        mail->next = NULL;
        *m->end = mail;
        m->end = &mail->next;
        m->n_bounded += mail->bytes > 0;
        m->bytes += mail->bytes;
    }
    pthread_mutex_unlock(&m->lock);
    if (awaited) /* whoever it wakes finds the lock free */
        pthread_cond_signal(&m->came);
    return !full;
}

void mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_mutex_unlock(&m->lock);
}

bool mailbox_wait(struct mailbox *m, int64_t wait_ms)
{
    struct timespec until;
    clock_mono_deadline(&until, wait_ms < 0 ? 0 : wait_ms);
    int r = 0;
    pthread_mutex_lock(&m->lock);
    while (m->first == NULL && r != ETIMEDOUT && wait_ms != 0)
        r = wait_ms < 0 ? pthread_cond_wait(&m->came, &m->lock)
                        : pthread_cond_timedwait(&m->came, &m->lock, &until);
    bool came = m->first != NULL;
    pthread_mutex_unlock(&m->lock);
    return came;
}

struct mail *mailbox_take(struct mailbox *m, size_t most)
{
    pthread_mutex_lock(&m->lock);
    struct mail *taken = most == 0 ? NULL : m->first;
    struct mail **end = &m->first;
    for (size_t i = 0; i < most && *end != NULL; i++) {
        m->n_bounded -= (*end)->bytes > 0;
        m->bytes -= (*end)->bytes;
        end = &(*end)->next;
    }
    struct mail *rest = *end;
    *end = NULL;
    m->first = rest;
    if (m->first == NULL)
        m->end = &m->first;
    pthread_mutex_unlock(&m->lock);
    return taken;
}
