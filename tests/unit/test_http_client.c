/* Many calls on one client. */
#include "relay/base/http_client.h"

#include "relay/base/clock.h"
#include "tests/support/raw_server.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct count {
    int ended, answers, unknown, not_sent;
};

static void count(void *context, const struct http_result *result)
{
    struct count *c = context;
    c->ended++;
    c->answers += result->outcome == HTTP_ANSWER;
    c->unknown += result->outcome == HTTP_UNKNOWN;
    c->not_sent += result->outcome == HTTP_NOT_SENT;
}

static void start(struct http_client *c, const struct http_call *call, struct count *n)
{
    struct error err = {0};
    if (http_client_start(c, call, count, n, &err) != 0)
        fail_msg("%s", err.text);
}

static void run_all(struct http_client *c)
{
    while (http_client_in_flight(c) > 0)
        http_client_run(c, -1);
}

static struct http_client *new_client(void)
{
    struct http_client *c = NULL;
    struct error err = {0};
    assert_int_equal(http_client_new(&c, &err), 0);
    return c;
}

static void a_get_is_sent_again_on_a_dead_connection_but_never_a_fresh_call(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        bool fresh;
        int connections, requests, answers;
    } rows[] = {
        {"GET", false, 2, 3, 2}, /* libcurl's silent second try: the hazard is real */
        {"GET", true, 2, 2, 2},    {"POST", false, 2, 2, 2}, /* fresh whatever the call says */
        {"PATCH", false, 2, 2, 2}, {"POST", true, 2, 2, 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw_server s = RAW_SERVER_INIT;
        struct count n = {0};
        struct http_client *c = new_client();
        struct http_call call =
            raw_server_post(&s, DIE_ON_SECOND, "HTTP/1.1 204 No Content\r\n\r\n");
        call.method = "GET";
        call.body = NULL;
        start(c, &call, &n);
        run_all(c);
        call.method = rows[i].method;
        call.fresh = rows[i].fresh;
        start(c, &call, &n);
        run_all(c);
        http_client_free(c);
        assert_int_equal(raw_server_stop(&s), rows[i].requests);
        assert_int_equal(atomic_load(&s.n_connections), rows[i].connections);
        assert_int_equal(n.answers, rows[i].answers);
    }
}

static void a_fresh_call_that_gets_nothing_is_sent_once(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct count n = {0};
    struct http_client *c = new_client();
    struct http_call call = raw_server_post(&s, SAY, "");
    call.fresh = true;
    start(c, &call, &n);
    run_all(c);
    http_client_free(c);
    assert_int_equal(raw_server_stop(&s), 1);
    assert_int_equal(atomic_load(&s.n_connections), 1);
    assert_int_equal(n.unknown, 1);
}

static void a_call_that_was_started_needs_nothing_of_its_caller_any_more(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct count n = {0};
    struct http_client *c = new_client();
    char body[] = "a\0b", line[] = "X-A: kept", method[] = "PUT", url[64];
    const char *headers[] = {line, NULL};
    struct http_call call = raw_server_post(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
    memcpy(url, s.url, sizeof(url));
    call.method = method;
    call.url = url;
    call.headers = headers;
    call.body = body;
    call.body_len = 3;
    start(c, &call, &n);
    memset(body, '?', sizeof(body));
    memset(line, '?', sizeof(line));
    memset(method, '?', sizeof(method));
    memset(url, '?', sizeof(url));
    headers[0] = NULL;
    run_all(c);
    http_client_free(c);
    assert_int_equal(raw_server_stop(&s), 1);
    assert_int_equal(n.answers, 1);
    assert_memory_equal(s.last_request, "PUT /x HTTP/1.1\r\n", 17);
    assert_non_null(strstr(s.last_request, "\r\nX-A: kept\r\n"));
    const char *end = strstr(s.last_request, "\r\nContent-Length: 3\r\n\r\n");
    assert_non_null(end);
    assert_memory_equal(end + strlen("\r\nContent-Length: 3\r\n\r\n"), "a\0b", 3);
}

static void connections_are_kept_for_calls_that_are_not_fresh(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct count n = {0};
    struct http_client *c = new_client();
    struct http_call call = raw_server_post(&s, SAY_AND_KEEP, "HTTP/1.1 204 No Content\r\n\r\n");
    call.method = "GET";
    call.body = NULL;
    for (int i = 0; i < 3; i++) {
        start(c, &call, &n);
        run_all(c);
    }
    http_client_free(c);
    assert_int_equal(raw_server_stop(&s), 3);
    assert_int_equal(atomic_load(&s.n_connections), 1);
    assert_int_equal(n.answers, 3);
}

static void a_stuck_resolver_holds_up_nobody(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct count stuck = {0}, quick = {0};
    struct http_client *c = new_client();
    struct http_call other = raw_server_post(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
    struct http_call call = raw_post("https://stuck.invalid/");
    call.connect_timeout_ms = 200;

    int64_t began = clock_mono(clock_system()).ms;
    start(c, &call, &stuck);
    start(c, &other, &quick);
    while (quick.ended == 0)
        http_client_run(c, -1);
    assert_int_equal(quick.answers, 1);
    run_all(c);
    assert_int_equal(stuck.not_sent, 1);
    http_client_free(c);
    assert_true(clock_mono(clock_system()).ms - began < 1500); /* the resolver takes 2000 */
    raw_server_stop(&s);
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200 * 1000000},
              NULL); /* its thread ends */
}

