#include "relay/base/http_deadline.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_WAIT_MS = 60000, REMIND_MS = 100 };

struct deadline_watch {
    const struct clock *clock;
    pthread_t thread;
    int wake_fd;          /* eventfd: look again */
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t empty; /* ended, and nothing is left */
    struct deadline *first;
    size_t expected;    /* deadline_expect() without its deadline_add() */
    int64_t planned_ms; /* when the thread looks again by itself */
    bool reminding, ended, stop;
};

static void wake(const struct deadline_watch *w)
{
    /* Fails only when the counter is full, and then the thread is awake anyway. */
    ssize_t ignored = write(w->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
}

/* Lock held. Cuts what is over and returns when the next one will be. */
static int64_t cut_overdue(struct deadline_watch *w)
{
    int64_t now_ms = clock_mono(w->clock).ms;
    int64_t earliest_ms = INT64_MAX;
    for (struct deadline *d = w->first; d != NULL; d = d->next) {
        if ((d->at_ms <= now_ms || w->ended) && !d->passed) {
            /* Under the lock, because the owner removes the entry before it closes the descriptor:
             * a number that was reused for another connection is never hit. */
            shutdown(d->fd, SHUT_RDWR);
            d->passed = true;
        }
        if (!d->passed && d->at_ms < earliest_ms)
            earliest_ms = d->at_ms;
    }
    return earliest_ms;
}

/* Lock held. The peer's end has shut this side for reading already, so doing it once more changes
 * nothing; it only wakes whoever polls the socket. What was not read yet still can be, and a peer
 * that closed its half after a whole request gets its answer. */
static void remind_of_ends(const struct deadline_watch *w)
{
    for (const struct deadline *d = w->first; d != NULL; d = d->next) {
        struct pollfd peer = {.fd = d->fd, .events = POLLRDHUP};
        if (poll(&peer, 1, 0) > 0)
            shutdown(d->fd, SHUT_RD);
    }
}

/* Lock held. Returns when to look again. */
static int64_t look(struct deadline_watch *w)
{
    w->planned_ms = cut_overdue(w);
    if (!w->reminding)
        return w->planned_ms;
    remind_of_ends(w);
    int64_t next_ms = clock_mono(w->clock).ms + REMIND_MS;
    return next_ms < w->planned_ms ? next_ms : w->planned_ms;
}

static int wait_for(const struct deadline_watch *w, int64_t until_ms)
{
    if (until_ms == INT64_MAX)
        return -1;
    int64_t left_ms = until_ms - clock_mono(w->clock).ms;
    if (left_ms < 1)
        return 1;
    return (int)(left_ms < LONGEST_WAIT_MS ? left_ms : LONGEST_WAIT_MS);
}

static void *watch(void *argument)
{
    struct deadline_watch *w = argument;
    for (;;) {
        pthread_mutex_lock(&w->lock);
        bool stop = w->stop;
        int64_t until_ms = look(w);
        pthread_mutex_unlock(&w->lock);
        if (stop)
            return NULL;
        struct pollfd woken = {.fd = w->wake_fd, .events = POLLIN};
        if (poll(&woken, 1, wait_for(w, until_ms)) > 0) {
            uint64_t count;
            ssize_t ignored = read(w->wake_fd, &count, sizeof(count));
            (void)ignored;
        }
    }
}

int deadline_watch_start(struct deadline_watch **out, const struct clock *clock, struct error *err)
{
    SCOPED(free_p) struct deadline_watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return error_set(err, -ENOMEM, "deadlines: out of memory");
    w->clock = clock;
    w->planned_ms = INT64_MAX;
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake_fd < 0)
        return error_set(err, -errno, "deadlines: eventfd: %s", strerror(errno));
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->empty, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&w->thread, NULL, watch, w);
    if (failed != 0) {
        close(w->wake_fd);
        pthread_cond_destroy(&w->empty);
        pthread_mutex_destroy(&w->lock);
        return error_set(err, -failed, "deadlines: cannot start a thread: %s", strerror(failed));
    }
    pthread_setname_np(w->thread, "http-deadline");
    *out = GIVE(w);
    return 0;
}

void deadline_watch_stop(struct deadline_watch *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    wake(w);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->empty);
    pthread_mutex_destroy(&w->lock);
    close(w->wake_fd);
    free(w);
}

bool deadline_expect(struct deadline_watch *w)
{
    pthread_mutex_lock(&w->lock);
    bool goes_on = !w->ended;
    w->expected += goes_on;
    pthread_mutex_unlock(&w->lock);
    return goes_on;
}

/* Lock held. */
static void one_less(struct deadline_watch *w)
{
    if (w->ended && w->first == NULL && w->expected == 0)
        pthread_cond_signal(&w->empty);
}

void deadline_unexpect(struct deadline_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->expected--;
    one_less(w);
    pthread_mutex_unlock(&w->lock);
}

bool deadline_watch_end(struct deadline_watch *w, int64_t wait_ms)
{
    struct timespec until;
    clock_mono_deadline(&until, wait_ms);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    (void)cut_overdue(w);
    int timed_out = 0;
    while ((w->first != NULL || w->expected > 0) && timed_out == 0)
        timed_out = pthread_cond_timedwait(&w->empty, &w->lock, &until);
    bool nothing_left = w->first == NULL && w->expected == 0;
    pthread_mutex_unlock(&w->lock);
    return nothing_left;
}

void deadline_watch_remind(struct deadline_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->reminding = true;
    pthread_mutex_unlock(&w->lock);
    wake(w);
}

/* Lock held. True when the thread would wake too late for it. */
static bool schedule(struct deadline_watch *w, struct deadline *d, int64_t ms)
{
    if (__builtin_add_overflow(clock_mono(w->clock).ms, ms, &d->at_ms))
        d->at_ms = INT64_MAX;
    if (d->at_ms >= w->planned_ms)
        return false;
    w->planned_ms = d->at_ms;
    return true;
}

void deadline_add(struct deadline_watch *w, struct deadline *d, int fd, int64_t ms)
{
    pthread_mutex_lock(&w->lock);
    *d = (struct deadline){.fd = fd, .next = w->first};
    if (w->first != NULL)
        w->first->previous = d;
    w->first = d;
    w->expected--;
    bool earlier = schedule(w, d, w->ended ? 0 : ms);
    pthread_mutex_unlock(&w->lock);
    if (earlier)
        wake(w);
}

void deadline_set(struct deadline_watch *w, struct deadline *d, int64_t ms)
{
    pthread_mutex_lock(&w->lock);
    bool earlier = schedule(w, d, ms);
    pthread_mutex_unlock(&w->lock);
    if (earlier)
        wake(w);
}

void deadline_clear(struct deadline_watch *w, struct deadline *d)
{
    pthread_mutex_lock(&w->lock);
    d->at_ms = INT64_MAX;
    pthread_mutex_unlock(&w->lock);
}

void deadline_remove(struct deadline_watch *w, struct deadline *d)
{
    pthread_mutex_lock(&w->lock);
    if (d->previous != NULL)
        d->previous->next = d->next;
    else
        w->first = d->next;
    if (d->next != NULL)
        d->next->previous = d->previous;
    one_less(w);
    pthread_mutex_unlock(&w->lock);
}
