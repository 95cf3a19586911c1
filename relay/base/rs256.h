/* rs256.h - RSA keys out of PEM files, and RS256 (RFC 7518 section 3.3) with them.
 *
 * RS256 is RSASSA-PKCS1-v1_5 with SHA-256. A key is read where it is used and freed after it:
 * GnuTLS keeps it in ordinary memory, which it wipes. Any thread, each key by one at a time. */
#ifndef RELAY_BASE_RS256_H
#define RELAY_BASE_RS256_H

#include "relay/base/error.h"
#include "relay/base/secret.h"

#include <stddef.h>

#define RS256_BITS_MIN      2048 /* RFC 7518 section 3.3 */
#define RS256_BITS_MAX      8192 /* a larger one signs for seconds */
#define RS256_SIGNATURE_MAX (RS256_BITS_MAX / 8)

struct rs256_key;

/* PKCS#1 ("RSA PRIVATE KEY") or PKCS#8 ("PRIVATE KEY"). -EINVAL, with what it is instead and the
 * remedy in err: no PEM, a public key or certificate, encrypted, another kind of key (EC, Ed25519,
 * RSA-PSS, OpenSSH's own), too short or too long, numbers that are no key. */
__attribute__((warn_unused_result)) int rs256_key_read(struct rs256_key **out,
                                                       const struct secret *pem, struct error *err);
/* The same from a file that others may not read (secret_read_file, strict); err begins with path.
 */
__attribute__((warn_unused_result)) int rs256_key_read_file(struct rs256_key **out,
                                                            const char *path, struct error *err);
void rs256_key_free(struct rs256_key *key); /* NULL is fine */
void rs256_key_free_p(struct rs256_key **key);

__attribute__((warn_unused_result)) int rs256_sign(const struct rs256_key *key, const void *bytes,
                                                   size_t len,
                                                   unsigned char signature[RS256_SIGNATURE_MAX],
                                                   size_t *signature_len, struct error *err);

#endif
