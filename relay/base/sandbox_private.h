/* sandbox_private.h - the list that sandbox_policy.c keeps and sandbox.c hands to the kernel. */
#ifndef RELAY_BASE_SANDBOX_PRIVATE_H
#define RELAY_BASE_SANDBOX_PRIVATE_H

#include "relay/base/sandbox.h"

#include <stddef.h>

struct sandbox_path {
    char *path;
    unsigned access;
};

struct sandbox_port {
    uint16_t port;
    bool bind; /* else connect */
};

struct sandbox_policy {
    struct sandbox_path *paths;
    size_t n_paths;
    struct sandbox_port *ports;
    size_t n_ports;
    bool failed; /* out of memory: not complete */
};

#endif
