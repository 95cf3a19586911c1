#include "relay/base/tls.h"

#include "relay/base/scope.h"
#include "relay/base/secret.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

struct tls {
    gnutls_certificate_credentials_t credentials;
    int64_t expiry_ms;
    bool asks_clients;
    atomic_uint references;
};

/* The API wants memory it might write to, and does not write. */
static gnutls_datum_t datum(const struct secret *text)
{
    gnutls_datum_t d = {.size = (unsigned)secret_len(text)};
    memcpy(&d.data, &(const unsigned char *){secret_bytes(text)}, sizeof(d.data));
    return d;
}

static void free_list(gnutls_x509_crt_t *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
}

static int note_expiry(struct tls *t, const char *path, struct error *err)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned n = 0;
    if (gnutls_certificate_get_x509_crt(t->credentials, 0, &list, &n) != 0)
        return error_set(err, -EINVAL, "%s: holds no certificate", path);
    t->expiry_ms = INT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        int64_t end_ms = (int64_t)gnutls_x509_crt_get_expiration_time(list[i]) * 1000;
        if (end_ms < t->expiry_ms)
            t->expiry_ms = end_ms;
    }
    free_list(list, n);
    return 0;
}

static int load_own(struct tls *t, const struct tls_files *files, struct error *err)
{
    SCOPED(secret_free_p) struct secret *certificate = NULL;
    SCOPED(secret_free_p) struct secret *key = NULL;
    int r = secret_read_file(&certificate, files->certificate, 0, err);
    if (r == 0)
        r = secret_read_file(&key, files->key, 1, err);
    if (r != 0)
        return r;
    gnutls_datum_t chain = datum(certificate);
    gnutls_datum_t pem = datum(key);
    r = gnutls_certificate_set_x509_key_mem2(t->credentials, &chain, &pem, GNUTLS_X509_FMT_PEM,
                                             NULL, 0);
    if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return error_set(err, -EINVAL, "%s is not the key of %s", files->key, files->certificate);
    if (r < 0)
        return error_set(err, -EINVAL, "%s, %s: not a PEM certificate and its unencrypted key: %s",
                         files->certificate, files->key, gnutls_strerror(r));
    return note_expiry(t, files->certificate, err);
}

static int load_clients(struct tls *t, const char *path, struct error *err)
{
    SCOPED(secret_free_p) struct secret *text = NULL;
    int r = secret_read_file(&text, path, 0, err);
    if (r != 0)
        return r;
    gnutls_datum_t authorities = datum(text);
    r = gnutls_certificate_set_x509_trust_mem(t->credentials, &authorities, GNUTLS_X509_FMT_PEM);
    if (r <= 0)
        return error_set(err, -EINVAL, "%s: no PEM certificate of an authority%s%s", path,
                         r < 0 ? ": " : "", r < 0 ? gnutls_strerror(r) : "");
    t->asks_clients = true;
    return 0;
}

int tls_load(struct tls **out, const struct tls_files *files, struct error *err)
{
    SCOPED(tls_unref_p) struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return error_set(err, -ENOMEM, "tls: out of memory");
    atomic_init(&t->references, 1);
    if (gnutls_certificate_allocate_credentials(&t->credentials) != 0)
        return error_set(err, -ENOMEM, "tls: out of memory");
    int r = load_own(t, files, err);
    if (r == 0 && files->client_ca != NULL)
        r = load_clients(t, files->client_ca, err);
    if (r != 0)
        return r;
    *out = GIVE(t);
    return 0;
}

struct tls *tls_ref(struct tls *t)
{
    if (t != NULL)
        atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
    return t;
}

void tls_unref(struct tls *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1)
        return;
    if (t->credentials != NULL)
        gnutls_certificate_free_credentials(t->credentials);
    free(t);
}

void tls_unref_p(struct tls **t)
{
    tls_unref(*t);
}

int64_t tls_expiry_ms(const struct tls *t)
{
    return t->expiry_ms;
}

