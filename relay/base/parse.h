/* parse.h - strict parsing of small values: the whole text is the value, or it is refused.
 *
 * No locale, no leading or trailing blanks, no signs where none belong. Each function returns
 * 0, or -EINVAL / -ERANGE with err saying what was read and which form is wanted. On failure
 * *out is untouched. All are pure and may be called from any thread. */
#ifndef RELAY_BASE_PARSE_H
#define RELAY_BASE_PARSE_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits with an optional leading '-'; min <= value <= max. */
__attribute__((warn_unused_result)) int parse_int64(int64_t *out, const char *text, int64_t min,
                                                    int64_t max, struct error *err);

/* A finite decimal number ("0.8", "-3", "1e-3"); neither nan, inf nor hexadecimal. */
__attribute__((warn_unused_result)) int parse_double(double *out, const char *text,
                                                     struct error *err);

/* A duration with units, as Prometheus writes them: one or more NUMBER UNIT pairs in descending
 * order of unit, each unit at most once, units w d h m s ms ("1h30m", "500ms"; "0s" and "0" are
 * zero). Milliseconds, at most 10 years. */
__attribute__((warn_unused_result)) int parse_duration_ms(int64_t *out, const char *text,
                                                          struct error *err);

/* A size with unit: "1MiB", "512KiB", "2GiB", "100B"; bytes. Decimal units (kB, MB, GB) too; none
 * without a unit, "0" included. */
__attribute__((warn_unused_result)) int parse_size_bytes(uint64_t *out, const char *text,
                                                         struct error *err);

/* RFC 3339 with any offset ("2026-11-23T05:29:24.5+02:00", lower-case t and z allowed, leap second
 * 60 read as 59): unix milliseconds, fractions cut (not rounded). Years 0001 to 9999. */
__attribute__((warn_unused_result)) int parse_rfc3339_ms(int64_t *out, const char *text,
                                                         struct error *err);

/* Hexadecimal, either case, exactly out_len bytes (2 * out_len digits, no more). text need not
 * end with NUL. */
__attribute__((warn_unused_result)) int
parse_hex(unsigned char *out, size_t out_len, const char *text, size_t text_len, struct error *err);

/* address:port as in "127.0.0.1:9099", "[::1]:0", "0.0.0.0:80"; numeric addresses only. */
struct address {
    char host[64]; /* without brackets */
    uint16_t port; /* 0 = any free port */
};
__attribute__((warn_unused_result)) int parse_address(struct address *out, const char *text,
                                                      struct error *err);
/* 127.0.0.0/8, ::1, or the former mapped into IPv6; also the name "localhost", which libcurl
 * (>= 7.78) and RFC 6761 resolve to loopback without asking anybody. host is without brackets. */
bool address_is_loopback(const char *host);

/* Bytes of the well-formed UTF-8 character that text (len bytes) begins with, 1 to 4; 0 when it
 * does not begin with one, or len is 0. */
size_t utf8_char_len(const char *text, size_t len);

/* Text of a time or duration, NUL-terminated, always fits.
 * RFC 3339 UTC with whole seconds, or with milliseconds where they are not zero. */
#define RFC3339_MAX 32
void format_rfc3339_ms(char out[static RFC3339_MAX], int64_t unix_ms);
/* "1h30m", "500ms", "0s", read back by parse_duration_ms. As Prometheus prints them: weeks only
 * when nothing remains ("2w", but "90d"). */
#define DURATION_MAX 32
void format_duration_ms(char out[static DURATION_MAX], int64_t ms);

#endif
