/* conf.h - the configuration: a schema, a file or the environment, one immutable struct.
 *
 * Either a libconfig file or the environment alone, never mixed (docs/config.md lists both). Every
 * fault is reported, as "file:line: key: reason", and none stops the reading. A struct conf
 * never changes once made; threads share it by reference count. */
#ifndef RELAY_CONF_H
#define RELAY_CONF_H

#include "relay/alert/alert.h"
#include "relay/alert/signature.h"
#include "relay/base/error.h"
#include "relay/base/log.h"
#include "relay/base/network.h"
#include "relay/base/parse.h"
#include "relay/base/sandbox.h"
#include "relay/base/secret.h"
#include "relay/base/tls.h"
#include "relay/engine/route.h"
#include "relay/github/app.h"
#include "relay/github/inputs.h"
#include "relay/github/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_DEFAULT_FILE      "/etc/drift-relay/drift-relay.conf"
#define CONF_DEFAULT_STATE_DIR "/var/lib/drift-relay"

struct conf_source {
    char *name, *path; /* path of its endpoint, "/hooks/NAME" by default */
    enum alert_format format;
    struct auth auth;
    struct network *allow; /* who may send at all; n 0 = every address */
    size_t n_allow;
};

struct conf_route {
    struct route route; /* what the engine reads */
    struct inputs *inputs;
    int64_t effective_within_ms; /* a success is judged by whether its key is quiet then; 0 = not */
};

/* One of three. Its name says what it is made of, so that what was learnt about one (its limits) is
 * never taken for another's. */
struct conf_credential {
    char *name;           /* the token file's path, the variable, or "app:ID/INSTALLATION[@URL]" */
    char *token_file;     /* read anew for every exchange */
    struct secret *token; /* from the environment */
    struct app app;       /* id NULL: none */
    char *key_file;       /* of the App; read anew for every token */
};

struct conf_limits {
    uint64_t body;
    struct alert_limits alert;
    int64_t header_time_ms, body_time_ms;
    int64_t connections, per_address;
    int64_t failures; /* to authenticate, of one address, a minute; 0 = however many */
};

/* Whose annotations are written and whose thresholds are read. */
struct conf_grafana {
    char *url;        /* without a slash at its end; NULL = no such Grafana */
    char *token_file; /* read anew for every call */
};

struct conf {
    char *origin; /* the file's path, or "environment" */
    struct address listen;
    struct address admin;
    struct tls *listen_tls, *admin_tls; /* NULL = plain HTTP */
    struct network *proxies;            /* whose X-Forwarded-For is read */
    size_t n_proxies;
    char *admin_socket;     /* NULL = none */
    char *admin_token_file; /* of the bearer token for changes over TCP, read anew for each; NULL */
    char *store_path;
    int64_t retain_ms;
    uint64_t retain_bytes; /* 0: however much it is */
    char *stop_file;
    enum sandbox_mode sandbox;
    bool check_online; /* ask GitHub about the targets while serving */
    enum log_level log_level;
    enum log_format log_format;
    struct conf_limits limits;
    struct conf_grafana grafana;
    struct conf_source *sources;
    size_t n_sources;
    struct target *targets;
    size_t n_targets;
    struct conf_credential *credentials;
    size_t n_credentials;
    struct conf_route *routes;
    size_t n_routes;
    char *
        *watched; /* files whose change asks for a reload: the config file, secrets, tokens, keys */
    size_t n_watched;
    _Atomic unsigned references;
};

/* What a reading found, for people: faults (nothing is returned) and warnings. */
struct conf_report {
    char **faults;
    size_t n_faults;
    char **warnings;
    size_t n_warnings;
};
void conf_report_clear(struct conf_report *report);

/* path NULL: CONF_DEFAULT_FILE if it is there, else the environment. 0 and *out with one reference,
 * or -EINVAL with the faults in *report (warnings come with success too), or -ENOMEM. */
__attribute__((warn_unused_result)) int conf_load(struct conf **out, const char *path,
                                                  struct conf_report *report);
/* From text, for tests; name stands for the file. */
__attribute__((warn_unused_result)) int
conf_load_text(struct conf **out, const char *name, const char *text, struct conf_report *report);
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL is fine */
void conf_unref_p(struct conf **c);

const struct conf_source *conf_source_by_path(const struct conf *c, const char *path);
const struct conf_route *conf_route_by_name(const struct conf *c, const char *name);
const struct target *conf_target_by_name(const struct conf *c, const char *name);
const struct conf_credential *conf_credential_by_name(const struct conf *c, const char *name);
/* Keys of `next` that only a restart can change and that differ from `now` (listen, admin, store):
 * their names in `out`, separated by ", ". Returns their number. */
size_t conf_needs_restart(const struct conf *now, const struct conf *next, char *out,
                          size_t out_size);

#endif
