/* The schema of targets, and of the credentials that they name. */
#include "relay/base/parse.h"
#include "relay/base/rs256.h"
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS          (24 * 3600 * 1000LL)
#define CREDENTIAL_MAX  4096 /* of its name: a path and a URL */
#define DEFAULT_API_URL "https://api.github.com"

static void read_target_budget(const struct settings_group *target, struct target *t)
{
    const struct settings_group *g = settings_group(target, "budget", false);
    if (g == NULL)
        return;
    t->budget_per_ms = DAY_MS;
    (void)settings_int(g, "max", true, 1, 100000, &t->budget_max);
    (void)settings_duration_ms(g, "per", false, 60000, 31 * DAY_MS, &t->budget_per_ms);
}

/* --- credentials
 * ---------------------------------------------------------------------------------- */

/* The credential of that name, made when it is new. */
static struct conf_credential *credential_named(struct conf *c, const char *name, bool *is_new)
{
    for (size_t i = 0; i < c->n_credentials; i++) {
        *is_new = false;
        if (strcmp(c->credentials[i].name, name) == 0)
            return &c->credentials[i];
    }
    struct conf_credential *added = &c->credentials[c->n_credentials++];
    added->name = conf_text(name);
    *is_new = true;
    return added;
}

static void read_token_file(struct conf *c, const struct settings_group *g, struct target *t)
{
    SCOPED(free_p) char *path = NULL;
    SCOPED(secret_free_p) struct secret *token = NULL;
    struct error err = {0};
    bool is_new;
    if (!settings_string(g, "token_file", false, &path))
        return;
    if (secret_read_file(&token, path, 1, &err) != 0)
        settings_fault(g, "token_file", "%s", err.text);
    else if (!app_token_is_valid(secret_bytes(token), secret_len(token)))
        settings_fault(g, "token_file",
                       "%s: holds a blank or a control character: the token alone is wanted", path);
    struct conf_credential *credential = credential_named(c, path, &is_new);
    if (is_new) {
        conf_watch(c, path);
        credential->token_file = GIVE(path);
    }
    t->credential = conf_text(credential->name);
}

static bool read_app_ids(const struct settings_group *g, char **id, int64_t *installation)
{
    SCOPED(free_p) char *number = NULL;
    bool complete = settings_text_or_int(g, "id", true, id);
    if (complete && !app_id_is_valid(*id)) {
        settings_fault(g, "id", "\"%.80s\" is neither an App id nor a client id", *id);
        complete = false;
    }
    if (!settings_text_or_int(g, "installation", true, &number))
        return false;
    if (parse_int64(installation, number, 1, INT64_MAX, NULL) == 0)
        return complete;
    settings_fault(g, "installation",
                   "\"%.80s\" is no installation id: the number in the installation's URL", number);
    return false;
}

static void read_key_file(const struct settings_group *g, char **path)
{
    SCOPED(rs256_key_free_p) struct rs256_key *key = NULL;
    struct error err = {0};
    if (settings_string(g, "key_file", true, path) && rs256_key_read_file(&key, *path, &err) != 0)
        settings_fault(g, "key_file", "%s", err.text);
}

/* Targets of one installation share a credential: GitHub's limits count for the installation. */
static void read_app(struct conf *c, const struct settings_group *target, struct target *t)
{
    const struct settings_group *g = settings_group(target, "app", false);
    SCOPED(free_p) char *id = NULL;
    SCOPED(free_p) char *key_file = NULL;
    int64_t installation = 0;
    bool is_new;
    if (g == NULL)
        return;
    bool complete = read_app_ids(g, &id, &installation);
    read_key_file(g, &key_file);
    if (!complete || key_file == NULL)
        return;
    bool elsewhere = strcmp(t->api_url, DEFAULT_API_URL) != 0;
    char name[CREDENTIAL_MAX];
    (void)snprintf(name, sizeof(name), "app:%s/%" PRId64 "%s%s", id, installation,
                   elsewhere ? "@" : "", elsewhere ? t->api_url : "");
    struct conf_credential *credential = credential_named(c, name, &is_new);
    if (is_new) {
        conf_watch(c, key_file);
        credential->app = (struct app){.id = GIVE(id), .installation = installation};
        credential->key_file = GIVE(key_file);
    } else if (strcmp(credential->key_file, key_file) != 0) {
        settings_fault(g, "key_file", "another target names %s for this installation",
                       credential->key_file);
    }
    t->credential = conf_text(credential->name);
}

static void read_credential(struct conf *c, const struct settings_group *g, struct target *t)
{
    bool token = settings_has(g, "token_file");
    bool app = settings_has(g, "app");
    read_token_file(c, g, t);
    if (token && app) {
        settings_ask_any(g, "app");
        settings_fault(g, "app", "stands beside token_file: remove one of them");
        return;
    }
    read_app(c, g, t);
    if (!token && !app)
        settings_fault(g, "token_file", "is required (or app = { id; installation; key_file; })");
}

/* --- targets
 * -------------------------------------------------------------------------------------- */

static void read_target(struct conf *c, const struct settings_group *g, struct target *t)
{
    static const char *const correlations[] = {"auto", "input", "none", NULL};
    int correlation = 0;
    if (!conf_read_name(g, &t->name))
        conf_set_text(&t->name, "");
    else if (conf_target_by_name(c, t->name) != NULL)
        settings_fault(g, "name", "\"%s\" is the name of another target", t->name);
    t->api_url = conf_text(DEFAULT_API_URL);
    t->ref = conf_text("main");
    if (settings_string(g, "repository", true, &t->repository) &&
        !target_repository_is_valid(t->repository))
        settings_fault(g, "repository", "\"%.80s\" is no \"owner/name\"", t->repository);
    if (settings_string(g, "workflow", true, &t->workflow) &&
        !target_workflow_is_valid(t->workflow))
        settings_fault(g, "workflow",
                       "\"%.80s\" is no file name such as \"retrain.yml\" (without its path)",
                       t->workflow);
    if (settings_string(g, "ref", false, &t->ref) && !target_ref_is_valid(t->ref))
        settings_fault(g, "ref", "\"%.80s\" is no branch or tag name", t->ref);
    (void)settings_string(g, "api_url", false, &t->api_url);
    const char *reason = conf_check_api_url(t->api_url);
    if (reason != NULL)
        settings_fault(g, "api_url", "%s", reason);
    (void)settings_choice(g, "correlation", false, correlations, &correlation);
    t->correlation = (enum correlation)correlation;
    read_credential(c, g, t);
    read_target_budget(g, t);
}

void conf_read_targets(struct conf *c, const struct settings_group *root)
{
    size_t n = settings_list(root, "targets", true);
    c->targets = conf_array(n, sizeof(*c->targets));
    c->credentials = conf_array(n, sizeof(*c->credentials));
    for (size_t i = 0; i < n; i++) {
        read_target(c, settings_list_at(root, "targets", i), &c->targets[i]);
        c->n_targets = i + 1;
    }
    if (settings_is_empty(root, "targets"))
        settings_fault(root, "targets", "is empty: there is no workflow to start");
}
