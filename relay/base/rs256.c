#include "relay/base/rs256.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

struct rs256_key {
    gnutls_privkey_t key;
};

static void x509_release(gnutls_x509_privkey_t *key)
{
    gnutls_x509_privkey_deinit(*key); /* NULL is fine */
}

static bool holds(const struct secret *pem, const char *words)
{
    return memmem(secret_bytes(pem), secret_len(pem), words, strlen(words)) != NULL;
}

/* What a file that is no usable key seems to be, by its first lines; NULL: nothing known. */
static const char *other_kind(const struct secret *pem)
{
    static const struct {
        const char *words, *means;
    } kinds[] = {
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----",
         "the key is encrypted: decrypt it with openssl pkey"},
        {"Proc-Type: 4,ENCRYPTED", "the key is encrypted: decrypt it with openssl pkey"},
        {"-----BEGIN EC PRIVATE KEY-----", "is an EC key: an RSA key is wanted"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----",
         "is in OpenSSH's own form: a PEM key as GitHub gives it is wanted"},
        {"-----BEGIN RSA PRIVATE KEY-----", NULL},
        {"-----BEGIN PRIVATE KEY-----", NULL},
        {"PUBLIC KEY-----", "is a public key: the private one is wanted"},
        {"-----BEGIN CERTIFICATE-----", "is a certificate: a private key is wanted"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (holds(pem, kinds[i].words))
            return kinds[i].means;
    }
    return "is no PEM file with an RSA private key, such as GitHub gives for an App";
}

static int check_kind(gnutls_x509_privkey_t key, struct error *err)
{
    unsigned bits = 0;
    int kind = gnutls_x509_privkey_get_pk_algorithm2(key, &bits);
    if (kind != GNUTLS_PK_RSA) {
        const char *name = gnutls_pk_algorithm_get_name((gnutls_pk_algorithm_t)kind);
        return error_set(err, -EINVAL, "is a key for %s: one for RSA is wanted",
                         name == NULL ? "something unknown" : name);
    }
    if (bits < RS256_BITS_MIN || bits > RS256_BITS_MAX)
        return error_set(err, -EINVAL, "has %u bits: %d to %d are wanted", bits, RS256_BITS_MIN,
                         RS256_BITS_MAX);
    if (gnutls_x509_privkey_verify_params(key) != 0)
        return error_set(err, -EINVAL, "its numbers make no RSA key: the file is damaged");
    return 0;
}

static int import(struct rs256_key *out, const struct secret *pem, struct error *err)
{
    /* The API wants memory it might write to, and does not write. */
    gnutls_datum_t text = {.size = (unsigned)secret_len(pem)};
    memcpy(&text.data, &(const unsigned char *){secret_bytes(pem)}, sizeof(text.data));
    SCOPED(x509_release) gnutls_x509_privkey_t key = NULL;
    if (gnutls_x509_privkey_init(&key) != 0)
        return error_set(err, -ENOMEM, "out of memory");
    int r = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (r != 0)
        return error_set(err, -EINVAL, "cannot be read as an RSA private key: %s",
                         gnutls_strerror(r));
    r = check_kind(key, err);
    if (r != 0)
        return r;
    r = gnutls_privkey_import_x509(out->key, key, GNUTLS_PRIVKEY_IMPORT_COPY);
    return r == 0 ? 0 : error_set(err, -EINVAL, "cannot be used: %s", gnutls_strerror(r));
}

int rs256_key_read(struct rs256_key **out, const struct secret *pem, struct error *err)
{
    const char *means = other_kind(pem);
    if (means != NULL)
        return error_set(err, -EINVAL, "%s", means);
    SCOPED(rs256_key_free_p) struct rs256_key *key = calloc(1, sizeof(*key));
    if (key == NULL || gnutls_privkey_init(&key->key) != 0)
        return error_set(err, -ENOMEM, "out of memory");
    int r = import(key, pem, err);
    if (r == 0)
        *out = GIVE(key);
    return r;
}

int rs256_key_read_file(struct rs256_key **out, const char *path, struct error *err)
{
    SCOPED(secret_free_p) struct secret *pem = NULL;
    int r = secret_read_file(&pem, path, 1, err);
    if (r != 0)
        return r;
    r = rs256_key_read(out, pem, err);
    return r == 0 ? 0 : error_prefix(err, r, "%s", path);
}

void rs256_key_free(struct rs256_key *key)
{
    if (key == NULL)
        return;
    gnutls_privkey_deinit(key->key);
    free(key);
}

void rs256_key_free_p(struct rs256_key **key)
{
    rs256_key_free(*key);
}

int rs256_sign(const struct rs256_key *key, const void *bytes, size_t len,
               unsigned char signature[RS256_SIGNATURE_MAX], size_t *signature_len,
               struct error *err)
{
    gnutls_datum_t made = {0};
    gnutls_datum_t text = {0};
    if (len > UINT_MAX)
        return error_set(err, -EINVAL, "too long to be signed");
    text.size = (unsigned)len;
    memcpy(&text.data, &bytes, sizeof(text.data));
    int r = gnutls_privkey_sign_data(key->key, GNUTLS_DIG_SHA256, 0, &text, &made);
    if (r != 0)
        return error_set(err, -EIO, "cannot sign: %s", gnutls_strerror(r));
    r = made.size > RS256_SIGNATURE_MAX ? error_set(err, -EIO, "a signature of %u bytes", made.size)
                                        : 0;
    if (r == 0) {
        memcpy(signature, made.data, made.size);
        *signature_len = made.size;
    }
    gnutls_free(made.data);
    return r;
}
