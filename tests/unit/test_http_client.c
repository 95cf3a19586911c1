/* What becomes of a call, above all NOT_SENT or UNKNOWN, against a raw-socket server that
 * misbehaves in every way a real one could. The server counts the requests that reached it in
 * whole. */
#include "relay/base/http_client.h"

#include "relay/base/clock.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* --- a resolver that can be stuck --- */

/* Takes the C library's place for this program and libcurl, so that no test depends on a network:
 * *.invalid is unknown, stuck.invalid takes two seconds to be. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real));
    size_t len = node == NULL ? 0 : strlen(node);
    if (len > 8 && strcmp(node + len - 8, ".invalid") == 0) {
        if (strcmp(node, "stuck.invalid") == 0)
            nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
        return EAI_NONAME;
    }
    return real(node, service, hints, out);
}

/* --- the server --- */

enum behaviour {
    SAY,           /* reads the request, sends `say`, closes */
    SAY_AND_KEEP,  /* the same, then waits for another request on the connection */
    DIE_ON_SECOND, /* as SAY_AND_KEEP, but the second request of a connection gets nothing */
    CLOSE_UNREAD,  /* closes without reading */
    RESET_UNREAD,  /* resets without reading */
    RESET_READ,    /* reads the request, then resets */
    HANG,          /* reads the request, says nothing */
    HANG_UNREAD,   /* never reads */
    TRICKLE,       /* answers one byte of `say` a moment, without end */
    FLOOD,         /* 10 MB body */
    MANY_HEADERS,  /* more header lines than allowed */
    BIG_HEADER,    /* one header longer than allowed */
    MANY_INTERIM,  /* 100 Continue without end */
};

#define CONNECTIONS_MAX 8

struct server {
    enum behaviour behaviour;
    const char *say;
    int listen_fd;
    uint16_t port;
    char unix_path[64];
    pthread_t acceptor, threads[CONNECTIONS_MAX];
    atomic_int n_connections, n_requests;
    pthread_mutex_t lock;
    char last_request[8192]; /* under lock; freely after server_stop() */
};

struct connection {
    struct server *server;
    int fd;
};

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* False when the client went away before a whole request. */
static bool read_request(struct server *s, int fd)
{
    char text[sizeof(s->last_request)] = "";
    size_t len = 0, want = 0;
    while (want == 0 || len < want) {
        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL) {
            const char *length = strcasestr(text, "\r\nContent-Length: ");
            want = (size_t)(end - text) + 4;
            want += length == NULL ? 0 : strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
        }
    }
    pthread_mutex_lock(&s->lock);
    memcpy(s->last_request, text, len + 1);
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add(&s->n_requests, 1);
    return true;
}

static void reset(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
}

static void flood(int fd)
{
    static const char block[64 * 1024];
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
    for (int i = 0; i < 160; i++)
        send_all(fd, block, sizeof(block));
}

static void repeat(int fd, const char *first, const char *again, int times)
{
    send_text(fd, first);
    for (int i = 0; i < times; i++)
        send_text(fd, again);
}

static void answer(struct server *s, int fd)
{
    switch (s->behaviour) {
    case SAY:
    case SAY_AND_KEEP:
    case DIE_ON_SECOND:
        send_text(fd, s->say);
        break;
    case RESET_READ:
        reset(fd);
        break;
    case HANG:
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000);
        break;
    case TRICKLE:
        for (const char *c = s->say; *c != '\0' && send(fd, c, 1, MSG_NOSIGNAL) == 1; c++)
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, 50);
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000);
        break;
    case FLOOD:
        flood(fd);
        break;
    case MANY_HEADERS:
        repeat(fd, "HTTP/1.1 200 OK\r\n", "X-Many: 1\r\n", HTTP_HEADER_LINES_MAX + 1);
        send_text(fd, "Content-Length: 0\r\n\r\n");
        break;
    case BIG_HEADER:
        repeat(fd, "HTTP/1.1 200 OK\r\nX-Big: ", "0123456789abcdef", 5000);
        send_text(fd, "\r\nContent-Length: 0\r\n\r\n");
        break;
    case MANY_INTERIM:
        repeat(fd, "", "HTTP/1.1 100 Continue\r\n\r\n", 1000);
        break;
    case CLOSE_UNREAD:
    case RESET_UNREAD:
    case HANG_UNREAD:
        break;
    }
}

