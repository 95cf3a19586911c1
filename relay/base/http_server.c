#include "relay/base/http_server_private.h"

#include "relay/base/scope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEADER_MAX_LEAST = 1024,
    HEADER_MAX_MOST = 1 << 20,
    /* What the library keeps per connection beside the header: 72 bytes for each header line and
     * argument (at most 100 of these), and the header of the answer. */
    LIBRARY_OVERHEAD = 16384,
    END_MS = 5000, /* for connections that were cut to be noticed */
};

/* --- connections --------------------------------------------------------------------- */

static void describe_peer(struct http_connection *c, struct MHD_Connection *handle, int fd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    (void)snprintf(c->peer, sizeof(c->peer), "unknown");
    if (c->server->options.unix_path != NULL) {
        struct ucred peer;
        socklen_t len = sizeof(peer);
        (void)snprintf(c->peer, sizeof(c->peer), "unix");
        c->has_uid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
        c->uid = c->has_uid ? peer.uid : 0;
    } else if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        inet_ntop(AF_INET, &v4.sin_addr, c->peer, sizeof(c->peer));
    } else if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof(v6));
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], c->peer, sizeof(c->peer));
        else
            inet_ntop(AF_INET6, &v6.sin6_addr, c->peer, sizeof(c->peer));
    }
}

static void connection_free(struct http_connection *c)
{
    if (c != NULL)
        tls_unref(c->tls);
    free(c);
}

/* Before the handshake, with the identity of this moment. */
static bool identify(struct http_connection *c, struct MHD_Connection *handle)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL)
        return false;
    pthread_mutex_lock(&c->server->lock);
    c->tls = tls_ref(c->server->tls);
    pthread_mutex_unlock(&c->server->lock);
    return tls_use(c->tls, info->tls_session) == 0;
}

/* A connection was announced by this thread of the library and has not started. Without memory it
 * never does, and nobody says so. */
static _Thread_local bool announced;

/* Before it is one of the library's connections. */
static enum MHD_Result on_accept(void *self, const struct sockaddr *address, socklen_t len)
{
    const struct http_server *s = self;
    (void)address;
    (void)len;
    if (announced)
        deadline_unexpect(s->deadlines);
    announced = deadline_expect(s->deadlines);
    return announced ? MHD_YES : MHD_NO;
}

static void on_connected(struct http_server *s, struct MHD_Connection *handle, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *c = calloc(1, sizeof(*c));
    *context = NULL;
    announced = false;
    if (c != NULL)
        c->server = s;
    if (info == NULL || c == NULL || (s->options.tls != NULL && !identify(c, handle))) {
        /* It could have no deadline, or no identity, so it must not live. */
        deadline_unexpect(s->deadlines);
        if (info != NULL)
            shutdown(info->connect_fd, SHUT_RDWR);
        connection_free(c);
        return;
    }
    *context = c;
    describe_peer(c, handle, info->connect_fd);
    deadline_add(s->deadlines, &c->deadline, info->connect_fd, s->options.header_time_ms);
}

/* STARTED before the first byte is read; CLOSED before the descriptor is closed. */
static void on_connection(void *self, struct MHD_Connection *handle, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = self;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        on_connected(s, handle, context);
        return;
    }
    struct http_connection *c = *context;
    if (c == NULL)
        return;
    deadline_remove(s->deadlines, &c->deadline);
    connection_free(c); /* its session is over already */
    *context = NULL;
}

/* --- the library's words ------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void on_message(void *self, const char *format,
                                                             va_list arguments)
{
    struct http_server *s = self;
    uint32_t left_out = 0;
    char text[512];
    if (!log_brake_take(&s->brake, &left_out))
        return;
    (void)vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_info("http_server", "library", LOG_STR("listener", s->name), LOG_STR("message", text),
             LOG_INT("left_out", left_out));
}

static void on_panic(void *self, const char *file, unsigned line, const char *reason)
{
    (void)self;
    log_error("http_server", "panic", LOG_STR("file", file), LOG_INT("line", line),
              LOG_STR("reason", reason));
    abort(); /* the library must not go on */
}

/* --- start --------------------------------------------------------------------------- */

