/* ANSWER, NOT_SENT or UNKNOWN: what a call ends as when its server misbehaves. */
#include "relay/base/http_client.h"

#include "tests/support/raw_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
    const char *name;
    enum raw_behaviour behaviour;
    const char *say;
    enum http_outcome outcome;
    int status;
    const char *body;
    int requests; /* that the server read in whole */
} answers[] = {
    /* clang-format off */
    {"a plain answer", SAY, OK_HEADER "Content-Length: 2\r\n\r\nhi", HTTP_ANSWER, 200, "hi", 1},
    {"a chunked answer with a trailer", SAY, OK_HEADER "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n", HTTP_ANSWER, 200, "hi", 1},
    {"a body that ends with the connection", SAY, OK_HEADER "\r\nhi", HTTP_ANSWER, 200, "hi", 1},
    {"204 without a body", SAY, "HTTP/1.1 204 No Content\r\n\r\n", HTTP_ANSWER, 204, "", 1},
    {"100 Continue first", SAY, "HTTP/1.1 100 Continue\r\nX-I: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", HTTP_ANSWER, 204, "", 1},
    {"103 Early Hints first", SAY, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_HEADER "Content-Length: 2\r\n\r\nhi", HTTP_ANSWER, 200, "hi", 1},
    {"an error with a body", SAY, "HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}", HTTP_ANSWER, 422, "{}", 1},
    {"a server error", SAY, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER, 500, "", 1},
    {"a redirect is not followed", SAY, "HTTP/1.1 307 Go\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER, 307, "", 1},
    {"417 is not tried again", SAY, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER, 417, "", 1},
    {"401 is not tried again", SAY, "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER, 401, "", 1},
    {"closed before it was read", CLOSE_UNREAD, "", HTTP_UNKNOWN, 0, "", 0},
    {"closed after the whole request", SAY, "", HTTP_UNKNOWN, 0, "", 1},
    {"reset after the whole request", RESET_READ, "", HTTP_UNKNOWN, 0, "", 1},
    {"only 100 Continue", SAY, "HTTP/1.1 100 Continue\r\n\r\n", HTTP_UNKNOWN, 0, "", 1},
    {"cut in the status line", SAY, "HTTP/1.1 20", HTTP_UNKNOWN, 0, "", 1},
    {"cut after the status line", SAY, "HTTP/1.1 204 No Content\r\n", HTTP_UNKNOWN, 0, "", 1},
    {"cut in a header line", SAY, "HTTP/1.1 200 OK\r\nContent-Le", HTTP_UNKNOWN, 0, "", 1},
    {"cut between header lines", SAY, OK_HEADER "Content-Length: 2\r\n", HTTP_UNKNOWN, 0, "", 1},
    {"cut in the body", SAY, OK_HEADER "Content-Length: 10\r\n\r\nabc", HTTP_UNKNOWN, 200, "abc", 1},
    {"cut before the body", SAY, OK_HEADER "Content-Length: 10\r\n\r\n", HTTP_UNKNOWN, 200, "", 1},
    {"cut in a chunk", SAY, OK_HEADER "Transfer-Encoding: chunked\r\n\r\n5\r\nab", HTTP_UNKNOWN, 200, "ab", 1},
    {"cut before the last chunk", SAY, OK_HEADER "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", HTTP_UNKNOWN, 200, "hi", 1},
    {"garbage", SAY, "SSH-2.0-OpenSSH_9.2p1\r\n", HTTP_UNKNOWN, 0, "", 1},
    {"garbage in the length", SAY, OK_HEADER "Content-Length: many\r\n\r\nhi", HTTP_UNKNOWN, 0, "", 1},
    {"garbage in a chunk size", SAY, OK_HEADER "Transfer-Encoding: chunked\r\n\r\nzz\r\nhi", HTTP_UNKNOWN, 200, "", 1},
    {"no answer until the timeout", HANG, "", HTTP_UNKNOWN, 0, "", 1},
    {"nothing read until the timeout", HANG_UNREAD, "", HTTP_UNKNOWN, 0, "", 0},
    {"a trickled header", TRICKLE, OK_HEADER "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n", HTTP_UNKNOWN, 0, "", 1},
    {"a header with too many lines", MANY_HEADERS, "", HTTP_UNKNOWN, 0, "", 1},
    {"a header with too many bytes", BIG_HEADER, "", HTTP_UNKNOWN, 0, "", 1},
    {"interim answers without end", MANY_INTERIM, "", HTTP_UNKNOWN, 0, "", 1},
    /* clang-format on */
};

static void every_answer_has_its_outcome(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct raw_server s = RAW_SERVER_INIT;
        struct http_result result;
        struct http_call call = raw_server_post(&s, answers[i].behaviour, answers[i].say);
        raw_call_once(&call, &result);
        int requests = raw_server_stop(&s);
        bool capped = answers[i].behaviour == MANY_HEADERS || answers[i].behaviour == BIG_HEADER ||
                      answers[i].behaviour == MANY_INTERIM;
        bool right = result.outcome == answers[i].outcome && result.status == answers[i].status &&
                     strcmp(result.body, answers[i].body) == 0 && !result.truncated &&
                     requests == answers[i].requests &&
                     capped == (strstr(result.error, "too large") != NULL) &&
                     atomic_load(&s.n_connections) == 1;
        if (!right)
            print_error("%s: outcome %d status %d body \"%s\" requests %d error \"%s\"\n",
                        answers[i].name, (int)result.outcome, result.status, result.body, requests,
                        result.error);
        failed += !right;
        http_result_free(&result);
    }
    assert_int_equal(failed, 0);
}

/* A reset may overtake the connect, which then fails: both outcomes are true. */
static void a_reset_before_reading_is_no_answer(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    struct http_call call = raw_server_post(&s, RESET_UNREAD, "");
    raw_call_once(&call, &result);
    assert_int_not_equal(result.outcome, HTTP_ANSWER);
    assert_int_equal(raw_server_stop(&s), 0);
    http_result_free(&result);
}

static void assert_outcome(const struct http_call *call, enum http_outcome want)
{
    struct http_result result;
    raw_call_once(call, &result);
    if (result.outcome != want)
        fail_msg("%s: outcome %d: %s", call->url, (int)result.outcome, result.error);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.body, "");
    http_result_free(&result);
}

