#include "relay/base/service.h"

#include "relay/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static int64_t now_ms(void)
{
    return clock_mono(clock_system()).ms;
}

static struct service *prepare(void)
{
    struct service *s = NULL;
    struct error err = {0};
    if (service_prepare(&s, &err) != 0)
        fail_msg("%s", err.text);
    return s;
}

static void a_prepared_process_keeps_its_memory_and_files_to_itself(void **state)
{
    (void)state;
    struct rlimit core;
    struct sigaction pipe_action;
    struct service *s = prepare();
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_cur, 0);
    assert_int_equal(core.rlim_max, 0);
    assert_int_equal(umask(077), 077);
    assert_int_equal(sigaction(SIGPIPE, NULL, &pipe_action), 0);
    assert_true(pipe_action.sa_handler == SIG_IGN);
    service_free(s);
    service_free(NULL);
}

static void each_signal_is_its_event(void **state)
{
    (void)state;
    static const struct {
        int signal, event;
    } rows[] = {
        {SIGTERM, SERVICE_TERMINATE}, {SIGINT, SERVICE_TERMINATE}, {SIGHUP, SERVICE_RELOAD}};
    struct service *s = prepare();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(kill(getpid(), rows[i].signal), 0);
        assert_int_equal(service_wait(s, -1), rows[i].event);
        assert_int_equal(service_wait(s, 0), SERVICE_TIMEOUT);
    }
    service_free(s);
}

static void events_that_are_due_together_come_in_order(void **state)
{
    (void)state;
    struct service *s = prepare();
    service_wake(s);
    service_wake(s);
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGTERM);
    assert_int_equal(service_wait(s, 0), SERVICE_TERMINATE);
    assert_int_equal(service_wait(s, 0), SERVICE_RELOAD);
    assert_int_equal(service_wait(s, 0), SERVICE_WOKEN);
    assert_int_equal(service_wait(s, 0), SERVICE_TIMEOUT);
    service_free(s);
}

static void a_wait_lasts_as_long_as_asked(void **state)
{
    (void)state;
    struct service *s = prepare();
    int64_t began = now_ms();
    assert_int_equal(service_wait(s, 120), SERVICE_TIMEOUT);
    assert_in_range(now_ms() - began, 120, 2000);
    service_wake(s);
    assert_int_equal(service_wait(s, INT64_MAX), SERVICE_WOKEN);
    service_free(s);
}

static void *wake_later(void *service)
{
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
    service_wake(service);
    return NULL;
}

static void another_thread_can_wake(void **state)
{
    (void)state;
    struct error err = {0};
    struct service *s = prepare();
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "waker", wake_later, s, &err), 0);
    assert_int_equal(service_wait(s, -1), SERVICE_WOKEN);
    pthread_join(thread, NULL);
    service_free(s);
}

/* --- threads --- */

struct seen {
    sigset_t blocked;
    char name[16];
    atomic_bool named;
};

static void *look_around(void *argument)
{
    struct seen *seen = argument;
    while (!atomic_load(&seen->named))
        sched_yield();
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    return NULL;
}

static void a_thread_is_named_and_takes_no_signals(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct error err = {0};
    sigset_t before, after;
    pthread_t thread;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_start(&thread, "fifteen-letters", look_around, &seen, &err), 0);
    atomic_store(&seen.named, true);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_string_equal(seen.name, "fifteen-letters");
    static const int taken_by_main[] = {SIGTERM, SIGINT,  SIGHUP,  SIGUSR1, SIGUSR2,
                                        SIGALRM, SIGCHLD, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof(taken_by_main) / sizeof(taken_by_main[0]); i++)
        assert_true(sigismember(&seen.blocked, taken_by_main[i]));
    assert_false(sigismember(&seen.blocked, SIGSEGV));
    for (int signal = 1; signal < 32; signal++)
        assert_int_equal(sigismember(&before, signal), sigismember(&after, signal));
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "sixteen-letters!", look_around, NULL, &err), -EINVAL);
}

/* --- sd_notify --- */

/* name '@…' is abstract. The socket is bound as systemd binds it: an abstract name is all bytes
 * that were given, no NUL behind. */
