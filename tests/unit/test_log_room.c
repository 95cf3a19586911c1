/* Lines that are gathered and leave together. */
#include "tests/unit/log_capture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct log_room room;

static void gathered_lines_leave_together_and_a_warning_leaves_at_once(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    log_release(); /* nothing was gathered */
    log_gather(&room);
    log_info("m", "e", LOG_INT("n", 1));
    log_info("m", "e", LOG_INT("n", 2));
    assert_string_equal(take(), "");
    errno = ENOSPC;
    log_release();
    assert_int_equal(errno, ENOSPC);
    assert_string_equal(take(), HEAD " n=1\n" HEAD " n=2\n");
    log_info("m", "e", LOG_INT("n", 3));
    assert_string_equal(take(), HEAD " n=3\n");
    log_gather(&room);
    log_info("m", "e", LOG_INT("n", 4));
    log_warn("m", "e", LOG_NONE);
    const char *got = take();
    assert_memory_equal(got, HEAD " n=4\n", strlen(HEAD " n=4\n"));
    assert_non_null(strstr(got, "level=warn"));
    log_release();
    assert_string_equal(take(), "");
}

static void no_line_is_lost_or_cut_when_the_room_is_full(void **state)
{
    (void)state;
    char value[1001];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    log_gather(&room);
    for (int i = 0; i < 150; i++)
        log_info("m", "e", LOG_INT("n", i), LOG_STR("value", value));
    log_release();
    const char *at = take();
    for (int i = 0; i < 150; i++) {
        char want[128];
        int len = snprintf(want, sizeof(want), HEAD " n=%d value=x", i);
        assert_memory_equal(at, want, (size_t)len);
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    }
    assert_string_equal(at, "");
}

static void *abort_here(void *unused)
{
    (void)unused;
    abort();
}

static void raise_in_a_child(int fault, bool elsewhere)
{
    pthread_t other;
    (void)signal(fault, SIG_DFL); /* the test runner's, or a sanitizer's */
    log_keep_at_faults();
    log_gather(&room);
    log_info("m", "e", LOG_INT("n", fault));
    if (!elsewhere)
        (void)raise(fault);
    else if (pthread_create(&other, NULL, abort_here, NULL) == 0)
        (void)pthread_join(other, NULL);
    _exit(0);
}

static void a_fault_does_not_take_what_was_gathered_with_it(void **state)
{
    (void)state;
    static const struct {
        int fault;
        bool elsewhere; /* in another thread */
    } rows[] = {{SIGSEGV, false}, {SIGABRT, false}, {SIGABRT, true}};
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            raise_in_a_child(rows[i].fault, rows[i].elsewhere);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == rows[i].fault);
        char want[128];
        (void)snprintf(want, sizeof(want), HEAD " n=%d\n", rows[i].fault);
        assert_string_equal(take(), want);
    }
}

/* Its owner may free it then. */
static void a_room_that_was_released_is_not_touched_at_a_fault(void **state)
{
    (void)state;
    int status = 0;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        log_keep_at_faults();
        log_gather(&room);
        log_release();
        memcpy(room.text, "somebody else's", 15);
        room.len = 15;
        abort();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_string_equal(take(), "");
}

/* A pipe takes no more than PIPE_BUF (4096) bytes in one piece. */
static void gathered_lines_are_whole_between_those_of_others(void **state)
{
    (void)state;
    int ends[2];
    char got[8192];
    char value[900];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0); /* tells writes apart */
    int before = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_gather(&room);
    for (int i = 0; i < 30; i++)
        log_info("m", "e", LOG_INT("n", i), LOG_STR("value", i % 3 == 0 ? "short" : value));
    log_info("m", "e", LOG_STR("a", value), LOG_STR("b", value), LOG_STR("c", value),
             LOG_STR("d", value), LOG_STR("e", value));
    log_release();
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(ends[1]);
    int writes = 0, lines = 0;
    for (ssize_t n; (n = recv(ends[0], got, sizeof(got), 0)) > 0; writes++) {
        int here = 0;
        for (ssize_t i = 0; i < n; i++)
            here += got[i] == '\n';
        assert_true(got[n - 1] == '\n' && (n <= 4096 || here == 1));
        lines += here;
    }
    close(ends[0]);
    assert_int_equal(lines, 31);
    assert_in_range(writes, 2, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        captured_test(gathered_lines_leave_together_and_a_warning_leaves_at_once),
        captured_test(no_line_is_lost_or_cut_when_the_room_is_full),
        captured_test(a_room_that_was_released_is_not_touched_at_a_fault),
        captured_test(gathered_lines_are_whole_between_those_of_others),
        captured_test(a_fault_does_not_take_what_was_gathered_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
