/* Sizes: bodies up to the limit and past it, large headers, bodies that are not waited for. */
#include "tests/support/http_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST   "Host: x\r\n"
#define SECOND "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
enum { PATIENCE_MS = 5000 };

static void a_body_of_exactly_the_limit_is_let_in(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096], body[1000];
    probe_defaults(&p);
    probe_start(&p);
    memset(body, 'b', sizeof(body));
    static const char *const heads[] = {"POST /a HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n",
                                        "POST /a HTTP/1.1\r\n" HOST
                                        "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"};
    for (int i = 0; i < 2; i++) {
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, heads[i]);
        probe_send(fd, body, sizeof(body));
        probe_send_text(fd, i == 1 ? "\r\n0\r\n\r\n" : "");
        probe_read(fd, answer, sizeof(answer), "bb", PATIENCE_MS, NULL);
        close(fd);
        assert_int_equal(probe_status(answer), 200);
        assert_non_null(strstr(answer, "Content-Length: 1018\r\n"));
    }
    probe_stop(&p, 0);
}

/* The library hands out as much as its memory for the connection holds, and the sender's packets
 * end where they will. */
static void a_body_of_many_pieces_arrives_whole_and_in_order(void **state)
{
    (void)state;
    struct probe p;
    static char body[60000], answer[65536];
    probe_defaults(&p);
    p.options.body_max = sizeof(body);
    p.options.header_max = 1024;
    probe_start(&p);
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)('a' + i * i % 23);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
    for (size_t sent = 0, n = 1; sent < sizeof(body); sent += n, n = 2 * n + 1) {
        if (n > sizeof(body) - sent)
            n = sizeof(body) - sent;
        probe_send(fd, body + sent, n);
        probe_sleep_ms(5);
    }
    size_t len = 0;
    while (len < sizeof(body)) {
        size_t n = probe_read(fd, answer + len, sizeof(answer) - len, NULL, 100, NULL);
        if (n == 0)
            break;
        len += n;
    }
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    assert_true(len > sizeof(body));
    assert_memory_equal(answer + len - sizeof(body), body, sizeof(body));
    probe_stop(&p, 0);
}

static void a_body_whose_length_is_past_the_limit_is_refused_before_it_is_read(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    bool closed = false;
    probe_defaults(&p);
    probe_start(&p);
    static const char *const lengths[] = {"1001", "18446744073709551615"};
    for (unsigned i = 0; i < 2; i++) {
        char head[256];
        (void)snprintf(head, sizeof(head),
                       "POST /a HTTP/1.1\r\n" HOST
                       "Expect: 100-continue\r\nContent-Length: %s\r\n\r\n",
                       lengths[i]);
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, head);
        probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
        close(fd);
        assert_int_equal(probe_status(answer), 413); /* and no 100 before it */
        assert_true(closed);
        assert_int_equal(atomic_load(&p.refused), i + 1);
        assert_int_equal(p.refused_status, 413);
        assert_string_equal(p.refused_reason, "too_large");
    }
    assert_int_equal(atomic_load(&p.begun), 0);
    probe_stop(&p, 0);
}

static void a_body_that_counts_past_the_limit_is_read_to_its_end_and_refused(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    bool closed = false;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 7; i++) {
        char chunk[1024] = {0};
        probe_send_text(fd, "400\r\n");
        probe_send(fd, chunk, sizeof(chunk));
        probe_send_text(fd, "\r\n");
    }
    probe_send_text(fd, "0\r\n\r\n");
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
    close(fd);
    assert_int_equal(probe_status(answer), 413);
    assert_true(closed);
    assert_true(probe_counts(&p.done, 1));
    assert_int_equal(atomic_load(&p.begun), 1);
    assert_int_equal(atomic_load(&p.completed), 0);
    assert_string_equal(p.refused_reason, "too_large");
    probe_stop(&p, 0);
}

static void a_body_without_end_is_cut(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096], bytes[4096] = {0};
    bool closed = false;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd,
                    "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n");
    for (int i = 0; i < 16; i++)
        probe_send(fd, bytes, sizeof(bytes));
    assert_int_equal(probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed), 0);
    close(fd);
    assert_true(closed);
    assert_true(probe_counts(&p.done, 1));
    assert_int_equal(atomic_load(&p.completed), 0);
    probe_stop(&p, 0);
}

