/* Where a config comes from: files, the samples of config/, the environment; and what a reload may
 * change. */
#include "tests/unit/conf_fixture.h"

static const char minimal[] =
    "sources = ( { name = \"grafana\"; format = \"grafana\"; auth = { scheme = \"grafana-hmac\";\n"
    "  secret_files = ( \"$D/secret\" ); }; } );\n"
    "targets = ( { name = \"retrain\"; repository = \"acme/kospi\"; workflow = \"retrain.yml\";\n"
    "  token_file = \"$D/token\"; } );\n"
    "routes = ( { name = \"kospi\"; match = ( \"action=retrain\" ); key = ( \"model\" );\n"
    "  target = \"retrain\"; } );\n";

static void write_config(const char *name, const char *text)
{
    char full[TEXT_MAX];
    replace(full, text, "$D", folder);
    write_file(name, full, 0600);
}

static void test_a_file_is_loaded_and_watched(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct conf_report report = {0};
    char path[256];
    write_config("relay.conf", minimal);
    int r = conf_load(&c, in_folder(path, "relay.conf"), &report);
    print_report(&report);
    assert_int_equal(r, 0);
    assert_string_equal(c->origin, path);
    assert_int_equal(c->n_watched, 3);
    assert_string_equal(c->watched[0], path);
    assert_string_equal(c->watched[1], in_folder(path, "secret"));
    struct conf *shared = conf_ref(c);
    conf_unref(c);
    assert_string_equal(shared->sources[0].name, "grafana");
    conf_unref(shared);
    conf_report_clear(&report);
}

static void test_a_fault_in_an_included_file_names_that_file(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct conf_report report = {0};
    char path[256];
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof(text), "@include \"part.conf\"\n%s", minimal);
    write_config("relay.conf", text);
    write_config("part.conf",
                 "\nlisten = { port = 1;\n prot = 2; };\nadmin = { port = 4294967297; };\n");
    assert_int_equal(conf_load(&c, in_folder(path, "relay.conf"), &report), -EINVAL);
    print_report(&report);
    assert_int_equal(report.n_faults, 2);
    assert_non_null(strstr(report.faults[0], "part.conf:3: listen.prot: unknown key"));
    assert_non_null(strstr(report.faults[1], "part.conf:4: 4294967297 is too large"));
    conf_report_clear(&report);
}

static void expect_one_fault(const char *path, const char *fault)
{
    struct conf *c = NULL;
    struct conf_report report = {0};
    assert_int_equal(conf_load(&c, path, &report), -EINVAL);
    print_report(&report);
    assert_null(c);
    assert_int_equal(report.n_faults, 1);
    assert_non_null(strstr(report.faults[0], fault));
    conf_report_clear(&report);
}

static void test_what_is_no_readable_file_is_one_fault(void **state)
{
    (void)state;
    char path[256];
    char text[TEXT_MAX];
    expect_one_fault(in_folder(path, "nothing"), "nothing:0: cannot be read: No such file");
    expect_one_fault(folder, ":0: cannot be read: Is a directory");
    FILE *f = fopen(in_folder(path, "relay.conf"), "we");
    assert_non_null(f);
    assert_int_equal(fwrite("a = 1;\0b", 1, 8, f), 8);
    assert_int_equal(fclose(f), 0);
    expect_one_fault(path, "relay.conf:0: holds a NUL byte");
    (void)snprintf(text, sizeof(text), "@include \"%s\"\n", folder);
    write_file("relay.conf", text, 0600);
    expect_one_fault(path, "relay.conf:1: cannot open include file");
}

