#include "relay/base/throttle.h"

#include <stddef.h>
#include <string.h>

#include <sodium.h>

#define MINUTE_MS 60000
#define HOST_BITS 64 /* of an IPv6 address: RFC 4291, 2.5.4 */

_Static_assert(THROTTLE_SEED_SIZE == crypto_shorthash_KEYBYTES, "the seed is a key of SipHash");

static struct ip prefix_of(const struct ip *who)
{
    return ip_is_v4(who) ? *who : ip_prefix(who, HOST_BITS);
}

static size_t set_of(const struct throttle *t, const struct ip *prefix)
{
    unsigned char hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, prefix->bytes, sizeof(prefix->bytes), t->seed);
    return hash[0] % THROTTLE_SETS;
}

static const struct throttle_bucket *find(const struct throttle *t, const struct ip *prefix)
{
    const struct throttle_bucket *set = t->buckets[set_of(t, prefix)];
    for (size_t i = 0; i < THROTTLE_WAYS; i++) {
        if (set[i].used && ip_equal(&set[i].prefix, prefix))
            return &set[i];
    }
    return NULL;
}

/* Whether a gives way rather than b. */
static bool is_lesser(const struct throttle_bucket *a, const struct throttle_bucket *b)
{
    if (a->used != b->used)
        return !a->used;
    if (a->verified != b->verified)
        return !a->verified;
    return a->verified ? a->verified_at.ms < b->verified_at.ms : a->full_at.ms < b->full_at.ms;
}

static struct throttle_bucket *find_or_make(struct throttle *t, const struct ip *prefix)
{
    struct throttle_bucket *set = t->buckets[set_of(t, prefix)], *least = &set[0];
    for (size_t i = 0; i < THROTTLE_WAYS; i++) {
        if (set[i].used && ip_equal(&set[i].prefix, prefix))
            return &set[i];
        if (is_lesser(&set[i], least))
            least = &set[i];
    }
    *least = (struct throttle_bucket){.used = true, .prefix = *prefix, .full_at = {INT64_MIN}};
    return least;
}

int64_t throttle_wait_ms(const struct throttle *t, const struct ip *who, int64_t per_minute,
                         struct mono now)
{
    if (per_minute <= 0)
        return 0;
    struct ip prefix = prefix_of(who);
    const struct throttle_bucket *bucket = find(t, &prefix);
    if (bucket == NULL || bucket->verified || bucket->full_at.ms <= now.ms)
        return 0;
    /* Room for one more failure, after which it would be empty. */
    int64_t wait_ms = bucket->full_at.ms - now.ms + MINUTE_MS / per_minute - MINUTE_MS;
    return wait_ms > 0 ? wait_ms : 0;
}

void throttle_failed(struct throttle *t, const struct ip *who, int64_t per_minute, struct mono now)
{
    if (per_minute <= 0 || ip_is_loopback(who))
        return;
    struct ip prefix = prefix_of(who);
    struct throttle_bucket *bucket = find_or_make(t, &prefix);
    int64_t from_ms = bucket->full_at.ms > now.ms ? bucket->full_at.ms : now.ms;
    bucket->full_at.ms = from_ms + MINUTE_MS / per_minute;
    /* Requests that were let in at once and then failed take no more than there was. */
    if (bucket->full_at.ms > now.ms + MINUTE_MS)
        bucket->full_at.ms = now.ms + MINUTE_MS;
}

void throttle_verified(struct throttle *t, const struct ip *who, struct mono now)
{
    if (ip_is_loopback(who))
        return;
    struct ip prefix = prefix_of(who);
    struct throttle_bucket *bucket = find_or_make(t, &prefix);
    bucket->verified = true;
    bucket->verified_at = now;
}
