/* Config files: what loads, with which defaults; what is refused, at which line. */
#include "tests/unit/conf_fixture.h"

/* --- what loads ---------------------------------------------------------------------------------
 */

#define AUTH   "auth = { scheme = \"grafana-hmac\"; secret_files = ( \"$D/secret\" ); };"
#define SOURCE "name = \"grafana\"; format = \"grafana\"; " AUTH
#define TARGET                                                                                     \
    "name = \"retrain\"; repository = \"acme/kospi\"; workflow = \"retrain.yml\"; "                \
    "token_file = \"$D/token\";"
#define ROUTE                                                                                      \
    "name = \"kospi\"; match = ( \"action=retrain\" ); key = ( \"model\" ); target = \"retrain\";"
#define SOURCES "sources = ( { " SOURCE " } );\n"
#define TARGETS "targets = ( { " TARGET " } );\n"
#define ROUTES  "routes = ( { " ROUTE " } );\n"
#define MINIMAL SOURCES TARGETS ROUTES

static void test_a_minimal_file_has_every_default(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct conf_report report;
    int r = load(&c, MINIMAL, &report);
    print_report(&report);
    assert_int_equal(r, 0);
    assert_int_equal(report.n_warnings, 0);
    assert_string_equal(c->origin, "t.conf");
    assert_string_equal(c->listen.host, "0.0.0.0");
    assert_int_equal(c->listen.port, 9099);
    assert_string_equal(c->admin.host, "127.0.0.1");
    assert_int_equal(c->admin.port, 9098);
    assert_null(c->admin_socket);
    assert_string_equal(c->store_path, "/var/lib/drift-relay/relay.db");
    assert_string_equal(c->stop_file, "/var/lib/drift-relay/stop");
    assert_int_equal(c->retain_ms, 90 * 24 * HOUR_MS);
    assert_int_equal(c->log_level, LOG_INFO);
    assert_int_equal(c->limits.body, 1048576);
    assert_int_equal(c->limits.alert.alerts, 1000);
    assert_int_equal(c->limits.connections, 512);
    assert_int_equal(c->limits.failures, 60);

    const struct conf_source *source = conf_source_by_path(c, "/hooks/grafana");
    assert_non_null(source);
    assert_int_equal(source->auth.scheme, AUTH_GRAFANA_HMAC);
    assert_int_equal(source->auth.n_secrets, 1);
    assert_int_equal(secret_len(source->auth.secrets[0]), 32);
    assert_string_equal(source->auth.timestamp_header, GRAFANA_TIMESTAMP_HEADER);
    assert_null(conf_source_by_path(c, "/hooks/other"));
    const struct target *target = conf_target_by_name(c, "retrain");
    assert_non_null(target);
    assert_string_equal(target->ref, "main");
    assert_string_equal(target->api_url, "https://api.github.com");
    assert_int_equal(target->budget_max, 0);
    assert_non_null(conf_credential_by_name(c, target->credential));
    const struct conf_route *route = conf_route_by_name(c, "kospi");
    assert_non_null(route);
    assert_null(route->route.source);
    assert_memory_equal(&route->route.policy, &policy_default, sizeof(policy_default));
    assert_int_equal(inputs_count(route->inputs), 0);
    conf_unref(c);
    conf_report_clear(&report);
}

