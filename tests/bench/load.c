/* load - sends signed notifications over many connections and says how fast they were answered.
 *
 * One thread, epoll. Closed loop: each connection sends again when it was answered. Open loop
 * (--rate): requests are due at even moments and their latency counts from there, whether or not a
 * connection was free. Connections come from several loopback addresses. Every body is made and
 * signed as it is sent. Prints one JSON object. */
#include "tests/bench/body.h"
#include "tests/bench/load_options.h"

#include <sodium.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 65536 /* bytes kept of an answer's head; of a body only the length counts */
#define STATUS_MAX 600
#define QUIET_NS   (30 * INT64_C(1000000000)) /* no answer for so long: the server hangs */
#define SECOND_NS  INT64_C(1000000000)
#define LARGE      (2U * 1024 * 1024) /* announced by what is too large */

struct connection {
    int fd; /* -1: to be made anew */
    size_t address;
    int64_t due_ns; /* of what it waits for */
    char *out;
    size_t out_len, sent;
    char in[ANSWER_MAX];
    size_t in_len;
    size_t body_left; /* of the answer, once its head is read */
    bool head_read, closes, waits;
};

struct load {
    struct load_options o;
    struct body_kind kind;
    int epoll;
    struct connection *connections;
    size_t *idle, n_idle;
    uint64_t begun, answered, cut;
    uint64_t by_status[STATUS_MAX];
    float *latency_us; /* one for each answer */
    int64_t start_ns, last_ns;
    char *body; /* --body FILE, or what is sent again and again */
    size_t body_len;
    char *large; /* what is sent of it */
    bool gone;   /* nobody listens any more */
};

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* --- what is sent ------------------------------------------------------------------------------
 */

static size_t write_head(const struct load *l, char *out, size_t size, const char *hex,
                         const char *stamp, size_t len)
{
    char stamped[96] = "";
    if (stamp[0] != '\0')
        (void)snprintf(stamped, sizeof(stamped), "%s-Timestamp: %s\r\n", l->o.header, stamp);
    return (size_t)snprintf(out, size,
                            "%s %s HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"
                            "User-Agent: Grafana\r\n%s: %s\r\n%sContent-Length: %zu\r\n\r\n",
                            l->o.get ? "GET" : "POST", l->o.path, l->o.header, hex, stamped, len);
}

static void write_request(struct load *l, struct connection *c)
{
    char body[BODY_MAX];
    char hex[65] = "";
    char stamp[24] = "";
    const char *text = l->body;
    size_t len = l->body_len;
    if (!l->o.body_alone && l->o.secret != NULL)
        (void)snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
    if (l->o.what == SEND_SAME && l->o.stamp[0] != '\0')
        memcpy(stamp, l->o.stamp, sizeof(stamp));
    if (text == NULL) {
        len =
            body_write(body, &l->kind, l->o.what == SEND_SAME ? l->o.first : l->o.first + l->begun);
        text = body;
    }
    if (l->o.secret != NULL)
        body_sign(hex, l->o.secret, stamp, text, len);
    if (l->o.what == SEND_FORGED)
        hex[0] = hex[0] == '0' ? '1' : '0';
    size_t told = l->o.what == SEND_LARGE ? LARGE : len;
    c->out_len = write_head(l, c->out, l->body_len + BODY_MAX * 2, hex, stamp, told);
    if (len > 0)
        memcpy(c->out + c->out_len, text, len);
    c->out_len += len;
    c->sent = 0;
}

/* --- connections -------------------------------------------------------------------------------
 */

static void connect_now(struct load *l, struct connection *c)
{
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK + 1 + (uint32_t)c->address)}};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)l->o.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) != 0 ||
        bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        die("socket");
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        if ((errno != ECONNREFUSED && errno != ECONNRESET) || l->answered == 0)
            die("connect");
        (void)close(c->fd);
        c->fd = -1;
        l->gone = true; /* it was there: whoever ended it wants to know how far we came */
        return;
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll");
    c->in_len = 0;
    c->head_read = c->closes = false;
}

static void flush_out(struct connection *c)
{
    while (c->sent < c->out_len) {
        ssize_t n =
            send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return; /* the answer, or the end, says what became of it */
        c->sent += (size_t)n;
    }
}

static void send_one(struct load *l, struct connection *c, int64_t due)
{
    if (c->fd < 0)
        connect_now(l, c);
    if (l->gone)
        return;
    write_request(l, c);
    l->begun++;
    c->due_ns = due;
    c->waits = true;
    flush_out(c);
}

