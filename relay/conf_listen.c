/* The schema of both listeners: listen, admin. */
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <stdio.h>
#include <string.h>

#define ADMIN_TOKEN_MIN     16 /* bytes */
#define CERTIFICATE_SOON_MS (14LL * DAY_MS)
#define DAY_MS              (24 * 3600 * 1000LL)
#define SOCKET_PATH_MAX     108 /* sun_path of unix(7), NUL included */

/* A token that only some may read: whoever has it may start and stop runs. */
static void read_admin_token(const struct settings_group *g, char **out)
{
    SCOPED(secret_free_p) struct secret *token = NULL;
    struct error err = {0};
    conf_read_path(g, "token_file", out);
    if (*out != NULL && (*out)[0] != '\0' && secret_read_file(&token, *out, 1, &err) != 0)
        settings_fault(g, "token_file", "%s", err.text);
    else if (token != NULL && secret_len(token) < ADMIN_TOKEN_MIN)
        settings_fault(g, "token_file", "holds %zu bytes: at least %d, so that nobody guesses them",
                       secret_len(token), ADMIN_TOKEN_MIN);
}

/* Certificates that end soon are worth a word: whoever renews them has failed by then. */
static void warn_of_end(const struct settings_group *g, const struct tls *tls)
{
    int64_t left_ms = tls_expiry_ms(tls) - clock_wall(clock_system()).ms;
    if (left_ms < 0)
        settings_warning(g, "certificate", "has ended: no sender will take it");
    else if (left_ms < CERTIFICATE_SOON_MS)
        settings_warning(g, "certificate", "ends in %lld days", (long long)(left_ms / DAY_MS));
}

/* A loaded identity, or none with a fault. The files are watched even when they are bad: a new
 * certificate and its key come one after the other. */
static void read_tls(struct conf *c, const struct settings_group *address, bool clients,
                     struct tls **out)
{
    const struct settings_group *g = settings_group(address, "tls", false);
    if (g == NULL)
        return;
    SCOPED(free_p) char *certificate = NULL;
    SCOPED(free_p) char *key = NULL;
    SCOPED(free_p) char *client_ca = NULL;
    bool complete = settings_string(g, "certificate", true, &certificate);
    complete = settings_string(g, "key", true, &key) && complete;
    if (clients)
        conf_read_path(g, "client_ca", &client_ca);
    if (!complete)
        return;
    conf_watch(c, certificate);
    conf_watch(c, key);
    if (client_ca != NULL)
        conf_watch(c, client_ca);
    struct error err = {0};
    const struct tls_files files = {certificate, key, client_ca};
    if (tls_load(out, &files, &err) != 0)
        settings_fault(g, NULL, "%s", err.text);
    else
        warn_of_end(g, *out);
}

static void read_address(const struct settings_group *g, struct address *out)
{
    SCOPED(free_p) char *host = NULL;
    int64_t port = out->port;
    if (settings_string(g, "address", false, &host)) {
        struct address parsed;
        struct error err = {0};
        char text[96];
        bool bare_v6 = strchr(host, ':') != NULL && host[0] != '[';
        (void)snprintf(text, sizeof(text), bare_v6 ? "[%.80s]:0" : "%.80s:0", host);
        if (parse_address(&parsed, text, &err) != 0)
            settings_fault(g, "address", "\"%.80s\" is no numeric address such as \"127.0.0.1\"",
                           host);
        else
            memcpy(out->host, parsed.host, sizeof(out->host));
    }
    if (settings_int(g, "port", false, 0, 65535, &port))
        out->port = (uint16_t)port;
}

static void read_admin(struct conf *c, const struct settings_group *g)
{
    read_address(g, &c->admin);
    conf_read_path(g, "socket", &c->admin_socket);
    if (c->admin_socket != NULL && strlen(c->admin_socket) >= SOCKET_PATH_MAX)
        settings_fault(g, "socket", "is longer than the %d bytes of a unix socket's path",
                       SOCKET_PATH_MAX - 1);
    read_admin_token(g, &c->admin_token_file);
    read_tls(c, g, false, &c->admin_tls);
}

void conf_read_listeners(struct conf *c, const struct settings_group *root)
{
    const struct settings_group *listen = settings_group(root, "listen", false);
    const struct settings_group *admin = settings_group(root, "admin", false);
    if (listen != NULL) {
        read_address(listen, &c->listen);
        conf_read_networks(listen, "trusted_proxies",
                           "everybody may choose the address they are taken for", &c->proxies,
                           &c->n_proxies);
        read_tls(c, listen, true, &c->listen_tls);
    }
    if (admin != NULL)
        read_admin(c, admin);
}
