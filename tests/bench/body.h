/* body.h - the notifications that the bench sends: Grafana's body of one alert, some 1.7 KB, none
 * like another.
 *
 * The shape is that of tests/data/grafana/01-firing-first; the HMAC is libsodium's, not the
 * relay's. */
#ifndef TESTS_BENCH_BODY_H
#define TESTS_BENCH_BODY_H

#include <stddef.h>
#include <stdint.h>

#define BODY_MAX 4096 /* bytes of a body, with the NUL */

/* What `model`, the route's key label, says: a number below `models`, or the notification's own. */
struct body_kind {
    uint64_t models; /* 0: every notification has a key of its own */
};

/* Writes notification `number` (unique by its annotation); its length. */
size_t body_write(char out[static BODY_MAX], const struct body_kind *kind, uint64_t number);
/* 64 hex digits and a NUL: HMAC-SHA256 of "stamp:body", or of the body with stamp "". */
void body_sign(char hex[static 65], const char *secret, const char *stamp, const char *body,
               size_t len);

#endif
