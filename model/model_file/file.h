/* file.h - a whole file into memory. */
#ifndef MODEL_MODEL_FILE_FILE_H
#define MODEL_MODEL_FILE_FILE_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

/* Appends the file's bytes; -EFBIG past the buffer's maximum. */
__attribute__((warn_unused_result)) int file_read(struct buf *out, const char *path,
                                                  struct error *err);

#endif