/* The sample's own secrets are not here: those of the test stand for them. */
static void load_sample(struct conf **c, const char *sample, size_t n_warnings,
                        struct conf_report *report)
{
    char text[TEXT_MAX] = "";
    char local[TEXT_MAX];
    FILE *f = fopen(sample, "re");
    assert_non_null(f); /* tests run in the root of the checkout */
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    assert_true(n > 0 && n < sizeof(text) - 1);
    assert_int_equal(fclose(f), 0);
    static const char *const secrets[][2] = {
        {"/etc/drift-relay/webhook.secret", "$D/secret"},
        {"/etc/drift-relay/github.token", "$D/token"},
        {"/etc/drift-relay/alertmanager.password", "$D/secret"},
        {"/etc/drift-relay/script.token", "$D/token"},
        {"/etc/drift-relay/grafana.token", "$D/token"}};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        replace(local, text, secrets[i][0], secrets[i][1]);
        memcpy(text, local, sizeof(text));
    }
    int r = load(c, text, report);
    print_report(report);
    assert_int_equal(r, 0);
    assert_int_equal(report->n_warnings, n_warnings);
}

static void test_the_full_sample_states_the_defaults(void **state)
{
    (void)state;
    struct conf *full = NULL;
    struct conf *least = NULL;
    struct conf_report report;
    load_sample(&least, "config/drift-relay.conf", 0, &report);
    conf_report_clear(&report);
    load_sample(&full, "config/drift-relay.full.conf", 0, &report);
    conf_report_clear(&report);
    assert_memory_equal(&full->routes[0].route.policy, &policy_default, sizeof(policy_default));
    assert_string_equal(full->listen.host, least->listen.host);
    assert_string_equal(full->admin.host, least->admin.host);
    assert_string_equal(full->store_path, least->store_path);
    assert_string_equal(full->stop_file, least->stop_file);
    assert_int_equal(full->retain_ms, least->retain_ms);
    assert_int_equal(full->log_level, least->log_level);
    assert_int_equal(full->log_format, least->log_format);
    assert_true(full->check_online && least->check_online);
    assert_int_equal(full->routes[0].effective_within_ms, least->routes[0].effective_within_ms);
    assert_int_equal(full->limits.alert.alerts, least->limits.alert.alerts);
    assert_int_equal(full->limits.alert.labels, least->limits.alert.labels);
    assert_int_equal(full->limits.failures, least->limits.failures);
    assert_int_equal(full->limits.alert.depth, least->limits.alert.depth);
    assert_string_equal(full->sources[0].path, least->sources[0].path);
    assert_string_equal(full->sources[0].auth.signature_header,
                        least->sources[0].auth.signature_header);
    assert_string_equal(full->sources[0].auth.timestamp_header,
                        least->sources[0].auth.timestamp_header);
    assert_string_equal(full->targets[0].ref, least->targets[0].ref);
    assert_string_equal(full->targets[0].api_url, least->targets[0].api_url);
    assert_int_equal(full->targets[0].correlation, least->targets[0].correlation);
    assert_null(least->grafana.url);
    assert_string_equal(full->grafana.url, "http://grafana:3000");
    char restart[128];
    assert_int_equal(conf_needs_restart(least, full, restart, sizeof(restart)), 1);
    assert_string_equal(restart, "admin"); /* the socket: none by default */
    conf_unref(full);
    conf_unref(least);
}

static void test_a_reload_names_what_needs_a_restart(void **state)
{
    (void)state;
    struct conf *a = NULL;
    struct conf *b = NULL;
    struct conf_report report;
    char restart[128] = "";
    char text[TEXT_MAX];
    assert_int_equal(load(&a, minimal, &report), 0);
    conf_report_clear(&report);
    (void)snprintf(text, sizeof(text), "%s", minimal);
    (void)snprintf(
        text + strlen(minimal), sizeof(text) - strlen(minimal), "%s",
        "listen = { port = 1; }; store = { path = \"/x\"; }; limits = { body = \"2MiB\"; };"
        "log = { level = \"debug\"; };");
    assert_int_equal(load(&b, text, &report), 0);
    conf_report_clear(&report);
    assert_int_equal(conf_needs_restart(a, a, restart, sizeof(restart)), 0);
    assert_int_equal(conf_needs_restart(a, b, restart, sizeof(restart)), 3);
    assert_string_equal(restart, "listen, store.path, limits");
    conf_unref(a);
    conf_unref(b);
}

/* --- the environment ---------------------------------------------------------------------------
 */

