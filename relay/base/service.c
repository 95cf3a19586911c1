#include "relay/base/service.h"

#include "relay/base/clock.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct service {
    int signal_fd, wake_fd;
    int64_t watchdog_ms; /* half of what systemd gave us; 0 = no watchdog */
    struct mono watchdog_due;
    bool reload; /* read from signal_fd, not yet returned */
};

static void close_p(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static struct mono now(void)
{
    return clock_mono(clock_system());
}

static int read_watchdog(struct service *s, struct error *err)
{
    const char *usec_text = getenv("WATCHDOG_USEC"), *pid_text = getenv("WATCHDOG_PID");
    int64_t usec = 0, pid = getpid();
    if (usec_text == NULL)
        return 0;
    int r = parse_int64(&usec, usec_text, 1, INT64_MAX, err);
    if (r < 0)
        return error_prefix(err, r, "WATCHDOG_USEC");
    if (pid_text != NULL && (r = parse_int64(&pid, pid_text, 1, INT_MAX, err)) < 0)
        return error_prefix(err, r, "WATCHDOG_PID");
    if (pid != getpid())
        return 0;
    s->watchdog_ms = usec / 2000 > 0 ? usec / 2000 : 1;
    s->watchdog_due = now(); /* the first sign of life comes with the first wait */
    return 0;
}

/* Neither a core file nor another process of this user may read the secrets in memory. */
static int harden(struct error *err)
{
    const struct rlimit none = {0, 0};
    umask(077);
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_set(err, -errno, "cannot forbid core dumps: %s", strerror(errno));
    return 0;
}

int service_prepare(struct service **out, struct error *err)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t signals;
    SCOPED(service_free_p) struct service *s = malloc(sizeof(*s));
    if (s == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    *s = (struct service){.signal_fd = -1, .wake_fd = -1};
    int r = read_watchdog(s, err);
    if (r == 0)
        r = harden(err);
    if (r < 0)
        return r;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (sigaction(SIGPIPE, &ignore, NULL) != 0 ||
        (r = pthread_sigmask(SIG_BLOCK, &signals, NULL)) != 0)
        return error_set(err, -(r != 0 ? r : errno), "cannot set up signals");
    s->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->signal_fd < 0 || s->wake_fd < 0)
        return error_set(err, -errno, "cannot set up signals: %s", strerror(errno));
    *out = GIVE(s);
    return 0;
}

void service_free(struct service *s)
{
    if (s == NULL)
        return;
    close_p(&s->signal_fd);
    close_p(&s->wake_fd);
    free(s);
}

void service_free_p(struct service **s)
{
    service_free(*s);
}

/* Takes everything that is there, so that a SIGTERM behind many SIGHUPs is seen at once. Returns
 * an event, 0 for none, or -errno. */
static int take_event(struct service *s)
{
    struct signalfd_siginfo info;
    uint64_t wakes;
    ssize_t n;
    while ((n = read(s->signal_fd, &info, sizeof(info))) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGHUP)
            return SERVICE_TERMINATE;
        s->reload = true;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return -errno;
    if (s->reload) {
        s->reload = false;
        return SERVICE_RELOAD;
    }
    return read(s->wake_fd, &wakes, sizeof(wakes)) == (ssize_t)sizeof(wakes) ? SERVICE_WOKEN : 0;
}

static void feed_watchdog(struct service *s)
{
    struct mono t = now();
    if (s->watchdog_ms == 0 || t.ms < s->watchdog_due.ms)
        return;
    service_notify("WATCHDOG=1");
    s->watchdog_due = (struct mono){t.ms + s->watchdog_ms};
}

/* Milliseconds for poll(2) until end (-1 = never) or the watchdog, whichever comes first. */
static int next_wait_ms(const struct service *s, int64_t end_ms)
{
    int64_t wake_ms = end_ms;
    if (s->watchdog_ms != 0 && (end_ms < 0 || s->watchdog_due.ms < end_ms))
        wake_ms = s->watchdog_due.ms;
    if (wake_ms < 0)
        return -1;
    int64_t left = wake_ms - now().ms;
    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

int service_wait(struct service *s, int64_t timeout_ms)
{
    int64_t end_ms = -1;
    if (timeout_ms >= 0 && __builtin_add_overflow(now().ms, timeout_ms, &end_ms))
        end_ms = INT64_MAX;
    struct pollfd fds[] = {{.fd = s->signal_fd, .events = POLLIN},
                           {.fd = s->wake_fd, .events = POLLIN}};
    for (;;) {
        feed_watchdog(s);
        int event = take_event(s);
        if (event != 0)
            return event;
        if (end_ms >= 0 && now().ms >= end_ms)
            return SERVICE_TIMEOUT;
        if (poll(fds, 2, next_wait_ms(s, end_ms)) < 0 && errno != EINTR)
            return -errno;
    }
}

void service_wake(struct service *s)
{
    const uint64_t one = 1;
    /* Fails only with EAGAIN, when 2^64 - 2 wakes are waiting already. */
    ssize_t n = write(s->wake_fd, &one, sizeof(one));
    (void)n;
}

void service_notify(const char *text)
{
    const struct timeval patience = {.tv_sec = 1};
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name: its length ends it, no NUL */
    SCOPED(close_p) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    /* Nothing can be done about a manager that does not listen. */
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
}

/* Blocked, the signal of a fault would kill without the handler of a debugger or sanitizer. */
static void block_all_but_faults(sigset_t *out)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT};
    sigfillset(out);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(out, faults[i]);
}

int thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *argument,
                 struct error *err)
{
    sigset_t blocked, before;
    if (strlen(name) > 15)
        return error_set(err, -EINVAL, "thread name %s is longer than 15 characters", name);
    block_all_but_faults(&blocked);
    int r = pthread_sigmask(SIG_SETMASK, &blocked, &before);
    if (r != 0)
        return error_set(err, -r, "cannot block signals: %s", strerror(r));
    /* A thread begins with its maker's name. To name it from here is to write to /proc, which the
     * sandbox does not allow. Neither call can fail with these arguments. */
    char own[16] = "";
    (void)prctl(PR_GET_NAME, own);
    (void)prctl(PR_SET_NAME, name);
    r = pthread_create(out, NULL, run, argument);
    (void)prctl(PR_SET_NAME, own);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* fails only for a wrong first argument */
    if (r != 0)
        return error_set(err, -r, "cannot start thread %s: %s", name, strerror(r));
    return 0;
}