static void *serve(void *argument)
{
    struct connection c = *(struct connection *)argument;
    struct server *s = c.server;
    free(argument);
    if (s->behaviour == RESET_UNREAD)
        reset(c.fd);
    if (s->behaviour == HANG_UNREAD)
        (void)poll(&(struct pollfd){.fd = c.fd, .events = POLLRDHUP}, 1, 10000);
    bool reads =
        s->behaviour != CLOSE_UNREAD && s->behaviour != RESET_UNREAD && s->behaviour != HANG_UNREAD;
    bool keeps = s->behaviour == SAY_AND_KEEP || s->behaviour == DIE_ON_SECOND;
    for (int n = 1; reads && read_request(s, c.fd); n++) {
        if (s->behaviour == DIE_ON_SECOND && n == 2)
            break;
        answer(s, c.fd);
        if (!keeps)
            break;
    }
    close(c.fd);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct server *s = argument;
    for (;;) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        int n = atomic_load(&s->n_connections);
        if (fd < 0)
            return NULL;
        if (n == CONNECTIONS_MAX)
            abort();
        struct connection *c = malloc(sizeof(*c));
        if (c == NULL)
            abort();
        *c = (struct connection){s, fd};
        if (pthread_create(&s->threads[n], NULL, serve, c) != 0)
            abort();
        atomic_store(&s->n_connections, n + 1);
    }
}

static void server_listen(struct server *s, int backlog)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(in);
    if (s->unix_path[0] != '\0') {
        s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        memcpy(un.sun_path, s->unix_path, sizeof(s->unix_path));
        assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&un, sizeof(un)), 0);
    } else {
        s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&in, sizeof(in)), 0);
        assert_int_equal(getsockname(s->listen_fd, (struct sockaddr *)&in, &len), 0);
        s->port = ntohs(in.sin_port);
    }
    assert_int_equal(listen(s->listen_fd, backlog), 0);
}

static void server_start(struct server *s, enum behaviour behaviour, const char *say)
{
    s->behaviour = behaviour;
    s->say = say;
    server_listen(s, 16);
    assert_int_equal(pthread_create(&s->acceptor, NULL, accept_all, s), 0);
}

/* The clients have gone: every thread ends by itself. Returns the requests that came. */
static int server_stop(struct server *s)
{
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    close(s->listen_fd);
    for (int i = 0; i < atomic_load(&s->n_connections); i++)
        pthread_join(s->threads[i], NULL);
    return atomic_load(&s->n_requests);
}

/* --- calls --- */

#define BODY "{\"ref\":\"main\"}"

static const char *const headers[] = {"User-Agent: drift-relay", "Authorization: Bearer canary",
                                      "Content-Type: application/json", NULL};

static struct http_call post(const char *url)
{
    return (struct http_call){
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = BODY,
        .body_len = strlen(BODY),
        .connect_timeout_ms = 500,
        .timeout_ms = 1000,
        .response_max = 1024,
        .allow_http = true,
    };
}

static void call_once(const struct http_call *call, struct http_result *result)
{
    struct error err = {0};
    assert_int_equal(http_call_once(call, result, &err), 0);
    assert_true(result->duration_ms < call->timeout_ms + 1000);
    assert_non_null(result->body);
    assert_null(strstr(result->error, "canary"));
    if (result->outcome == HTTP_ANSWER)
        assert_string_equal(result->error, "");
    else
        assert_string_not_equal(result->error, "");
}

static void url_of(char out[static 64], const char *scheme, const struct server *s)
{
    (void)snprintf(out, 64, "%s://127.0.0.1:%u/x", scheme, (unsigned)s->port);
}

#define OK_HEADER "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

static const struct {
    const char *name;
    enum behaviour behaviour;
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
        struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
        struct http_result result;
        char url[64];
        server_start(&s, answers[i].behaviour, answers[i].say);
        url_of(url, "http", &s);
        struct http_call call = post(url);
        call_once(&call, &result);
        int requests = server_stop(&s);
        bool right = result.outcome == answers[i].outcome && result.status == answers[i].status &&
                     strcmp(result.body, answers[i].body) == 0 && !result.truncated &&
                     requests == answers[i].requests && atomic_load(&s.n_connections) == 1;
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
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    server_start(&s, RESET_UNREAD, "");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call_once(&call, &result);
    assert_int_not_equal(result.outcome, HTTP_ANSWER);
    assert_int_equal(server_stop(&s), 0);
    http_result_free(&result);
}

static void assert_outcome(const struct http_call *call, enum http_outcome want)
{
    struct http_result result;
    call_once(call, &result);
    if (result.outcome != want)
        fail_msg("%s: outcome %d: %s", call->url, (int)result.outcome, result.error);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.body, "");
    http_result_free(&result);
}

