#include "relay/base/http_listen.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HOST_MAX = 80 }; /* INET6_ADDRSTRLEN, "%" and an interface's name */

union address_storage {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static void free_addresses(struct addrinfo **list)
{
    if (*list != NULL)
        freeaddrinfo(*list);
}

/* The port in use, and address:port as text. */
static int describe(struct listener *l, int fd)
{
    union address_storage bound = {0};
    socklen_t len = sizeof(bound);
    if (getsockname(fd, &bound.any, &len) != 0)
        return -errno;
    l->ipv6 = bound.any.sa_family == AF_INET6;
    l->port = ntohs(l->ipv6 ? bound.v6.sin6_port : bound.v4.sin_port);
    char host[HOST_MAX];
    if (getnameinfo(&bound.any, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
        return -EINVAL;
    (void)snprintf(l->address, sizeof(l->address), "%s%s%s:%u", l->ipv6 ? "[" : "", host,
                   l->ipv6 ? "]" : "", (unsigned)l->port);
    return 0;
}

int listener_open_tcp(struct listener *out, const char *host, uint16_t port, struct error *err)
{
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    SCOPED(free_addresses) struct addrinfo *found = NULL;
    if (getaddrinfo(host, service, &wanted, &found) != 0)
        return error_set(err, -EINVAL, "listen address \"%s\" is not a numeric address", host);
    SCOPED(close_fd)
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, -errno, "listen on %s:%u: socket: %s", host, (unsigned)port,
                         strerror(errno));
    /* A restart must not wait for TIME_WAIT; two listeners on one port are still refused. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)
        return error_set(err, -errno, "listen on %s:%u: %s", host, (unsigned)port, strerror(errno));
    *out = (struct listener){.fd = -1};
    int failed = describe(out, fd);
    if (failed != 0)
        return error_set(err, failed, "listen on %s:%u: no own address", host, (unsigned)port);
    out->fd = take_fd(&fd);
    return 0;
}

/* True when a process accepts connections on it (or might: anything but a plain refusal). */
static bool is_alive(const struct sockaddr_un *name)
{
    SCOPED(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    if (connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0)
        return true;
    return errno != ECONNREFUSED && errno != ENOENT;
}

static int remove_stale(const struct sockaddr_un *name, struct error *err)
{
    struct stat there;
    if (lstat(name->sun_path, &there) != 0)
        return errno == ENOENT
                   ? 0
                   : error_set(err, -errno, "socket %s: %s", name->sun_path, strerror(errno));
    if (!S_ISSOCK(there.st_mode))
        return error_set(err, -EEXIST, "socket %s: a file that is no socket is in the way",
                         name->sun_path);
    if (is_alive(name))
        return error_set(err, -EADDRINUSE, "socket %s: another process answers on it",
                         name->sun_path);
    if (unlink(name->sun_path) != 0 && errno != ENOENT)
        return error_set(err, -errno, "socket %s: cannot remove the stale one: %s", name->sun_path,
                         strerror(errno));
    return 0;
}

int listener_open_unix(struct listener *out, const char *path, struct error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(name.sun_path))
        return error_set(err, -ENAMETOOLONG, "socket %s: a path of 1 to %zu bytes is needed", path,
                         sizeof(name.sun_path) - 1);
    memcpy(name.sun_path, path, len);
    int failed = remove_stale(&name, err);
    if (failed != 0)
        return failed;
    SCOPED(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, -errno, "socket %s: %s", path, strerror(errno));
    struct stat made;
    /* Nobody can connect before listen(), so the mode is right before the first client. */
    if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0 || chmod(path, 0660) != 0 ||
        lstat(path, &made) != 0 || listen(fd, SOMAXCONN) != 0)
        return error_set(err, -errno, "socket %s: %s", path, strerror(errno));
    *out = (struct listener){.fd = take_fd(&fd), .device = made.st_dev, .inode = made.st_ino};
    (void)snprintf(out->address, sizeof(out->address), "unix:%s", path);
    return 0;
}

void listener_unlink(const struct listener *l, const char *path)
{
    struct stat there;
    if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode) && there.st_dev == l->device &&
        there.st_ino == l->inode)
        unlink(path);
}
