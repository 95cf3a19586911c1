#include "tests/support/raw_server.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

struct connection {
    struct raw_server *server;
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

void raw_send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* False when the client went away before a whole request. */
static bool read_request(struct raw_server *s, int fd)
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
    raw_send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
    for (int i = 0; i < 160; i++)
        send_all(fd, block, sizeof(block));
}

static void repeat(int fd, const char *first, const char *again, int times)
{
    raw_send_text(fd, first);
    for (int i = 0; i < times; i++)
        raw_send_text(fd, again);
}

static void answer(struct raw_server *s, int fd)
{
    switch (s->behaviour) {
    case SAY:
    case SAY_AND_KEEP:
    case DIE_ON_SECOND:
        raw_send_text(fd, s->say);
        break;
    case RESET_READ:
        reset(fd);
        break;
    case HANG:
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000);
        break;
    case TRICKLE:
        for (const char *c = s->say; *c != '\0' && send(fd, c, 1, MSG_NOSIGNAL) == 1; c++)
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, 25);
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000);
        break;
    case FLOOD:
        flood(fd);
        break;
    case MANY_HEADERS:
        repeat(fd, "HTTP/1.1 200 OK\r\n", "X-Many: 1\r\n", HTTP_HEADER_LINES_MAX + 1);
        raw_send_text(fd, "Content-Length: 0\r\n\r\n");
        break;
    case BIG_HEADER:
        /* 100 lines of 1 KB: below the caps of libcurl itself (100 KB a line, 300 KB in all). */
        raw_send_text(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 100; i++) {
            repeat(fd, "X-Big: ", "0123456789abcdef", 64);
            raw_send_text(fd, "\r\n");
        }
        raw_send_text(fd, "Content-Length: 0\r\n\r\n");
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
    struct raw_server *s = c.server;
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
    struct raw_server *s = argument;
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

void raw_server_listen(struct raw_server *s, int backlog)
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

void raw_server_start(struct raw_server *s, enum raw_behaviour behaviour, const char *say)
{
    s->behaviour = behaviour;
    s->say = say;
    raw_server_listen(s, 16);
    assert_int_equal(pthread_create(&s->acceptor, NULL, accept_all, s), 0);
}

/* The clients have gone: every thread ends by itself. Returns the requests that came. */
int raw_server_stop(struct raw_server *s)
{
    shutdown(s->listen_fd, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    close(s->listen_fd);
    for (int i = 0; i < atomic_load(&s->n_connections); i++)
        pthread_join(s->threads[i], NULL);
    return atomic_load(&s->n_requests);
}

/* --- calls --- */

static const char *const headers[] = {"User-Agent: drift-relay", "Authorization: Bearer canary",
                                      "Content-Type: application/json", NULL};

struct http_call raw_post(const char *url)
{
    return (struct http_call){
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = RAW_BODY,
        .body_len = strlen(RAW_BODY),
        .connect_timeout_ms = 500,
        .timeout_ms = 1000,
        .response_max = 1024,
        .allow_http = true,
    };
}

void raw_call_once(const struct http_call *call, struct http_result *result)
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

const char *raw_server_url(struct raw_server *s, const char *scheme)
{
    (void)snprintf(s->url, sizeof(s->url), "%s://127.0.0.1:%u/x", scheme, (unsigned)s->port);
    return s->url;
}

struct http_call raw_server_post(struct raw_server *s, enum raw_behaviour behaviour,
                                 const char *say)
{
    raw_server_start(s, behaviour, say);
    return raw_post(raw_server_url(s, "http"));
}

int raw_setup(void **state)
{
    struct error err = {0};
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return http_client_setup(&err);
}
