/* buf.h - a growing byte buffer with a maximum that is set when it is made.
 *
 * Adding never fails loudly: past the maximum, or out of memory, the buffer is marked failed, keeps
 * what it had, and ignores every later addition; whoever uses the content checks buf_failed() once.
 * The content is always followed by a NUL that does not count in len. One thread at a time. */
#ifndef RELAY_BASE_BUF_H
#define RELAY_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL while nothing was added */
    size_t len, cap, max;
    bool failed, no_memory; /* no_memory: failed for that */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})
/* Over a char array of the caller's: it never asks for memory, and must not be freed or given. */
#define BUF_OVER(array)                                                                            \
    ((struct buf){.data = (array), .cap = sizeof(array), .max = sizeof(array) - 1})

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The shortest decimal that reads back as the same double ("0.1", "1e-09"); whole numbers below
 * 2^53 without point or exponent; NaN, +Inf and -Inf as Prometheus spells them. */
void buf_add_double(struct buf *b, double value);
/* The same, but a whole number stays a real one when it is read: "1.0". */
void buf_add_real(struct buf *b, double value);
/* Empties the buffer and its failed mark, keeping the memory. */
void buf_clear(struct buf *b);
/* Frees the memory; the buffer may be used again with the same maximum. */
void buf_free(struct buf *b);
/* The content as a NUL-terminated text, "" when empty. Borrowed until the next call on b. */
const char *buf_text(const struct buf *b);
/* Hands the content over (caller frees) and leaves b empty; "" for an empty one. NULL when failed
 * or out of memory: then b keeps what it has. */
char *buf_give(struct buf *b);

static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}

#endif
