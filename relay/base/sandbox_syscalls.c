#include "relay/base/sandbox.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

/* What glibc 2.36, the libraries of this program and the program itself ask for once it runs. */
static const int allowed[] = {
    /* clang-format off */
    /* files */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2),
    SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2),
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(_llseek),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fallocate),
    SCMP_SYS(flock), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(lstat), SCMP_SYS(lstat64),
    SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(statfs64),
    SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(fadvise64),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(ioctl),
    SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch),
    /* the network */
    SCMP_SYS(socketpair), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
    SCMP_SYS(send), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendfile), SCMP_SYS(sendfile64),
    SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
    /* waiting */
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(_newselect), SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(signalfd4), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
    /* threads and memory */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(set_tid_address), SCMP_SYS(gettid),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu), SCMP_SYS(membarrier), SCMP_SYS(exit),
    SCMP_SYS(exit_group), SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
    SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
    /* signals: to its own threads only */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigpending), SCMP_SYS(restart_syscall),
    /* who and when */
    SCMP_SYS(getpid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getuid32),
    SCMP_SYS(geteuid32), SCMP_SYS(getgid32), SCMP_SYS(getegid32), SCMP_SYS(uname), SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    /* clang-format on */
};

/* 0 or a negative errno, as all of libseccomp. */
static int add_calls(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
        if (r != 0)
            return r;
    }
    return 0;
}

/* The bits of an argument that are looked at, and what they must be. */
struct condition {
    int call;
    unsigned argument;
    scmp_datum_t mask, value;
};

/* What C calls an int: the kernel looks at no more. */
#define INT_BITS 0xffffffff

static int add_condition(scmp_filter_ctx filter, struct condition c)
{
    const struct scmp_arg_cmp compare = {
        .arg = c.argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = c.mask, .datum_b = c.value};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, c.call, 1, &compare);
}

/* Calls that are fine with some arguments. */
static int add_conditions(scmp_filter_ctx filter, pid_t self)
{
    const struct condition conditions[] = {
        {SCMP_SYS(socket), 0, INT_BITS, AF_UNIX},
        {SCMP_SYS(socket), 0, INT_BITS, AF_INET},
        {SCMP_SYS(socket), 0, INT_BITS, AF_INET6},
        {SCMP_SYS(socket), 0, INT_BITS, AF_NETLINK}, /* glibc asks for the addresses there are */
        /* A thread, no process: libcurl resolves each name in one. */
        {SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD},
        {SCMP_SYS(prctl), 0, INT_BITS, PR_SET_NAME},
        {SCMP_SYS(prctl), 0, INT_BITS, PR_GET_NAME},
        {SCMP_SYS(tgkill), 0, INT_BITS, (scmp_datum_t)self}, /* abort() */
        /* Limits are read, not set: the new ones are at address 0. */
        {SCMP_SYS(prlimit64), 2, UINT64_MAX, 0},
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(conditions) / sizeof(conditions[0]); i++)
        r = add_condition(filter, conditions[i]);
    /* Its flags are in memory, where no filter sees them: glibc then takes clone(). */
    if (r == 0)
        r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
    return r;
}

static void filter_release(scmp_filter_ctx *filter)
{
    if (*filter != NULL)
        seccomp_release(*filter);
}

static int load(struct error *err)
{
    SCOPED(filter_release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return error_set(err, -ENOMEM, "sandbox: out of memory");
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
    /* A tree by number: 130 comparisons for each call would be felt. */
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0)
        r = add_calls(filter);
    if (r == 0)
        r = add_conditions(filter, getpid());
    if (r == 0)
        r = seccomp_load(filter);
    return r == 0 ? 0 : error_set(err, r, "sandbox: seccomp: %s", strerror(-r));
}

int sandbox_enter_syscalls(enum sandbox_mode mode, struct sandbox_level *level, struct error *err)
{
    level->syscalls = false;
    if (mode == SANDBOX_OFF)
        return 0;
    int r = load(err);
    if (r != 0)
        return mode == SANDBOX_BEST_EFFORT ? 0 : r;
    level->syscalls = true;
    return 0;
}
