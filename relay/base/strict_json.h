/* strict_json.h - JSON from outside: one document, nothing after it, no surprises.
 *
 * jansson (2.14) already refuses trailing bytes, NaN, byte order marks, bad UTF-8, lone surrogates,
 * "\u0000" and reals out of range; this adds: duplicate keys are refused, nesting is limited
 * before jansson recurses, NUL bytes are refused, and the fault is named with line and column.
 *
 * jansson fails a whole document for one integer outside int64, but Go writes any float below 1e21
 * without an exponent, so an honest alert value of 1e19 would be refused for ever. Here such an
 * integer comes as a real; in a document that has one, every whole real below 2^53 ("1.0") comes as
 * an integer, and integers from 2^53 on as reals. */
#ifndef RELAY_BASE_STRICT_JSON_H
#define RELAY_BASE_STRICT_JSON_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

#include <jansson.h>

/* depth: of the deepest array or object, 1 = a flat one. 0 and *out (caller json_decref), or
 * -EINVAL with err. The top level may be an object or an array. */
__attribute__((warn_unused_result)) int
strict_json_load(json_t **out, const char *bytes, size_t len, unsigned depth, struct error *err);

/* Writes text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD; control
 * characters are escaped, C1 (U+0080 to U+009F) and DEL too, since terminals obey them. */
void buf_add_json_string(struct buf *b, const char *text);
/* Compact dump of a tree, keys in their order, reals in the shortest form that reads back. */
void buf_add_json(struct buf *b, const json_t *value);

/* Releases one reference; for SCOPED(). */
void json_release_p(json_t **value);

#endif