static void freeing_a_client_cuts_calls_without_callbacks(void **state)
{
    (void)state;
    struct raw_server s = RAW_SERVER_INIT;
    struct count n = {0};
    struct http_client *c = new_client();
    struct http_call call = raw_server_post(&s, HANG, "");
    start(c, &call, &n);
    start(c, &call, &n);
    while (atomic_load(&s.n_requests) < 2 && http_client_in_flight(c) > 0)
        http_client_run(c, 20);
    assert_int_equal(http_client_in_flight(c), 2);
    http_client_free(c);
    http_client_free(NULL);
    assert_int_equal(n.ended, 0);
    raw_server_stop(&s);
}

struct chain {
    struct http_client *client;
    struct http_call call;
    int left;
};

static void start_next(void *context, const struct http_result *result)
{
    struct chain *chain = context;
    struct error err = {0};
    assert_int_equal(result->outcome, HTTP_NOT_SENT);
    assert_int_equal(http_client_in_flight(chain->client), 0);
    if (chain->left-- > 0)
        assert_int_equal(http_client_start(chain->client, &chain->call, start_next, chain, &err),
                         0);
}

static void a_callback_may_start_the_next_call(void **state)
{
    (void)state;
    struct error err = {0};
    struct chain chain = {new_client(), raw_post("http://x.invalid/"), 3};
    assert_int_equal(http_client_start(chain.client, &chain.call, start_next, &chain, &err), 0);
    run_all(chain.client);
    assert_int_equal(chain.left, -1);
    http_client_free(chain.client);
}

static void *wake_later(void *client)
{
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000000}, NULL);
    http_client_wakeup(client);
    return NULL;
}

static void a_wakeup_from_another_thread_ends_the_wait(void **state)
{
    (void)state;
    struct http_client *c = new_client();
    pthread_t waker;
    int64_t began = clock_mono(clock_system()).ms;
    http_client_wakeup(c); /* before anybody waits: the next wait is over at once */
    http_client_run(c, 5000);
    assert_true(clock_mono(clock_system()).ms - began < 2500);
    assert_int_equal(pthread_create(&waker, NULL, wake_later, c), 0);
    http_client_run(c, -1);
    assert_true(clock_mono(clock_system()).ms - began >= 90);
    pthread_join(waker, NULL);
    began = clock_mono(clock_system()).ms;
    http_client_run(c, 100);
    assert_in_range(clock_mono(clock_system()).ms - began, 90, 2500);
    http_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_is_sent_again_on_a_dead_connection_but_never_a_fresh_call),
        cmocka_unit_test(a_fresh_call_that_gets_nothing_is_sent_once),
        cmocka_unit_test(a_call_that_was_started_needs_nothing_of_its_caller_any_more),
        cmocka_unit_test(connections_are_kept_for_calls_that_are_not_fresh),
        cmocka_unit_test(a_stuck_resolver_holds_up_nobody),
        cmocka_unit_test(freeing_a_client_cuts_calls_without_callbacks),
        cmocka_unit_test(a_callback_may_start_the_next_call),
        cmocka_unit_test(a_wakeup_from_another_thread_ends_the_wait),
    };
    return cmocka_run_group_tests_name("http_client", tests, raw_setup, NULL);
}
