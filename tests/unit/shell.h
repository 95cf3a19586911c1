/* shell.h - a command of the shell in a folder, for what tests do not make themselves (RSA keys).
 */
#ifndef TESTS_UNIT_SHELL_H
#define TESTS_UNIT_SHELL_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* True when it succeeds. What it makes others may not read; what it says is dropped. */
static inline bool shell_in(const char *where, const char *command)
{
    pid_t child = fork();
    if (child == 0) {
        umask(077);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (chdir(where) != 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(126);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child && status == 0;
}

#endif
