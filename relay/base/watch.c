#include "relay/base/watch.h"

#include "relay/base/clock.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET_MS      200
#define GATHER_MAX_MS 2000
#define LOOK_MS       5000

/* Not IN_MODIFY: a writer ends with IN_CLOSE_WRITE, and a database in the same folder that is
 * written all the time must not wake us. */
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct version {
    bool exists;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct watched {
    char *path, *folder;
    int wd; /* of the folder that stood there last; -1 = none */
    struct version known;
};

struct watch {
    struct watched *paths;
    size_t n;
    void (*changed)(void *context, const char *path, bool exists);
    void *context;
    int inotify_fd, stop_fd;
    bool started;
    pthread_t thread;
};

static struct version version_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct version){.exists = false};
    return (struct version){true, st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool same_version(const struct version *a, const struct version *b)
{
    return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool is_used(const struct watch *w, int wd)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->paths[i].wd == wd)
            return true;
    return false;
}

/* Asks for events of each folder that now stands at its name. Asking again for the same folder
 * changes nothing and gives the same descriptor, so this also finds folders that came or were
 * swapped. Returns whether any did. */
static bool watch_folders(struct watch *w)
{
    bool moved = false;
    for (size_t i = 0; i < w->n; i++) {
        struct watched *p = &w->paths[i];
        int before = p->wd;
        p->wd = inotify_add_watch(w->inotify_fd, p->folder, EVENTS);
        if (p->wd == before)
            continue;
        moved = true;
        if (before >= 0 && !is_used(w, before))
            (void)inotify_rm_watch(w->inotify_fd, before); /* fails when the folder is gone */
    }
    return moved;
}

static bool any_changed(const struct watch *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct version v = version_of(w->paths[i].path);
        if (!same_version(&v, &w->paths[i].known))
            return true;
    }
    return false;
}

static void report_changes(struct watch *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct watched *p = &w->paths[i];
        struct version v = version_of(p->path);
        if (same_version(&v, &p->known))
            continue;
        p->known = v;
        w->changed(w->context, p->path, v.exists);
    }
}

/* Which events came does not matter: each only means that it is worth looking. */
static void drain(int fd)
{
    _Alignas(struct inotify_event) char events[4096];
    while (read(fd, events, sizeof(events)) > 0)
        ;
}

static int64_t now_ms(void)
{
    return clock_mono(clock_system()).ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct schedule {
    int64_t look_ms;   /* when to look without being told */
    int64_t report_ms; /* when what was gathered is due; INT64_MAX = nothing was */
    int64_t latest_ms; /* and when it is due even if events go on */
};

static void gather(struct schedule *s, int64_t t)
{
    if (s->latest_ms == INT64_MAX)
        s->latest_ms = t + GATHER_MAX_MS;
    s->report_ms = earlier(t + QUIET_MS, s->latest_ms);
}

/* Whether anything is worth a report: events came, or it was time to look and something is new. */
static bool is_stirred(struct watch *w, struct schedule *s, bool events, int64_t t)
{
    if (events)
        drain(w->inotify_fd);
    if (t < s->look_ms)
        return events;
    s->look_ms = t + LOOK_MS;
    bool moved = watch_folders(w);
    return events || moved || any_changed(w);
}

static void report_when_due(struct watch *w, struct schedule *s, int64_t t)
{
    if (t < s->report_ms)
        return;
    s->report_ms = s->latest_ms = INT64_MAX;
    /* First the folders, then the files: what changes in between raises an event. */
    (void)watch_folders(w);
    report_changes(w);
}

static void *run(void *argument)
{
    struct watch *w = argument;
    struct schedule s = {now_ms() + LOOK_MS, INT64_MAX, INT64_MAX};
    struct pollfd fds[] = {{.fd = w->inotify_fd, .events = POLLIN},
                           {.fd = w->stop_fd, .events = POLLIN}};
    for (;;) {
        int64_t wait_ms = earlier(s.look_ms, s.report_ms) - now_ms();
        int n = poll(fds, 2, wait_ms < 0 ? 0 : (int)wait_ms);
        if (n < 0 && errno != EINTR) {
            log_error("watch", "failed", LOG_STR("error", strerror(errno)));
            return NULL;
        }
        if (fds[1].revents != 0)
            break;
        int64_t t = now_ms();
        if (is_stirred(w, &s, n > 0 && fds[0].revents != 0, t))
            gather(&s, t);
        report_when_due(w, &s, t);
    }
    return NULL;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int add_path(struct watch *w, const char *path, struct error *err)
{
    struct watched *p = &w->paths[w->n];
    if (path[0] == '\0')
        return error_set(err, -EINVAL, "cannot watch an empty path");
    w->n++; /* from here on watch_stop() frees it */
    p->wd = -1;
    p->path = strdup(path);
    p->folder = folder_of(path);
    if (p->path == NULL || p->folder == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    return 0;
}

int watch_start(struct watch **out, const char *const *paths, size_t n,
                void (*changed)(void *context, const char *path, bool exists), void *context,
                struct error *err)
{
    SCOPED(watch_stop_p) struct watch *w = malloc(sizeof(*w));
    if (w == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    *w = (struct watch){.changed = changed, .context = context, .inotify_fd = -1, .stop_fd = -1};
    if ((w->paths = calloc(n > 0 ? n : 1, sizeof(*w->paths))) == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        int r = add_path(w, paths[i], err);
        if (r < 0)
            return r;
    }
    w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->inotify_fd < 0 || w->stop_fd < 0)
        return error_set(err, -errno, "cannot watch files: %s", strerror(errno));
    (void)watch_folders(w);
    for (size_t i = 0; i < n; i++)
        w->paths[i].known = version_of(w->paths[i].path);
    int r = thread_start(&w->thread, "watch", run, w, err);
    if (r < 0)
        return r;
    w->started = true;
    *out = GIVE(w);
    return 0;
}

void watch_stop(struct watch *w)
{
    if (w == NULL)
        return;
    if (w->started) {
        ssize_t n = write(w->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)n; /* cannot fail: the counter was 0 */
        pthread_join(w->thread, NULL);
    }
    if (w->inotify_fd >= 0)
        close(w->inotify_fd);
    if (w->stop_fd >= 0)
        close(w->stop_fd);
    for (size_t i = 0; i < w->n; i++) {
        free(w->paths[i].path);
        free(w->paths[i].folder);
    }
    free(w->paths);
    free(w);
}

void watch_stop_p(struct watch **w)
{
    watch_stop(*w);
}
