/* What one call sends, what it keeps of the answer, and which calls are refused. */
#include "relay/base/http_client.h"

#include "tests/support/raw_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void a_body_past_the_cap_is_truncated(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    struct http_call call = raw_server_post(&s, FLOOD, "");
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_int_equal(result.status, 200);
    assert_true(result.truncated);
    assert_int_equal(result.body_len, 1024);
    assert_string_equal(http_result_header(&result, "content-length"), "10485760");
    assert_int_equal(raw_server_stop(&s), 1);
    http_result_free(&result);
}

static void a_body_of_exactly_the_cap_fits(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    struct http_call call = raw_server_post(&s, SAY, OK_HEADER "Content-Length: 2\r\n\r\nhi");
    call.response_max = 2;
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    assert_false(result.truncated);
    assert_int_equal(raw_server_stop(&s), 1);
    http_result_free(&result);
}

static void headers_are_those_of_the_final_answer(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    struct http_call call =
        raw_server_post(&s, SAY,
                        "HTTP/1.1 103 Hints\r\nX-Early: 1\r\nX-Two: early\r\n\r\n"
                        "HTTP/1.1 200 OK: fine\r\nX-Two:  first \r\nx-two: second\r\nX-Empty:\r\n"
                        "Retry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "0\r\nX-Trailer: 1\r\nHTTP/1.1: 2\r\n\r\n");
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    assert_string_equal(http_result_header(&result, "X-TWO"), "first");
    assert_string_equal(http_result_header(&result, "x-empty"), "");
    assert_string_equal(http_result_header(&result, "retry-after"), "7");
    assert_null(http_result_header(&result, "X-Early"));
    assert_null(http_result_header(&result, "X-Trailer"));
    assert_null(http_result_header(&result, "Retry"));
    raw_server_stop(&s);
    http_result_free(&result);
    assert_null(http_result_header(&result, "X-Two"));
}

/* --- what is sent --- */

static const struct {
    const char *name, *method, *body, *begins, *ends;
} requests[] = {
    /* clang-format off */
    {"a GET", "GET", NULL, "GET /x HTTP/1.1\r\n", "\r\n\r\n"},
    {"a POST", "POST", RAW_BODY, "POST /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" RAW_BODY},
    {"a POST without body", "POST", NULL, "POST /x HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n\r\n"},
    {"a PUT", "PUT", RAW_BODY, "PUT /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" RAW_BODY},
    {"a PATCH", "PATCH", RAW_BODY, "PATCH /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" RAW_BODY},
    {"a DELETE", "DELETE", NULL, "DELETE /x HTTP/1.1\r\n", "\r\n\r\n"},
    {"a DELETE with a body", "DELETE", RAW_BODY, "DELETE /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" RAW_BODY},
    /* clang-format on */
};

static void every_method_sends_what_it_says_and_no_more(void **state)
{
    (void)state;
    static const char *const own[] = {"User-Agent: drift-relay", "Accept: text/x", NULL};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct raw_server s = RAW_SERVER_INIT;
        struct http_result result;
        print_message("  %s\n", requests[i].name);
        struct http_call call = raw_server_post(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
        call.method = requests[i].method;
        call.body = requests[i].body;
        call.body_len = call.body == NULL ? 0 : strlen(call.body);
        call.headers = own;
        raw_call_once(&call, &result);
        assert_int_equal(result.outcome, HTTP_ANSWER);
        assert_int_equal(raw_server_stop(&s), 1);
        http_result_free(&result);

        const char *sent = s.last_request, *ends = requests[i].ends;
        assert_memory_equal(sent, requests[i].begins, strlen(requests[i].begins));
        assert_string_equal(sent + strlen(sent) - strlen(ends), ends);
        assert_non_null(strstr(sent, "\r\nUser-Agent: drift-relay\r\n"));
        assert_non_null(strstr(sent, "\r\nAccept: text/x\r\n"));
        assert_null(strcasestr(sent, "Content-Type"));
        assert_null(strcasestr(sent, "Expect"));
        assert_null(strcasestr(sent, "Accept-Encoding"));
    }
}

static void a_large_body_goes_whole_and_without_expect(void **state)
{
    (void)state;
    /* libcurl would ask for 100-continue above 1 MiB; the sink never reads, so that only the
     * beginning is looked at. */
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    static char body[2 * 1024 * 1024];
    memset(body, 'a', sizeof(body));
    body[100] = body[sizeof(body) - 1] = '\0'; /* bytes, not text */
    raw_server_listen(&s, 4);
    struct http_call call = raw_post(raw_server_url(&s, "http"));
    call.body = body;
    call.body_len = sizeof(body);
    call.timeout_ms = 400;
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    http_result_free(&result);
    int fd = accept4(s.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    ssize_t n = recv(fd, s.last_request, sizeof(s.last_request) - 1, MSG_WAITALL);
    assert_int_equal(n, sizeof(s.last_request) - 1);
    assert_non_null(strstr(s.last_request, "\r\nContent-Length: 2097152\r\n"));
    assert_null(strcasestr(s.last_request, "Expect"));
    assert_non_null(strstr(s.last_request, "\r\n\r\naaaa"));
    close(fd);
    close(s.listen_fd);
}

static void the_environment_chooses_no_proxy(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < 5; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    struct http_call call = raw_server_post(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    http_result_free(&result);
    call.proxy = "";
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    http_result_free(&result);
    setenv("no_proxy", "*", 1);
    call.proxy = "http://127.0.0.1:1"; /* asked for: no_proxy does not take it away */
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    http_result_free(&result);
    for (size_t i = 0; i < 5; i++)
        unsetenv(names[i]);
    unsetenv("no_proxy");
    assert_int_equal(raw_server_stop(&s), 2);
}

static void a_unix_socket_is_connected_to(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct http_result result;
    (void)snprintf(s.unix_path, sizeof(s.unix_path), "/tmp/test-http-client-%d", (int)getpid());
    raw_server_start(&s, SAY, OK_HEADER "Content-Length: 2\r\n\r\nhi");
    struct http_call call = raw_post("http://relay.invalid/api");
    call.unix_socket = s.unix_path;
    raw_call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    assert_string_equal(result.body, "hi");
    assert_int_equal(raw_server_stop(&s), 1);
    assert_non_null(strstr(s.last_request, "POST /api HTTP/1.1\r\nHost: relay.invalid\r\n"));
    unlink(s.unix_path);
    http_result_free(&result);
}

static void calls_that_are_not_allowed_are_refused(void **state)
{
    (void)state;
    static const char *const bad_header[] = {"X-A: 1\r\nX-B: 2", NULL};
    static const char *const no_colon[] = {"X-A", NULL};
    static const char *const no_value[] = {"X-A: ", NULL};
    static const char *const urls[] = {
        "http://127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "127.0.0.1/x",
        "https:///x",
        "https:/x",
        "https://a:b@127.0.0.1/",
        "https://a@b/",
        "",
        "https://a b/",
        "https://a/\r\nX: 1",
        "gopher://a/",
        "https://a:99999/",
    };
    struct http_result result;
    struct error err = {0};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct http_call call = raw_post(urls[i]);
        call.allow_http = false;
        if (http_call_once(&call, &result, &err) != -EINVAL)
            fail_msg("\"%s\" was not refused", urls[i]);
        assert_int_equal(err.code, -EINVAL);
    }
    struct http_call good = raw_post("http://127.0.0.1:1/"), calls[10];
    for (size_t i = 0; i < 10; i++)
        calls[i] = good;
    calls[0].method = "HEAD";
    calls[1].method = "GET"; /* with a body */
    calls[2].timeout_ms = 0;
    calls[3].connect_timeout_ms = -1;
    calls[4].timeout_ms = INT64_MAX;
    calls[5].headers = bad_header;
    calls[6].headers = no_colon;
    calls[7].headers = no_value;
    calls[8].response_max = SIZE_MAX;
    calls[9].method = "post";
    for (size_t i = 0; i < 10; i++) {
        if (http_call_once(&calls[i], &result, &err) != -EINVAL)
            fail_msg("call %zu was not refused", i);
        assert_string_equal(result.body, "");
    }
    assert_int_equal(http_call_once(&good, &result, &err), 0);
    http_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_past_the_cap_is_truncated),
        cmocka_unit_test(a_body_of_exactly_the_cap_fits),
        cmocka_unit_test(headers_are_those_of_the_final_answer),
        cmocka_unit_test(every_method_sends_what_it_says_and_no_more),
        cmocka_unit_test(a_large_body_goes_whole_and_without_expect),
        cmocka_unit_test(the_environment_chooses_no_proxy),
        cmocka_unit_test(a_unix_socket_is_connected_to),
        cmocka_unit_test(calls_that_are_not_allowed_are_refused),
    };
    return cmocka_run_group_tests_name("http_transfer", tests, raw_setup, NULL);
}