static void a_refused_connection_is_not_sent(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    raw_server_listen(&s, 1);
    close(s.listen_fd); /* now nobody listens on that port */
    struct http_call call = raw_post(raw_server_url(&s, "http"));
    assert_outcome(&call, HTTP_NOT_SENT);
    call.url = raw_server_url(&s, "https");
    assert_outcome(&call, HTTP_NOT_SENT);
    call.unix_socket = "/nonexistent/socket";
    assert_outcome(&call, HTTP_NOT_SENT);
    call.unix_socket = NULL;
    call.proxy = s.url;
    assert_outcome(&call, HTTP_NOT_SENT);
    call.proxy = "http://proxy.invalid:3128";
    assert_outcome(&call, HTTP_NOT_SENT);
}

static void an_unknown_name_is_not_sent(void **state)
{
    (void)state;
    struct http_call call = raw_post("https://something.invalid/x");
    assert_outcome(&call, HTTP_NOT_SENT);
}

static void a_connect_timeout_is_not_sent(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    int fillers[4];
    raw_server_listen(&s, 0);
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(s.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* Nobody accepts: once the backlog is full the kernel drops the handshake. */
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&in, sizeof(in));
    }
    struct http_call call = raw_post(raw_server_url(&s, "http"));
    assert_outcome(&call, HTTP_NOT_SENT);
    call.connect_timeout_ms = 5000; /* the timeout of the whole call strikes first */
    call.timeout_ms = 300;
    assert_outcome(&call, HTTP_NOT_SENT);
    for (size_t i = 0; i < 4; i++)
        close(fillers[i]);
    close(s.listen_fd);
}