static void drop(struct connection *c)
{
    (void)close(c->fd);
    c->fd = -1;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void read_head(struct load *l, struct connection *c)
{
    c->in[c->in_len] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (end == NULL)
        return;
    *end = '\0';
    unsigned status = 0;
    (void)sscanf(c->in, "HTTP/1.1 %u", &status);
    l->by_status[status < STATUS_MAX ? status : 0]++;
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    const char *close_it = strcasestr(c->in, "\r\nconnection: close");
    size_t total = length == NULL ? 0 : strtoull(length + 17, NULL, 10);
    size_t here = c->in_len - (size_t)(end + 4 - c->in);
    c->head_read = true;
    c->closes = close_it != NULL;
    c->body_left = here < total ? total - here : 0;
}

static void answered(struct load *l, struct connection *c)
{
    int64_t now = now_ns();
    l->latency_us[l->answered++] = (float)(now - c->due_ns) / 1000;
    l->last_ns = now;
    c->waits = c->head_read = false;
    c->in_len = 0;
    if (c->closes)
        drop(c);
    l->idle[l->n_idle++] = (size_t)(c - l->connections);
}

/* False: the connection is over. */
static bool read_some(struct load *l, struct connection *c)
{
    char sink[ANSWER_MAX];
    ssize_t n = c->head_read
                    ? recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT)
                    : recv(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0)
        return false;
    if (c->head_read) {
        c->body_left -= (size_t)n < c->body_left ? (size_t)n : c->body_left;
    } else {
        c->in_len += (size_t)n;
        read_head(l, c);
    }
    if (c->waits && c->head_read && c->body_left == 0) {
        answered(l, c);
        return true;
    }
    return read_some(l, c);
}

static void on_event(struct load *l, struct connection *c)
{
    if (c->fd < 0)
        return;
    if (c->waits)
        flush_out(c);
    if (read_some(l, c))
        return;
    drop(c);
    if (c->waits) { /* cut, not answered: it counts as sent and is not sent again */
        l->cut++;
        c->waits = c->head_read = false;
        l->idle[l->n_idle++] = (size_t)(c - l->connections);
    }
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static bool over(const struct load *l, int64_t now)
{
    return l->gone || l->begun >= l->o.requests || now - l->start_ns >= l->o.seconds * SECOND_NS;
}

/* Sends what is due on what is idle; ns until the next is due, -1: when something is answered. */
static int64_t send_due(struct load *l)
{
    int64_t now = now_ns();
    while (l->n_idle > 0 && !over(l, now)) {
        int64_t due = now;
        if (l->o.rate > 0) {
            due = l->start_ns + (int64_t)((double)l->begun * 1e9 / l->o.rate);
            if (due > now)
                return due - now;
        }
        send_one(l, &l->connections[l->idle[--l->n_idle]], due);
        now = now_ns();
    }
    return -1;
}

static void run(struct load *l)
{
    struct epoll_event events[256];
    l->start_ns = l->last_ns = now_ns();
    while (l->answered + l->cut < l->begun || !over(l, now_ns())) {
        int64_t wait = send_due(l);
        if (wait < 0)
            wait = SECOND_NS;
        struct timespec limit = {wait / SECOND_NS, wait % SECOND_NS};
        int n = epoll_pwait2(l->epoll, events, 256, &limit, NULL);
        for (int i = 0; i < n; i++)
            on_event(l, events[i].data.ptr);
        if (l->answered + l->cut < l->begun && now_ns() - l->last_ns > QUIET_NS) {
            fprintf(stderr, "load: no answer for 30 s\n");
            return;
        }
    }
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double at(const struct load *l, double share)
{
    return l->answered == 0 ? 0
                            : (double)l->latency_us[(size_t)(share * (double)(l->answered - 1))];
}

static void report(const struct load *l)
{
    double seconds = (double)(l->last_ns - l->start_ns) / 1e9;
    qsort(l->latency_us, l->answered, sizeof(float), by_size);
    printf("{\"sent\":%llu,\"answered\":%llu,\"cut\":%llu,\"seconds\":%.4f,\"per_second\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"status\":{",
           (unsigned long long)l->begun, (unsigned long long)l->answered,
           (unsigned long long)l->cut, seconds, seconds > 0 ? (double)l->answered / seconds : 0,
           at(l, 0.5), at(l, 0.99), at(l, 1));
    const char *comma = "";
    for (unsigned s = 0; s < STATUS_MAX; s++) {
        if (l->by_status[s] == 0)
            continue;
        printf("%s\"%u\":%llu", comma, s, (unsigned long long)l->by_status[s]);
        comma = ",";
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static struct load l;
    if (sodium_init() < 0 || !load_options_read(&l.o, argc, argv))
        return 2;
    l.kind.models = l.o.models;
    l.body = l.o.body;
    l.body_len = l.o.body_len;
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.connections = calloc(l.o.connections, sizeof(*l.connections));
    l.idle = calloc(l.o.connections, sizeof(*l.idle));
    l.latency_us = calloc(l.o.requests + 1, sizeof(*l.latency_us));
    if (l.epoll < 0 || l.connections == NULL || l.idle == NULL || l.latency_us == NULL)
        die("start");
    for (size_t i = 0; i < l.o.connections; i++) {
        struct connection *c = &l.connections[i];
        c->address = i % l.o.addresses;
        c->out = malloc(l.body_len + BODY_MAX * 2);
        if (c->out == NULL)
            die("start");
        connect_now(&l, c);
        l.idle[l.n_idle++] = i;
    }
    run(&l);
    report(&l);
    return l.answered == l.begun ? 0 : 1;
}
