/* Time limits, numbers of connections and arguments, signals. */
#include "tests/support/http_probe.h"

#include "relay/base/parse.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: x\r\n"
#define GET  "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
enum { SHORT_MS = 400, PATIENCE_MS = 5000 };

static void start_impatient(struct probe *p, int64_t header_ms, int64_t body_ms)
{
    probe_defaults(p);
    p->options.header_time_ms = header_ms;
    p->options.body_time_ms = body_ms;
    probe_start(p);
}

/* Sends `bytes` again and again, one byte each 20 ms, until the server closes; how long that took.
 */
static int64_t trickle(int fd, const char *bytes)
{
    int64_t start_ms = probe_now_ms();
    bool closed = false;
    for (size_t i = 0; !closed && probe_now_ms() - start_ms < PATIENCE_MS; i++) {
        char answer[1024];
        probe_send(fd, &bytes[i % strlen(bytes)], 1);
        probe_read(fd, answer, sizeof(answer), NULL, 20, &closed);
    }
    return probe_now_ms() - start_ms;
}

static void assert_about(int64_t took_ms, int64_t want_ms)
{
    if (took_ms < want_ms - 50 || took_ms > want_ms + 2000)
        fail_msg("took %d ms instead of about %d", (int)took_ms, (int)want_ms);
}

static void a_header_that_trickles_in_is_cut(void **state)
{
    (void)state;
    struct probe p;
    start_impatient(&p, SHORT_MS, 30000);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "GET /a HTTP/1.1\r\n" HOST);
    assert_about(trickle(fd, "X-A: b\r\n"), SHORT_MS);
    close(fd);
    assert_int_equal(atomic_load(&p.begun), 0);
    probe_stop(&p, 0);
}

static void a_client_that_says_nothing_is_cut(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    bool closed = false;
    start_impatient(&p, SHORT_MS, 30000);
    int64_t start_ms = probe_now_ms();
    int fd = probe_connect(http_server_port(p.server));
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
    close(fd);
    assert_true(closed);
    assert_about(probe_now_ms() - start_ms, SHORT_MS);
    probe_stop(&p, 0);
}

static void a_body_that_trickles_in_is_cut_and_its_request_ended_once(void **state)
{
    (void)state;
    static const char *const framing[] = {"Content-Length: 900\r\n\r\n",
                                          "Transfer-Encoding: chunked\r\n\r\n300\r\n"};
    for (int i = 0; i < 2; i++) {
        struct probe p;
        start_impatient(&p, 30000, SHORT_MS);
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, "POST /a HTTP/1.1\r\n" HOST);
        probe_send_text(fd, framing[i]);
        assert_about(trickle(fd, "b"), SHORT_MS);
        close(fd);
        assert_true(probe_counts(&p.done, 1));
        assert_int_equal(atomic_load(&p.completed), 0);
        probe_stop(&p, 0);
    }
}

static void a_connection_in_use_outlives_the_limit_and_an_idle_one_does_not(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    bool closed = false;
    start_impatient(&p, SHORT_MS, 30000);
    int fd = probe_connect(http_server_port(p.server));
    for (int i = 0; i < 6; i++) {
        probe_send_text(fd, GET);
        probe_read(fd, answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, &closed);
        assert_int_equal(probe_status(answer), 200);
        probe_sleep_ms(SHORT_MS / 2);
    }
    int64_t start_ms = probe_now_ms();
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
    close(fd);
    assert_true(closed);
    assert_about(probe_now_ms() - start_ms, SHORT_MS / 2);
    probe_stop(&p, 0);
}

static void a_request_line_that_comes_late_takes_time_from_the_first_header_only(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    start_impatient(&p, 1000, 30000);
    int64_t start_ms = probe_now_ms();
    int fd = probe_connect(http_server_port(p.server));
    probe_sleep_ms(800);
    probe_send_text(fd, "GET /a HTTP/1.1\r\n");
    trickle(fd, "X-A: b\r\n");
    close(fd);
    assert_in_range(probe_now_ms() - start_ms, 950, 1700);

    fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, GET);
    probe_read(fd, answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, NULL);
    probe_sleep_ms(600);
    probe_send_text(fd, "GET /a HTTP/1.1\r\n");
    probe_sleep_ms(600);
    probe_send_text(fd, HOST "\r\n");
    probe_read(fd, answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    probe_stop(&p, 0);
}

static void the_second_header_on_a_connection_has_a_limit_too(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    start_impatient(&p, SHORT_MS, SHORT_MS);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, GET);
    probe_read(fd, answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, NULL);
    probe_send_text(fd, "GET /a HTTP/1.1\r\n");
    assert_about(trickle(fd, "X-A: b\r\n"), SHORT_MS);
    close(fd);
    assert_true(probe_counts(&p.done, 1));
    assert_int_equal(atomic_load(&p.begun), 1);
    probe_stop(&p, 0);
}