static void test_values_of_a_file_arrive(void **state)
{
    (void)state;
    static const char text[] =
        "listen = { address = \"::1\"; port = 0; };\n"
        "admin = { address = \"[::1]\"; port = 65535; socket = \"$D/admin.sock\"; };\n"
        "store = { path = \"$D/relay.db\"; retain = \"1w\"; retain_size = \"2GiB\"; }; stop_file = "
        "\"$D/stop\";\n"
        "log = { level = \"warn\"; format = \"json\"; };\n"
        "limits = { body = \"64KiB\"; alerts = 7; labels = 8; depth = 9; header_time = \"1s\";\n"
        "  body_time = \"2s\"; connections = 10; per_address = 0; failures = 7; };\n"
        "sources = ( { name = \"a\"; format = \"alertmanager\"; path = \"/am\"; auth = {\n"
        "  scheme = \"basic\"; username = \"am\"; password_files = [ \"$D/short\" ]; }; },\n"
        "  { name = \"g\"; format = \"grafana\"; auth = { scheme = \"grafana-hmac\";\n"
        "    signature_header = \"X-S\"; timestamp_header = \"X-T\";\n"
        "    secret_files = ( \"$D/secret\", \"$D/second\" ); }; },\n"
        "  { name = \"b\"; format = \"grafana\"; auth = { scheme = \"bearer\";\n"
        "    token_files = ( \"$D/token\" ); }; } );\n"
        "targets = ( { name = \"t1\"; repository = \"o/r\"; workflow = \"w.yml\"; ref = \"v1\";\n"
        "  token_file = \"$D/token\"; api_url = \"http://127.0.0.1:8080/api/v3/\";\n"
        "  correlation = \"none\"; budget = { max = 3; }; },\n"
        "  { name = \"t2\"; repository = \"o/r\"; workflow = \"1234\"; token_file = \"$D/token\"; "
        "} );\n"
        "routes = ( { name = \"r1\"; source = \"a\"; match = ( \"x=~a|b\", \"y!=\" ); key = ( );\n"
        "  target = \"t1\"; min_alerts = 2; cooldown = \"0s\"; rearm = \"cooldown\"; expires = "
        "\"1m\";\n"
        "  budget = { max = 9; per = \"1h\"; }; max_keys = 5; max_members = 6; retry_after = "
        "\"1s\";\n"
        "  stale_after = \"2d\"; inputs = ( { name = \"model\"; value = \"{label:model}\";\n"
        "  pattern = \"[a-z]+\"; }, { name = \"why\"; value = \"{{x\"; } ); },\n"
        "  { name = \"r2\"; match = ( \"z=1\" ); key = ( \"m\", \"n\" ); target = \"t2\";\n"
        "  settle = \"1h\"; rearm_after = \"0s\"; hold = \"2m\"; hold_max = \"5m\"; extend_hold = "
        "true;\n"
        "  when_blocked = \"defer\"; } );\n";
    struct conf *c = NULL;
    struct conf_report report;
    int r = load(&c, text, &report);
    print_report(&report);
    assert_int_equal(r, 0);
    assert_int_equal(report.n_warnings, 2);
    assert_string_equal(c->listen.host, "::1");
    assert_int_equal(c->listen.port, 0);
    assert_string_equal(c->admin.host, "::1");
    assert_int_equal(c->admin.port, 65535);
    assert_int_equal(c->retain_ms, 7 * 24 * HOUR_MS);
    assert_int_equal(c->retain_bytes, INT64_C(2) << 30);
    assert_int_equal(c->log_level, LOG_WARN);
    assert_int_equal(c->log_format, LOG_JSON);
    assert_int_equal(c->limits.body, 65536);
    assert_int_equal(c->limits.alert.alerts, 7);
    assert_int_equal(c->limits.alert.labels, 8);
    assert_int_equal(c->limits.alert.depth, 9);
    assert_int_equal(c->limits.header_time_ms, 1000);
    assert_int_equal(c->limits.body_time_ms, 2000);
    assert_int_equal(c->limits.per_address, 0);
    assert_int_equal(c->limits.failures, 7);
    assert_int_equal(c->n_sources, 3);
    assert_string_equal(c->sources[0].auth.username, "am");
    assert_int_equal(c->sources[0].format, ALERT_FORMAT_ALERTMANAGER);
    assert_ptr_equal(conf_source_by_path(c, "/am"), &c->sources[0]);
    assert_int_equal(c->sources[1].auth.n_secrets, 2);
    assert_string_equal(c->sources[1].auth.signature_header, "X-S");
    assert_int_equal(c->sources[2].auth.scheme, AUTH_BEARER);
    assert_int_equal(c->n_watched, 5); /* secrets and the token; text has no file */
    assert_int_equal(c->n_credentials, 1);
    assert_string_equal(c->targets[0].api_url, "http://127.0.0.1:8080/api/v3");
    assert_int_equal(c->targets[0].correlation, CORRELATION_NONE);
    assert_int_equal(c->targets[0].budget_max, 3);
    assert_int_equal(c->targets[0].budget_per_ms, 24 * HOUR_MS);
    assert_string_equal(c->targets[1].credential, c->targets[0].credential);
    const struct policy *p = &c->routes[0].route.policy;
    assert_int_equal(c->routes[0].route.n_matchers, 2);
    assert_int_equal(p->min_alerts, 2);
    assert_int_equal(p->cooldown_ms, 0);
    assert_int_equal(p->rearm, REARM_COOLDOWN);
    assert_int_equal(p->expires_ms, 60000);
    assert_int_equal(p->budget.max, 9);
    assert_int_equal(p->budget.per_ms, HOUR_MS);
    assert_int_equal(p->max_keys, 5);
    assert_int_equal(p->max_members, 6);
    assert_int_equal(p->retry_after_ms, 1000);
    assert_int_equal(p->stale_after_ms, 48 * HOUR_MS);
    assert_int_equal(inputs_count(c->routes[0].inputs), 2);
    assert_int_equal(c->routes[1].route.n_key_labels, 2);
    assert_int_equal(c->routes[1].route.policy.settle_ms, HOUR_MS);
    assert_int_equal(c->routes[1].route.policy.rearm_after_ms, 0);
    assert_int_equal(c->routes[1].route.policy.hold_ms, 2 * 60000);
    assert_int_equal(c->routes[1].route.policy.hold_max_ms, 5 * 60000);
    assert_true(c->routes[1].route.policy.extend_hold);
    assert_int_equal(c->routes[1].route.policy.when_blocked, WHEN_BLOCKED_DEFER);
    conf_unref(c);
    conf_report_clear(&report);
}

