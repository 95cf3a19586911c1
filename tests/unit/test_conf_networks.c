/* Lists of addresses in config files: sources' allow, listen.trusted_proxies. */
#include "tests/unit/conf_fixture.h"

#define REST                                                                                       \
    "targets = ( { name = \"retrain\"; repository = \"acme/kospi\"; workflow = \"retrain.yml\"; "  \
    "token_file = \"$D/token\"; } );\n"                                                            \
    "routes = ( { name = \"kospi\"; match = ( \"action=retrain\" ); key = ( \"model\" ); "         \
    "target = \"retrain\"; } );\n"
#define SOURCE(keys)                                                                               \
    "sources = ( { name = \"grafana\"; format = \"grafana\";\n" keys                               \
    "\nauth = { scheme = \"bearer\"; token_files = ( \"$D/token\" ); }; } );\n" REST
#define LISTEN(keys) "listen = {\n" keys "\n};\n" SOURCE("")

static void without_lists_everybody_may_send_and_no_header_is_read(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct conf_report report;
    assert_int_equal(load(&c, SOURCE(""), &report), 0);
    assert_int_equal(c->sources[0].n_allow, 0);
    assert_int_equal(c->n_proxies, 0);
    conf_unref(c);
    conf_report_clear(&report);
}

static void networks_of_a_file_arrive(void **state)
{
    (void)state;
    struct conf *c = NULL;
    struct conf_report report;
    struct ip ip;
    int r = load(&c,
                 "listen = { trusted_proxies = [ \"fd00::/8\" ]; };\n" SOURCE(
                     "allow = ( \"10.0.0.0/8\", \"::1\" );"),
                 &report);
    print_report(&report);
    assert_int_equal(r, 0);
    assert_int_equal(report.n_warnings, 0);
    const struct conf_source *s = &c->sources[0];
    assert_int_equal(s->n_allow, 2);
    assert_true(ip_parse(&ip, "10.255.0.1"));
    assert_true(networks_have(s->allow, s->n_allow, &ip));
    assert_true(ip_parse(&ip, "::2"));
    assert_false(networks_have(s->allow, s->n_allow, &ip));
    assert_int_equal(c->n_proxies, 1);
    assert_true(ip_parse(&ip, "fd12::1"));
    assert_true(networks_have(c->proxies, c->n_proxies, &ip));
    conf_unref(c);
    conf_report_clear(&report);
}

/* clang-format off */
static const struct {
    const char *name, *text;
    bool fault; /* else a warning */
    const char *said;
} rows[] = {
    { "an empty list", SOURCE("allow = ( );"), true, "t.conf:2: sources[0].allow: is empty" },
    { "no proxy in the list", LISTEN("trusted_proxies = ( );"), true, "t.conf:2: listen.trusted_proxies: is empty" },
    { "a text for a list", SOURCE("allow = \"10.0.0.1\";"), true, "t.conf:2: sources[0].allow: a list of strings" },
    { "a name", SOURCE("allow = ( \"grafana\" );"), true, "t.conf:2: sources[0].allow: \"grafana\" is no address" },
    { "a host in a network", SOURCE("allow = ( \"10.0.0.1/8\" );"), true, "t.conf:2: sources[0].allow: \"10.0.0.1/8\" is an address in a network: write \"10.0.0.0/8\"" },
    { "a proxy's port", LISTEN("trusted_proxies = ( \"10.0.0.1:80\" );"), true, "t.conf:2: listen.trusted_proxies: \"10.0.0.1:80\" is no address" },
    { "the operators have no such list", "admin = {\nallow = ( \"::1\" ); };\n" SOURCE(""), true, "t.conf:2: admin.allow: unknown key" },
    { "everybody may send", SOURCE("allow = ( \"0.0.0.0/0\" );"), false, "t.conf:2: sources[0].allow: \"0.0.0.0/0\": every address may send" },
    { "everybody is trusted", LISTEN("trusted_proxies = ( \"::/0\" );"), false, "t.conf:2: listen.trusted_proxies: \"::/0\": everybody may choose" },
};
/* clang-format on */

static void what_cannot_be_meant_is_said_at_the_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conf *c = NULL;
        struct conf_report report;
        int r = load(&c, rows[i].text, &report);
        size_t n = rows[i].fault ? report.n_faults : report.n_warnings;
        char **said = rows[i].fault ? report.faults : report.warnings;
        if ((r != 0) != rows[i].fault || n != 1 ||
            strncmp(said[0], rows[i].said, strlen(rows[i].said)) != 0) {
            print_report(&report);
            fail_msg("%s: %d", rows[i].name, r);
        }
        conf_unref(c);
        conf_report_clear(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_lists_everybody_may_send_and_no_header_is_read),
        cmocka_unit_test(networks_of_a_file_arrive),
        cmocka_unit_test(what_cannot_be_meant_is_said_at_the_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