static void a_header_past_the_limit_gets_431(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096], filler[3900];
    probe_defaults(&p);
    probe_start(&p);
    memset(filler, 'f', sizeof(filler));
    for (int more = 0; more < 2; more++) {
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, "GET /a HTTP/1.1\r\n" HOST "X-A: ");
        probe_send(fd, filler, sizeof(filler));
        probe_send(fd, filler, more == 1 ? 200 : 100);
        probe_send_text(fd, "\r\n\r\n");
        probe_read(fd, answer, sizeof(answer), "\r\n\r\n", PATIENCE_MS, NULL);
        close(fd);
        assert_int_equal(probe_status(answer), more == 1 ? 431 : 200);
    }
    assert_string_equal(p.refused_reason, "header_too_large");
    assert_true(probe_counts(&p.done, 1));
    probe_stop(&p, 0);
}

static void ten_thousand_headers_or_a_huge_line_do_no_harm(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    probe_defaults(&p);
    probe_start(&p);
    static const struct {
        const char *head, *piece;
        int pieces, status;
    } cases[] = {{"GET /a HTTP/1.1\r\n" HOST, "a:\r\n", 10000, 431},
                 {"GET /a HTTP/1.1\r\n" HOST "X: ", "0123456789", 20000, 431},
                 {"GET /", "0123456789", 20000, 414}};
    for (size_t i = 0; i < 3; i++) {
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, cases[i].head);
        for (int n = 0; n < cases[i].pieces; n++)
            probe_send_text(fd, cases[i].piece);
        probe_send_text(fd, "\r\n\r\n");
        probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, NULL);
        close(fd);
        /* The answer may be lost in the reset that unread bytes cause. */
        assert_true(answer[0] == '\0' || probe_status(answer) == cases[i].status);
    }
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, SECOND);
    probe_read(fd, answer, sizeof(answer), "/second", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    assert_true(probe_counts(&p.begun, 1));
    probe_stop(&p, 0);
}

static void a_client_that_expects_100_continue_gets_it_before_the_body(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "POST /a HTTP/1.1\r\n" HOST
                        "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    probe_read(fd, answer, sizeof(answer), "\r\n\r\n", PATIENCE_MS, NULL);
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    probe_send_text(fd, "body");
    probe_read(fd, answer, sizeof(answer), "127.0.0.1 body", PATIENCE_MS, NULL);
    close(fd);
    assert_int_equal(probe_status(answer), 200);
    probe_stop(&p, 0);
}

static void an_answer_in_begin_comes_without_the_body_and_closes(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    bool closed = false;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "POST /early HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\n");
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
    close(fd);
    assert_int_equal(probe_status(answer), 401);
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_true(closed);
    assert_true(probe_counts(&p.done, 1));
    assert_int_equal(atomic_load(&p.completed), 0);
    probe_stop(&p, 0);
}

static void a_client_that_leaves_in_the_middle_of_its_body_ends_its_request_once(void **state)
{
    (void)state;
    struct probe p;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\nsome");
    assert_true(probe_counts(&p.begun, 1));
    assert_int_equal(http_server_in_flight(p.server), 1);
    close(fd);
    assert_true(probe_counts(&p.done, 1));
    assert_int_equal(atomic_load(&p.completed), 0);
    probe_stop(&p, 0);
    assert_int_equal(atomic_load(&p.done), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_exactly_the_limit_is_let_in),
        cmocka_unit_test(a_body_of_many_pieces_arrives_whole_and_in_order),
        cmocka_unit_test(a_body_whose_length_is_past_the_limit_is_refused_before_it_is_read),
        cmocka_unit_test(a_body_that_counts_past_the_limit_is_read_to_its_end_and_refused),
        cmocka_unit_test(a_body_without_end_is_cut),
        cmocka_unit_test(a_header_past_the_limit_gets_431),
        cmocka_unit_test(ten_thousand_headers_or_a_huge_line_do_no_harm),
        cmocka_unit_test(a_client_that_expects_100_continue_gets_it_before_the_body),
        cmocka_unit_test(an_answer_in_begin_comes_without_the_body_and_closes),
        cmocka_unit_test(a_client_that_leaves_in_the_middle_of_its_body_ends_its_request_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
