/* forwarded.h - who asks, when proxies stand between: X-Forwarded-For, walked from the right.
 *
 * Each proxy writes the address of whoever spoke to it at the right end of the list. So the list is
 * true only as far as those are trusted who wrote it: the peer of the connection is real, and while
 * the one last reached is a trusted proxy, the entry to its left is what it saw. The first one that
 * is no trusted proxy is the client, and what stands to its left is the client's own words, which
 * nobody reads. An entry that is read and is no address is the trusted proxy's fault: then nobody
 * knows who asks, and to take the proxy for the client would let everybody in whom it lets in.
 * Pure; any thread. */
#ifndef RELAY_BASE_FORWARDED_H
#define RELAY_BASE_FORWARDED_H

#include "relay/base/network.h"

#define FORWARDED_HEADER "X-Forwarded-For"
/* Entries that are looked at; more trusted proxies than that stand nowhere. */
#define FORWARDED_HOPS_MAX 16

enum forwarded_outcome {
    FORWARDED_MALFORMED = 1, /* *out is the last one known: the trusted proxy that wrote it */
};

/* fields: the values of all header lines of that name, in the order received; they are one list
 * (RFC 9110, 5.3). Entries are addresses, with a port or in brackets if need be ("192.0.2.1:80",
 * "[2001:db8::1]:80"). Without trusted proxies, or from another peer, no header is read. 0 and the
 * client's address in *out, or an outcome. */
__attribute__((warn_unused_result)) int
forwarded_client(struct ip *out, const struct ip *peer, const struct network *trusted,
                 size_t n_trusted, const char *const *fields, size_t n_fields);

#endif
