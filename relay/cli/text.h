/* text.h - text for people at a terminal: nothing from outside reaches it unescaped. */
#ifndef RELAY_CLI_TEXT_H
#define RELAY_CLI_TEXT_H

#include "relay/base/buf.h"
#include "relay/base/clock.h"

#include <stdbool.h>

/* Control characters (C0, DEL, C1) and those that turn the direction of text become \uXXXX; bytes
 * that are no UTF-8 become U+FFFD. */
void text_add_safe(struct buf *out, const char *text);
/* "2026-11-25 07:00:00" in local time (TZ), or UTC with a Z. */
void text_add_time(struct buf *out, struct wall t, bool utc);
/* "2026-11-25 07:00:00 (in 2h10m)", or "… (10m ago)", or "… (now)". */
void text_add_time_from(struct buf *out, struct wall t, struct wall now, bool utc);
/* "10m ago", "in 2h", "now"; of hours and more no seconds. */
void text_add_distance(struct buf *out, struct wall t, struct wall now);
/* Characters of len bytes, which is columns for all but wide scripts. */
size_t text_width(const char *text, size_t len);
/* Prints to stdout within 80 columns: `lead`, then the text, whose further lines begin below its
 * first character. Text of its own lines is not kept together. */
void text_print(const char *lead, const char *text);

#endif
