/* utf8.h - text from outside, made fit for one line.
 *
 * Control characters are C0, DEL and C1 (as UTF-8). Pure. */
#ifndef RELAY_GITHUB_UTF8_H
#define RELAY_GITHUB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at s (1 to 4), 0 when what stands there is no UTF-8 (RFC 3629: no overlong
 * forms, surrogates, or anything past U+10FFFF) or is the end. */
size_t utf8_char(const char *s);
bool utf8_is_valid(const char *s);
/* s: at a character of `bytes` bytes. */
bool utf8_is_control(const char *s, size_t bytes);
/* Copies text without control characters and without bytes that are no UTF-8, cut to fit at a
 * character's boundary. out is NUL-terminated; size >= 1. text may be NULL: "". */
void utf8_clean(char *out, size_t size, const char *text);

#endif
