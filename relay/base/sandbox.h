/* sandbox.h - what this process may still do once it runs: open, bind, connect, ask the kernel for.
 *
 * Two layers, each of which can only be made narrower:
 * - sandbox_enter_files(), in main before any thread is made, since Landlock binds the calling
 *   thread and what it starts: files and, from Linux 6.7 on, TCP ports (landlock(7));
 * - sandbox_enter_syscalls(), once everything runs: an allow-list of system calls for all threads
 *   (seccomp(2), TSYNC). What is not on it fails with EPERM, so that a library's odd call is an
 *   error it can handle and not the end of the process. No new process can be made, and no program
 *   run.
 * Both set no_new_privs. A folder's rule covers what is put there later, so a file that is replaced
 * stays readable; folders and ports that only a later config names are not covered. */
#ifndef RELAY_BASE_SANDBOX_H
#define RELAY_BASE_SANDBOX_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum sandbox_mode {
    /* Files, system calls and, where the kernel has it, ports: an error when one of the first two
     * is refused or lacking. */
    SANDBOX_REQUIRE,
    SANDBOX_BEST_EFFORT, /* files and system calls, as far as they go; any port */
    SANDBOX_OFF,
};

/* What is in force. */
struct sandbox_level {
    int files;    /* Landlock's ABI version; 0 = not restricted */
    bool network; /* TCP ports */
    bool syscalls;
};

enum sandbox_access {
    SANDBOX_READ = 1,   /* files and folders below it */
    SANDBOX_WRITE = 2,  /* also change, make and remove files */
    SANDBOX_SOCKET = 4, /* make and remove socket files */
};

struct sandbox_policy;

__attribute__((warn_unused_result)) int sandbox_policy_new(struct sandbox_policy **out,
                                                           struct error *err);
void sandbox_policy_free(struct sandbox_policy *p); /* NULL is fine */
void sandbox_policy_free_p(struct sandbox_policy **p);
/* A file or folder that need not be there. Running out of memory is reported when p is used. */
void sandbox_policy_allow(struct sandbox_policy *p, const char *path, unsigned access);
/* The folder that a file is in, by its name and where its links lead; of a file in "/" only the
 * file. */
void sandbox_policy_allow_folder_of(struct sandbox_policy *p, const char *file, unsigned access);
void sandbox_policy_allow_bind(struct sandbox_policy *p, uint16_t port);
void sandbox_policy_allow_connect(struct sandbox_policy *p, uint16_t port);
/* What glibc and the TLS libraries read to resolve names and to know authorities: libraries, /etc
 * (resolv.conf is replaced there while we run), authorities, time zones; DNS over TCP. */
void sandbox_policy_allow_system(struct sandbox_policy *p);
/* Every path, and with `ports` every port, of `wanted` has its like in p. */
bool sandbox_policy_covers(const struct sandbox_policy *p, const struct sandbox_policy *wanted,
                           bool ports);

/* level tells what came of it, also in part; each leaves the other layer's part alone. */
__attribute__((warn_unused_result)) int sandbox_enter_files(const struct sandbox_policy *p,
                                                            enum sandbox_mode mode,
                                                            struct sandbox_level *level,
                                                            struct error *err);
__attribute__((warn_unused_result)) int
sandbox_enter_syscalls(enum sandbox_mode mode, struct sandbox_level *level, struct error *err);

#endif