static const char *const variables[] = {"REPO_OWNER",
                                        "REPO_NAME",
                                        "WORKFLOW_FILENAME",
                                        "GITHUB_ACCESS_TOKEN",
                                        "GITHUB_ACCESS_TOKEN_FILE",
                                        "WEBHOOK_SECRET",
                                        "WEBHOOK_SECRET_FILE",
                                        "WEBHOOK_TIMESTAMP_HEADER",
                                        "GITHUB_API_URL",
                                        "GITHUB_REF_NAME",
                                        "RELAY_LISTEN",
                                        "RELAY_ADMIN_LISTEN",
                                        "RELAY_STATE_DIR",
                                        "RELAY_SANDBOX"};

/* clang-format off */
static const struct {
    const char *name;
    const char *changes[6]; /* NAME=VALUE over the good environment; NAME alone unsets it */
    const char *fault;      /* NULL: it loads */
} environments[] = {
    {"the least", {NULL}, NULL},
    {"files for both secrets", {"WEBHOOK_SECRET", "WEBHOOK_SECRET_FILE=$D/secret", "GITHUB_ACCESS_TOKEN", "GITHUB_ACCESS_TOKEN_FILE=$D/token"}, NULL},
    {"a stand-in on loopback", {"GITHUB_API_URL=http://[::1]:8080/"}, NULL},
    {"an empty variable counts as unset", {"GITHUB_REF_NAME=", "RELAY_LISTEN="}, NULL},
    {"no owner", {"REPO_OWNER"}, "environment: REPO_OWNER: is required"},
    {"an empty name", {"REPO_NAME="}, "environment: REPO_NAME: is required"},
    {"no workflow", {"WORKFLOW_FILENAME"}, "environment: WORKFLOW_FILENAME: is required"},
    {"no token", {"GITHUB_ACCESS_TOKEN"}, "environment: GITHUB_ACCESS_TOKEN: is required (or GITHUB_ACCESS_TOKEN_FILE)"},
    {"no secret", {"WEBHOOK_SECRET"}, "environment: WEBHOOK_SECRET: is required (or WEBHOOK_SECRET_FILE)"},
    {"a secret and its file", {"WEBHOOK_SECRET_FILE=$D/secret"}, "environment: WEBHOOK_SECRET: is set beside its _FILE variant"},
    {"a token's file that is not there", {"GITHUB_ACCESS_TOKEN", "GITHUB_ACCESS_TOKEN_FILE=$D/none"}, "environment: GITHUB_ACCESS_TOKEN_FILE: "},
    {"a secret's file that others may read", {"WEBHOOK_SECRET", "WEBHOOK_SECRET_FILE=$D/open"}, "environment: WEBHOOK_SECRET_FILE: "},
    {"a slash in the owner", {"REPO_OWNER=a/b"}, "environment: REPO_NAME: "},
    {"a workflow's path", {"WORKFLOW_FILENAME=../x.yml"}, "environment: WORKFLOW_FILENAME: "},
    {"a bad ref", {"GITHUB_REF_NAME=a..b"}, "environment: GITHUB_REF_NAME: "},
    {"plain http to afar", {"GITHUB_API_URL=http://api.github.com"}, "environment: GITHUB_API_URL: plain http"},
    {"a port alone", {"RELAY_LISTEN=9099"}, "environment: RELAY_LISTEN: "},
    {"a name to listen on", {"RELAY_ADMIN_LISTEN=localhost:1"}, "environment: RELAY_ADMIN_LISTEN: "},
    {"a header that is none", {"WEBHOOK_TIMESTAMP_HEADER=X Y"}, "environment: WEBHOOK_TIMESTAMP_HEADER: "},
    {"an unknown sandbox", {"RELAY_SANDBOX=on"}, "environment: RELAY_SANDBOX: require, best-effort or off"},
    {"nothing at all", {"REPO_OWNER", "REPO_NAME", "WORKFLOW_FILENAME", "GITHUB_ACCESS_TOKEN", "WEBHOOK_SECRET"}, "no config: give --config FILE"},
};
/* clang-format on */

