/* Targets of a config file: whose credential each has, and what is refused. */
#include "tests/unit/conf_fixture.h"
#include "tests/unit/shell.h"

#include "relay/base/scope.h"

#define HEAD                                                                                       \
    "sources = ( { name = \"g\"; format = \"grafana\"; auth = { scheme = \"grafana-hmac\"; "       \
    "secret_files = ( \"$D/secret\" ); }; } );\n"                                                  \
    "routes = ( { name = \"r\"; match = ( \"a=b\" ); key = ( ); target = \"a\"; } );\n"
#define PLACE           "repository = \"acme/kospi\"; workflow = \"w.yml\"; "
#define TARGET(n, keys) "{ name = \"" n "\"; " PLACE keys " }"
#define ONE(keys)       HEAD "targets = ( " TARGET("a", "\n" keys) " );\n"
#define TWO(a, b)       HEAD "targets = ( " TARGET("a", a) ",\n" TARGET("b", b) " );\n"
#define TOKEN(file)     "token_file = \"$D/" file "\"; "
#define KEY             "key_file = \"$D/key.pem\"; "
#define APP(ids)        "app = { " ids KEY "}; "
#define GHES            "api_url = \"https://ghe.test/api/v3\"; "

static int make_files(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    write_file("spaced", "ghp_a b\n", 0600);
    return shell_in(folder, "openssl genrsa -out key.pem 2048 && cp key.pem other.pem && "
                            "cp key.pem open.pem && chmod 644 open.pem && "
                            "openssl ecparam -genkey -noout -name prime256v1 -out ec.pem")
               ? 0
               : -1;
}

static int remove_files(void **state)
{
    return shell_in(folder, "rm -f spaced ./*.pem") ? remove_folder(state) : -1;
}

/* clang-format off */
static const struct {
    const char *name, *text, *a, *b; /* names of credentials */
} named[] = {
    { "a token file of one's own", TWO(TOKEN("token"), TOKEN("second")), "$D/token", "$D/second" },
    { "a token file for both", TWO(TOKEN("token"), TOKEN("token")), "$D/token", "$D/token" },
    { "an App for both", TWO(APP("id = 12345; installation = 678; "), APP("id = \"12345\"; installation = \"678\"; ")),
      "app:12345/678", "app:12345/678" },
    { "two installations of an App", TWO(APP("id = 12345; installation = 678; "), APP("id = 12345; installation = 679; ")),
      "app:12345/678", "app:12345/679" },
    { "ids past 32 bits", TWO(APP("id = \"Iv23li.A\"; installation = \"9007199254740993\"; "), APP("id = 1; installation = 6000000000L; ")),
      "app:Iv23li.A/9007199254740993", "app:1/6000000000" },
    { "two servers", TWO(APP("id = 1; installation = 2; "), GHES APP("id = 1; installation = 2; ")),
      "app:1/2", "app:1/2@https://ghe.test/api/v3" },
    { "a token beside an App", TWO(TOKEN("token"), APP("id = 1; installation = 2; ")), "$D/token", "app:1/2" },
};