static int check_options(const struct http_server_options *o, struct error *err)
{
    if (o->name == NULL || o->clock == NULL || o->handler.begin == NULL ||
        o->handler.complete == NULL || (o->host == NULL) == (o->unix_path == NULL))
        return error_set(err, -EINVAL, "http server: incomplete options");
    if (o->threads < 1 || o->connections < o->threads)
        return error_set(err, -EINVAL, "%s: %u threads need at least as many connections, not %u",
                         o->name, o->threads, o->connections);
    if (o->header_time_ms <= 0 || o->body_time_ms <= 0)
        return error_set(err, -EINVAL, "%s: time limits must be positive", o->name);
    if (o->body_max < 1 || o->body_max > SIZE_MAX / 16)
        return error_set(err, -EINVAL, "%s: body limit %zu is out of range", o->name, o->body_max);
    if (o->header_max < HEADER_MAX_LEAST || o->header_max > HEADER_MAX_MOST)
        return error_set(err, -EINVAL, "%s: header limit %zu is not within %d to %d bytes", o->name,
                         o->header_max, HEADER_MAX_LEAST, HEADER_MAX_MOST);
    return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
    const struct http_server_options *o = &s->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (s->listener.ipv6 ? MHD_USE_IPv6 : 0) |
                     (o->tls != NULL ? MHD_USE_TLS : 0);
    /* A pool of one is refused by the library with a warning. */
    const struct MHD_OptionItem pool[] = {
        {o->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)o->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem tls[] = {
        {o->tls != NULL ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, 0, tls_no_certificate()},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (char[]){TLS_PRIORITIES}},
        {MHD_OPTION_END, 0, NULL},
    };
    /* Twice the header: half of the memory is the first read buffer. */
    return MHD_start_daemon(
        flags, 0, on_accept, s, http_request_on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_message,
        s, MHD_OPTION_LISTEN_SOCKET, s->listener.fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_URI_LOG_CALLBACK, http_request_on_target, s, MHD_OPTION_NOTIFY_COMPLETED,
        http_request_on_completed, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        2 * o->header_max + LIBRARY_OVERHEAD, MHD_OPTION_CONNECTION_LIMIT, o->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_ARRAY, pool, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

/* All signals are blocked in the threads that are made here: the library blocks SIGPIPE only, and a
 * SIGTERM that one of its threads takes is lost for main. */
static int start_threads(struct http_server *s, struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = deadline_watch_start(&s->deadlines, s->options.clock, err);
    if (failed == 0) {
        errno = 0;
        s->daemon = start_daemon(s);
        if (s->daemon == NULL) {
            failed = error_set(err, errno != 0 ? -errno : -EIO, "%s: libmicrohttpd does not start",
                               s->name);
            s->listener.fd = -1; /* the library has closed it */
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* Also for one that was not started completely. */
static void server_free(struct http_server *s)
{
    if (s->unix_path != NULL)
        listener_unlink(&s->listener, s->unix_path);
    if (s->listener.fd >= 0)
        close(s->listener.fd);
    deadline_watch_stop(s->deadlines);
    if (s->idle_fd >= 0)
        close(s->idle_fd);
    pthread_mutex_destroy(&s->lock);
    free(s->name);
    free(s->unix_path);
    tls_unref(s->tls);
    free(s);
}

static void server_free_p(struct http_server **s)
{
    if (*s != NULL)
        server_free(*s);
}

static int keep_options(struct http_server *s, const struct http_server_options *options)
{
    s->options = *options;
    s->options.host = NULL;
    s->tls = tls_ref(options->tls);
    s->name = strdup(options->name);
    s->unix_path = options->unix_path == NULL ? NULL : strdup(options->unix_path);
    s->options.name = s->name;
    s->options.unix_path = s->unix_path;
    bool complete = s->name != NULL && (s->unix_path != NULL) == (options->unix_path != NULL);
    return complete ? 0 : -ENOMEM;
}

int http_server_start(struct http_server **out, const struct http_server_options *options,
                      struct error *err)
{
    int failed = check_options(options, err);
    if (failed != 0)
        return failed;
    SCOPED(server_free_p) struct http_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, -ENOMEM, "%s: out of memory", options->name);
    s->listener.fd = -1;
    s->brake = (struct log_brake)LOG_BRAKE_INIT(10, 60000);
    pthread_mutex_init(&s->lock, NULL);
    s->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->idle_fd < 0)
        return error_set(err, -errno, "%s: eventfd: %s", options->name, strerror(errno));
    if (keep_options(s, options) != 0)
        return error_set(err, -ENOMEM, "%s: out of memory", options->name);
    failed = options->unix_path != NULL
                 ? listener_open_unix(&s->listener, options->unix_path, err)
                 : listener_open_tcp(&s->listener, options->host, options->port, err);
    if (failed != 0)
        return failed;
    MHD_set_panic_func(on_panic, NULL);
    failed = start_threads(s, err);
    if (failed != 0)
        return failed;
    log_info("http_server", "listening", LOG_STR("listener", s->name),
             LOG_STR("address", s->listener.address));
    *out = GIVE(s);
    return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->listener.port;
}

void http_server_set_tls(struct http_server *s, struct tls *tls)
{
    pthread_mutex_lock(&s->lock);
    struct tls *old = s->tls;
    s->tls = tls_ref(tls);
    pthread_mutex_unlock(&s->lock);
    tls_unref(old);
}

/* --- end ----------------------------------------------------------------------------- */

void http_server_drain(struct http_server *s)
{
    if (atomic_exchange(&s->draining, true))
        return;
    /* Not MHD_quiesce_daemon(): both it and a thread of the pool may then take the listening socket
     * out of that thread's epoll set, and the library aborts the process for whoever comes second
     * (measured on 0.9.75; open upstream). */
    deadline_watch_remind(s->deadlines);
}

unsigned http_server_in_flight(const struct http_server *s)
{
    return atomic_load(&s->in_flight);
}

static void wait_until_idle(struct http_server *s, int64_t wait_ms)
{
    const struct clock *clock = s->options.clock;
    int64_t end_ms = 0;
    if (__builtin_add_overflow(clock_mono(clock).ms, wait_ms, &end_ms))
        end_ms = INT64_MAX;
    while (http_server_in_flight(s) > 0) {
        int64_t left_ms = end_ms - clock_mono(clock).ms;
        if (left_ms <= 0)
            return;
        struct pollfd idle = {.fd = s->idle_fd, .events = POLLIN};
        if (poll(&idle, 1, (int)(left_ms < 60000 ? left_ms : 60000)) > 0) {
            uint64_t count;
            ssize_t ignored = read(s->idle_fd, &count, sizeof(count));
            (void)ignored;
        }
    }
}

void http_server_stop(struct http_server *s, int64_t wait_ms)
{
    if (s == NULL)
        return;
    http_server_drain(s);
    wait_until_idle(s, wait_ms);
    /* The library must not be stopped while a connection is suspended. */
    http_answer_cut_all(s);
    /* Nor while it reads: what it answers by itself to a request that it cannot read goes through a
     * null pointer once it was told to stop (0.9.75). */
    if (!deadline_watch_end(s->deadlines, END_MS))
        log_warn("http_server", "connections_left", LOG_STR("listener", s->name));
    MHD_stop_daemon(s->daemon);
    s->listener.fd = -1; /* the library has closed it */
    server_free(s);
}
