/* Drain and stop: what is delivered, what is cut, and who is not waited for. */
#include "tests/support/http_probe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BAD_REQUEST "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"
enum { BAD_SENDERS = 60 };

#define HOST "Host: x\r\n"
#define HOLD "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST "POST /a HTTP/1.1\r\nHost: x\r\n"
enum { PATIENCE_MS = 5000 };

/* A new client hears that it should come again, and no handler sees its request. */
static void ask_while_draining(struct probe *p, uint16_t port)
{
    char answer[1024];
    bool closed = false;
    unsigned begun = atomic_load(&p->begun), refused = atomic_load(&p->refused);
    int fd = probe_connect(port);
    assert_true(fd >= 0);
    probe_send_text(fd, POST "Content-Length: 4\r\n\r\nbody");
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
    close(fd);
    assert_int_equal(probe_status(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: 10\r\n"));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_true(closed);
    assert_int_equal(atomic_load(&p->begun), begun);
    assert_int_equal(atomic_load(&p->refused), refused + 1);
    assert_int_equal(p->refused_status, 503);
    assert_string_equal(p->refused_reason, "draining");
}

static void a_drain_refuses_new_clients_and_delivers_what_is_in_flight(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        struct probe p;
        char answer[1024];
        bool closed = false;
        probe_defaults(&p);
        p.options.threads = threads;
        probe_start(&p);
        int idle = probe_connect(http_server_port(p.server));
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, HOLD);
        struct http_request *r = probe_take(&p);
        assert_non_null(r);
        http_server_drain(p.server);
        http_server_drain(p.server);
        ask_while_draining(&p, http_server_port(p.server));
        ask_while_draining(&p, http_server_port(p.server));
        assert_int_equal(http_server_in_flight(p.server), 1);
        probe_answer(&p, r, "still here");
        probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
        assert_non_null(strstr(answer, "Connection: close\r\n"));
        assert_non_null(strstr(answer, "still here"));
        assert_true(closed);
        uint16_t port = http_server_port(p.server);
        probe_stop(&p, PATIENCE_MS); /* returns at once, idle connections do not count */
        assert_int_equal(probe_connect(port), -ECONNREFUSED);
        close(fd);
        close(idle);
        assert_int_equal(atomic_load(&p.done), 1);
    }
}

static void *answer_slowly(void *self)
{
    struct probe *p = self;
    struct http_request *r = probe_take(p);
    probe_sleep_ms(200);
    if (r != NULL)
        probe_answer(p, r, "in the nick of time");
    return NULL;
}

static void a_stop_waits_for_answers_that_come_in_time(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    pthread_t answerer;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, HOLD);
    assert_true(probe_counts(&p.completed, 1));
    assert_int_equal(pthread_create(&answerer, NULL, answer_slowly, &p), 0);
    int64_t start_ms = probe_now_ms();
    http_server_stop(p.server, 10000);
    assert_in_range(probe_now_ms() - start_ms, 100, 5000);
    pthread_join(answerer, NULL);
    probe_read(fd, answer, sizeof(answer), "nick of time", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    p.server = NULL;
    probe_stop(&p, 0);
    assert_int_equal(atomic_load(&p.done), 1);
}

static void a_stop_cuts_what_is_never_answered(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    bool closed = false;
    probe_defaults(&p);
    probe_start(&p);
    int fds[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = probe_connect(http_server_port(p.server));
        probe_send_text(fds[i], HOLD);
    }
    assert_true(probe_counts(&p.completed, 5));
    probe_stop(&p, 50);
    assert_int_equal(atomic_load(&p.done), 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(probe_read(fds[i], answer, sizeof(answer), NULL, PATIENCE_MS, &closed), 0);
        assert_true(closed);
        close(fds[i]);
    }
}

/* The threads of the library are at work in the moment of the drain. */
static void *knock(void *self)
{
    const struct probe *p = self;
    char answer[1024];
    uint16_t port = http_server_port(p->server);
    for (;;) {
        int fd = probe_connect(port);
        if (fd < 0)
            return NULL;
        probe_send_text(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n");
        probe_read(fd, answer, sizeof(answer), "\r\n\r\n", PATIENCE_MS, NULL);
        close(fd);
        if (strstr(answer, " 200 ") == NULL)
            return NULL;
    }
}

static void drains_amid_requests_end_in_order(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct probe p;
        pthread_t clients[3];
        probe_defaults(&p);
        p.options.threads = 4;
        probe_start(&p);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&clients[i], NULL, knock, &p), 0);
        (void)probe_counts(&p.completed, 3); /* or more */
        http_server_drain(p.server);
        for (size_t i = 0; i < 3; i++)
            pthread_join(clients[i], NULL);
        probe_stop(&p, PATIENCE_MS);
        assert_int_equal(atomic_load(&p.done), atomic_load(&p.begun));
    }
}

