/* http_sanity.h - is this request one that every proxy would read in the same way?
 *
 * libmicrohttpd 0.9.75 is lenient, and leniency lets one request count as two (RFC 9112 §11.2).
 * Tried with that version: it accepts two Content-Length, Content-Length beside Transfer-Encoding
 * and a space before the colon; it appends a folded line to the header's *name*; a header line that
 * begins with NUL ends the header; %00 cuts the path.
 *
 * The last group is found by geometry: the library splits the header in place, so the names and
 * values it reports must follow each other in memory with nothing but ':' and blanks, or one line
 * end, between them. Whatever was skipped, cut or moved leaves a gap. A bare LF as line end passes
 * (RFC 9112 §2.2 allows a recipient that). */
#ifndef RELAY_BASE_HTTP_SANITY_H
#define RELAY_BASE_HTTP_SANITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

struct http_sanity {
    /* set by the caller, as the library gave them */
    const char *method, *version;
    const char *target; /* the raw request target, measured before it was decoded in place */
    size_t target_len;
    const char *target_fault; /* what http_sanity_target() said then */
    /* found */
    bool chunked, has_length;
    uint64_t content_length;
    size_t header_bytes;
    /* for the walk */
    unsigned lengths, codings, hosts;
    const char *fault;
    uintptr_t end; /* where the last piece ended */
};

/* NULL, or why this raw request target is refused: blanks or control bytes in it, plain or
 * percent-encoded, a '%' without two hexadecimal digits, more than 100 arguments (each costs the
 * library ten times its own size, and it hangs when its memory ends there). */
const char *http_sanity_target(const char *target);
/* NULL, or why the header is refused. Static text. */
const char *http_sanity_check(struct http_sanity *s, struct MHD_Connection *connection);

#endif
