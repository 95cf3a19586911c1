#include "relay/conf.h"

#include "relay/base/buf.h"
#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS (24 * 3600 * 1000LL)

const char *const conf_sandbox_modes[] = {"require", "best-effort", "off", NULL};

void *conf_array(size_t n, size_t size)
{
    return must_alloc(n + 1, size);
}

char *conf_text(const char *text)
{
    return must_copy(text);
}

void conf_set_text(char **slot, const char *text)
{
    free(*slot);
    *slot = conf_text(text);
}

struct conf *conf_new(const char *origin)
{
    struct conf *c = conf_array(1, sizeof(*c));
    atomic_init(&c->references, 1);
    c->origin = conf_text(origin);
    c->listen = (struct address){.host = "0.0.0.0", .port = 9099};
    c->admin = (struct address){.host = "127.0.0.1", .port = 9098};
    c->store_path = conf_text(CONF_DEFAULT_STATE_DIR "/relay.db");
    c->stop_file = conf_text(CONF_DEFAULT_STATE_DIR "/stop");
    c->sandbox = SANDBOX_BEST_EFFORT;
    c->check_online = true;
    c->retain_ms = 90 * DAY_MS;
    c->log_level = LOG_INFO;
    c->log_format = LOG_LOGFMT;
    c->limits = (struct conf_limits){.body = 1024 * 1024,
                                     .alert = {.alerts = 1000, .labels = 64, .depth = 16},
                                     .header_time_ms = 5000,
                                     .body_time_ms = 10000,
                                     .connections = 512,
                                     .per_address = 64,
                                     .failures = 60};
    return c;
}

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

static void source_clear(struct conf_source *s)
{
    free(s->name);
    free(s->path);
    for (size_t i = 0; i < s->auth.n_secrets; i++)
        secret_free(s->auth.secrets[i]);
    free(s->auth.secrets);
    free(s->allow);
    free_texts(s->auth.names, s->auth.n_names);
    free(s->auth.username);
    free(s->auth.signature_header);
    free(s->auth.timestamp_header);
}

static void target_clear(struct target *t)
{
    free(t->name);
    free(t->api_url);
    free(t->repository);
    free(t->workflow);
    free(t->ref);
    free(t->credential);
}

static void route_clear(struct conf_route *r)
{
    free(r->route.name);
    free(r->route.source);
    free(r->route.target);
    for (size_t i = 0; i < r->route.n_matchers; i++)
        matcher_clear(&r->route.matchers[i]);
    free(r->route.matchers);
    free_texts(r->route.key_labels, r->route.n_key_labels);
    inputs_free(r->inputs);
}

static void conf_free(struct conf *c)
{
    for (size_t i = 0; i < c->n_sources; i++)
        source_clear(&c->sources[i]);
    for (size_t i = 0; i < c->n_targets; i++)
        target_clear(&c->targets[i]);
    for (size_t i = 0; i < c->n_routes; i++)
        route_clear(&c->routes[i]);
    for (size_t i = 0; i < c->n_credentials; i++) {
        free(c->credentials[i].name);
        free(c->credentials[i].token_file);
        secret_free(c->credentials[i].token);
        free(c->credentials[i].app.id);
        free(c->credentials[i].key_file);
    }
    free(c->sources);
    free(c->proxies);
    free(c->targets);
    free(c->routes);
    free(c->credentials);
    free_texts(c->watched, c->n_watched);
    tls_unref(c->listen_tls);
    tls_unref(c->admin_tls);
    free(c->origin);
    free(c->grafana.url);
    free(c->grafana.token_file);
    free(c->admin_socket);
    free(c->admin_token_file);
    free(c->store_path);
    free(c->stop_file);
    free(c);
}

struct conf *conf_ref(struct conf *c)
{
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    return c;
}

void conf_unref(struct conf *c)
{
    if (c != NULL && atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1)
        conf_free(c);
}

void conf_unref_p(struct conf **c)
{
    conf_unref(*c);
}

void conf_watch(struct conf *c, const char *path)
{
    c->watched = must_grow(c->watched, c->n_watched + 1, sizeof(char *));
    c->watched[c->n_watched++] = conf_text(path);
}

bool conf_name_is_valid(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(name);
    return len >= 1 && len <= 64 && strspn(name, letters) == len;
}

bool conf_header_is_valid(const char *name)
{
    static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "!#$%&'*+-.^_`|~";
    size_t len = strlen(name);
    return len >= 1 && len <= 128 && strspn(name, token) == len;
}

/* What both kinds of URL must not have. Takes the trailing slash off. */
static const char *check_text(char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        url[--len] = '\0';
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c == 0x7f || *c == '\\')
            return "a base URL is of printable ASCII without blanks and backslashes";
    }
    return strpbrk(url, "?#@") == NULL ? NULL : "a base URL has no user, query or fragment";
}

static bool begins(const char *url, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncmp(url, scheme, len) == 0 && strchr("/:", url[len]) == NULL;
}

const char *conf_check_url(char *url)
{
    const char *fault = check_text(url);
    if (fault == NULL && !begins(url, "https://") && !begins(url, "http://"))
        fault = "an http:// or https:// URL is wanted, such as \"http://grafana:3000\"";
    return fault;
}

