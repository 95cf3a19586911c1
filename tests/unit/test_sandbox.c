/* Which files and ports a config needs: the policy, without entering it. */
#include "relay/conf_sandbox.h"

#include "relay/base/sandbox_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool has_port(const struct sandbox_policy *p, unsigned port, bool bind)
{
    for (size_t i = 0; i < p->n_ports; i++) {
        if (p->ports[i].port == port && p->ports[i].bind == bind)
            return true;
    }
    return false;
}

static unsigned access_of(const struct sandbox_policy *p, const char *path)
{
    for (size_t i = 0; i < p->n_paths; i++) {
        if (strcmp(p->paths[i].path, path) == 0)
            return p->paths[i].access;
    }
    return 0;
}

static const struct {
    const char *name, *url;
    unsigned port;
} urls[] = {
    /* clang-format off */
    {"https without a port", "https://api.github.com", 443},
    {"a path", "https://github.example/api/v3", 443},
    {"a port", "https://github.example:8443", 8443},
    {"a port and a path", "https://github.example:8443/api/v3", 8443},
    {"http", "http://127.0.0.1", 80},
    {"http and a port", "http://127.0.0.1:3000", 3000},
    {"an IPv6 address", "http://[::1]", 80},
    {"an IPv6 address and a port", "http://[::1]:65535/api", 65535},
    {"a colon in the path", "https://github.example/a:1", 443},
    {"a port that is none", "https://github.example:65536", 0},
    /* clang-format on */
};

static void test_the_port_of_the_api_is_the_one_to_connect_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        char url[128], path[] = "/s/relay.db";
        (void)snprintf(url, sizeof(url), "%s", urls[i].url);
        struct target target = {.api_url = url};
        struct conf conf = {.targets = &target,
                            .n_targets = 1,
                            .store_path = path,
                            .listen.port = 9,
                            .admin.port = 8};
        struct sandbox_policy *p = NULL;
        assert_int_equal(conf_sandbox(&p, &conf, NULL), 0);
        if (!has_port(p, urls[i].port, false) || p->n_ports != 4)
            fail_msg("%s: port %u is not among %zu", urls[i].name, urls[i].port, p->n_ports);
        assert_true(has_port(p, 9, true) && has_port(p, 8, true) && has_port(p, 53, false));
        assert_int_equal(access_of(p, "/s"), SANDBOX_WRITE);
        sandbox_policy_free(p);
    }
}

static void test_the_folder_of_a_file_and_of_what_it_links_to(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_sandbox.XXXXXX", real[64], link[64], inner[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(inner, sizeof(inner), "%s/inner", folder);
    (void)snprintf(real, sizeof(real), "%s/inner/token", folder);
    (void)snprintf(link, sizeof(link), "%s/token", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    FILE *file = fopen(real, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(symlink(real, link), 0);
    struct sandbox_policy *p = NULL;
    assert_int_equal(sandbox_policy_new(&p, NULL), 0);
    sandbox_policy_allow_folder_of(p, link, SANDBOX_READ);
    sandbox_policy_allow_folder_of(p, link, SANDBOX_SOCKET);
    sandbox_policy_allow_folder_of(p, "/top", SANDBOX_READ);
    sandbox_policy_allow_folder_of(p, "here", SANDBOX_READ);
    assert_int_equal(access_of(p, folder), SANDBOX_READ | SANDBOX_SOCKET);
    assert_int_equal(access_of(p, inner), SANDBOX_READ | SANDBOX_SOCKET);
    assert_int_equal(access_of(p, "/top"), SANDBOX_READ); /* never all of "/" */
    assert_int_equal(access_of(p, "."), SANDBOX_READ);
    assert_int_equal(access_of(p, "/"), 0);
    sandbox_policy_free(p);
    assert_int_equal(unlink(link) | unlink(real) | rmdir(inner) | rmdir(folder), 0);
}

static const struct {
    const char *name, *path;
    unsigned access, port;
    bool bind, covered;
} wanted[] = {
    /* clang-format off */
    {"the same", "/etc/relay", SANDBOX_READ, 443, false, true},
    {"below it", "/etc/relay/keys", SANDBOX_READ, 443, false, true},
    {"a name that only begins alike", "/etc/relays", SANDBOX_READ, 443, false, false},
    {"above it", "/etc", SANDBOX_READ, 443, false, false},
    {"more rights", "/etc/relay", SANDBOX_READ | SANDBOX_WRITE, 443, false, false},
    {"another port", "/etc/relay", SANDBOX_READ, 444, false, false},
    {"the port, the other way", "/etc/relay", SANDBOX_READ, 443, true, false},
    /* clang-format on */
};

static void test_what_a_later_config_needs_is_covered_or_not(void **state)
{
    (void)state;
    struct sandbox_policy *own = NULL;
    assert_int_equal(sandbox_policy_new(&own, NULL), 0);
    sandbox_policy_allow(own, "/etc/relay", SANDBOX_READ);
    sandbox_policy_allow_connect(own, 443);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct sandbox_policy *p = NULL;
        assert_int_equal(sandbox_policy_new(&p, NULL), 0);
        sandbox_policy_allow(p, wanted[i].path, wanted[i].access);
        (wanted[i].bind ? sandbox_policy_allow_bind
                        : sandbox_policy_allow_connect)(p, (uint16_t)wanted[i].port);
        if (sandbox_policy_covers(own, p, true) != wanted[i].covered)
            fail_msg("%s: covered should be %d", wanted[i].name, wanted[i].covered);
        bool path_covered = wanted[i].covered || wanted[i].port != 443 || wanted[i].bind;
        if (sandbox_policy_covers(own, p, false) != path_covered)
            fail_msg("%s: without ports, covered should be %d", wanted[i].name, path_covered);
        sandbox_policy_free(p);
    }
    sandbox_policy_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_port_of_the_api_is_the_one_to_connect_to),
        cmocka_unit_test(test_the_folder_of_a_file_and_of_what_it_links_to),
        cmocka_unit_test(test_what_a_later_config_needs_is_covered_or_not),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