static const struct {
    const char *name, *text, *fault; /* the only one, its beginning */
} bad[] = {
    { "neither token nor App", ONE(""), "t.conf:3: targets[0].token_file: is required (or app" },
    { "both", ONE(TOKEN("token") APP("id = 1; installation = 2; ")), "t.conf:4: targets[0].app: stands beside token_file" },
    { "a token with a blank", ONE(TOKEN("spaced")), "t.conf:4: targets[0].token_file: $D/spaced: holds a blank" },
    { "an App's key for a token", ONE(TOKEN("key.pem")), "t.conf:4: targets[0].token_file: $D/key.pem: holds a blank" },
    { "an App that is none", ONE("app = 12345;"), "t.conf:4: targets[0].app: a group { } is wanted" },
    { "no id", ONE(APP("installation = 2; ")), "t.conf:4: targets[0].app.id: is required" },
    { "an id that would need quotes", ONE(APP("id = \"1\\\"2\"; installation = 2; ")), "t.conf:4: targets[0].app.id: \"1\"2\" is neither" },
    { "a fraction for an id", ONE(APP("id = 1.5; installation = 2; ")), "t.conf:4: targets[0].app.id: a string is wanted" },
    { "no installation", ONE(APP("id = 1; ")), "t.conf:4: targets[0].app.installation: is required" },
    { "installation 0", ONE(APP("id = 1; installation = 0; ")), "t.conf:4: targets[0].app.installation: \"0\" is no installation id" },
    { "an account for an installation", ONE(APP("id = 1; installation = \"acme\"; ")), "t.conf:4: targets[0].app.installation: \"acme\" is no" },
    { "an id that wraps", ONE(APP("id = 1; installation = 6000000000; ")), "t.conf:4: 6000000000 is too large" },
    { "no key", ONE("app = { id = 1; installation = 2; };"), "t.conf:4: targets[0].app.key_file: is required" },
    { "a key that is not there", ONE("app = { id = 1; installation = 2; key_file = \"$D/none\"; };"),
      "t.conf:4: targets[0].app.key_file: $D/none: No such file" },
    { "a key that others may read", ONE("app = { id = 1; installation = 2; key_file = \"$D/open.pem\"; };"),
      "t.conf:4: targets[0].app.key_file: $D/open.pem: everyone may read" },
    { "an EC key", ONE("app = { id = 1; installation = 2; key_file = \"$D/ec.pem\"; };"),
      "t.conf:4: targets[0].app.key_file: $D/ec.pem: is an EC key" },
    { "a token for a key", ONE("app = { id = 1; installation = 2; key_file = \"$D/token\"; };"),
      "t.conf:4: targets[0].app.key_file: $D/token: is no PEM file" },
    { "an unknown key", ONE(APP("id = 1; installation = 2; secret = \"x\"; ")), "t.conf:4: targets[0].app.secret: unknown key" },
    { "two keys for an installation", TWO(APP("id = 1; installation = 2; "), "app = { id = 1; installation = 2; key_file = \"$D/other.pem\"; };"),
      "t.conf:4: targets[1].app.key_file: another target names $D/key.pem" },
};
/* clang-format on */

static void a_credential_is_named_after_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        SCOPED(conf_unref_p) struct conf *c = NULL;
        SCOPED(conf_report_clear) struct conf_report report;
        char a[TEXT_MAX];
        char b[TEXT_MAX];
        replace(a, named[i].a, "$D", folder);
        replace(b, named[i].b, "$D", folder);
        if (load(&c, named[i].text, &report) != 0) {
            print_report(&report);
            fail_msg("%s", named[i].name);
        }
        assert_string_equal(c->targets[0].credential, a);
        assert_string_equal(c->targets[1].credential, b);
        assert_int_equal(c->n_credentials, strcmp(a, b) == 0 ? 1 : 2);
        assert_int_equal(c->n_watched, 1 + c->n_credentials);
        for (size_t j = 0; j < c->n_credentials; j++)
            assert_true((c->credentials[j].token_file != NULL) ==
                        (c->credentials[j].app.id == NULL && c->credentials[j].key_file == NULL));
    }
}

static void what_is_no_credential_is_refused_at_the_line(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        SCOPED(conf_unref_p) struct conf *c = NULL;
        SCOPED(conf_report_clear) struct conf_report report;
        char fault[TEXT_MAX];
        replace(fault, bad[i].fault, "$D", folder);
        if (load(&c, bad[i].text, &report) == -EINVAL && report.n_faults == 1 &&
            strncmp(report.faults[0], fault, strlen(fault)) == 0)
            continue;
        wrong++;
        print_message("%s: wanted %s\n", bad[i].name, fault);
        print_report(&report);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_named_after_what_it_is),
        cmocka_unit_test(what_is_no_credential_is_refused_at_the_line),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