const char *conf_check_api_url(char *url)
{
    const char *fault = check_text(url);
    if (fault != NULL || begins(url, "https://"))
        return fault;
    if (strncmp(url, "http://", 7) != 0)
        return "an https:// URL is wanted, such as \"https://api.github.com\"";
    char host[64] = "";
    const char *begin = url[7] == '[' ? url + 8 : url + 7;
    size_t host_len = strcspn(begin, url[7] == '[' ? "]" : ":/");
    if (host_len < sizeof(host))
        memcpy(host, begin, host_len);
    return address_is_loopback(host) ? NULL
                                     : "plain http is for loopback addresses only: use https://";
}

/* --- finding
 * -------------------------------------------------------------------------------------- */

const struct conf_source *conf_source_by_path(const struct conf *c, const char *path)
{
    for (size_t i = 0; i < c->n_sources; i++) {
        if (strcmp(c->sources[i].path, path) == 0)
            return &c->sources[i];
    }
    return NULL;
}

const struct conf_route *conf_route_by_name(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_routes; i++) {
        if (strcmp(c->routes[i].route.name, name) == 0)
            return &c->routes[i];
    }
    return NULL;
}

const struct target *conf_target_by_name(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        if (strcmp(c->targets[i].name, name) == 0)
            return &c->targets[i];
    }
    return NULL;
}

const struct conf_credential *conf_credential_by_name(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_credentials; i++) {
        if (strcmp(c->credentials[i].name, name) == 0)
            return &c->credentials[i];
    }
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* Those of the alert parser act at once; the listener's do not. */
static bool same_limits(const struct conf_limits *a, const struct conf_limits *b)
{
    return a->body == b->body && a->header_time_ms == b->header_time_ms &&
           a->body_time_ms == b->body_time_ms && a->connections == b->connections &&
           a->per_address == b->per_address;
}

size_t conf_needs_restart(const struct conf *now, const struct conf *next, char *out,
                          size_t out_size)
{
    const struct {
        const char *key;
        bool differs;
    } keys[] = {
        {"listen",
         strcmp(now->listen.host, next->listen.host) != 0 || now->listen.port != next->listen.port},
        {"listen.tls", (now->listen_tls == NULL) != (next->listen_tls == NULL)},
        {"admin", strcmp(now->admin.host, next->admin.host) != 0 ||
                      now->admin.port != next->admin.port ||
                      !same_text(now->admin_socket, next->admin_socket) ||
                      !same_text(now->admin_token_file, next->admin_token_file)},
        {"admin.tls", (now->admin_tls == NULL) != (next->admin_tls == NULL)},
        {"store.path", !same_text(now->store_path, next->store_path)},
        {"sandbox", now->sandbox != next->sandbox},
        {"limits", !same_limits(&now->limits, &next->limits)},
    };
    SCOPED(buf_free) struct buf text = BUF_INIT(1024);
    size_t n = 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].differs)
            buf_addf(&text, "%s%s", n++ == 0 ? "" : ", ", keys[i].key);
    }
    (void)snprintf(out, out_size, "%s", buf_text(&text));
    return n;
}

/* --- loading
 * -------------------------------------------------------------------------------------- */

void conf_report_add(char ***list, size_t *n, const char *text)
{
    *list = must_grow(*list, *n + 1, sizeof(char *));
    (*list)[(*n)++] = conf_text(text);
}

void conf_report_clear(struct conf_report *report)
{
    free_texts(report->faults, report->n_faults);
    free_texts(report->warnings, report->n_warnings);
    *report = (struct conf_report){0};
}

static int finish(struct conf **out, struct conf *c, const struct conf_report *report)
{
    if (report->n_faults > 0) {
        conf_unref(c);
        return -EINVAL;
    }
    *out = c;
    return 0;
}

static int load_settings(struct conf **out, struct settings *s, const char *origin, bool watched,
                         struct conf_report *report)
{
    struct conf *c = conf_new(origin);
    if (watched)
        conf_watch(c, origin);
    conf_read_file(c, s);
    settings_end(s);
    for (size_t i = 0; i < settings_n_faults(s); i++)
        conf_report_add(&report->faults, &report->n_faults, settings_fault_text(s, i));
    for (size_t i = 0; i < settings_n_warnings(s); i++)
        conf_report_add(&report->warnings, &report->n_warnings, settings_warning_text(s, i));
    return finish(out, c, report);
}

int conf_load_text(struct conf **out, const char *name, const char *text,
                   struct conf_report *report)
{
    SCOPED(settings_free_p) struct settings *s = NULL;
    int r = settings_read_text(&s, name, text, NULL);
    return r != 0 ? r : load_settings(out, s, name, false, report);
}

int conf_load(struct conf **out, const char *path, struct conf_report *report)
{
    if (path == NULL && access(CONF_DEFAULT_FILE, F_OK) == 0)
        path = CONF_DEFAULT_FILE;
    if (path == NULL) {
        struct conf *c = conf_new("environment");
        conf_read_environment(c, report);
        return finish(out, c, report);
    }
    SCOPED(settings_free_p) struct settings *s = NULL;
    int r = settings_read_file(&s, path, NULL);
    return r != 0 ? r : load_settings(out, s, path, true, report);
}