/* --- what is refused ---------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
    const char *name, *text;
    size_t n_faults;
    const char *fault; /* the first, its beginning */
} bad[] = {
#define FIRST(line) line "\n" MINIMAL
#define IN_SOURCE(keys)                                                                            \
    "sources = ( {\n name = \"grafana\";\n format = \"grafana\";\n" keys "\n} );\n" TARGETS ROUTES
#define IN_AUTH(keys) IN_SOURCE("auth = {\n" keys "\n};")
#define IN_TARGET(keys)                                                                            \
    SOURCES "targets = ( {\n" keys "\ntoken_file = \"$D/token\"; } );\n" ROUTES
#define IN_ROUTE(keys)   SOURCES TARGETS "routes = ( { " ROUTE "\n" keys "\n} );\n"
#define OTHER_ROUTE(keys) SOURCES TARGETS "routes = ( {\n" keys "\n} );\n"
    {"an empty file", "", 3, "t.conf:0: sources: is required"},
    {"no routes", SOURCES TARGETS, 1, "t.conf:0: routes: is required"},
    {"a syntax error", "a = ;\n" MINIMAL, 1, "t.conf:1: syntax error"},
    {"a key twice", "stop_file = \"/a\";\nstop_file = \"/b\";\n" MINIMAL, 1, "t.conf:2: duplicate"},
    {"an unknown key", FIRST("\nsurprise = 1;"), 1, "t.conf:2: surprise: unknown key"},
    {"an unknown key in a group", FIRST("listen = {\n prot = 1; };"), 1, "t.conf:2: listen.prot: unknown key"},
    {"a scalar for a group", FIRST("listen = 9099;"), 1, "t.conf:1: listen: a group { } is wanted, this is an integer"},
    {"a name for an address", FIRST("listen = { address = \"localhost\"; };"), 1, "t.conf:1: listen.address: \"localhost\" is no numeric"},
    {"a port too large", FIRST("listen = { port = 65536; };"), 1, "t.conf:1: listen.port: 65536 is out of range"},
    {"a negative port", FIRST("listen = { port = -1; };"), 1, "t.conf:1: listen.port: -1 is out of range"},
    {"a port that would wrap to 80", FIRST("listen = {\n port = 4294967376; };"), 1, "t.conf:2: 4294967376 is too large"},
    {"a port in quotes", FIRST("listen = { port = \"9099\"; };"), 1, "t.conf:1: listen.port: an integer is wanted, this is a string"},
    {"an admin token that is missing", FIRST("admin = { token_file = \"/k\"; };"), 1, "t.conf:1: admin.token_file: /k"},
    {"a key without certificate", FIRST("listen = { tls = { key = \"/k\"; }; };"), 1, "t.conf:1: listen.tls.certificate: is required"},
    {"a certificate that is not there", FIRST("listen = { tls = { certificate = \"/none.crt\";\nkey = \"/k\"; }; };"), 1, "t.conf:1: listen.tls: /none.crt: No such file"},
    {"a certificate that is none", FIRST("listen = { tls = { certificate = \"$D/secret\"; key = \"$D/secret\"; }; };"), 1, "t.conf:1: listen.tls: /"},
    {"clients asked on the operators' listener", FIRST("admin = { tls = { certificate = \"/none.crt\"; key = \"/k\";\nclient_ca = \"/c\"; }; };"), 2, "t.conf:1: admin.tls: /none.crt: No such file"},
    {"an admin token on the wrong listener", FIRST("listen = { token_file = \"/k\"; };"), 1, "t.conf:1: listen.token_file: unknown key"},
    {"a Grafana without URL", FIRST("grafana = { token_file = \"$D/token\"; };"), 1, "t.conf:1: grafana.url: is required"},
    {"a Grafana without token", FIRST("grafana = { url = \"http://x\"; };"), 1, "t.conf:1: grafana.token_file: is required"},
    {"a Grafana without scheme", FIRST("grafana = { url = \"x:3000\"; token_file = \"$D/token\"; };"), 1, "t.conf:1: grafana.url: an http:// or https:// URL"},
    {"a Grafana with a user", FIRST("grafana = { url = \"http://a:b@x\"; token_file = \"$D/token\"; };"), 1, "t.conf:1: grafana.url: a base URL has no user"},
    {"an empty path of Grafana's token", FIRST("grafana = { url = \"http://x\"; token_file = \"\"; };"), 1, "t.conf:1: grafana.token_file: is empty"},
    {"an empty socket", FIRST("admin = { socket = \"\"; };"), 1, "t.conf:1: admin.socket: is empty"},
    {"a socket's path too long", FIRST("admin = { socket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"; };"), 1, "t.conf:1: admin.socket: is longer than the 107 bytes"},
    {"an empty store path", FIRST("store = { path = \"\"; };"), 1, "t.conf:1: store.path: is empty"},
    {"an empty stop file", FIRST("stop_file = \"\";"), 1, "t.conf:1: stop_file: is empty"},
    {"a store path cut by a NUL", FIRST("store = { path = \"/a\\x00b\"; };"), 1, "t.conf:1: \\x00 would end the string"},
    {"a size of nothing", FIRST("store = { retain_size = \"1kB\"; };"), 1, "t.conf:1: store.retain_size: "},
    {"a duration without unit", FIRST("store = { retain = \"90\"; };"), 1, "t.conf:1: store.retain: "},
    {"a duration as a number", FIRST("store = { retain = 90; };"), 1, "t.conf:1: store.retain: a duration such as \"30s\" is wanted"},
    {"a duration too short", FIRST("store = { retain = \"1h\"; };"), 1, "t.conf:1: store.retain: 1h is out of range: 1d to 3650d"},
    {"an unknown log level", FIRST("log = { level = \"loud\"; };"), 1, "t.conf:1: log.level: \"loud\" is unknown: one of debug, info, warn, error"},
    {"a size without unit", FIRST("limits = { body = \"1024\"; };"), 1, "t.conf:1: limits.body: "},
    {"a size too large", FIRST("limits = { body = \"1GiB\"; };"), 1, "t.conf:1: limits.body: 1GiB is out of range"},
    {"no alerts", FIRST("limits = { alerts = 0; };"), 1, "t.conf:1: limits.alerts: 0 is out of range"},
    {"sources that are a group", "sources = { };\n" TARGETS ROUTES, 1, "t.conf:1: sources: a list"},
    {"no source in the list", "sources = ( );\n" TARGETS ROUTES, 1, "t.conf:1: sources: is empty"},
    {"no target in the list", SOURCES "targets = ( );\n" ROUTES, 2, "t.conf:2: targets: is empty"},
    {"no route in the list", SOURCES TARGETS "routes = ( );\n", 1, "t.conf:3: routes: is empty"},
    {"an unknown sandbox", FIRST("sandbox = \"on\";"), 1, "t.conf:1: sandbox: \"on\" is unknown"},
    {"a text among the sources", "sources = ( \"x\" );\n" TARGETS ROUTES, 1, "t.conf:1: sources: element 0 is a string"},
    {"two sources of a name", "sources = ( { " SOURCE " }, {\n" SOURCE " } );\n" TARGETS ROUTES, 1, "t.conf:2: sources[1].name: \"grafana\" is the name of another source"},
    {"two sources of a path", "sources = ( { " SOURCE " }, { name = \"b\"; path = \"/hooks/grafana\";\n format = \"grafana\"; " AUTH " } );\n" TARGETS ROUTES, 1, "t.conf:1: sources[1].path: \"/hooks/grafana\" is the path of another source"},
    {"a source's bad name", "sources = ( { name = \"a b\"; format = \"grafana\"; " AUTH " } );\n" TARGETS ROUTES, 1, "t.conf:1: sources[0].name: \"a b\" is no name"},
    {"no auth", IN_SOURCE(""), 1, "t.conf:1: sources[0].auth: is required"},
    {"a path without a slash", IN_SOURCE("path = \"hooks\"; " AUTH), 1, "t.conf:4: sources[0].path: \"hooks\" is no path"},
    {"a path with a query", IN_SOURCE("path = \"/a?b\"; " AUTH), 1, "t.conf:4: sources[0].path: \"/a?b\" is no path"},
    {"an unknown scheme, the rest unjudged", IN_AUTH("scheme = \"hmac\";\nsecret_files = ( \"$D/secret\" );"), 1, "t.conf:5: sources[0].auth.scheme: \"hmac\" is unknown"},
    {"mtls without TLS", IN_AUTH("scheme = \"mtls\";"), 1, "t.conf:5: sources[0].auth.scheme: mtls needs listen.tls with client_ca"},
    {"mtls and no name at all", IN_AUTH("scheme = \"mtls\";\nnames = ( );"), 2, "t.conf:5: sources[0].auth.scheme: mtls needs"},
    {"no secret", IN_AUTH("scheme = \"grafana-hmac\";"), 1, "t.conf:4: sources[0].auth.secret_files: is required"},
    {"no secret in the list", IN_AUTH("scheme = \"grafana-hmac\";\nsecret_files = ( );"), 1, "t.conf:6: sources[0].auth.secret_files: is empty"},
    {"a secret that is not there", IN_AUTH("scheme = \"grafana-hmac\";\nsecret_files = ( \"$D/none\" );"), 1, "t.conf:6: sources[0].auth.secret_files: "},
    {"an empty secret", IN_AUTH("scheme = \"grafana-hmac\";\nsecret_files = ( \"$D/secret\", \"$D/empty\" );"), 1, "t.conf:6: sources[0].auth.secret_files: "},
    {"a secret that others may read", IN_AUTH("scheme = \"grafana-hmac\";\nsecret_files = ( \"$D/open\" );"), 1, "t.conf:6: sources[0].auth.secret_files: "},
    {"a number among the secrets", IN_AUTH("scheme = \"grafana-hmac\";\nsecret_files = ( 1 );"), 1, "t.conf:6: sources[0].auth.secret_files: element 0 is an integer"},
    {"a secret for a list", IN_AUTH("scheme = \"bearer\";\ntoken_files = \"$D/token\";"), 1, "t.conf:6: sources[0].auth.token_files: a list of strings"},
    {"another scheme's key", IN_AUTH("scheme = \"bearer\"; token_files = ( \"$D/token\" );\nsecret_files = ( );"), 1, "t.conf:6: sources[0].auth.secret_files: unknown key"},
    {"no user", IN_AUTH("scheme = \"basic\"; password_files = ( \"$D/secret\" );"), 1, "t.conf:4: sources[0].auth.username: is required"},
    {"a user with a colon", IN_AUTH("scheme = \"basic\"; password_files = ( \"$D/secret\" );\nusername = \"a:b\";"), 1, "t.conf:6: sources[0].auth.username: "},
    {"a header that is none", IN_AUTH("scheme = \"grafana-hmac\"; secret_files = ( \"$D/secret\" );\nsignature_header = \"X S\";"), 1, "t.conf:6: sources[0].auth.signature_header: \"X S\" is no header name"},
    {"one header for both", IN_AUTH("scheme = \"grafana-hmac\"; secret_files = ( \"$D/secret\" );\ntimestamp_header = \"x-grafana-alerting-signature\";"), 1, "t.conf:6: sources[0].auth.timestamp_header: is the signature's"},
    {"a target without a repository", IN_TARGET("name = \"retrain\"; workflow = \"w.yml\";"), 1, "t.conf:2: targets[0].repository: is required"},
    {"a repository without its owner", IN_TARGET("name = \"retrain\"; workflow = \"w.yml\";\nrepository = \"kospi\";"), 1, "t.conf:4: targets[0].repository: \"kospi\" is no \"owner/name\""},
    {"a workflow's path", IN_TARGET("name = \"retrain\"; repository = \"a/b\";\nworkflow = \".github/workflows/w.yml\";"), 1, "t.conf:4: targets[0].workflow: "},
#define GOOD_TARGET "name = \"retrain\"; repository = \"a/b\"; workflow = \"w.yml\";\n"
    {"a ref with a blank", IN_TARGET(GOOD_TARGET "ref = \"ma in\";"), 1, "t.conf:4: targets[0].ref: "},
    {"plain http to afar", IN_TARGET(GOOD_TARGET "api_url = \"http://api.github.com\";"), 1, "t.conf:4: targets[0].api_url: plain http is for loopback"},
    {"a host that only begins as loopback", IN_TARGET(GOOD_TARGET "api_url = \"http://127.0.0.1.example.org\";"), 1, "t.conf:4: targets[0].api_url: plain http"},
    {"a user in the URL", IN_TARGET(GOOD_TARGET "api_url = \"http://127.0.0.1@example.org\";"), 1, "t.conf:4: targets[0].api_url: a base URL has no user"},
    {"https without a host", IN_TARGET(GOOD_TARGET "api_url = \"https:///api\";"), 1, "t.conf:4: targets[0].api_url: an https:// URL"},
    {"a line end in the URL", IN_TARGET(GOOD_TARGET "api_url = \"https://a\\nb\";"), 1, "t.conf:4: targets[0].api_url: a base URL is of printable"},
    {"an unknown correlation", IN_TARGET(GOOD_TARGET "correlation = \"title\";"), 1, "t.conf:4: targets[0].correlation: \"title\" is unknown"},
    {"a budget without max", IN_TARGET(GOOD_TARGET "budget = { per = \"1h\"; };"), 1, "t.conf:4: targets[0].budget.max: is required"},
    {"a token that is not there", SOURCES "targets = ( { " GOOD_TARGET "token_file = \"$D/none\"; } );\n" ROUTES, 1, "t.conf:3: targets[0].token_file: "},
    {"two targets of a name", SOURCES "targets = ( { " TARGET " },\n{ " TARGET " } );\n" ROUTES, 1, "t.conf:3: targets[1].name: \"retrain\" is the name of another target"},
    {"a target's bad name", SOURCES "targets = ( { " TARGET " },\n{ name = \"\"; repository = \"a/b\"; workflow = \"w\"; token_file = \"$D/token\"; } );\n" ROUTES, 1, "t.conf:3: targets[1].name: \"\" is no name"},
    {"a route to nowhere", OTHER_ROUTE("name = \"r\"; match = ( \"a=b\" ); key = ( );\ntarget = \"none\";"), 1, "t.conf:5: routes[0].target: there is no target \"none\""},
    {"a route from nowhere", IN_ROUTE("source = \"none\";"), 1, "t.conf:4: routes[0].source: there is no source \"none\""},
    {"no match", OTHER_ROUTE("name = \"r\"; key = ( ); target = \"retrain\";"), 1, "t.conf:3: routes[0].match: is required"},
    {"a matcher that is none", OTHER_ROUTE("name = \"r\"; key = ( ); target = \"retrain\";\nmatch = ( \"a=b\", \"retrain\" );"), 1, "t.conf:5: routes[0].match: "},
    {"a pattern that ERE lacks", OTHER_ROUTE("name = \"r\"; key = ( ); target = \"retrain\";\nmatch = ( \"a=~\\\\d+\" );"), 1, "t.conf:5: routes[0].match: "},
    {"an empty key label", OTHER_ROUTE("name = \"r\"; match = ( \"a=b\" ); target = \"retrain\";\nkey = ( \"\" );"), 1, "t.conf:5: routes[0].key: an empty label name"},
    {"two routes of a name", SOURCES TARGETS "routes = ( { " ROUTE " },\n{ " ROUTE " } );\n", 1, "t.conf:4: routes[1].name: \"kospi\" is the name of another route"},
    {"a longest hold below the hold", IN_ROUTE("hold = \"2m\"; hold_max = \"1m\"; extend_hold = true;"), 1, "t.conf:4: routes[0].hold_max: is shorter than hold"},
    {"another word for defer", IN_ROUTE("when_blocked = \"later\";"), 1, "t.conf:4: routes[0].when_blocked:"},
    {"yes for true", IN_ROUTE("extend_hold = \"yes\";"), 1, "t.conf:4: routes[0].extend_hold: true or false is wanted"},
    {"a cooldown in words", IN_ROUTE("cooldown = \"6 hours\";"), 1, "t.conf:4: routes[0].cooldown: "},
    {"a cooldown over a year", IN_ROUTE("cooldown = \"366d\";"), 1, "t.conf:4: routes[0].cooldown: 366d is out of range"},
    {"an unknown rearm", IN_ROUTE("rearm = \"never\";"), 1, "t.conf:4: routes[0].rearm: \"never\" is unknown"},
    {"no alerts needed", IN_ROUTE("min_alerts = 0;"), 1, "t.conf:4: routes[0].min_alerts: 0 is out of range"},
    {"a budget of nothing", IN_ROUTE("budget = { max = 0; };"), 1, "t.conf:4: routes[0].budget.max: 0 is out of range"},
    {"an unknown placeholder", IN_ROUTE("inputs = ( { name = \"a\"; value = \"{lable:x}\"; } );"), 1, "t.conf:4: routes[0].inputs: input a: {lable:x} is no placeholder"},
    {"an input without value", IN_ROUTE("inputs = (\n{ name = \"a\"; } );"), 1, "t.conf:5: routes[0].inputs[0].value: is required"},
    {"the relay's own input", IN_ROUTE("inputs = ( { name = \"relay_id\"; value = \"x\"; } );"), 1, "t.conf:4: routes[0].inputs: input relay_id"},
    {"several faults, ordered by line", "listen = { port = -1; };\nwhat = 1;\nstop_file = 1;\n" MINIMAL, 3, "t.conf:1: listen.port"},
};
/* clang-format on */

static void test_a_bad_file_is_refused_at_the_line(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct conf *c = NULL;
        struct conf_report report;
        int r = load(&c, bad[i].text, &report);
        bool right = r == -EINVAL && c == NULL && report.n_faults == bad[i].n_faults &&
                     strncmp(report.faults[0], bad[i].fault, strlen(bad[i].fault)) == 0;
        if (!right) {
            wrong++;
            print_message("%s: %d, wanted %zu: %s\n", bad[i].name, r, bad[i].n_faults,
                          bad[i].fault);
            print_report(&report);
        }
        conf_unref(c);
        conf_report_clear(&report);
    }
    assert_int_equal(wrong, 0);
}

