/* wall_clock.c - LD_PRELOAD: moves the wall clock of one process by a number of seconds.
 *
 * The number stands in the file that WALL_CLOCK_OFFSET_FILE names and is read at every call, so
 * that a test can step the clock while the process runs. Monotonic clocks are left alone, as when
 * an administrator sets the time. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long long offset_seconds(void)
{
    const char *path = getenv("WALL_CLOCK_OFFSET_FILE");
    char text[32] = "0";
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int (*real)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (result == 0 && clock == CLOCK_REALTIME)
        out->tv_sec += (time_t)offset_seconds();
    return result;
}