static void a_refused_connection_is_not_sent(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char url[64];
    server_listen(&s, 1);
    close(s.listen_fd); /* now nobody listens on that port */
    url_of(url, "http", &s);
    struct http_call call = post(url);
    assert_outcome(&call, HTTP_NOT_SENT);
    url_of(url, "https", &s);
    assert_outcome(&call, HTTP_NOT_SENT);
    call.unix_socket = "/nonexistent/socket";
    assert_outcome(&call, HTTP_NOT_SENT);
    call.unix_socket = NULL;
    call.proxy = url;
    assert_outcome(&call, HTTP_NOT_SENT);
    call.proxy = "http://proxy.invalid:3128";
    assert_outcome(&call, HTTP_NOT_SENT);
}

static void an_unknown_name_is_not_sent(void **state)
{
    (void)state;
    struct http_call call = post("https://something.invalid/x");
    assert_outcome(&call, HTTP_NOT_SENT);
}

static void a_connect_timeout_is_not_sent(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int fillers[4];
    char url[64];
    server_listen(&s, 0);
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(s.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* Nobody accepts: once the backlog is full the kernel drops the handshake. */
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&in, sizeof(in));
    }
    url_of(url, "http", &s);
    struct http_call call = post(url);
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
    static const enum behaviour behaviours[] = {CLOSE_UNREAD, RESET_UNREAD, HANG_UNREAD};
    for (size_t i = 0; i < 3; i++) {
        struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
        char url[64];
        server_start(&s, behaviours[i], "");
        url_of(url, "https", &s);
        struct http_call call = post(url);
        assert_outcome(&call, HTTP_NOT_SENT);
        assert_int_equal(server_stop(&s), 0);
    }
}

static void *say_no_tls(void *argument)
{
    struct server *s = argument;
    char byte;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    (void)recv(fd, &byte, 1, MSG_PEEK);
    send_text(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    (void)poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, 5000);
    close(fd);
    return NULL;
}

static void tls_to_a_plain_server_is_not_sent(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char url[64];
    server_listen(&s, 1);
    assert_int_equal(pthread_create(&s.acceptor, NULL, say_no_tls, &s), 0);
    url_of(url, "https", &s);
    struct http_call call = post(url);
    assert_outcome(&call, HTTP_NOT_SENT);
    pthread_join(s.acceptor, NULL);
    close(s.listen_fd);
}

static void a_proxy_that_refuses_the_tunnel_means_not_sent(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char proxy[64];
    server_start(&s, SAY, "HTTP/1.1 403 No\r\nX-Proxy: 1\r\nContent-Length: 0\r\n\r\n");
    url_of(proxy, "http", &s);
    struct http_call call = post("https://api.invalid/x");
    call.proxy = proxy;
    assert_outcome(&call, HTTP_NOT_SENT);
    assert_int_equal(server_stop(&s), 1);
    assert_non_null(strstr(s.last_request, "CONNECT api.invalid:443 "));
    assert_null(strstr(s.last_request, "canary"));
}