/* --- clients that left -------------------------------------------------------------------- */

static const struct {
    const char *name, *sent;
} cut_short[] = {
    {"in a body", POST "Content-Length: 9\r\n\r\nbody"},
    {"before a body", POST "Content-Length: 9\r\n\r\n"},
    {"in a chunk", POST "Transfer-Encoding: chunked\r\n\r\n9\r\nbody"},
    {"before the last chunk", POST "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n"},
};

static void a_client_that_left_in_its_request_holds_up_no_drain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cut_short) / sizeof(cut_short[0]); i++) {
        struct probe p;
        probe_defaults(&p);
        probe_start(&p);
        for (unsigned n = 0; n < 5; n++) {
            int fd = probe_connect(http_server_port(p.server));
            size_t len = strlen(cut_short[i].sent);
            /* The end leaves in one packet with the bytes. */
            assert_int_equal(send(fd, cut_short[i].sent, len, MSG_MORE), len);
            close(fd);
        }
        assert_true(probe_counts(&p.begun, 5));
        http_server_drain(p.server);
        if (!probe_counts(&p.done, 5))
            fail_msg("%s: %u of 5 are over", cut_short[i].name, atomic_load(&p.done));
        assert_int_equal(atomic_load(&p.completed), 0);
        probe_stop(&p, 0);
    }
}

static void a_drain_waits_for_a_client_that_is_still_sending(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, POST "Content-Length: 9\r\n\r\nhalf ");
    assert_true(probe_counts(&p.begun, 1));
    http_server_drain(p.server);
    probe_sleep_ms(350);
    probe_send_text(fd, "body");
    probe_read(fd, answer, sizeof(answer), "half body", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    probe_stop(&p, PATIENCE_MS);
}

static void a_client_that_closed_its_half_after_the_request_gets_its_answer(void **state)
{
    (void)state;
    struct probe p;
    char answer[1024];
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
    struct http_request *r = probe_take(&p);
    assert_non_null(r);
    shutdown(fd, SHUT_WR);
    http_server_drain(p.server);
    probe_sleep_ms(350);
    assert_int_equal(atomic_load(&p.done), 0);
    probe_answer(&p, r, "all there");
    probe_read(fd, answer, sizeof(answer), "all there", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    probe_stop(&p, PATIENCE_MS);
}

/* A client that closed its half and takes a long answer slowly is not cut either. */
static void a_long_answer_reaches_a_client_that_closed_its_half(void **state)
{
    (void)state;
    struct probe p;
    static char answer[64 * 1024];
    size_t len = 0, all = 0;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "GET /large HTTP/1.1\r\n" HOST "\r\n");
    assert_true(probe_counts(&p.completed, 1));
    shutdown(fd, SHUT_WR);
    http_server_drain(p.server);
    probe_sleep_ms(350);
    do
        all += len = probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, NULL);
    while (len > 0);
    close(fd);
    assert_true(all > 8 << 20);
    probe_stop(&p, PATIENCE_MS);
}

/* The library answers what it cannot read by itself, and on 0.9.75 it goes through a null pointer
 * there once it was told to stop. */
struct bad_senders {
    int fds[BAD_SENDERS];
};

static void *send_bad_requests(void *argument)
{
    const struct bad_senders *b = argument;
    for (size_t i = 0; i < BAD_SENDERS; i++)
        (void)send(b->fds[i], BAD_REQUEST, sizeof(BAD_REQUEST) - 1, MSG_NOSIGNAL);
    return NULL;
}

static void a_server_stops_while_the_library_refuses_requests(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct probe p;
        struct bad_senders b;
        pthread_t sender;
        probe_defaults(&p);
        p.options.threads = 1;
        probe_start(&p);
        for (size_t i = 0; i < BAD_SENDERS; i++)
            b.fds[i] = probe_connect(http_server_port(p.server));
        assert_int_equal(pthread_create(&sender, NULL, send_bad_requests, &b), 0);
        usleep((useconds_t)(round * 5));
        probe_stop(&p, 0);
        pthread_join(sender, NULL);
        for (size_t i = 0; i < BAD_SENDERS; i++)
            close(b.fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_refuses_new_clients_and_delivers_what_is_in_flight),
        cmocka_unit_test(a_stop_waits_for_answers_that_come_in_time),
        cmocka_unit_test(a_stop_cuts_what_is_never_answered),
        cmocka_unit_test(drains_amid_requests_end_in_order),
        cmocka_unit_test(a_client_that_left_in_its_request_holds_up_no_drain),
        cmocka_unit_test(a_drain_waits_for_a_client_that_is_still_sending),
        cmocka_unit_test(a_client_that_closed_its_half_after_the_request_gets_its_answer),
        cmocka_unit_test(a_long_answer_reaches_a_client_that_closed_its_half),
        cmocka_unit_test(a_server_stops_while_the_library_refuses_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
