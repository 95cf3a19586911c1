#include "relay/base/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *name, *network, *address;
    bool has;
} members[] = {
    { "an IPv4 address is in its network", "10.0.0.0/8", "10.255.255.255", true },
    { "the next one is not", "10.0.0.0/8", "11.0.0.0", false },
    { "nor the one before", "10.0.0.0/8", "9.255.255.255", false },
    { "a prefix that ends within a byte", "172.16.0.0/12", "172.31.0.1", true },
    { "past it", "172.16.0.0/12", "172.32.0.1", false },
    { "a prefix of seven bits in its last byte", "10.2.0.0/15", "10.3.0.1", true },
    { "past that", "10.2.0.0/15", "10.4.0.1", false },
    { "one address is itself", "192.0.2.7", "192.0.2.7", true },
    { "and no other", "192.0.2.7", "192.0.2.6", false },
    { "IPv4 mapped into IPv6 is the same address", "10.0.0.0/8", "::ffff:10.1.2.3", true },
    { "mapped ones elsewhere are not in", "10.0.0.0/8", "::ffff:11.1.2.3", false },
    { "mapped, written in hexadecimal", "10.0.0.0/8", "::ffff:0a01:0203", true },
    { "a mapped network has plain addresses", "::ffff:10.0.0.0/104", "10.1.2.3", true },
    { "IPv4-compatible is not mapped", "10.0.0.0/8", "::10.1.2.3", false },
    { "all of IPv4", "0.0.0.0/0", "255.1.2.3", true },
    { "all of IPv4 has no IPv6", "0.0.0.0/0", "2001:db8::1", false },
    { "all of IPv6 has IPv4 too", "::/0", "10.0.0.1", true },
    { "an IPv6 network", "2001:db8::/33", "2001:db8:7fff::1", true },
    { "past its odd bit", "2001:db8::/33", "2001:db8:8000::1", false },
    { "the loopback address of IPv6", "::1", "::1", true },
    { "is not that of IPv4", "::1", "127.0.0.1", false },
};

static const struct {
    const char *name, *text, *why;
} refused[] = {
    { "nothing", "", "no address" },
    { "a name", "grafana", "no address" },
    { "a blank before", " 10.0.0.1", "no address" },
    { "three numbers", "10.0.0", "no address" },
    { "octal or not, nobody knows", "010.0.0.1", "no address" },
    { "a port", "10.0.0.1:80", "no address" },
    { "brackets", "[::1]", "no address" },
    { "a zone", "fe80::1%eth0", "no address" },
    { "far too long", "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000", "no address" },
    { "a bit too many", "10.0.0.0/33", "0 to 32 bits" },
    { "a bit too many in IPv6", "::/129", "0 to 128 bits" },
    { "no bits", "10.0.0.0/", "0 to 32 bits" },
    { "negative bits", "10.0.0.0/-1", "0 to 32 bits" },
    { "a mask", "10.0.0.0/255.0.0.0", "0 to 32 bits" },
    { "two prefixes", "10.0.0.0/8/8", "0 to 32 bits" },
    { "a host in a network", "10.1.2.3/8", "write \"10.0.0.0/8\"" },
    { "a host in a network of IPv6", "2001:db8::1/32", "write \"2001:db8::/32\"" },
    { "a host in a mapped network", "::ffff:10.1.2.3/104", "write \"10.0.0.0/8\"" },
};
/* clang-format on */

static void addresses_are_in_their_networks_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct network network;
        struct ip ip;
        struct error err = {0};
        if (network_parse(&network, members[i].network, &err) != 0)
            fail_msg("%s: %s", members[i].name, err.text);
        if (!ip_parse(&ip, members[i].address))
            fail_msg("%s: no address", members[i].name);
        if (network_has(&network, &ip) != members[i].has)
            fail_msg("%s", members[i].name);
    }
}

static void what_is_no_network_is_refused_with_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct network network;
        struct error err = {0};
        if (network_parse(&network, refused[i].text, &err) == 0)
            fail_msg("%s: taken", refused[i].name);
        if (strstr(err.text, refused[i].why) == NULL)
            fail_msg("%s: %s", refused[i].name, err.text);
    }
}

static void a_list_has_what_one_of_its_networks_has(void **state)
{
    (void)state;
    struct network list[2];
    struct ip in, out;
    assert_int_equal(network_parse(&list[0], "10.0.0.0/8", NULL), 0);
    assert_int_equal(network_parse(&list[1], "::1", NULL), 0);
    assert_true(ip_parse(&in, "::1"));
    assert_true(ip_parse(&out, "::2"));
    assert_true(networks_have(list, 2, &in));
    assert_false(networks_have(list, 1, &in));
    assert_false(networks_have(list, 2, &out));
    assert_false(networks_have(NULL, 0, &in));
}

static void an_address_is_written_as_people_write_it(void **state)
{
    static const struct {
        const char *read, *written;
        bool v4, loopback;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", true, true},
        {"::ffff:127.9.9.9", "127.9.9.9", true, true},
        {"128.0.0.1", "128.0.0.1", true, false},
        {"2001:DB8:0::1", "2001:db8::1", false, false},
        {"::1", "::1", false, true},
        {"::", "::", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[IP_TEXT_MAX];
        struct ip ip;
        assert_true(ip_parse(&ip, rows[i].read));
        ip_format(text, &ip);
        assert_string_equal(text, rows[i].written);
        assert_int_equal(ip_is_v4(&ip), rows[i].v4);
        assert_int_equal(ip_is_loopback(&ip), rows[i].loopback);
    }
}

static void a_prefix_keeps_so_many_bits(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX];
    struct ip ip, prefix;
    assert_true(ip_parse(&ip, "2001:db8:1:2:3:4:5:6"));
    prefix = ip_prefix(&ip, 64);
    ip_format(text, &prefix);
    assert_string_equal(text, "2001:db8:1:2::");
    prefix = ip_prefix(&ip, 128);
    assert_true(ip_equal(&prefix, &ip));
    prefix = ip_prefix(&ip, 0);
    ip_format(text, &prefix);
    assert_string_equal(text, "::");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_in_their_networks_only),
        cmocka_unit_test(what_is_no_network_is_refused_with_the_reason),
        cmocka_unit_test(a_list_has_what_one_of_its_networks_has),
        cmocka_unit_test(an_address_is_written_as_people_write_it),
        cmocka_unit_test(a_prefix_keeps_so_many_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
