#include "relay/base/network.h"

#include "relay/base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define IPV4_BITS 96 /* of ::ffff:0:0/96, which holds all of IPv4 */

static const unsigned char ipv4_prefix[IPV4_BITS / 8] = {[10] = 0xff, [11] = 0xff};

bool ip_parse(struct ip *out, const char *text)
{
    struct ip ip;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memcpy(ip.bytes, ipv4_prefix, sizeof(ipv4_prefix));
        memcpy(ip.bytes + sizeof(ipv4_prefix), &v4, sizeof(v4));
    } else if (inet_pton(AF_INET6, text, ip.bytes) != 1) {
        return false;
    }
    *out = ip;
    return true;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

void ip_format(char out[static IP_TEXT_MAX], const struct ip *ip)
{
    out[0] = '\0'; /* the buffer is large enough for both */
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->bytes + sizeof(ipv4_prefix), out, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_MAX);
}

bool ip_is_loopback(const struct ip *ip)
{
    static const struct ip v6 = {{[15] = 1}};
    return ip_equal(ip, &v6) || (ip_is_v4(ip) && ip->bytes[sizeof(ipv4_prefix)] == 127);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct ip ip_prefix(const struct ip *ip, unsigned bits)
{
    struct ip prefix = {{0}};
    for (unsigned i = 0; i < sizeof(prefix.bytes) && i * 8 < bits; i++) {
        unsigned kept = bits - i * 8;
        unsigned mask = kept >= 8 ? 0xffU : (0xffU << (8 - kept)) & 0xffU;
        prefix.bytes[i] = (unsigned char)(ip->bytes[i] & mask);
    }
    return prefix;
}

int network_parse(struct network *out, const char *text, struct error *err)
{
    char address[IP_TEXT_MAX] = "";
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct network network;
    if (len < sizeof(address))
        snprintf(address, sizeof(address), "%.*s", (int)len, text);
    if (!ip_parse(&network.base, address))
        return error_set(err, -EINVAL,
                         "\"%.80s\" is no address or network such as \"10.0.0.0/8\" or \"::1\"",
                         text);
    /* ::ffff:10.0.0.0/104 is written in IPv6's terms and so are its bits. */
    unsigned before = strchr(address, ':') == NULL ? IPV4_BITS : 0;
    int64_t bits = 128 - before;
    if (slash != NULL && parse_int64(&bits, slash + 1, 0, 128 - before, NULL) != 0)
        return error_set(err, -EINVAL, "\"%.80s\": a prefix has 0 to %u bits", text, 128 - before);
    network.bits = before + (unsigned)bits;
    struct ip prefix = ip_prefix(&network.base, network.bits);
    if (!ip_equal(&prefix, &network.base)) {
        char wanted[IP_TEXT_MAX];
        unsigned written = network.bits - (ip_is_v4(&prefix) ? IPV4_BITS : 0);
        ip_format(wanted, &prefix);
        return error_set(err, -EINVAL,
                         "\"%.80s\" is an address in a network: write \"%s/%u\", or the address "
                         "alone",
                         text, wanted, written);
    }
    *out = network;
    return 0;
}

bool network_has(const struct network *network, const struct ip *ip)
{
    struct ip prefix = ip_prefix(ip, network->bits);
    return ip_equal(&prefix, &network->base);
}

bool networks_have(const struct network *networks, size_t n, const struct ip *ip)
{
    for (size_t i = 0; i < n; i++) {
        if (network_has(&networks[i], ip))
            return true;
    }
    return false;
}