static void test_faults_come_in_the_order_of_lines(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct conf_report report;
    assert_int_equal(
        load(&c, "listen = { port = -1; };\nwhat = 1;\nstop_file = 1;\n" MINIMAL, &report),
        -EINVAL);
    assert_int_equal(report.n_faults, 3);
    assert_string_equal(report.faults[1], "t.conf:2: what: unknown key");
    assert_string_equal(report.faults[2],
                        "t.conf:3: stop_file: a string is wanted, this is an integer");
    conf_report_clear(&report);
}

#define AN_INPUT(name) "{ name = \"" name "\"; value = \"x\"; }"
#define FIVE_INPUTS(n)                                                                             \
    AN_INPUT(n "1") "," AN_INPUT(n "2") "," AN_INPUT(n "3") "," AN_INPUT(n "4") "," AN_INPUT(n "5")
#define TEN_INPUTS FIVE_INPUTS("a") "," FIVE_INPUTS("b")

/* clang-format off */
static const struct {
    const char *name, *text, *warning;
} warned[] = {
    {"a short secret", IN_AUTH("scheme = \"grafana-hmac\";\nsecret_files = ( \"$D/short\" );"), "t.conf:6: sources[0].auth.secret_files: "},
    {"no signed time", IN_AUTH("scheme = \"grafana-hmac\"; secret_files = ( \"$D/secret\" );\ntimestamp_header = \"\";"), "t.conf:6: sources[0].auth.timestamp_header: is empty"},
    {"Alertmanager cannot sign", "sources = ( { name = \"a\"; format = \"alertmanager\"; " AUTH " } );\n" TARGETS ROUTES, "t.conf:1: sources[0].format: Alertmanager does not sign"},
    {"settle beside rearm = cooldown", IN_ROUTE("rearm = \"cooldown\";\nsettle = \"1m\";"), "t.conf:5: routes[0].settle: has no effect"},
    {"rearm_after beside rearm = cooldown", IN_ROUTE("rearm = \"cooldown\";\nrearm_after = \"9h\";"), "t.conf:5: routes[0].rearm_after: has no effect"},
    {"settle past rearm_after", IN_ROUTE("rearm_after = \"7h\"; settle = \"8h\";"), "t.conf:4: routes[0].settle: is longer"},
    {"rearm_after before the cooldown", IN_ROUTE("rearm_after = \"5h\";"), "t.conf:4: routes[0].rearm_after: is shorter"},
    {"every repeat runs", IN_ROUTE("rearm = \"cooldown\"; cooldown = \"0s\";"), "t.conf:4: routes[0].cooldown: is 0s"},
    {"11 inputs for a server of one's own", SOURCES "targets = ( { " TARGET " api_url = \"https://ghe.test/api/v3\"; } );\n"
     "routes = ( { " ROUTE "\ninputs = ( " TEN_INPUTS " ); } );\n", "t.conf:4: routes[0].inputs: 11 with the relay_id"},
    {"extend_hold without hold", IN_ROUTE("extend_hold = true;"), "t.conf:4: routes[0].extend_hold: has no effect"},
    {"hold_max of a hold that nothing extends", IN_ROUTE("hold = \"1m\";\nhold_max = \"5m\";"), "t.conf:5: routes[0].hold_max: has no effect"},
    {"a hold past stale_after", IN_ROUTE("hold = \"10h\";"), "t.conf:4: routes[0].hold: is not shorter"},
    {"stale too soon", IN_ROUTE("stale_after = \"5m\";"), "t.conf:4: routes[0].stale_after: "},
    {"more alerts than members", IN_ROUTE("min_alerts = 5; max_members = 4;"), "t.conf:4: routes[0].min_alerts: "},
    {"a small budget for many keys", OTHER_ROUTE("name = \"r\"; match = ( \"a=b\" ); target = \"retrain\";\nkey = ( \"model\", \"region\" );"), "t.conf:5: routes[0].key: all keys of the route"},
    {"a small budget that was chosen", OTHER_ROUTE("name = \"r\"; match = ( \"a=b\" ); target = \"retrain\"; key = ( \"model\", \"region\" );\nbudget = { max = 2; };"), "t.conf:5: routes[0].budget: all keys of the route"},
    {"an empty match", OTHER_ROUTE("name = \"r\"; match = ( ); key = ( ); target = \"retrain\";"), "t.conf:4: routes[0].match: is empty"},
    {"a token of Grafana that is not there yet", FIRST("grafana = { url = \"http://grafana:3000/\";\ntoken_file = \"$D/later\"; };"), "t.conf:2: grafana.token_file: "},
    {"a key label without bound", OTHER_ROUTE("name = \"r\"; match = ( \"a=b\" ); target = \"retrain\";\nkey = ( \"pod\" );"), "t.conf:5: routes[0].key: label pod"},
};
/* clang-format on */

static void test_values_without_effect_are_warned_of(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(warned) / sizeof(warned[0]); i++) {
        struct conf *c = NULL;
        struct conf_report report;
        int r = load(&c, warned[i].text, &report);
        if (r != 0 || report.n_warnings != 1 ||
            strncmp(report.warnings[0], warned[i].warning, strlen(warned[i].warning)) != 0) {
            wrong++;
            print_message("%s: %d\n", warned[i].name, r);
            print_report(&report);
        }
        conf_unref(c);
        conf_report_clear(&report);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_minimal_file_has_every_default),
        cmocka_unit_test(test_values_of_a_file_arrive),
        cmocka_unit_test(test_a_bad_file_is_refused_at_the_line),
        cmocka_unit_test(test_faults_come_in_the_order_of_lines),
        cmocka_unit_test(test_values_without_effect_are_warned_of),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
