/* What is let in and what is refused: raw bytes to a real server. */
#include "tests/support/http_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST        "Host: x\r\n"
#define SECOND      "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
#define BYTES(text) (text), sizeof(text) - 1
enum { PATIENCE_MS = 5000 };

/* Each is followed on the wire by SECOND: a proxy that reads it otherwise must find no second one.
 */
/* clang-format off */
static const struct {
    const char *name;
    const char *bytes;
    size_t len;
} refused_requests[] = {
    { "two equal Content-Length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi") },
    { "two different Content-Length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 40\r\n\r\nhi") },
    { "a list as Content-Length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\nhi") },
    { "Content-Length with a sign", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\nhi") },
    { "Content-Length and Transfer-Encoding", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") },
    { "Transfer-Encoding and Content-Length", BYTES("POST / HTTP/1.1\r\n" HOST "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n") },
    { "Transfer-Encoding gzip", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n") },
    { "Transfer-Encoding gzip, chunked", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n") },
    { "Transfer-Encoding twice", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") },
    { "Transfer-Encoding with a blank after it", BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n") },
    { "Transfer-Encoding in HTTP/1.0", BYTES("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") },
    { "space before the colon", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length : 34\r\n\r\n") },
    { "tab before the colon", BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length\t: 34\r\n\r\n") },
    { "header name that is no token", BYTES("GET / HTTP/1.1\r\n" HOST "X(a): 1\r\n\r\n") },
    { "header without a name", BYTES("GET / HTTP/1.1\r\n" HOST ": 1\r\n\r\n") },
    { "header without a colon", BYTES("GET / HTTP/1.1\r\n" HOST "nothing\r\n\r\n") },
    { "folded line", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: 1\r\n two\r\nX-B: 3\r\n\r\n") },
    { "folded line at the end", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: 1\r\n\ttwo\r\n\r\n") },
    { "folded line that would make a length", BYTES("POST / HTTP/1.1\r\n" HOST "Content-: 34\r\n Length\r\n\r\n") },
    { "folded blank line", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: 1\r\n \r\n\r\n") },
    { "line that begins with NUL", BYTES("GET / HTTP/1.1\r\n" HOST "\0\r\nContent-Length: 34\r\n\r\n") },
    { "NUL as first header line", BYTES("GET / HTTP/1.1\r\n\0abc\r\n" HOST "\r\n") },
    { "NUL in a header value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: a\0b\r\nX-B: 1\r\n\r\n") },
    { "NUL at the end of a header value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: a\0\r\nX-B: 1\r\n\r\n") },
    { "NUL in the last header value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: a\0bcd\r\n\r\n") },
    { "NUL in the request target", BYTES("GET /a\0b HTTP/1.1\r\n" HOST "\r\n") },
    { "carriage return in a header value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: a\rb\r\n\r\n") },
    { "escape byte in a header value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: \x1b[31m\r\n\r\n") },
    { "HTTP/1.1 without Host", BYTES("GET / HTTP/1.1\r\nX-A: 1\r\n\r\n") },
    { "two Host", BYTES("GET / HTTP/1.1\r\n" HOST "host: y\r\n\r\n") },
    { "%00 in the path", BYTES("GET /hooks%00/x HTTP/1.1\r\n" HOST "\r\n") },
    { "%0a in an argument", BYTES("GET /?say=a%0ab HTTP/1.1\r\n" HOST "\r\n") },
    { "%7F in the path", BYTES("GET /%7F HTTP/1.1\r\n" HOST "\r\n") },
    { "percent sign without digits", BYTES("GET /100%zz HTTP/1.1\r\n" HOST "\r\n") },
    { "percent sign at the end", BYTES("GET /100% HTTP/1.1\r\n" HOST "\r\n") },
    { "control byte in the request target", BYTES("GET /a\x01 HTTP/1.1\r\n" HOST "\r\n") },
    { "blank in the request target", BYTES("GET /a b HTTP/1.1\r\n" HOST "\r\n") },
    { "two blanks after the method", BYTES("GET  / HTTP/1.1\r\n" HOST "\r\n") },
    { "method that is no token", BYTES("G(T / HTTP/1.1\r\n" HOST "\r\n") },
    { "no version", BYTES("GET /\r\n" HOST "\r\n") },
    { "101 arguments", BYTES("GET /?&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&& HTTP/1.1\r\n" HOST "\r\n") },
};

static const struct {
    const char *name, *bytes;
    const char *want; /* in the answer */
} served_requests[] = {
    { "GET without body", "GET /a HTTP/1.1\r\n" HOST "\r\n", "\r\n\r\nGET /a 127.0.0.1 " },
    { "HEAD has the length but no body", "HEAD /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "Content-Length: 18\r\n" },
    { "HTTP/1.0 without Host", "GET /a HTTP/1.0\r\n\r\n", "\r\n\r\nGET /a 127.0.0.1 " },
    { "POST with a length", "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", "POST /a 127.0.0.1 hello" },
    { "POST with length 0", "POST /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "Content-Length: 18\r\n" },
    { "POST in chunks", "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "POST /a 127.0.0.1 hello" },
    { "a trailer is no header", "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\n\r\n", "POST /a 127.0.0.1 hi" },
    { "bare LF, as one request", "POST /a HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello", "POST /a 127.0.0.1 hello" },
    { "LF and CRLF mixed", "POST /a HTTP/1.1\r\nHost: x\nX-A: b \r\nContent-Length: 5\n\r\nhello", "POST /a 127.0.0.1 hello" },
    { "empty line before it", "\r\nGET /a HTTP/1.1\r\n" HOST "\r\n", "GET /a 127.0.0.1 " },
    { "header with tabs, colons and an empty value", "GET /a HTTP/1.1\r\n" HOST "X-A:\t b:c\t\r\nX-B:\r\n\r\n", "GET /a 127.0.0.1 " },
    { "path and argument are decoded", "GET /%61%2fb?x&say=c%20d+e&y=1 HTTP/1.1\r\n" HOST "\r\n", "X-Said: c d e\r\n" },
    { "argument without value", "GET /a?say HTTP/1.1\r\n" HOST "\r\n", "X-Said: nothing\r\n" },
    { "double encoding is decoded once", "GET /%2500 HTTP/1.1\r\n" HOST "\r\n", "GET /%00 127.0.0.1 " },
    { "POST without length is the handler's business", "POST /a HTTP/1.1\r\n" HOST "\r\n", "{\"type\":\"about:blank\",\"title\":\"Length Required\",\"status\":411,\"detail\":\"a length is \\\"needed\\\"\"}" },
    { "a handler without answer is a 500", "GET /silent HTTP/1.1\r\n" HOST "\r\n", "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500}" },
};
/* clang-format on */

static void requests_that_could_count_as_two_are_refused_and_the_connection_closed(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct probe p;
        probe_defaults(&p);
        p.options.threads = threads;
        probe_start(&p);
        for (size_t i = 0; i < sizeof(refused_requests) / sizeof(*refused_requests); i++) {
            char answer[4096];
            bool closed = false;
            int fd = probe_connect(http_server_port(p.server));
            assert_true(fd >= 0);
            probe_send(fd, refused_requests[i].bytes, refused_requests[i].len);
            probe_send_text(fd, SECOND);
            probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, &closed);
            close(fd);
            if (probe_status(answer) != 400 || !closed || atomic_load(&p.begun) != 0)
                fail_msg("%s: closed=%d begun=%u, answer: %s", refused_requests[i].name, closed,
                         atomic_load(&p.begun), answer);
            assert_non_null(strstr(answer, "Connection: close\r\n"));
            assert_null(strstr(answer, "/second"));
        }
        probe_stop(&p, 0);
    }
}

static void ordinary_requests_are_served(void **state)
{
    (void)state;
    struct probe p;
    probe_defaults(&p);
    probe_start(&p);
    unsigned n = sizeof(served_requests) / sizeof(*served_requests);
    for (unsigned i = 0; i < n; i++) {
        char answer[4096];
        int fd = probe_connect(http_server_port(p.server));
        probe_send_text(fd, served_requests[i].bytes);
        probe_read(fd, answer, sizeof(answer), served_requests[i].want, PATIENCE_MS, NULL);
        close(fd);
        if (strstr(answer, served_requests[i].want) == NULL)
            fail_msg("%s: %s", served_requests[i].name, answer);
        assert_non_null(strstr(answer, "Content-Length: "));
        assert_int_equal(probe_occurrences(answer, "HTTP/1.1 "), 1);
    }
    assert_true(probe_counts(&p.done, n));
    assert_int_equal(atomic_load(&p.completed), n);
    assert_int_equal(http_server_in_flight(p.server), 0);
    probe_stop(&p, 0);
}

static void a_refusal_says_why_in_problem_json_and_is_reported(void **state)
{
    (void)state;
    struct probe p;
    char answer[4096];
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "GET / HTTP/1.1\r\n" HOST "X A: 1\r\n\r\n");
    probe_read(fd, answer, sizeof(answer), NULL, PATIENCE_MS, NULL);
    close(fd);
    assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
    assert_non_null(strstr(answer, "\"detail\":\"header name that is no token\"}"));
    assert_int_equal(atomic_load(&p.refused), 1);
    assert_int_equal(p.refused_status, 400);
    assert_string_equal(p.refused_reason, "malformed");
    assert_int_equal(atomic_load(&p.done), 0);
    probe_stop(&p, 0);
}

static void pipelined_requests_are_answered_in_their_order_on_one_connection(void **state)
{
    (void)state;
    struct probe p;
    char answers[8192];
    bool closed = true;
    probe_defaults(&p);
    probe_start(&p);
    int fd = probe_connect(http_server_port(p.server));
    probe_send_text(fd, "GET /one HTTP/1.1\r\n" HOST "\r\n"
                        "POST /two HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                        "POST /three HTTP/1.1\r\n" HOST
                        "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                        "GET /four HTTP/1.1\r\n" HOST "\r\n");
    probe_read(fd, answers, sizeof(answers), "GET /four 127.0.0.1 ", PATIENCE_MS, &closed);
    assert_false(closed);
    const char *one = strstr(answers, "GET /one 127.0.0.1 ");
    const char *two = strstr(answers, "POST /two 127.0.0.1 abc");
    const char *three = strstr(answers, "POST /three 127.0.0.1 x");
    const char *four = strstr(answers, "GET /four 127.0.0.1 ");
    assert_true(one != NULL && two > one && three > two && four > three);
    assert_int_equal(probe_occurrences(answers, "HTTP/1.1 200 OK"), 4);
    for (int i = 0; i < 50; i++) {
        probe_send_text(fd, SECOND);
        probe_read(fd, answers, sizeof(answers), "GET /second 127.0.0.1 ", PATIENCE_MS, &closed);
        assert_int_equal(probe_status(answers), 200);
    }
    close(fd);
    assert_true(probe_counts(&p.done, 54));
    probe_stop(&p, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_could_count_as_two_are_refused_and_the_connection_closed),
        cmocka_unit_test(ordinary_requests_are_served),
        cmocka_unit_test(a_refusal_says_why_in_problem_json_and_is_reported),
        cmocka_unit_test(pipelined_requests_are_answered_in_their_order_on_one_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