static void a_trickled_body_ends_at_the_timeout(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    server_start(&s, TRICKLE,
                 "HTTP/1.1 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call.timeout_ms = 2000; /* the header takes one second */
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_int_equal(result.status, 200);
    assert_true(result.body_len > 0);
    assert_false(result.truncated);
    assert_true(result.duration_ms >= 1900);
    assert_int_equal(server_stop(&s), 1);
    http_result_free(&result);
}

static void a_body_past_the_cap_is_truncated(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    server_start(&s, FLOOD, "");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_int_equal(result.status, 200);
    assert_true(result.truncated);
    assert_int_equal(result.body_len, 1024);
    assert_string_equal(http_result_header(&result, "content-length"), "10485760");
    assert_int_equal(server_stop(&s), 1);
    http_result_free(&result);
}

static void a_body_of_exactly_the_cap_fits(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    server_start(&s, SAY, OK_HEADER "Content-Length: 2\r\n\r\nhi");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call.response_max = 2;
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    assert_false(result.truncated);
    assert_int_equal(server_stop(&s), 1);
    http_result_free(&result);
}

static void headers_are_those_of_the_final_answer(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    server_start(&s, SAY,
                 "HTTP/1.1 103 Hints\r\nX-Early: 1\r\nX-Two: early\r\n\r\n"
                 "HTTP/1.1 200 OK: fine\r\nX-Two:  first \r\nx-two: second\r\nX-Empty:\r\n"
                 "Retry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "0\r\nX-Trailer: 1\r\nHTTP/1.1: 2\r\n\r\n");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    assert_string_equal(http_result_header(&result, "X-TWO"), "first");
    assert_string_equal(http_result_header(&result, "x-empty"), "");
    assert_string_equal(http_result_header(&result, "retry-after"), "7");
    assert_null(http_result_header(&result, "X-Early"));
    assert_null(http_result_header(&result, "X-Trailer"));
    assert_null(http_result_header(&result, "Retry"));
    server_stop(&s);
    http_result_free(&result);
    assert_null(http_result_header(&result, "X-Two"));
}

/* --- what is sent --- */

static const struct {
    const char *name, *method, *body, *begins, *ends;
} requests[] = {
    /* clang-format off */
    {"a GET", "GET", NULL, "GET /x HTTP/1.1\r\n", "\r\n\r\n"},
    {"a POST", "POST", BODY, "POST /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" BODY},
    {"a POST without body", "POST", NULL, "POST /x HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n\r\n"},
    {"a PUT", "PUT", BODY, "PUT /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" BODY},
    {"a PATCH", "PATCH", BODY, "PATCH /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" BODY},
    {"a DELETE", "DELETE", NULL, "DELETE /x HTTP/1.1\r\n", "\r\n\r\n"},
    {"a DELETE with a body", "DELETE", BODY, "DELETE /x HTTP/1.1\r\n", "\r\nContent-Length: 14\r\n\r\n" BODY},
    /* clang-format on */
};

static void every_method_sends_what_it_says_and_no_more(void **state)
{
    (void)state;
    static const char *const own[] = {"User-Agent: drift-relay", "Accept: text/x", NULL};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
        struct http_result result;
        char url[64];
        print_message("  %s\n", requests[i].name);
        server_start(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
        url_of(url, "http", &s);
        struct http_call call = post(url);
        call.method = requests[i].method;
        call.body = requests[i].body;
        call.body_len = call.body == NULL ? 0 : strlen(call.body);
        call.headers = own;
        call_once(&call, &result);
        assert_int_equal(result.outcome, HTTP_ANSWER);
        assert_int_equal(server_stop(&s), 1);
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
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    static char body[2 * 1024 * 1024];
    memset(body, 'a', sizeof(body));
    server_listen(&s, 4);
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call.body = body;
    call.body_len = sizeof(body);
    call.timeout_ms = 400;
    call_once(&call, &result);
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
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    char url[64];
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < 5; i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    server_start(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    http_result_free(&result);
    call.proxy = "";
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    http_result_free(&result);
    setenv("no_proxy", "*", 1);
    call.proxy = "http://127.0.0.1:1"; /* asked for: no_proxy does not take it away */
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    http_result_free(&result);
    for (size_t i = 0; i < 5; i++)
        unsetenv(names[i]);
    unsetenv("no_proxy");
    assert_int_equal(server_stop(&s), 2);
}

static void a_unix_socket_is_connected_to(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_result result;
    (void)snprintf(s.unix_path, sizeof(s.unix_path), "/tmp/test-http-client-%d", (int)getpid());
    server_start(&s, SAY, OK_HEADER "Content-Length: 2\r\n\r\nhi");
    struct http_call call = post("http://relay.invalid/api");
    call.unix_socket = s.unix_path;
    call_once(&call, &result);
    assert_int_equal(result.outcome, HTTP_ANSWER);
    assert_string_equal(result.body, "hi");
    assert_int_equal(server_stop(&s), 1);
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
        struct http_call call = post(urls[i]);
        call.allow_http = false;
        if (http_call_once(&call, &result, &err) != -EINVAL)
            fail_msg("\"%s\" was not refused", urls[i]);
        assert_int_equal(err.code, -EINVAL);
    }
    struct http_call good = post("http://127.0.0.1:1/"), calls[10];
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

/* --- many calls on one client --- */

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
        struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
        struct count n = {0};
        char url[64];
        struct http_client *c = new_client();
        server_start(&s, DIE_ON_SECOND, "HTTP/1.1 204 No Content\r\n\r\n");
        url_of(url, "http", &s);
        struct http_call call = post(url);
        call.method = "GET";
        call.body = NULL;
        start(c, &call, &n);
        run_all(c);
        call.method = rows[i].method;
        call.fresh = rows[i].fresh;
        start(c, &call, &n);
        run_all(c);
        http_client_free(c);
        assert_int_equal(server_stop(&s), rows[i].requests);
        assert_int_equal(atomic_load(&s.n_connections), rows[i].connections);
        assert_int_equal(n.answers, rows[i].answers);
    }
}

static void a_fresh_call_that_gets_nothing_is_sent_once(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct count n = {0};
    char url[64];
    struct http_client *c = new_client();
    server_start(&s, SAY, "");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call.fresh = true;
    start(c, &call, &n);
    run_all(c);
    http_client_free(c);
    assert_int_equal(server_stop(&s), 1);
    assert_int_equal(atomic_load(&s.n_connections), 1);
    assert_int_equal(n.unknown, 1);
}

static void connections_are_kept_for_calls_that_are_not_fresh(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct count n = {0};
    char url[64];
    struct http_client *c = new_client();
    server_start(&s, SAY_AND_KEEP, "HTTP/1.1 204 No Content\r\n\r\n");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    call.method = "GET";
    call.body = NULL;
    for (int i = 0; i < 3; i++) {
        start(c, &call, &n);
        run_all(c);
    }
    http_client_free(c);
    assert_int_equal(server_stop(&s), 3);
    assert_int_equal(atomic_load(&s.n_connections), 1);
    assert_int_equal(n.answers, 3);
}

static void a_stuck_resolver_holds_up_nobody(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct count stuck = {0}, quick = {0};
    char url[64];
    struct http_client *c = new_client();
    server_start(&s, SAY, "HTTP/1.1 204 No Content\r\n\r\n");
    url_of(url, "http", &s);
    struct http_call call = post("https://stuck.invalid/");
    call.connect_timeout_ms = 200;
    struct http_call other = post(url);
    int64_t began = clock_mono(clock_system()).ms;
    start(c, &call, &stuck);
    start(c, &other, &quick);
    while (quick.ended == 0)
        http_client_run(c, -1);
    assert_int_equal(quick.answers, 1);
    assert_true(clock_mono(clock_system()).ms - began < 190);
    run_all(c);
    assert_int_equal(stuck.not_sent, 1);
    http_client_free(c);
    assert_true(clock_mono(clock_system()).ms - began < 1000);
    server_stop(&s);
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200 * 1000000},
              NULL); /* its thread ends */
}

