/* nth_call.c - LD_PRELOAD: something happens at the n-th call of some functions of one process.
 *
 * NTH_CALLS   which count, e.g. "pwrite,fdatasync": those of files below NTH_FOLDER (pwrite,
 *             fdatasync, ftruncate), of sockets (send, recv), or malloc (calloc and realloc, too)
 * NTH_AT      the n-th fails, and the NTH_TIMES - 1 after it; 0: none does
 * NTH_DOES    "kill": the process ends before the call as by kill -9; else an errno
 * NTH_COUNT   a file of 8 bytes that is there: how many there were so far
 *
 * A failed pwrite has written half of its bytes, as on a full disk. Nothing here allocates. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *calls = "";
static const char *folder = "";
static int64_t from, until;
static int with; /* 0: kill */
static _Atomic int64_t *count;

/* Where a crash was, for whoever looks for it: `addr2line -fpe PROGRAM OFFSET`. */
static void crashed(int number)
{
    void *frames[40];
    backtrace_symbols_fd(frames, backtrace(frames, 40), STDERR_FILENO);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

__attribute__((constructor)) static void begin(void)
{
    void *frame;
    (void)backtrace(&frame, 1); /* loads what it needs now */
    (void)signal(SIGSEGV, crashed);
    (void)signal(SIGABRT, crashed);
    const char *path = getenv("NTH_COUNT");
    const char *at = getenv("NTH_AT");
    const char *times = getenv("NTH_TIMES");
    const char *does = getenv("NTH_DOES");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || getenv("NTH_CALLS") == NULL)
        return;
    calls = getenv("NTH_CALLS");
    folder = getenv("NTH_FOLDER") == NULL ? "/" : getenv("NTH_FOLDER");
    from = at == NULL ? 0 : strtoll(at, NULL, 10);
    until = from + (times == NULL ? 1 : strtoll(times, NULL, 10));
    with = does == NULL || strcmp(does, "kill") == 0 ? 0 : (int)strtol(does, NULL, 10);
    void *map = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        count = map;
}

static bool counts(const char *name)
{
    const char *found = strstr(calls, name);
    return count != NULL && found != NULL && strchr(",", found[strlen(name)]) != NULL;
}

/* May the call go on? */
static bool goes_on(void)
{
    int64_t n = atomic_fetch_add(count, 1) + 1;
    if (from == 0 || n < from || n >= until)
        return true;
    if (with == 0)
        syscall(SYS_exit_group, 137); /* no handler, no flush: what a kill leaves */
    errno = with;
    return false;
}

static bool is_ours(int fd)
{
    char link[32], path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    return strncmp(path, folder, strlen(folder)) == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    if (counts("pwrite") && is_ours(fd) && !goes_on()) {
        int why = errno;
        (void)REAL(pwrite64)(fd, data, n / 2, at);
        errno = why;
        return -1;
    }
    return REAL(pwrite64)(fd, data, n, at);
}

int fdatasync(int fd)
{
    if (counts("fdatasync") && is_ours(fd) && !goes_on())
        return -1;
    return REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    if (counts("fdatasync") && is_ours(fd) && !goes_on())
        return -1;
    return REAL(fsync)(fd);
}

int ftruncate64(int fd, off64_t length)
{
    if (counts("ftruncate") && is_ours(fd) && !goes_on())
        return -1;
    return REAL(ftruncate64)(fd, length);
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
    if (counts("send") && !goes_on())
        return -1;
    return REAL(send)(fd, data, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    if (counts("send") && !goes_on())
        return -1;
    return REAL(sendmsg)(fd, m, flags);
}

ssize_t recv(int fd, void *data, size_t n, int flags)
{
    if (counts("recv") && !goes_on())
        return -1;
    return REAL(recv)(fd, data, n, flags);
}

/* dlsym() may allocate, so glibc's own names are used; below a sanitizer, whose malloc comes next,
 * what is asked for before we know it comes from a small block of ours. */
static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);
static char early[65536] __attribute__((aligned(16)));
static size_t early_used;
static bool looking;

static void *take_early(size_t n)
{
    size_t at = early_used;
    early_used += (n + 15) & ~(size_t)15;
    return early_used > sizeof(early) ? NULL : early + at;
}

static bool is_early(const void *p)
{
    return (const char *)p >= early && (const char *)p < early + sizeof(early);
}

static bool look(void)
{
    if (next_free != NULL)
        return true;
    if (looking)
        return false;
    looking = true;
    next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    looking = false;
    return true;
}

void *malloc(size_t n)
{
    if (!look())
        return take_early(n);
    return counts("malloc") && !goes_on() ? NULL : next_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    if (!look())
        return take_early(n * size); /* of a block that is zero */
    return counts("malloc") && !goes_on() ? NULL : next_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    if (!look() || is_early(old)) {
        void *p = look() ? next_malloc(n) : take_early(n);
        if (p != NULL && old != NULL)
            memcpy(p, old,
                   n < (size_t)(early + sizeof(early) - (char *)old)
                       ? n
                       : (size_t)(early + sizeof(early) - (char *)old));
        return p;
    }
    return counts("malloc") && !goes_on() ? NULL : next_realloc(old, n);
}

void free(void *p)
{
    if (p != NULL && !is_early(p) && look())
        next_free(p);
}
