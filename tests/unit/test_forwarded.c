#include "relay/base/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEN  "10.9.9.9, 10.9.9.9, 10.9.9.9, 10.9.9.9, 10.9.9.9, "
#define FIVE "10.9.9.9, 10.9.9.9, 10.9.9.9, 10.9.9.9, 10.9.9.9"

/* Trusted: 10.0.0.0/8 and ::1. client NULL: malformed. */
/* clang-format off */
static const struct {
    const char *name, *peer, *fields[3], *client;
} rows[] = {
    { "no header: the peer", "10.0.0.1", { NULL }, "10.0.0.1" },
    { "a stranger's header is not read", "192.0.2.1", { "10.0.0.7" }, "192.0.2.1" },
    { "not even to find it malformed", "192.0.2.1", { "what?" }, "192.0.2.1" },
    { "one proxy", "10.0.0.1", { "192.0.2.1" }, "192.0.2.1" },
    { "the client's own words stand to the left", "10.0.0.1", { "10.0.0.7, 192.0.2.1" }, "192.0.2.1" },
    { "and may be anything", "10.0.0.1", { "<script>, ,unknown,192.0.2.1" }, "192.0.2.1" },
    { "two proxies", "10.0.0.1", { "192.0.2.1, 10.0.0.2" }, "192.0.2.1" },
    { "two proxies, a forged entry before", "10.0.0.1", { "10.0.0.7, 192.0.2.1, 10.0.0.2" }, "192.0.2.1" },
    { "all are trusted: the leftmost", "10.0.0.1", { "10.0.0.3,10.0.0.2" }, "10.0.0.3" },
    { "several lines are one list", "10.0.0.1", { "10.0.0.7", "192.0.2.1" }, "192.0.2.1" },
    { "the last line is walked first", "10.0.0.1", { "192.0.2.1", "10.0.0.2" }, "192.0.2.1" },
    { "three lines", "::1", { "198.51.100.1", "192.0.2.1, 10.0.0.3", "10.0.0.2" }, "192.0.2.1" },
    { "a mapped peer is its IPv4 self", "::ffff:10.0.0.1", { "192.0.2.1" }, "192.0.2.1" },
    { "a mapped entry too", "10.0.0.1", { "192.0.2.1, ::ffff:10.0.0.2" }, "192.0.2.1" },
    { "an entry with a port", "10.0.0.1", { "192.0.2.1:4711" }, "192.0.2.1" },
    { "IPv6", "::1", { "2001:db8::7" }, "2001:db8::7" },
    { "IPv6 in brackets", "::1", { "[2001:db8::7]" }, "2001:db8::7" },
    { "IPv6 in brackets with a port", "::1", { "[2001:db8::7]:4711" }, "2001:db8::7" },
    { "blanks and tabs", "10.0.0.1", { " \t192.0.2.1 \t" }, "192.0.2.1" },
    { "fifteen proxies", "10.0.0.1", { TEN FIVE }, "10.9.9.9" },
    { "more than can be", "10.0.0.1", { TEN TEN TEN FIVE }, NULL },
    { "an empty header", "10.0.0.1", { "" }, NULL },
    { "an empty entry", "10.0.0.1", { "192.0.2.1," }, NULL },
    { "an empty entry between proxies", "10.0.0.1", { "192.0.2.1,,10.0.0.2" }, NULL },
    { "no address", "10.0.0.1", { "unknown" }, NULL },
    { "an obfuscated name", "10.0.0.1", { "192.0.2.1, _hidden" }, NULL },
    { "a zone", "10.0.0.1", { "fe80::1%eth0" }, NULL },
    { "IPv4 in brackets", "10.0.0.1", { "[192.0.2.1]" }, NULL },
    { "a port that is none", "10.0.0.1", { "192.0.2.1:x" }, NULL },
    { "half a bracket", "::1", { "[2001:db8::7" }, NULL },
    { "two addresses without a comma", "10.0.0.1", { "192.0.2.1 192.0.2.2" }, NULL },
    { "longer than an address", "10.0.0.1", { "1111111111111111111111111111111111111111111111111111111111111111111" }, NULL },
};
/* clang-format on */

static void the_client_is_the_first_that_is_no_trusted_proxy(void **state)
{
    struct network trusted[2];
    (void)state;
    assert_int_equal(network_parse(&trusted[0], "10.0.0.0/8", NULL), 0);
    assert_int_equal(network_parse(&trusted[1], "::1", NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip peer, client;
        size_t n = 0;
        char text[IP_TEXT_MAX];
        while (n < 3 && rows[i].fields[n] != NULL)
            n++;
        assert_true(ip_parse(&peer, rows[i].peer));
        int r = forwarded_client(&client, &peer, trusted, 2, rows[i].fields, n);
        ip_format(text, &client);
        if (r != (rows[i].client == NULL ? FORWARDED_MALFORMED : 0))
            fail_msg("%s: %d", rows[i].name, r);
        if (r == 0 && strcmp(text, rows[i].client) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void nobody_is_trusted_by_default(void **state)
{
    static const char *const fields[] = {"192.0.2.1"};
    struct ip peer, client;
    (void)state;
    assert_true(ip_parse(&peer, "127.0.0.1"));
    assert_int_equal(forwarded_client(&client, &peer, NULL, 0, fields, 1), 0);
    assert_true(ip_equal(&peer, &client));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_first_that_is_no_trusted_proxy),
        cmocka_unit_test(nobody_is_trusted_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
