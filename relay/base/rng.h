/* rng.h - randomness that tests can replace, and the ULIDs made of it. */
#ifndef RELAY_BASE_RNG_H
#define RELAY_BASE_RNG_H

#include "relay/base/clock.h"

#include <stdbool.h>
#include <stddef.h>

struct rng {
    void *self;
    void (*bytes)(void *self, void *out, size_t len); /* never fails */
};

/* libsodium's generator (sodium_init() comes first, in main). Any thread. */
const struct rng *rng_system(void);

/* ULID (https://github.com/ulid/spec): 48 bits of unix milliseconds, 80 random bits, Crockford
 * base32, 26 characters, upper case. Their order means nothing here. */
#define ULID_SIZE 27 /* with the NUL */
void ulid_make(char out[static ULID_SIZE], struct wall now, const struct rng *rng);
/* 26 characters of the alphabet, the first at most '7'. */
bool ulid_is_valid(const char *text);

#endif
