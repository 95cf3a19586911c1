/* The environment alone: one source, one route, one target, as docs/config.md lists. */
#include "relay/base/buf.h"
#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/conf_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fault(struct conf_report *report, const char *name, const char *reason)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(2048);
    buf_addf(&text, "environment: %s: %s", name, reason);
    conf_report_add(&report->faults, &report->n_faults, buf_text(&text));
}

/* Value of a variable, NULL when it is not set or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static const char *must(struct conf_report *report, const char *name, const char *what)
{
    const char *value = variable(name);
    if (value == NULL)
        fault(report, name, what);
    return value;
}

/* NAME or NAME_FILE, not both. *file gets the path when it was the latter. */
static struct secret *read_secret(struct conf_report *report, const char *name, const char *what,
                                  const char **file)
{
    char file_name[64];
    (void)snprintf(file_name, sizeof(file_name), "%s_FILE", name);
    struct secret *secret = NULL;
    struct error err = {0};
    *file = variable(file_name);
    if (*file != NULL && variable(name) != NULL)
        fault(report, name, "is set beside its _FILE variant: unset one of them");
    else if (*file != NULL && secret_read_file(&secret, *file, 1, &err) != 0)
        fault(report, file_name, err.text);
    else if (*file == NULL && variable(name) == NULL)
        fault(report, name, what);
    else if (*file == NULL && secret_from_env(&secret, name, &err) != 0)
        fault(report, name, err.text);
    return secret;
}

static void read_source(struct conf *c, struct conf_report *report)
{
    const char *file;
    struct secret *secret = read_secret(
        report, "WEBHOOK_SECRET",
        "is required (or WEBHOOK_SECRET_FILE): the secret of Grafana's contact point", &file);
    if (file != NULL)
        conf_watch(c, file);
    const char *timestamp = getenv("WEBHOOK_TIMESTAMP_HEADER"); /* empty = the body alone */
    if (timestamp != NULL && timestamp[0] != '\0' && !conf_header_is_valid(timestamp))
        fault(report, "WEBHOOK_TIMESTAMP_HEADER", "is no header name");
    c->sources = conf_array(1, sizeof(*c->sources));
    c->n_sources = 1;
    c->sources[0] =
        (struct conf_source){.name = conf_text("grafana"),
                             .path = conf_text("/hooks/grafana"),
                             .format = ALERT_FORMAT_GRAFANA,
                             .auth = {.scheme = AUTH_GRAFANA_HMAC,
                                      .secrets = conf_array(1, sizeof(struct secret *)),
                                      .n_secrets = secret == NULL ? 0 : 1,
                                      .signature_header = conf_text(GRAFANA_SIGNATURE_HEADER),
                                      .timestamp_header = conf_text(
                                          timestamp == NULL ? GRAFANA_TIMESTAMP_HEADER : timestamp),
                                      .window_ms = SIGNATURE_WINDOW_MS}};
    c->sources[0].auth.secrets[0] = secret;
}

static void read_target(struct conf *c, struct conf_report *report)
{
    const char *owner = must(report, "REPO_OWNER", "is required: the repository's owner");
    const char *name = must(report, "REPO_NAME", "is required: the repository's name");
    const char *workflow = must(report, "WORKFLOW_FILENAME",
                                "is required: the workflow's file name, such as retrain.yml");
    const char *api = variable("GITHUB_API_URL");
    const char *ref = variable("GITHUB_REF_NAME");
    const char *file;
    struct secret *token = read_secret(
        report, "GITHUB_ACCESS_TOKEN",
        "is required (or GITHUB_ACCESS_TOKEN_FILE): a token with Actions: write", &file);
    SCOPED(buf_free) struct buf repository = BUF_INIT(1024);
    buf_addf(&repository, "%s/%s", owner == NULL ? "" : owner, name == NULL ? "" : name);
    c->targets = conf_array(1, sizeof(*c->targets));
    c->credentials = conf_array(1, sizeof(*c->credentials));
    c->n_targets = 1;
    c->n_credentials = 1;
    struct target *t = &c->targets[0];
    *t = (struct target){.name = conf_text("retrain"),
                         .api_url = conf_text(api == NULL ? "https://api.github.com" : api),
                         .repository = conf_text(buf_text(&repository)),
                         .workflow = conf_text(workflow == NULL ? "" : workflow),
                         .ref = conf_text(ref == NULL ? "main" : ref),
                         .credential = conf_text(file == NULL ? "GITHUB_ACCESS_TOKEN" : file),
                         .correlation = CORRELATION_AUTO};
    c->credentials[0] = (struct conf_credential){
        .name = conf_text(t->credential), .token_file = file == NULL ? NULL : conf_text(file)};
    if (token != NULL && !app_token_is_valid(secret_bytes(token), secret_len(token)))
        fault(report, file == NULL ? "GITHUB_ACCESS_TOKEN" : "GITHUB_ACCESS_TOKEN_FILE",
              "holds a blank or a control character: the token alone is wanted");
    if (file != NULL)
        conf_watch(c, file);
    if (file == NULL)
        c->credentials[0].token = token;
    else
        secret_free(token); /* read anew for every exchange */
    const char *reason = conf_check_api_url(t->api_url);
    if (reason != NULL)
        fault(report, "GITHUB_API_URL", reason);
    if (owner != NULL && name != NULL && !target_repository_is_valid(t->repository))
        fault(report, "REPO_NAME", "owner and name are of letters, digits, '.', '_' and '-'");
    if (workflow != NULL && !target_workflow_is_valid(workflow))
        fault(report, "WORKFLOW_FILENAME", "a file name without a path is wanted");
    if (!target_ref_is_valid(t->ref))
        fault(report, "GITHUB_REF_NAME", "is no branch or tag name");
}

