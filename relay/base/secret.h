/* secret.h - bytes that must not leak: locked memory, wiped at the end, never printed.
 *
 * A secret is immutable once made; any thread may read it while its owner keeps it. Memory comes
 * from sodium_malloc (guard pages, left out of core dumps), so they are few and small (<= 64 KiB).
 */
#ifndef RELAY_BASE_SECRET_H
#define RELAY_BASE_SECRET_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

#include <stddef.h>

struct secret;

/* Copies; returned secret is the caller's (secret_free). len 0 is refused with -EINVAL. */
__attribute__((warn_unused_result)) int secret_new(struct secret **out, const void *bytes,
                                                   size_t len, struct error *err);
/* Reads a whole file and strips one trailing newline (\n or \r\n). Refused: empty, > 64 KiB,
 * NUL inside, not a regular file (symlinks are followed: Kubernetes mounts them), readable by
 * others (mode & 0004) unless it is on a tmpfs-like mount that root owns read-only, which we cannot
 * tell: so 0004 is refused only when `strict`. err names the file, never its content. */
__attribute__((warn_unused_result)) int secret_read_file(struct secret **out, const char *path,
                                                         int strict, struct error *err);
/* From an environment variable that exists and is not empty. */
__attribute__((warn_unused_result)) int secret_from_env(struct secret **out, const char *name,
                                                        struct error *err);
const unsigned char *secret_bytes(const struct secret *s);
size_t secret_len(const struct secret *s);
/* Constant time in the content; the length is not secret. */
int secret_equals(const struct secret *s, const void *bytes, size_t len);
/* Puts three stars where text, which ends with a NUL after len bytes, repeats the secret; returns
 * the length that is left. Servers and proxies do repeat a request's headers in their errors. */
size_t secret_hide(char *text, size_t len, const struct secret *s);
/* Wipes and frees a buffer that a secret was written to; for SCOPED(). Add the secret at once: a
 * buffer that grows leaves bytes behind. */
void secret_wipe_buf(struct buf *b);
void secret_free(struct secret *s); /* NULL is fine */
void secret_free_p(struct secret **s);

#endif
