/* traceparent.h - whose trace a request belongs to, as W3C Trace Context (level 1, 3.2) writes it:
 *
 *     traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *                  version, trace id, parent id, flags */
#ifndef RELAY_BASE_TRACEPARENT_H
#define RELAY_BASE_TRACEPARENT_H

#include <stdbool.h>

#define TRACEPARENT_SIZE 56 /* with its NUL */

/* The first four fields of header; of a later version too, which may have more. False, and *out "":
 * header is NULL or none. Ids of zeros and version ff are invalid. */
bool traceparent_parse(char out[static TRACEPARENT_SIZE], const char *header);

#endif
