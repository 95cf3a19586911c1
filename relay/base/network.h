/* network.h - addresses and networks: who a peer is, and whether a list has it.
 *
 * IPv4 is kept as IPv6 writes it, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that an address is the
 * same whichever way it came in. Pure; any thread. */
#ifndef RELAY_BASE_NETWORK_H
#define RELAY_BASE_NETWORK_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct ip {
    unsigned char bytes[16];
};

struct network {
    struct ip base; /* no bit past `bits` is set */
    unsigned bits;  /* of 128: an IPv4 prefix has 96 more than it is written with */
};

#define IP_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

/* A numeric address and nothing else: no port, brackets or zone. False leaves *out untouched. */
__attribute__((warn_unused_result)) bool ip_parse(struct ip *out, const char *text);
/* As people write it: IPv4 with dots. */
void ip_format(char out[static IP_TEXT_MAX], const struct ip *ip);
bool ip_is_v4(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip); /* 127.0.0.0/8 and ::1 */
bool ip_equal(const struct ip *a, const struct ip *b);
/* The first `bits` of 128, the rest zero. */
struct ip ip_prefix(const struct ip *ip, unsigned bits);

/* "10.0.0.0/8", "2001:db8::/32", or one address. A network that names a host ("10.0.0.1/8") is
 * refused: one of the two is a slip of the pen. 0 or -EINVAL with err. */
__attribute__((warn_unused_result)) int network_parse(struct network *out, const char *text,
                                                      struct error *err);
bool network_has(const struct network *network, const struct ip *ip);
/* False for n 0. */
bool networks_have(const struct network *networks, size_t n, const struct ip *ip);

#endif
