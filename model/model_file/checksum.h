/* checksum.h - the last member of a model file: the SHA-256 of all bytes before it. */
#ifndef MODEL_MODEL_FILE_CHECKSUM_H
#define MODEL_MODEL_FILE_CHECKSUM_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

#include <stddef.h>

#define CHECKSUM_MAX 65 /* SHA-256 in hexadecimal, NUL */

/* Ends the object that begins at start with its checksum, and the line. */
void checksum_add(struct buf *b, size_t start);
__attribute__((warn_unused_result)) int checksum_check(const char *bytes, size_t len,
                                                       struct error *err);

/* That of bytes which checksum_add() ended, in hexadecimal. */
void checksum_copy(char out[static CHECKSUM_MAX], const char *bytes, size_t len);

#endif