static void set_environment(const char *const *changes, size_t n)
{
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        assert_int_equal(unsetenv(variables[i]), 0);
    assert_int_equal(setenv("REPO_OWNER", "acme", 1), 0);
    assert_int_equal(setenv("REPO_NAME", "kospi", 1), 0);
    assert_int_equal(setenv("WORKFLOW_FILENAME", "retrain.yml", 1), 0);
    assert_int_equal(setenv("GITHUB_ACCESS_TOKEN", "ghp_token", 1), 0);
    assert_int_equal(setenv("WEBHOOK_SECRET", "0123456789abcdef", 1), 0);
    for (size_t i = 0; i < n && changes[i] != NULL; i++) {
        char text[TEXT_MAX];
        replace(text, changes[i], "$D", folder);
        char *value = strchr(text, '=');
        if (value != NULL)
            *value++ = '\0';
        assert_int_equal(value == NULL ? unsetenv(text) : setenv(text, value, 1), 0);
    }
}

static void test_each_fault_of_the_environment_is_named(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(environments) / sizeof(environments[0]); i++) {
        struct conf *c = NULL;
        struct conf_report report = {0};
        const char *want = environments[i].fault;
        set_environment(environments[i].changes, 6);
        int r = conf_load(&c, NULL, &report);
        bool right = want == NULL ? r == 0 && report.n_faults == 0
                                  : r == -EINVAL && report.n_faults == 1 &&
                                        strncmp(report.faults[0], want, strlen(want)) == 0;
        if (!right) {
            wrong++;
            print_message("%s: %d, wanted %s\n", environments[i].name, r,
                          want == NULL ? "none" : want);
            print_report(&report);
        }
        conf_unref(c);
        conf_report_clear(&report);
    }
    assert_int_equal(wrong, 0);
}

static void test_the_environment_makes_one_of_each(void **state)
{
    (void)state;
    static const char *const changes[] = {"RELAY_LISTEN=127.0.0.1:0", "RELAY_ADMIN_LISTEN=[::1]:5",
                                          "RELAY_STATE_DIR=/s",
                                          "WEBHOOK_TIMESTAMP_HEADER=", "RELAY_SANDBOX=require"};
    struct conf *c = NULL;
    struct conf_report report = {0};
    set_environment(changes, 5);
    assert_int_equal(conf_load(&c, NULL, &report), 0);
    assert_int_equal(c->sandbox, SANDBOX_REQUIRE);
    assert_string_equal(c->origin, "environment");
    assert_string_equal(c->listen.host, "127.0.0.1");
    assert_int_equal(c->admin.port, 5);
    assert_string_equal(c->store_path, "/s/relay.db");
    assert_string_equal(c->stop_file, "/s/stop");
    assert_string_equal(c->admin_socket, "/s/admin.sock");
    assert_int_equal(c->n_sources + c->n_targets + c->n_routes + c->n_credentials, 4);
    assert_string_equal(c->sources[0].path, "/hooks/grafana");
    assert_string_equal(c->sources[0].auth.timestamp_header, "");
    assert_string_equal(c->targets[0].repository, "acme/kospi");
    assert_string_equal(c->targets[0].ref, "main");
    assert_non_null(conf_credential_by_name(c, c->targets[0].credential)->token);
    assert_string_equal(c->routes[0].route.key_labels[0], "model");
    assert_ptr_equal(conf_target_by_name(c, c->routes[0].route.target), &c->targets[0]);
    conf_unref(c);
    conf_report_clear(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_loaded_and_watched),
        cmocka_unit_test(test_a_fault_in_an_included_file_names_that_file),
        cmocka_unit_test(test_what_is_no_readable_file_is_one_fault),
        cmocka_unit_test(test_the_full_sample_states_the_defaults),
        cmocka_unit_test(test_a_reload_names_what_needs_a_restart),
        cmocka_unit_test(test_each_fault_of_the_environment_is_named),
        cmocka_unit_test(test_the_environment_makes_one_of_each),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