/* The handshake meets something that is no TLS server, in each way that can end it. */
static void a_failed_tls_handshake_is_not_sent(void **state)
{
    (void)state;
    static const enum raw_behaviour behaviours[] = {CLOSE_UNREAD, RESET_UNREAD, HANG_UNREAD};
    for (size_t i = 0; i < 3; i++) {
        struct raw_server s = RAW_SERVER_INIT;
        raw_server_start(&s, behaviours[i], "");
        struct http_call call = raw_post(raw_server_url(&s, "https"));
        assert_outcome(&call, HTTP_NOT_SENT);
        assert_int_equal(raw_server_stop(&s), 0);
    }
}

static void *say_no_tls(void *argument)
{
    struct raw_server *s = argument;
    char byte;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    (void)recv(fd, &byte, 1, MSG_PEEK);
    raw_send_text(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    (void)poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, 5000);
    close(fd);
    return NULL;
}

static void tls_to_a_plain_server_is_not_sent(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    raw_server_listen(&s, 1);
    assert_int_equal(pthread_create(&s.acceptor, NULL, say_no_tls, &s), 0);
    struct http_call call = raw_post(raw_server_url(&s, "https"));
    assert_outcome(&call, HTTP_NOT_SENT);
    pthread_join(s.acceptor, NULL);
    close(s.listen_fd);
}

static void a_proxy_that_refuses_the_tunnel_means_not_sent(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    raw_server_start(&s, SAY, "HTTP/1.1 403 No\r\nX-Proxy: 1\r\nContent-Length: 0\r\n\r\n");
    struct http_call call = raw_post("https://api.invalid/x");
    call.proxy = raw_server_url(&s, "http");
    assert_outcome(&call, HTTP_NOT_SENT);
    assert_int_equal(raw_server_stop(&s), 1);
    assert_non_null(strstr(s.last_request, "CONNECT api.invalid:443 "));
    assert_null(strstr(s.last_request, "canary"));
}

static void a_trickled_body_ends_at_the_timeout(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    struct http_call call = raw_server_post(
        &s, TRICKLE, "HTTP/1.1 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    call.timeout_ms = 2000; /* the header takes half a second */
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_int_equal(result.status, 200);
    assert_true(result.body_len > 0);
    assert_false(result.truncated);
    assert_true(result.duration_ms >= 1900);
    assert_int_equal(raw_server_stop(&s), 1);
    http_result_free(&result);
}

/* The tunnel stands and then no TLS server is behind it: the proxy's 200 is not the answer. */
static void the_answer_of_a_proxy_is_not_taken_for_the_servers(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    raw_server_start(&s, SAY, "HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n");
    struct http_call call = raw_post("https://api.invalid/x");
    call.proxy = raw_server_url(&s, "http");
    struct http_result result;
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    assert_int_equal(result.status, 0);
    assert_null(http_result_header(&result, "X-Proxy"));
    assert_int_equal(raw_server_stop(&s), 1);
    http_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_outcome),
        cmocka_unit_test(a_reset_before_reading_is_no_answer),
        cmocka_unit_test(a_refused_connection_is_not_sent),
        cmocka_unit_test(an_unknown_name_is_not_sent),
        cmocka_unit_test(a_connect_timeout_is_not_sent),
        cmocka_unit_test(a_failed_tls_handshake_is_not_sent),
        cmocka_unit_test(tls_to_a_plain_server_is_not_sent),
        cmocka_unit_test(a_proxy_that_refuses_the_tunnel_means_not_sent),
        cmocka_unit_test(a_trickled_body_ends_at_the_timeout),
        cmocka_unit_test(the_answer_of_a_proxy_is_not_taken_for_the_servers),
    };
    return cmocka_run_group_tests_name("http_outcome", tests, raw_setup, NULL);
}
