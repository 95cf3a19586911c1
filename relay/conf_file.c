/* The schema of the config file, but for listeners, targets and routes. */
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETAIN_SIZE_MIN (1024 * 1024)
#define RETAIN_SIZE_MAX (1024LL * 1024 * 1024 * 1024)
#define DAY_MS          (24 * 3600 * 1000LL)
#define SECRET_SHORT    16 /* bytes: shorter HMAC secrets are warned of */

bool conf_read_name(const struct settings_group *g, char **out)
{
    if (!settings_string(g, "name", true, out))
        return false;
    if (conf_name_is_valid(*out))
        return true;
    settings_fault(g, "name", "\"%.80s\" is no name: 1 to 64 of letters, digits, '_' and '-'",
                   *out);
    return false;
}

void conf_read_path(const struct settings_group *g, const char *key, char **out)
{
    if (settings_string(g, key, false, out) && (*out)[0] == '\0')
        settings_fault(g, key, "is empty: a path is wanted");
}

static void read_limits(const struct settings_group *root, struct conf_limits *l)
{
    const struct settings_group *g = settings_group(root, "limits", false);
    if (g == NULL)
        return;
    int64_t alerts = (int64_t)l->alert.alerts;
    int64_t labels = (int64_t)l->alert.labels;
    int64_t depth = l->alert.depth;
    (void)settings_size_bytes(g, "body", false, 1024, 64 * 1024 * 1024, &l->body);
    (void)settings_int(g, "alerts", false, 1, 100000, &alerts);
    (void)settings_int(g, "labels", false, 1, 1000, &labels);
    (void)settings_int(g, "depth", false, 4, 64, &depth);
    (void)settings_duration_ms(g, "header_time", false, 100, 300000, &l->header_time_ms);
    (void)settings_duration_ms(g, "body_time", false, 100, 300000, &l->body_time_ms);
    (void)settings_int(g, "connections", false, 4, 60000, &l->connections);
    (void)settings_int(g, "per_address", false, 0, 60000, &l->per_address);
    (void)settings_int(g, "failures", false, 0, 60000, &l->failures);
    l->alert = (struct alert_limits){(size_t)alerts, (size_t)labels, (unsigned)depth};
}

static void read_sandbox(const struct settings_group *root, struct conf *c)
{
    int mode = (int)c->sandbox;
    (void)settings_choice(root, "sandbox", false, conf_sandbox_modes, &mode);
    c->sandbox = (enum sandbox_mode)mode;
}

static void read_log(const struct settings_group *root, struct conf *c)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    static const char *const formats[] = {"logfmt", "json", NULL};
    const struct settings_group *g = settings_group(root, "log", false);
    if (g == NULL)
        return;
    int level = (int)c->log_level;
    int format = (int)c->log_format;
    (void)settings_choice(g, "level", false, levels, &level);
    (void)settings_choice(g, "format", false, formats, &format);
    c->log_level = (enum log_level)level;
    c->log_format = (enum log_format)format;
}

/* --- sources
 * -------------------------------------------------------------------------------------- */

static void read_secrets(struct conf *c, const struct settings_group *g, const char *key,
                         struct auth *auth)
{
    char **files = NULL;
    size_t n = 0;
    if (!settings_strings(g, key, true, &files, &n))
        return;
    if (n == 0)
        settings_fault(g, key, "is empty: name at least one file");
    auth->secrets = conf_array(n, sizeof(struct secret *));
    for (size_t i = 0; i < n; i++) {
        struct error err = {0};
        struct secret *secret = NULL;
        conf_watch(c, files[i]);
        if (secret_read_file(&secret, files[i], 1, &err) != 0)
            settings_fault(g, key, "%s", err.text);
        else
            auth->secrets[auth->n_secrets++] = secret;
        if (secret != NULL && auth->scheme == AUTH_GRAFANA_HMAC &&
            secret_len(secret) < SECRET_SHORT)
            settings_warning(g, key, "%s holds fewer than %d bytes: use openssl rand -hex 32",
                             files[i], SECRET_SHORT);
        free(files[i]);
    }
    free(files);
}

static void read_hmac(struct conf *c, const struct settings_group *g, struct auth *auth)
{
    auth->window_ms = SIGNATURE_WINDOW_MS;
    auth->signature_header = conf_text(GRAFANA_SIGNATURE_HEADER);
    auth->timestamp_header = conf_text(GRAFANA_TIMESTAMP_HEADER);
    (void)settings_string(g, "signature_header", false, &auth->signature_header);
    (void)settings_string(g, "timestamp_header", false, &auth->timestamp_header);
    if (!conf_header_is_valid(auth->signature_header))
        settings_fault(g, "signature_header", "\"%.80s\" is no header name",
                       auth->signature_header);
    if (auth->timestamp_header[0] == '\0')
        settings_warning(g, "timestamp_header",
                         "is empty: without a signed time a captured notification can be sent "
                         "again; set one in Grafana's contact point");
    else if (!conf_header_is_valid(auth->timestamp_header))
        settings_fault(g, "timestamp_header", "\"%.80s\" is no header name",
                       auth->timestamp_header);
    else if (strcasecmp(auth->timestamp_header, auth->signature_header) == 0)
        settings_fault(g, "timestamp_header", "is the signature's header too");
    read_secrets(c, g, "secret_files", auth);
}

static void read_mtls(const struct conf *c, const struct settings_group *g, struct auth *auth)
{
    if (settings_strings(g, "names", false, &auth->names, &auth->n_names) && auth->n_names == 0)
        settings_fault(g, "names", "is empty: leave it out to take every certificate of client_ca");
    if (c->listen_tls == NULL || !tls_asks_clients(c->listen_tls))
        settings_fault(g, "scheme", "mtls needs listen.tls with client_ca");
}

