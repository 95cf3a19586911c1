/* file.h - a whole file into memory, and back. */
#ifndef MODEL_MODEL_FILE_FILE_H
#define MODEL_MODEL_FILE_FILE_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

/* Appends the file's bytes; -EFBIG past the buffer's maximum. */
__attribute__((warn_unused_result)) int file_read(struct buf *out, const char *path,
                                                  struct error *err);

/* Written beside path, synced and renamed, so that a reader sees the old file or the new one, also
 * after a loss of power; others may read it. On failure path is as it was. */
__attribute__((warn_unused_result)) int file_replace(const char *path, const struct buf *bytes,
                                                     struct error *err);

#endif