static void freeing_a_client_cuts_calls_without_callbacks(void **state)
{
    (void)state;
    struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct count n = {0};
    char url[64];
    struct http_client *c = new_client();
    server_start(&s, HANG, "");
    url_of(url, "http", &s);
    struct http_call call = post(url);
    start(c, &call, &n);
    start(c, &call, &n);
    while (atomic_load(&s.n_requests) < 2)
        http_client_run(c, 20);
    assert_int_equal(http_client_in_flight(c), 2);
    http_client_free(c);
    http_client_free(NULL);
    assert_int_equal(n.ended, 0);
    server_stop(&s);
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
    struct chain chain = {new_client(), post("http://x.invalid/"), 3};
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
    assert_true(clock_mono(clock_system()).ms - began < 90);
    assert_int_equal(pthread_create(&waker, NULL, wake_later, c), 0);
    http_client_run(c, -1);
    int64_t waited = clock_mono(clock_system()).ms - began;
    assert_in_range(waited, 90, 3000);
    pthread_join(waker, NULL);
    began = clock_mono(clock_system()).ms;
    http_client_run(c, 100);
    assert_in_range(clock_mono(clock_system()).ms - began, 90, 3000);
    http_client_free(c);
}

static int set_up(void **state)
{
    struct error err = {0};
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return http_client_setup(&err);
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
        cmocka_unit_test(a_body_past_the_cap_is_truncated),
        cmocka_unit_test(a_body_of_exactly_the_cap_fits),
        cmocka_unit_test(headers_are_those_of_the_final_answer),
        cmocka_unit_test(every_method_sends_what_it_says_and_no_more),
        cmocka_unit_test(a_large_body_goes_whole_and_without_expect),
        cmocka_unit_test(the_environment_chooses_no_proxy),
        cmocka_unit_test(a_unix_socket_is_connected_to),
        cmocka_unit_test(calls_that_are_not_allowed_are_refused),
        cmocka_unit_test(a_get_is_sent_again_on_a_dead_connection_but_never_a_fresh_call),
        cmocka_unit_test(a_fresh_call_that_gets_nothing_is_sent_once),
        cmocka_unit_test(connections_are_kept_for_calls_that_are_not_fresh),
        cmocka_unit_test(a_stuck_resolver_holds_up_nobody),
        cmocka_unit_test(freeing_a_client_cuts_calls_without_callbacks),
        cmocka_unit_test(a_callback_may_start_the_next_call),
        cmocka_unit_test(a_wakeup_from_another_thread_ends_the_wait),
    };
    return cmocka_run_group_tests_name("http_client", tests, set_up, NULL);
}
