/* service.h - what a process needs to be a well-behaved service.
 *
 * Call from main, before any thread is made: service_prepare() blocks the signals that main will
 * take from a signalfd (so that every thread inherits the block), ignores SIGPIPE, makes the
 * process not dumpable, forbids core files and sets umask 077. All of that lasts for the process's
 * life: service_free() gives back only what s holds. One at a time. */
#ifndef RELAY_BASE_SERVICE_H
#define RELAY_BASE_SERVICE_H

#include "relay/base/error.h"

#include <pthread.h>
#include <stdint.h>

enum service_event {
    SERVICE_TIMEOUT = 1,
    SERVICE_TERMINATE, /* SIGTERM or SIGINT */
    SERVICE_RELOAD,    /* SIGHUP */
    SERVICE_WOKEN,     /* service_wake() */
};

struct service;

/* -EINVAL when WATCHDOG_USEC or WATCHDOG_PID is no number. A watchdog that is meant for another
 * process (WATCHDOG_PID) is none of ours. */
__attribute__((warn_unused_result)) int service_prepare(struct service **out, struct error *err);
void service_free(struct service *s); /* NULL is fine */
void service_free_p(struct service **s);
/* Waits for the next event; timeout_ms < 0 waits for ever. Returns an enum service_event or -errno.
 * When several are due the order is terminate, reload, woken, timeout; the others stay due. Several
 * wakes, or several signals of one kind, that nobody waited for are one event.
 * Sends WATCHDOG=1 at half of WATCHDOG_USEC while waiting, when systemd asked for it, and at once
 * when more than that passed since the last one. The main thread only. */
__attribute__((warn_unused_result)) int service_wait(struct service *s, int64_t timeout_ms);
/* From any thread: makes service_wait() return SERVICE_WOKEN. */
void service_wake(struct service *s);
/* sd_notify(3) without libsystemd: sends text ("READY=1\nSTATUS=…") to $NOTIFY_SOCKET, also an
 * abstract one ('@'); nothing where it is not set. A service manager that does not read is
 * waited for at most 1 s. Any thread, as long as nobody changes the environment. */
void service_notify(const char *text);

/* A named thread with all signals blocked, but those by which the kernel reports a fault of the
 * thread itself (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGABRT). name at most 15
 * characters (the kernel's limit): -EINVAL past it. The caller joins. */
__attribute__((warn_unused_result)) int thread_start(pthread_t *out, const char *name,
                                                     void *(*run)(void *), void *argument,
                                                     struct error *err);

#endif
