#include "relay/base/rng.h"

#include <stdint.h>
#include <string.h>

#include <sodium.h>

/* A system call for each id would be two for each notification. */
#define POOL_SIZE 512
static _Thread_local struct {
    unsigned char bytes[POOL_SIZE];
    size_t left; /* at the end */
} pool;

static void system_bytes(void *self, void *out, size_t len)
{
    (void)self;
    if (len > POOL_SIZE) {
        randombytes_buf(out, len);
        return;
    }
    if (len > pool.left) {
        randombytes_buf(pool.bytes, POOL_SIZE);
        pool.left = POOL_SIZE;
    }
    unsigned char *from = pool.bytes + POOL_SIZE - pool.left;
    memcpy(out, from, len);
    sodium_memzero(from, len); /* given once */
    pool.left -= len;
}

const struct rng *rng_system(void)
{
    static const struct rng system = {.bytes = system_bytes};
    return &system;
}

/* Crockford's base32: no I, L, O, U. */
static const char ulid_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void ulid_make(char out[static ULID_SIZE], struct wall now, const struct rng *rng)
{
    /* A clock outside what 48 bits hold (before 1970, after 10889) must not spoil the form. */
    static const int64_t ms_max = (INT64_C(1) << 48) - 1;
    uint64_t ms = (uint64_t)(now.ms < 0 ? 0 : now.ms > ms_max ? ms_max : now.ms);
    for (int i = 9; i >= 0; i--) {
        out[i] = ulid_alphabet[ms & 31];
        ms >>= 5;
    }

    uint8_t random[10];
    rng->bytes(rng->self, random, sizeof(random));
    for (size_t half = 0; half < 2; half++) { /* 5 bytes are 8 digits */
        uint64_t bits = 0;
        for (size_t i = 0; i < 5; i++)
            bits = bits << 8 | random[half * 5 + i];
        for (size_t i = 8; i-- > 0;) {
            out[10 + half * 8 + i] = ulid_alphabet[bits & 31];
            bits >>= 5;
        }
    }
    out[ULID_SIZE - 1] = '\0';
}

bool ulid_is_valid(const char *text)
{
    size_t len = strlen(text);
    return len == ULID_SIZE - 1 && text[0] <= '7' && strspn(text, ulid_alphabet) == len;
}