bool tls_asks_clients(const struct tls *t)
{
    return t->asks_clients;
}

int tls_use(struct tls *t, gnutls_session_t session)
{
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, t->credentials) != 0)
        return -ENOMEM;
    /* Asked, not required: one listener may serve sources with other schemes too. */
    gnutls_certificate_server_set_request(session, t->asks_clients ? GNUTLS_CERT_REQUEST
                                                                   : GNUTLS_CERT_IGNORE);
    return 0;
}

static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
                          int n_authorities, const gnutls_pk_algorithm_t *algorithms,
                          int n_algorithms, gnutls_pcert_st **certificates,
                          unsigned *n_certificates, gnutls_privkey_t *key)
{
    (void)session, (void)authorities, (void)n_authorities, (void)algorithms, (void)n_algorithms;
    (void)certificates, (void)n_certificates, (void)key;
    return -1;
}

void *tls_no_certificate(void)
{
    void *address;
    gnutls_certificate_retrieve_function2 *function = no_certificate;
    _Static_assert(sizeof(address) == sizeof(function), "POSIX: both are addresses");
    memcpy(&address, &function, sizeof(address));
    return address;
}

/* --- clients ------------------------------------------------------------------------- */

static bool is_listed(const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* An alternative name as text; false for kinds that have none. A NUL inside would hide its end. */
static bool name_text(char *out, size_t out_size, int kind, const char *value, size_t len)
{
    if (kind == GNUTLS_SAN_IPADDRESS)
        return (len == 4 || len == 16) &&
               inet_ntop(len == 4 ? AF_INET : AF_INET6, value, out, (socklen_t)out_size) != NULL;
    if (kind != GNUTLS_SAN_DNSNAME && kind != GNUTLS_SAN_URI && kind != GNUTLS_SAN_RFC822NAME)
        return false;
    if (len >= out_size || memchr(value, '\0', len) != NULL)
        return false;
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

static bool has_name(gnutls_x509_crt_t certificate, const char *const *names, size_t n_names)
{
    char value[512], text[512];
    bool any = false;
    for (unsigned i = 0;; i++) {
        size_t len = sizeof(value);
        int kind = gnutls_x509_crt_get_subject_alt_name(certificate, i, value, &len, NULL);
        if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        any = true;
        if (kind >= 0 && name_text(text, sizeof(text), kind, value, len) &&
            is_listed(text, names, n_names))
            return true;
    }
    size_t len = sizeof(value);
    return !any &&
           gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, value,
                                         &len) == 0 &&
           name_text(text, sizeof(text), GNUTLS_SAN_DNSNAME, value, len) &&
           is_listed(text, names, n_names);
}

static void certificate_release(gnutls_x509_crt_t *certificate)
{
    if (*certificate != NULL)
        gnutls_x509_crt_deinit(*certificate);
}

int tls_check_client(gnutls_session_t session, const char *const *names, size_t n_names)
{
    unsigned n = 0, status = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &n);
    if (shown == NULL || n == 0)
        return TLS_CLIENT_NONE;
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)purpose};
    if (gnutls_certificate_verify_peers(session, &wanted, 1, &status) != 0)
        return TLS_CLIENT_UNTRUSTED;
    const unsigned times = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;
    if ((status & times) != 0 && (status & ~(times | GNUTLS_CERT_INVALID)) == 0)
        return TLS_CLIENT_EXPIRED;
    if (status != 0)
        return TLS_CLIENT_UNTRUSTED;
    if (n_names == 0)
        return 0;
    SCOPED(certificate_release) gnutls_x509_crt_t own = NULL;
    if (gnutls_x509_crt_init(&own) != 0 ||
        gnutls_x509_crt_import(own, &shown[0], GNUTLS_X509_FMT_DER) != 0)
        return TLS_CLIENT_UNTRUSTED;
    return has_name(own, names, n_names) ? 0 : TLS_CLIENT_UNNAMED;
}
