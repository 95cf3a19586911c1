/* http_listen.h - a listening socket, TCP or a socket file. */
#ifndef RELAY_BASE_HTTP_LISTEN_H
#define RELAY_BASE_HTTP_LISTEN_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_ADDRESS_MAX 128

struct listener {
    int fd;
    bool ipv6;
    uint16_t port;                      /* 0 on a socket file */
    char address[LISTENER_ADDRESS_MAX]; /* for people: A:P, [A]:P or unix:PATH */
    /* The socket file as it was made: another process may put its own in its place. */
    dev_t device;
    ino_t inode;
};

/* host is a numeric address; port 0 takes a free one. */
__attribute__((warn_unused_result)) int listener_open_tcp(struct listener *out, const char *host,
                                                          uint16_t port, struct error *err);
/* A socket file with mode 0660. One that is left over (nobody answers on it) is replaced; one that
 * is in use, or a file of another kind, is an error. */
__attribute__((warn_unused_result)) int listener_open_unix(struct listener *out, const char *path,
                                                           struct error *err);
/* Removes the socket file if it is still the one that was made. */
void listener_unlink(const struct listener *l, const char *path);

#endif