static void read_auth(struct conf *c, const struct settings_group *source, struct auth *auth)
{
    static const char *const schemes[] = {"grafana-hmac", "bearer", "basic", "mtls", NULL};
    const struct settings_group *g = settings_group(source, "auth", true);
    int scheme = 0;
    if (g == NULL)
        return;
    if (!settings_choice(g, "scheme", true, schemes, &scheme)) {
        settings_ignore(g); /* which keys it may have depends on the scheme */
        return;
    }
    auth->scheme = (enum auth_scheme)scheme;
    if (auth->scheme == AUTH_BEARER) {
        read_secrets(c, g, "token_files", auth);
    } else if (auth->scheme == AUTH_BASIC) {
        if (settings_string(g, "username", true, &auth->username) &&
            (auth->username[0] == '\0' || strchr(auth->username, ':') != NULL))
            settings_fault(g, "username", "is not empty and has no ':' (RFC 7617)");
        read_secrets(c, g, "password_files", auth);
    } else if (auth->scheme == AUTH_MTLS) {
        read_mtls(c, g, auth);
    } else {
        read_hmac(c, g, auth);
    }
}

static void read_source(struct conf *c, const struct settings_group *g, struct conf_source *s)
{
    static const char *const formats[] = {"grafana", "alertmanager", NULL};
    int format = 0;
    if (conf_read_name(g, &s->name)) {
        for (const struct conf_source *other = c->sources; other < s; other++) {
            if (other->name != NULL && strcmp(other->name, s->name) == 0)
                settings_fault(g, "name", "\"%s\" is the name of another source", s->name);
        }
    } else {
        conf_set_text(&s->name, "");
    }
    (void)settings_choice(g, "format", true, formats, &format);
    s->format = (enum alert_format)format;
    char path[96];
    (void)snprintf(path, sizeof(path), "/hooks/%.64s", s->name);
    s->path = conf_text(path);
    (void)settings_string(g, "path", false, &s->path);
    if (s->path[0] != '/' || strpbrk(s->path, "?# ") != NULL)
        settings_fault(g, "path", "\"%.80s\" is no path such as \"/hooks/grafana\"", s->path);
    for (const struct conf_source *other = c->sources; other < s; other++) {
        bool given = settings_has(g, "path") || conf_name_is_valid(s->name);
        if (given && other->name != NULL && strcmp(other->path, s->path) == 0 &&
            strcmp(other->name, s->name) != 0)
            settings_fault(g, "path", "\"%s\" is the path of another source", s->path);
    }
    conf_read_networks(g, "allow", "every address may send: leave the key out to say so", &s->allow,
                       &s->n_allow);
    read_auth(c, g, &s->auth);
    if (s->format == ALERT_FORMAT_ALERTMANAGER && s->auth.scheme == AUTH_GRAFANA_HMAC &&
        s->auth.n_secrets > 0)
        settings_warning(g, "format", "Alertmanager does not sign: use bearer, basic or mtls");
}

/* --- the file
 * ------------------------------------------------------------------------------------- */

static void read_sources(struct conf *c, const struct settings_group *root)
{
    size_t n = settings_list(root, "sources", true);
    c->sources = conf_array(n, sizeof(*c->sources));
    for (size_t i = 0; i < n; i++) {
        read_source(c, settings_list_at(root, "sources", i), &c->sources[i]);
        c->n_sources = i + 1;
    }
    if (settings_is_empty(root, "sources"))
        settings_fault(root, "sources", "is empty: without a source nobody may send");
}

static void read_grafana(const struct settings_group *root, struct conf *c)
{
    const struct settings_group *g = settings_group(root, "grafana", false);
    if (g == NULL)
        return;
    struct conf_grafana *out = &c->grafana;
    if (settings_string(g, "url", true, &out->url)) {
        const char *fault = conf_check_url(out->url);
        if (fault != NULL)
            settings_fault(g, "url", "%s", fault);
    }
    SCOPED(secret_free_p) struct secret *token = NULL;
    struct error err = {0};
    conf_read_path(g, "token_file", &out->token_file);
    if (out->token_file == NULL)
        settings_fault(g, "token_file", "is required: a service account's token, role Editor");
    else if (out->token_file[0] != '\0' && secret_read_file(&token, out->token_file, 1, &err) != 0)
        /* No fault: the account can only be made once Grafana is up, and alerts do not need it. */
        settings_warning(g, "token_file", "%s: no annotations until it can be read", err.text);
}

void conf_read_file(struct conf *c, struct settings *s)
{
    const struct settings_group *root = settings_root(s);
    conf_read_listeners(c, root);
    const struct settings_group *store = settings_group(root, "store", false);
    if (store != NULL) {
        conf_read_path(store, "path", &c->store_path);
        (void)settings_duration_ms(store, "retain", false, DAY_MS, 3650 * DAY_MS, &c->retain_ms);
        (void)settings_size_bytes(store, "retain_size", false, RETAIN_SIZE_MIN, RETAIN_SIZE_MAX,
                                  &c->retain_bytes);
    }
    conf_read_path(root, "stop_file", &c->stop_file);
    (void)settings_bool(root, "check_online", false, &c->check_online);
    read_sandbox(root, c);
    read_log(root, c);
    read_limits(root, &c->limits);
    read_sources(c, root);
    conf_read_targets(c, root);
    conf_read_routes(c, root);
    read_grafana(root, c);
}