static int manager_socket(const char *name)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(un.sun_path, name, strlen(name));
    if (name[0] == '@')
        un.sun_path[0] = '\0';
    else
        unlink(name);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&un, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void assert_told(int fd, const char *want)
{
    char text[256] = "";
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    if (want == NULL) {
        assert_int_equal(n, -1);
        return;
    }
    assert_int_equal(n, strlen(want));
    assert_string_equal(text, want);
}

static void the_manager_is_told_by_path_and_by_abstract_name(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof(name), "%s-%d", i == 0 ? "/tmp/test-service" : "@test-service",
                       (int)getpid());
        int fd = manager_socket(name);
        service_notify("READY=1\nSTATUS=serving");
        assert_told(fd, "READY=1\nSTATUS=serving");
        close(fd);
        service_notify("STOPPING=1"); /* nobody there: no harm */
        if (i == 0)
            unlink(name);
    }
}

static void where_there_is_no_manager_nothing_is_told(void **state)
{
    (void)state;
    char too_long[300];
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[0] = '/';
    too_long[sizeof(too_long) - 1] = '\0';
    const char *const names[] = {"", "@", "relative", "vsock:2:1", "/nonexistent/x", too_long};
    unsetenv("NOTIFY_SOCKET");
    service_notify("READY=1");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        service_notify("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_fed_at_half_its_time_while_waiting(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof(name), "@test-watchdog-%d", (int)getpid());
    int fd = manager_socket(name);
    setenv("WATCHDOG_USEC", "400000", 1);
    unsetenv("WATCHDOG_PID");
    struct service *s = prepare();
    assert_told(fd, NULL);
    assert_int_equal(service_wait(s, 0), SERVICE_TIMEOUT);
    assert_told(fd, "WATCHDOG=1");
    assert_int_equal(service_wait(s, 0), SERVICE_TIMEOUT); /* too early for another */
    assert_told(fd, NULL);
    assert_int_equal(service_wait(s, 700), SERVICE_TIMEOUT);
    for (int i = 0; i < 3; i++)
        assert_told(fd, "WATCHDOG=1");
    assert_told(fd, NULL);
    service_wake(s); /* events that come without end do not starve it */
    nanosleep(&(struct timespec){.tv_nsec = 220 * 1000000}, NULL);
    assert_int_equal(service_wait(s, -1), SERVICE_WOKEN);
    assert_told(fd, "WATCHDOG=1");
    service_free(s);
    close(fd);
}

static void a_watchdog_of_another_process_is_left_alone(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof(name), "@test-watchdog-%d", (int)getpid());
    int fd = manager_socket(name);
    setenv("WATCHDOG_USEC", "20000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    struct service *s = prepare();
    assert_int_equal(service_wait(s, 50), SERVICE_TIMEOUT);
    assert_told(fd, NULL);
    service_free(s);
    (void)snprintf(name, sizeof(name), "%d", (int)getpid());
    setenv("WATCHDOG_PID", name, 1);
    s = prepare();
    assert_int_equal(service_wait(s, 0), SERVICE_TIMEOUT);
    assert_told(fd, "WATCHDOG=1");
    service_free(s);
    close(fd);
}

static void a_watchdog_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "-5", "10s", "99999999999999999999"};
    struct service *s = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = {0};
        setenv("WATCHDOG_USEC", bad[i], 1);
        assert_true(service_prepare(&s, &err) < 0);
        assert_non_null(strstr(err.text, "WATCHDOG_USEC"));
        assert_null(s);
    }
    unsetenv("WATCHDOG_USEC");
}

static int forget_environment(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, forget_environment, forget_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_prepared_process_keeps_its_memory_and_files_to_itself),
        TEST(each_signal_is_its_event),
        TEST(events_that_are_due_together_come_in_order),
        TEST(a_wait_lasts_as_long_as_asked),
        TEST(another_thread_can_wake),
        TEST(a_thread_is_named_and_takes_no_signals),
        TEST(a_name_that_is_too_long_is_refused),
        TEST(the_manager_is_told_by_path_and_by_abstract_name),
        TEST(where_there_is_no_manager_nothing_is_told),
        TEST(the_watchdog_is_fed_at_half_its_time_while_waiting),
        TEST(a_watchdog_of_another_process_is_left_alone),
        TEST(a_watchdog_that_is_no_number_is_refused),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
