#include "relay/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        abort(); /* only for a clock this kernel lacks: nothing here works without */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct wall system_wall(void *self)
{
    (void)self;
    return (struct wall){read_ms(CLOCK_REALTIME)};
}

static struct mono system_mono(void *self)
{
    (void)self;
    return (struct mono){read_ms(CLOCK_MONOTONIC)};
}

static int64_t system_boot_ms(void *self)
{
    (void)self;
    return read_ms(CLOCK_BOOTTIME);
}

static void system_boot_id(void *self, char out[static BOOT_ID_MAX])
{
    (void)self;
    char text[BOOT_ID_MAX];
    ssize_t len = -1;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        do
            len = read(fd, text, sizeof(text) - 1);
        while (len < 0 && errno == EINTR);
        close(fd);
    }
    while (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0)
        (void)snprintf(out, BOOT_ID_MAX, "%.*s", (int)len, text);
    else
        (void)snprintf(out, BOOT_ID_MAX, "unknown");
}

const struct clock *clock_system(void)
{
    static const struct clock system = {
        .wall = system_wall,
        .mono = system_mono,
        .boot_ms = system_boot_ms,
        .boot_id = system_boot_id,
    };
    return &system;
}

int64_t clock_stopwatch_us(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_mono_deadline(struct timespec *out, int64_t wait_ms)
{
    clock_gettime(CLOCK_MONOTONIC, out);
    out->tv_sec += wait_ms / 1000;
    out->tv_nsec += wait_ms % 1000 * 1000000;
    if (out->tv_nsec >= 1000000000) {
        out->tv_nsec -= 1000000000;
        out->tv_sec++;
    }
}
