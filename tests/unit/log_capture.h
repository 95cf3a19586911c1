/* log_capture.h - what the log writes, as a text, under a clock that tests move. */
#ifndef TESTS_UNIT_LOG_CAPTURE_H
#define TESTS_UNIT_LOG_CAPTURE_H

#include "relay/base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-11-25T14:30:00.123Z, and a monotonic time that tests move. */
static int64_t fake_wall_ms = INT64_C(1795617000123);
static int64_t fake_mono_ms;

static inline struct wall fake_wall(void *self)
{
    (void)self;
    return (struct wall){fake_wall_ms};
}

static inline struct mono fake_mono(void *self)
{
    (void)self;
    return (struct mono){fake_mono_ms};
}

static const struct clock fake_clock = {.wall = fake_wall, .mono = fake_mono};

/* stderr goes to a file in memory while a test runs; what it got is handed out as a text. */
static int saved_stderr = -1;
static int capture_fd = -1;
static char captured[400000];

static inline int capture_begin(void **state)
{
    (void)state;
    capture_fd = memfd_create("stderr", MFD_CLOEXEC);
    saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (capture_fd < 0 || saved_stderr < 0)
        return -1;
    fake_wall_ms = INT64_C(1795617000123);
    return dup2(capture_fd, STDERR_FILENO) < 0 ? -1 : 0;
}

static inline int capture_end(void **state)
{
    (void)state;
    int rc = dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    (void)close(capture_fd);
    (void)unsetenv("JOURNAL_STREAM");
    return rc < 0 ? -1 : 0;
}

/* What was written since the last call. */
static inline const char *take(void)
{
    off_t len = lseek(STDERR_FILENO, 0, SEEK_CUR);
    assert_true(len >= 0 && len < (off_t)sizeof(captured));
    assert_int_equal(pread(capture_fd, captured, (size_t)len, 0), len);
    captured[len] = '\0';
    assert_int_equal(ftruncate(capture_fd, 0), 0);
    assert_int_equal(lseek(STDERR_FILENO, 0, SEEK_SET), 0);
    return captured;
}

#define HEAD "ts=2026-11-25T14:30:00.123Z level=info module=m event=e"

#define captured_test(f) cmocka_unit_test_setup_teardown(f, capture_begin, capture_end)

#endif
