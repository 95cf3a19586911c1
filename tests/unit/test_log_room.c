/* Lines that are gathered and leave together. */
#include "tests/unit/log_capture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

static void a_fault_does_not_take_what_was_gathered_with_it(void **state)
{
    (void)state;
    static const int faults[] = {SIGSEGV, SIGABRT};
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)signal(faults[i], SIG_DFL); /* the test runner's */
            log_keep_at_faults();
            log_gather(&room);
            log_info("m", "e", LOG_INT("n", faults[i]));
            (void)raise(faults[i]);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == faults[i]);
        char want[128];
        (void)snprintf(want, sizeof(want), HEAD " n=%d\n", faults[i]);
        assert_string_equal(take(), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        captured_test(gathered_lines_leave_together_and_a_warning_leaves_at_once),
        captured_test(no_line_is_lost_or_cut_when_the_room_is_full),
        captured_test(a_fault_does_not_take_what_was_gathered_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