static void read_route(struct conf *c)
{
    c->routes = conf_array(1, sizeof(*c->routes));
    c->n_routes = 1;
    c->routes[0].effective_within_ms = CONF_EFFECTIVE_WITHIN_MS;
    struct route *r = &c->routes[0].route;
    *r = (struct route){.name = conf_text("grafana"),
                        .source = conf_text("grafana"),
                        .matchers = conf_array(1, sizeof(struct matcher)),
                        .n_matchers = 1,
                        .key_labels = conf_array(1, sizeof(char *)),
                        .n_key_labels = 1,
                        .policy = policy_default,
                        .target = conf_text("retrain")};
    r->key_labels[0] = conf_text("model");
    if (matcher_parse(&r->matchers[0], "action=retrain", NULL) != 0 ||
        inputs_compile(&c->routes[0].inputs, NULL, 0, NULL) != 0)
        must_end(); /* constants: only memory can be missing */
}

static void read_listen(struct address *out, const char *name, struct conf_report *report)
{
    struct error err = {0};
    const char *value = variable(name);
    if (value != NULL && parse_address(out, value, &err) != 0)
        fault(report, name, err.text);
}

static void read_state_dir(struct conf *c)
{
    const char *dir = variable("RELAY_STATE_DIR");
    const struct {
        char **slot;
        const char *file;
    } files[] = {
        {&c->store_path, "relay.db"}, {&c->stop_file, "stop"}, {&c->admin_socket, "admin.sock"}};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        SCOPED(buf_free) struct buf path = BUF_INIT(4096);
        buf_addf(&path, "%s/%s", dir == NULL ? CONF_DEFAULT_STATE_DIR : dir, files[i].file);
        conf_set_text(files[i].slot, buf_text(&path));
    }
}

static void read_sandbox(struct conf *c, struct conf_report *report)
{
    const char *value = variable("RELAY_SANDBOX");
    if (value == NULL)
        return;
    for (int mode = 0; conf_sandbox_modes[mode] != NULL; mode++) {
        if (strcmp(conf_sandbox_modes[mode], value) == 0) {
            c->sandbox = (enum sandbox_mode)mode;
            return;
        }
    }
    fault(report, "RELAY_SANDBOX", "require, best-effort or off is wanted");
}

void conf_read_environment(struct conf *c, struct conf_report *report)
{
    static const char *const required[] = {"REPO_OWNER",
                                           "REPO_NAME",
                                           "WORKFLOW_FILENAME",
                                           "GITHUB_ACCESS_TOKEN",
                                           "GITHUB_ACCESS_TOKEN_FILE",
                                           "WEBHOOK_SECRET",
                                           "WEBHOOK_SECRET_FILE"};
    bool any = false;
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        any = any || variable(required[i]) != NULL;
    if (!any) {
        conf_report_add(&report->faults, &report->n_faults,
                        "no config: give --config FILE, or make " CONF_DEFAULT_FILE
                        ", or set the environment (REPO_OWNER, REPO_NAME, WORKFLOW_FILENAME, "
                        "GITHUB_ACCESS_TOKEN, WEBHOOK_SECRET)");
        return;
    }
    read_source(c, report);
    read_target(c, report);
    read_route(c);
    read_listen(&c->listen, "RELAY_LISTEN", report);
    read_listen(&c->admin, "RELAY_ADMIN_LISTEN", report);
    read_state_dir(c);
    read_sandbox(c, report);
}
