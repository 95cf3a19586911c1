#include "relay/base/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS 60000

static struct throttle t;

static int empty(void **state)
{
    (void)state;
    t = (struct throttle){.seed = "fifteen letters"};
    return 0;
}

static struct ip ip(const char *text)
{
    struct ip out;
    assert_true(ip_parse(&out, text));
    return out;
}

static int64_t wait_of(const char *who, int64_t per_minute, int64_t now_ms)
{
    struct ip address = ip(who);
    return throttle_wait_ms(&t, &address, per_minute, (struct mono){now_ms});
}

static void fail_times(const char *who, int64_t per_minute, int64_t now_ms, int n)
{
    struct ip address = ip(who);
    for (int i = 0; i < n; i++)
        throttle_failed(&t, &address, per_minute, (struct mono){now_ms});
}

static void verify(const char *who, int64_t now_ms)
{
    struct ip address = ip(who);
    throttle_verified(&t, &address, (struct mono){now_ms});
}

static void so_many_failures_are_free_then_one_comes_back_at_a_time(void **state)
{
    (void)state;
    fail_times("192.0.2.1", 60, 1000, 59);
    assert_int_equal(wait_of("192.0.2.1", 60, 1000), 0);
    fail_times("192.0.2.1", 60, 1000, 1);
    assert_int_equal(wait_of("192.0.2.1", 60, 1000), 1000);
    assert_int_equal(wait_of("192.0.2.1", 60, 1999), 1);
    assert_int_equal(wait_of("192.0.2.1", 60, 2000), 0);
    fail_times("192.0.2.1", 60, 2000, 1);
    assert_int_equal(wait_of("192.0.2.1", 60, 2000), 1000);
    /* After a minute of peace the whole burst is there again. */
    fail_times("192.0.2.1", 60, 3000 + MINUTE_MS, 59);
    assert_int_equal(wait_of("192.0.2.1", 60, 3000 + MINUTE_MS), 0);
}

static void failures_that_ran_side_by_side_cost_no_more_than_a_minute(void **state)
{
    (void)state;
    fail_times("192.0.2.1", 60, 0, 1000);
    assert_int_equal(wait_of("192.0.2.1", 60, 0), 1000);
    assert_int_equal(wait_of("192.0.2.1", 60, MINUTE_MS), 0);
}

static void the_rate_in_force_is_the_one_that_counts(void **state)
{
    (void)state;
    fail_times("192.0.2.1", 7, 0, 6);
    assert_int_equal(wait_of("192.0.2.1", 7, 0), 0);
    fail_times("192.0.2.1", 7, 0, 1);
    assert_int_equal(wait_of("192.0.2.1", 7, 0), MINUTE_MS / 7 * 8 - MINUTE_MS);
    assert_int_equal(wait_of("192.0.2.1", 0, 0), 0);
    assert_int_equal(wait_of("192.0.2.1", 1, 0), MINUTE_MS / 7 * 7);
    fail_times("192.0.2.2", 0, 0, 100);
    assert_int_equal(wait_of("192.0.2.2", 1, 0), 0);
    fail_times("192.0.2.3", 60000, 0, 59999);
    assert_int_equal(wait_of("192.0.2.3", 60000, 0), 0);
    fail_times("192.0.2.3", 60000, 0, 1);
    assert_int_equal(wait_of("192.0.2.3", 60000, 0), 1);
}

static void addresses_are_counted_apart_and_ipv6_by_host(void **state)
{
    static const struct {
        const char *name, *who, *other;
        bool together;
    } rows[] = {
        {"neighbours in IPv4", "192.0.2.1", "192.0.2.2", false},
        {"IPv4, mapped", "198.51.100.1", "::ffff:198.51.100.1", true},
        {"another of the same /64", "2001:db8::1", "2001:db8::ffff:0:0:1", true},
        {"the next /64", "2001:db8:0:2::1", "2001:db8:0:3::1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fail_times(rows[i].who, 1, 0, 1);
        assert_true(wait_of(rows[i].who, 1, 0) > 0);
        if ((wait_of(rows[i].other, 1, 0) > 0) != rows[i].together)
            fail_msg("%s", rows[i].name);
    }
}

static void neither_loopback_nor_a_verified_address_is_turned_away(void **state)
{
    (void)state;
    fail_times("127.0.0.1", 1, 0, 9);
    fail_times("::1", 1, 0, 9);
    assert_int_equal(wait_of("127.0.0.1", 1, 0), 0);
    assert_int_equal(wait_of("::1", 1, 0), 0);
    fail_times("192.0.2.1", 1, 0, 9);
    verify("192.0.2.1", 0);
    assert_int_equal(wait_of("192.0.2.1", 1, 0), 0);
    fail_times("192.0.2.1", 1, 0, 9);
    assert_int_equal(wait_of("192.0.2.1", 1, 0), 0);
    verify("2001:db8::1", 0);
    fail_times("2001:db8::2", 1, 0, 9);
    assert_int_equal(wait_of("2001:db8::2", 1, 0), 0);
}

/* Ten times as many attackers as there are places. */
static void flood(int64_t now_ms)
{
    for (unsigned i = 0; i < 10U * THROTTLE_SETS * THROTTLE_WAYS; i++) {
        char text[IP_TEXT_MAX];
        (void)snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 0xff, i & 0xff);
        fail_times(text, 60, now_ms, 1);
    }
}

static void a_flood_of_addresses_takes_no_place_of_verified_ones_and_of_the_worst(void **state)
{
    (void)state;
    verify("192.0.2.1", 0);
    fail_times("192.0.2.2", 60, 0, 60);
    flood(1);
    fail_times("192.0.2.1", 60, 1, 1000);
    assert_int_equal(wait_of("192.0.2.1", 60, 1), 0);
    assert_int_equal(wait_of("192.0.2.2", 60, 1), 999);
}

/* Of verified ones the oldest gives way, so that today's senders stay. */
static void the_newest_of_too_many_verified_addresses_stay(void **state)
{
    enum { MANY = 10 * THROTTLE_SETS * THROTTLE_WAYS, NEWEST = 64 };
    (void)state;
    char text[IP_TEXT_MAX];
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8, i & 0xff);
        verify(text, i);
    }
    for (unsigned i = MANY - NEWEST; i < MANY; i++) {
        (void)snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8, i & 0xff);
        struct throttle before = t;
        fail_times(text, 1, MANY, 2);
        assert_int_equal(wait_of(text, 1, MANY), 0);
        t = before;
    }
    fail_times("192.0.2.9", 60, 0, 60);
    assert_int_equal(wait_of("192.0.2.9", 60, 0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(so_many_failures_are_free_then_one_comes_back_at_a_time, empty),
        cmocka_unit_test_setup(failures_that_ran_side_by_side_cost_no_more_than_a_minute, empty),
        cmocka_unit_test_setup(the_rate_in_force_is_the_one_that_counts, empty),
        cmocka_unit_test_setup(addresses_are_counted_apart_and_ipv6_by_host, empty),
        cmocka_unit_test_setup(neither_loopback_nor_a_verified_address_is_turned_away, empty),
        cmocka_unit_test_setup(
            a_flood_of_addresses_takes_no_place_of_verified_ones_and_of_the_worst, empty),
        cmocka_unit_test_setup(the_newest_of_too_many_verified_addresses_stay, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