static void a_client_that_does_not_take_its_answer_is_cut(void **state)
{
    (void)state;
    struct probe p;
    start_impatient(&p, 30000, SHORT_MS);
    int fd = probe_connect(http_server_port(p.server));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int));
    probe_send_text(fd, "GET /large HTTP/1.1\r\n" HOST "\r\n");
    assert_true(probe_counts(&p.completed, 1));
    int64_t start_ms = probe_now_ms();
    assert_true(probe_counts(&p.done, 1));
    assert_about(probe_now_ms() - start_ms, SHORT_MS);
    close(fd);
    probe_stop(&p, 0);
}

static void
more_arguments_than_the_library_can_hold_cost_one_connection_for_the_header_time(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    bool closed = false;
    probe_defaults(&p);
    p.options.header_time_ms = SHORT_MS;
    p.options.header_max = 65536;
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "GET /?");
    for (int i = 0; i < 50000; i += 10)
        probe_send_text(fd, "&&&&&&&&&&");
    probe_send_text(fd, " HTTP/1.1\r\n" HOST "\r\n");
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
    close(fd);
    assert_true(closed);
    fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, GET);
    probe_read(fd, answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    assert_int_equal(atomic_load(&p.begun), 1);
    probe_stop(&p, 0);
}

static void one_address_may_have_so_many_connections_and_no_more(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    bool closed = false;
    probe_defaults(&p);
    p.options.per_address = 2;
    probe_start(&p);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = probe_connect(http_server_port(p.server));
        if (i < 2)
            probe_send_text(fds[i], GET);
        probe_read(fds[i], answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, &closed);
        assert_int_equal(probe_status(answer), i < 2 ? 200 : 0);
        assert_int_equal(closed, i == 2);
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    probe_stop(&p, 0);
}

static void past_the_connection_limit_clients_wait_until_one_leaves(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    bool closed = true;
    probe_defaults(&p);
    p.options.threads = 1;
    p.options.connections = 2;
    probe_start(&p);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = probe_connect(http_server_port(p.server));
        probe_send_text(fds[i], GET);
        probe_read(fds[i], answer, sizeof(answer), "127.0.0.1 ", i < 2 ? PATIENCE_MS : 200,
                   &closed);
        assert_int_equal(probe_status(answer), i < 2 ? 200 : 0);
        assert_false(closed);
    }
    close(fds[0]);
    probe_read(fds[2], answer, sizeof(answer), "127.0.0.1 ", PATIENCE_MS, NULL);
    assert_int_equal(probe_status(answer), 200);
    close(fds[1]);
    close(fds[2]);
    probe_stop(&p, 0);
}

static bool is_blocked(const unsigned char mask[static 8], int signal)
{
    return (mask[7 - (signal - 1) / 8] >> (signal - 1) % 8 & 1) == 1;
}

/* Of this process's threads, those that the server made; each must block what main waits for. */
static int count_server_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    int found = 0;
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        char path[sizeof("/proc/self/task//status") + sizeof(task->d_name)], line[256];
        unsigned char blocked[8] = {0}; /* big-endian */
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
        FILE *status = fopen(path, "r");
        bool ours = false;
        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
            ours = ours || strncmp(line, "Name:\tMHD", 9) == 0 ||
                   strncmp(line, "Name:\thttp-deadline", 19) == 0;
            if (strncmp(line, "SigBlk:\t", 8) == 0)
                assert_int_equal(parse_hex(blocked, sizeof(blocked), line + 8, 16, NULL), 0);
        }
        if (status != NULL)
            (void)fclose(status);
        found += ours;
        assert_true(!ours || (is_blocked(blocked, SIGTERM) && is_blocked(blocked, SIGHUP) &&
                              is_blocked(blocked, SIGINT) && is_blocked(blocked, SIGPIPE)));
    }
    closedir(tasks);
    return found;
}

static void the_servers_threads_take_no_signals(void **state)
{
    (void)state;
    struct probe p;
    probe_defaults(&p);
    probe_start(&p);
    int found = count_server_threads();
    /* A thread gives itself its name a moment after it was made. */
    for (int i = 0; i < 500 && found < 3; i++) {
        probe_sleep_ms(10);
        found = count_server_threads();
    }
    assert_int_equal(found, 3); /* a pool of two, and the deadlines */
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    assert_int_equal(sigismember(&mine, SIGTERM), 0);
    probe_stop(&p, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_trickles_in_is_cut),
        cmocka_unit_test(a_client_that_says_nothing_is_cut),
        cmocka_unit_test(a_body_that_trickles_in_is_cut_and_its_request_ended_once),
        cmocka_unit_test(a_connection_in_use_outlives_the_limit_and_an_idle_one_does_not),
        cmocka_unit_test(a_request_line_that_comes_late_takes_time_from_the_first_header_only),
        cmocka_unit_test(the_second_header_on_a_connection_has_a_limit_too),
        cmocka_unit_test(a_client_that_does_not_take_its_answer_is_cut),
        cmocka_unit_test(
            more_arguments_than_the_library_can_hold_cost_one_connection_for_the_header_time),
        cmocka_unit_test(one_address_may_have_so_many_connections_and_no_more),
        cmocka_unit_test(past_the_connection_limit_clients_wait_until_one_leaves),
        cmocka_unit_test(the_servers_threads_take_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
