/* throttle.h - who failed too often, by address, in a table of fixed size.
 *
 * A token bucket for each address (IPv4) or /64 (IPv6: one host has a whole one to choose from; an
 * IPv4 network is many hosts, good ones among them). It holds so many failures a minute and is
 * refilled evenly. Only failures take from it, so whoever has the right secret is never counted,
 * however much they send. Two kinds of address are never refused, since a good sender may share
 * them with a bad one: loopback, where a proxy on this machine is; and an address from which
 * something verified came, because an alert that is turned away is worse than a guess more.
 *
 * Where the table is full the bucket that is fullest gives way, one of a verified address last: an
 * attacker with thousands of addresses has a few tries from each either way. Which buckets compete
 * for a place depends on a secret seed. Pure; the caller has the lock. */
#ifndef RELAY_BASE_THROTTLE_H
#define RELAY_BASE_THROTTLE_H

#include "relay/base/clock.h"
#include "relay/base/network.h"

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_SEED_SIZE 16
#define THROTTLE_SETS      256
#define THROTTLE_WAYS      4

struct throttle_bucket {
    bool used, verified;
    struct ip prefix;
    struct mono full_at; /* when it will be full again; the past when it is */
    struct mono verified_at;
};

struct throttle {
    unsigned char seed[THROTTLE_SEED_SIZE];
    struct throttle_bucket buckets[THROTTLE_SETS][THROTTLE_WAYS];
};

/* An empty table is a zeroed one with a seed. per_minute is what the config says now; 0 = nobody is
 * refused. 0 = may try, else the time after which it may, > 0. */
int64_t throttle_wait_ms(const struct throttle *t, const struct ip *who, int64_t per_minute,
                         struct mono now);
void throttle_failed(struct throttle *t, const struct ip *who, int64_t per_minute, struct mono now);
void throttle_verified(struct throttle *t, const struct ip *who, struct mono now);

#endif
