/* Relay time: never back, not even across boots and jumps of the wall clock. */
#include "relay/core/relay_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WALL INT64_C(1764000000000)
#define HOUR INT64_C(3600000)

struct fake {
    int64_t wall, boot;
    const char *boot_id;
};

static struct wall fake_wall(void *self)
{
    const struct fake *f = self;
    return (struct wall){f->wall};
}

static struct mono fake_mono(void *self)
{
    const struct fake *f = self;
    return (struct mono){f->boot};
}

static int64_t fake_boot(void *self)
{
    const struct fake *f = self;
    return f->boot;
}

static void fake_boot_id(void *self, char out[static BOOT_ID_MAX])
{
    const struct fake *f = self;
    (void)snprintf(out, BOOT_ID_MAX, "%s", f->boot_id);
}

static struct clock clock_of(struct fake *f)
{
    return (struct clock){f, fake_wall, fake_mono, fake_boot, fake_boot_id};
}

static void a_new_store_begins_at_the_wall_time(void **state)
{
    (void)state;
    struct fake fake = {WALL, 5000, "one"};
    const struct clock clock = clock_of(&fake);
    struct relay_time t;
    relay_time_start(&t, &clock, NULL);
    assert_int_equal(relay_time_now(&t), WALL);
}

static void within_a_boot_only_the_boot_clock_counts(void **state)
{
    (void)state;
    struct fake fake = {WALL, 5000, "one"};
    const struct clock clock = clock_of(&fake);
    struct relay_time t;
    relay_time_start(&t, &clock, NULL);
    fake.wall += 48 * HOUR;
    fake.boot += 10;
    assert_int_equal(relay_time_now(&t), WALL + 10);
    fake.wall = 0;
    fake.boot += 10;
    assert_int_equal(relay_time_now(&t), WALL + 20);
}

static void it_stands_still_rather_than_run_back(void **state)
{
    (void)state;
    struct fake fake = {WALL, 5000, "one"};
    const struct clock clock = clock_of(&fake);
    struct relay_time t;
    relay_time_start(&t, &clock, NULL);
    fake.boot = 6000;
    assert_int_equal(relay_time_now(&t), WALL + 1000);
    fake.boot = 5500;
    assert_int_equal(relay_time_now(&t), WALL + 1000);
    fake.boot = 6001;
    assert_int_equal(relay_time_now(&t), WALL + 1001);
}

static void a_start_goes_on_from_the_last_commit(void **state)
{
    (void)state;
    static const struct {
        const char *name, *boot_id;
        int64_t wall_by, boot_at, passed;
    } cases[] = {
        {"the same boot, an hour down", "one", HOUR, 5000 + HOUR, HOUR},
        {"the same boot, the wall clock set back", "one", -48 * HOUR, 5000 + HOUR, HOUR},
        {"the same boot, the wall clock set forward", "one", 48 * HOUR, 5000 + HOUR, HOUR},
        {"the same boot, at once", "one", 0, 5000, 0},
        {"another boot, by the wall clock", "two", HOUR, 70, HOUR},
        {"another boot with a longer up-time", "two", HOUR, 5000 + 9 * HOUR, HOUR},
        {"another boot, the wall clock set back", "two", -HOUR, 70, 0},
        {"no boot id, boot clock anew", "one", HOUR, 70, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].name);
        struct store_time last = {.relay_ms = WALL - 77, .boot_ms = 5000, .wall_ms = WALL};
        (void)snprintf(last.boot_id, sizeof(last.boot_id), "one");
        struct fake fake = {WALL + cases[i].wall_by, cases[i].boot_at, cases[i].boot_id};
        const struct clock clock = clock_of(&fake);
        struct relay_time t;
        relay_time_start(&t, &clock, &last);
        assert_int_equal(relay_time_now(&t), WALL - 77 + cases[i].passed);
        fake.boot += 3;
        assert_int_equal(relay_time_now(&t), WALL - 77 + cases[i].passed + 3);
    }
}

static void a_stamp_and_a_start_are_inverse(void **state)
{
    (void)state;
    struct fake fake = {WALL, 5000, "one"};
    const struct clock clock = clock_of(&fake);
    struct relay_time t, again;
    relay_time_start(&t, &clock, NULL);
    fake.boot += HOUR;
    struct store_time stamp = relay_time_stamp(&t);
    assert_int_equal(stamp.relay_ms, WALL + HOUR);
    assert_int_equal(stamp.boot_ms, 5000 + HOUR);
    assert_int_equal(stamp.wall_ms, WALL);
    assert_string_equal(stamp.boot_id, "one");
    relay_time_start(&again, &clock, &stamp);
    assert_int_equal(relay_time_now(&again), relay_time_now(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_begins_at_the_wall_time),
        cmocka_unit_test(within_a_boot_only_the_boot_clock_counts),
        cmocka_unit_test(it_stands_still_rather_than_run_back),
        cmocka_unit_test(a_start_goes_on_from_the_last_commit),
        cmocka_unit_test(a_stamp_and_a_start_are_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
