/* tls.h - who a listener is over TLS (certificate and key), and whose clients' certificates it
 * takes.
 *
 * TLS 1.2 and 1.3, forward secrecy and authenticated ciphers only (TLS_PRIORITIES). Immutable once
 * loaded, shared by reference count: a connection keeps the one it was made with, so a new
 * certificate cuts nobody. The private key lives in GnuTLS's memory, not in locked pages. */
#ifndef RELAY_BASE_TLS_H
#define RELAY_BASE_TLS_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#define TLS_PRIORITIES                                                                             \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:"      \
    "+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:%SERVER_PRECEDENCE"

struct tls;

struct tls_files {
    const char *certificate; /* PEM, the server's own first, then what leads to its authority */
    const char *key;         /* PEM, unencrypted; refused when others may read it */
    const char *client_ca;   /* PEM, authorities of clients; NULL = clients are not asked */
};

/* Each file at most 64 KiB. err names the file. */
__attribute__((warn_unused_result)) int tls_load(struct tls **out, const struct tls_files *files,
                                                 struct error *err);
struct tls *tls_ref(struct tls *t);
void tls_unref(struct tls *t); /* NULL is fine */
void tls_unref_p(struct tls **t);
/* Unix ms at which the first certificate of the chain ends. */
int64_t tls_expiry_ms(const struct tls *t);
bool tls_asks_clients(const struct tls *t);

/* Before the handshake: this session speaks for t, and asks the client who it is if t does. t must
 * outlive the session. */
__attribute__((warn_unused_result)) int tls_use(struct tls *t, gnutls_session_t session);

/* For libmicrohttpd, which wants a certificate or whom to ask for one: the address of a function
 * that has none (a gnutls_certificate_retrieve_function2), as its table of options holds it. A
 * session that tls_use() was called for never asks. */
void *tls_no_certificate(void);

/* Positive: this client is not let in. */
enum tls_client {
    TLS_CLIENT_NONE = 1,  /* it showed no certificate, or was not asked */
    TLS_CLIENT_UNTRUSTED, /* not by one of the authorities, not for clients, or revoked */
    TLS_CLIENT_UNNAMED,   /* trusted, but none of the names */
    TLS_CLIENT_EXPIRED,   /* over, or not yet valid */
};
/* After the handshake, on the thread of the session: 0 when the client's certificate is by one of
 * the authorities, for clients, valid now and, unless n_names is 0, has one of the names among its
 * alternative names (DNS, URI, e-mail or IP address, compared whole), or as its common name when it
 * has no alternative name. */
__attribute__((warn_unused_result)) int tls_check_client(gnutls_session_t session,
                                                         const char *const *names, size_t n_names);

#endif
