#include "tests/support/http_probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE_BYTES = 8 << 20 };

static void hold(struct probe *p, struct http_request *r)
{
    struct probe_held *held = calloc(1, sizeof(*held));
    assert_non_null(held);
    held->request = r;
    http_request_later(r);
    pthread_mutex_lock(&p->lock);
    if (p->held_last != NULL)
        p->held_last->next = held;
    else
        p->held_first = held;
    p->held_last = held;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void on_begin(void *self, struct http_request *r)
{
    struct probe *p = self;
    atomic_fetch_add(&p->begun, 1);
    http_request_set_context(r, strdup(http_request_path(r)));
    if (strcmp(http_request_path(r), "/early") == 0)
        http_request_problem(r, 401, NULL, NULL, 0);
    else if (strcmp(http_request_path(r), "/early-hold") == 0)
        hold(p, r);
}

static void echo(struct http_request *r)
{
    size_t len = 0;
    const char *body = http_request_body(r, &len);
    const char *said = http_request_argument(r, "say");
    struct http_header headers[] = {{"X-Said", said == NULL || *said == '\0' ? "nothing" : said}};
    struct buf text = BUF_INIT(65536);
    buf_addf(&text, "%s %s %s ", http_request_method(r), http_request_path(r),
             http_request_peer(r));
    buf_add(&text, body, len);
    http_request_answer(r, 200, "text/plain", buf_text(&text), text.len, headers, 1);
    buf_free(&text);
}

static void on_complete(void *self, struct http_request *r)
{
    struct probe *p = self;
    const char *path = http_request_path(r);
    atomic_fetch_add(&p->completed, 1);
    if (strcmp(path, "/silent") == 0)
        return;
    if (strcmp(path, "/hold") == 0) {
        hold(p, r);
    } else if (strcmp(path, "/wait") == 0) {
        pthread_mutex_lock(&p->lock);
        unsigned before = p->answered;
        pthread_mutex_unlock(&p->lock);
        hold(p, r);
        pthread_mutex_lock(&p->lock);
        while (p->answered == before)
            pthread_cond_wait(&p->changed, &p->lock);
        pthread_mutex_unlock(&p->lock);
    } else if (strcmp(path, "/large") == 0) {
        char *bytes = calloc(1, LARGE_BYTES);
        assert_non_null(bytes);
        http_request_answer(r, 200, NULL, bytes, LARGE_BYTES, NULL, 0);
        free(bytes);
    } else if (strcmp(http_request_method(r), "POST") == 0 && http_request_lacks_length(r)) {
        http_request_problem(r, 411, "a length is \"needed\"", NULL, 0);
    } else {
        echo(r);
    }
}

static void on_done(void *self, struct http_request *r)
{
    struct probe *p = self;
    free(http_request_context(r));
    atomic_fetch_add(&p->done, 1);
}

static void on_refused(void *self, const char *path, int status, const char *reason)
{
    struct probe *p = self;
    (void)path;
    pthread_mutex_lock(&p->lock);
    p->refused_status = status;
    (void)snprintf(p->refused_reason, sizeof(p->refused_reason), "%s", reason);
    pthread_mutex_unlock(&p->lock);
    atomic_fetch_add(&p->refused, 1);
}

void probe_defaults(struct probe *p)
{
    *p = (struct probe){
        .options = {.name = "probe",
                    .host = "127.0.0.1",
                    .threads = 2,
                    .body_max = 1000,
                    .header_max = 4096,
                    .header_time_ms = 30000,
                    .body_time_ms = 30000,
                    .connections = 64,
                    .handler = {p, on_begin, on_complete, on_done, on_refused},
                    .clock = clock_system()},
    };
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
}

void probe_start(struct probe *p)
{
    struct error err = {0};
    if (http_server_start(&p->server, &p->options, &err) != 0)
        fail_msg("%s", err.text);
}

void probe_stop(struct probe *p, int64_t wait_ms)
{
    http_server_stop(p->server, wait_ms);
    p->server = NULL;
    while (p->held_first != NULL) {
        struct probe_held *next = p->held_first->next;
        free(p->held_first);
        p->held_first = next;
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
}

struct http_request *probe_take(struct probe *p)
{
    int64_t end_ms = probe_now_ms() + 10000;
    struct probe_held *held = NULL;
    while (held == NULL && probe_now_ms() < end_ms) {
        pthread_mutex_lock(&p->lock);
        held = p->held_first;
        if (held != NULL)
            p->held_first = held->next;
        if (p->held_first == NULL)
            p->held_last = NULL;
        pthread_mutex_unlock(&p->lock);
        if (held == NULL)
            probe_sleep_ms(1);
    }
    struct http_request *request = held == NULL ? NULL : held->request;
    free(held);
    return request;
}

void probe_answer(struct probe *p, struct http_request *r, const char *body)
{
    http_request_answer(r, 200, "text/plain", body, strlen(body), NULL, 0);
    pthread_mutex_lock(&p->lock);
    p->answered++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

bool probe_counts(atomic_uint *counter, unsigned n)
{
    int64_t end_ms = probe_now_ms() + 5000;
    while (atomic_load(counter) < n && probe_now_ms() < end_ms)
        probe_sleep_ms(2);
    return atomic_load(counter) == n;
}

int probe_connect(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    int failed = -errno;
    close(fd);
    return failed;
}

int probe_connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    int failed = -errno;
    close(fd);
    return failed;
}

/* A server that closes early is no failure of the sender. */
void probe_send(int fd, const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

void probe_send_text(int fd, const char *text)
{
    probe_send(fd, text, strlen(text));
}

size_t probe_read(int fd, char *out, size_t max, const char *until, int timeout_ms, bool *closed)
{
    int64_t end_ms = probe_now_ms() + timeout_ms;
    size_t len = 0;
    bool ended = false;
    out[0] = '\0';
    while (!ended && len + 1 < max && (until == NULL || strstr(out, until) == NULL)) {
        int64_t left_ms = end_ms - probe_now_ms();
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&readable, 1, (int)left_ms) <= 0)
            break;
        ssize_t n = recv(fd, out + len, max - 1 - len, 0);
        ended = n <= 0;
        len += n > 0 ? (size_t)n : 0;
        out[len] = '\0';
    }
    if (closed != NULL)
        *closed = ended;
    return len;
}

int probe_status(const char *answer)
{
    int status = 0;
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0)
        return 0;
    for (const char *p = answer + 9; *p >= '0' && *p <= '9' && status < 1000; p++)
        status = status * 10 + (*p - '0');
    return status;
}

unsigned probe_occurrences(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *p = strstr(text, part); p != NULL; p = strstr(p + 1, part))
        n++;
    return n;
}

int64_t probe_now_ms(void)
{
    return clock_mono(clock_system()).ms;
}

void probe_sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L}, NULL);
}
