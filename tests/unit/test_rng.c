#include "relay/base/clock.h"
#include "relay/base/rng.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

/* Bytes that count up from *self. */
static void counting_bytes(void *self, void *out, size_t len)
{
    unsigned char *next = self;
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)out)[i] = (*next)++;
}

static void constant_bytes(void *self, void *out, size_t len)
{
    memset(out, *(int *)self, len);
}

static void a_ulid_holds_its_time_and_its_random_bits(void **state)
{
    (void)state;
    char ulid[ULID_SIZE];
    int zeros = 0x00, ones = 0xff;
    /* 1469918176385 ms is 01ARYZ6S41 in the specification's own example. */
    ulid_make(ulid, (struct wall){INT64_C(1469918176385)}, &(struct rng){&zeros, constant_bytes});
    assert_string_equal(ulid, "01ARYZ6S410000000000000000");
    ulid_make(ulid, (struct wall){INT64_C(1469918176385)}, &(struct rng){&ones, constant_bytes});
    assert_string_equal(ulid, "01ARYZ6S41ZZZZZZZZZZZZZZZZ");

    /* 00 01 02 03 04, 05 06 07 08 09 in groups of five bits. */
    unsigned char next = 0;
    ulid_make(ulid, (struct wall){0}, &(struct rng){&next, counting_bytes});
    assert_string_equal(ulid, "0000000000000G40R40M30E209");
    assert_int_equal(next, 10);
}

static void a_clock_out_of_range_still_makes_a_valid_ulid(void **state)
{
    (void)state;
    char ulid[ULID_SIZE];
    int zeros = 0;
    static const struct {
        int64_t ms;
        const char *time;
    } cases[] = {
        {-1, "0000000000"},
        {INT64_MIN, "0000000000"},
        {(INT64_C(1) << 48) - 1, "7ZZZZZZZZZ"},
        {INT64_C(1) << 48, "7ZZZZZZZZZ"},
        {INT64_MAX, "7ZZZZZZZZZ"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ulid_make(ulid, (struct wall){cases[i].ms}, &(struct rng){&zeros, constant_bytes});
        assert_memory_equal(ulid, cases[i].time, 10);
        assert_true(ulid_is_valid(ulid));
    }
}

static void what_is_no_ulid_is_refused(void **state)
{
    (void)state;
    assert_true(ulid_is_valid("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    static const char *const wrong[] = {
        "",
        "01ARZ3NDEKTSV4RRFFQ69G5FA",
        "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV", /* past 48 bits */
        "01arz3ndektsv4rrffq69g5fav",
        "01ARZ3NDEKTSV4RRFFQ69G5FAI",
        "01ARZ3NDEKTSV4RRFFQ69G5FAL",
        "01ARZ3NDEKTSV4RRFFQ69G5FAO",
        "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        "01ARZ3NDEKTSV4RRFFQ69G5FA/",
        "01ARZ3NDEKTSV4RRFFQ69G5F\xc3\xa4",
        " 1ARZ3NDEKTSV4RRFFQ69G5FAV",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (ulid_is_valid(wrong[i]))
            fail_msg("\"%s\" was taken for a ULID", wrong[i]);
}

static void the_systems_ulids_differ(void **state)
{
    (void)state;
    char seen[64][ULID_SIZE];
    struct wall now = clock_wall(clock_system());
    for (size_t i = 0; i < 64; i++) {
        ulid_make(seen[i], now, rng_system());
        assert_true(ulid_is_valid(seen[i]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    }
}

/* Of every length, across the end of what is drawn at once, and by two threads: no 16 bytes twice.
 */
static void *draw(void *out)
{
    unsigned char(*drawn)[16] = out;
    unsigned char odd[700];
    for (size_t i = 0; i < 200; i++) {
        rng_system()->bytes(NULL, drawn[i], sizeof(drawn[i]));
        memset(odd, 0, sizeof(odd));
        rng_system()->bytes(NULL, odd, i * 3 + 20);
        assert_true(memcmp(odd, odd + i * 3 + 4, 16) != 0); /* neither end is left out */
        assert_int_equal(odd[i * 3 + 20], 0);
    }
    return NULL;
}

static void no_random_bytes_are_given_twice(void **state)
{
    (void)state;
    static unsigned char drawn[400][16];
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, draw, drawn + 200), 0);
    (void)draw(drawn);
    assert_int_equal(pthread_join(other, NULL), 0);
    for (size_t i = 0; i < 400; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(drawn[i], drawn[j], 16);
    }
}

static void the_systems_clocks_tell_plausible_times(void **state)
{
    (void)state;
    const struct clock *c = clock_system();
    assert_true(clock_wall(c).ms > INT64_C(1735689600000)); /* 2025 */
    struct mono before = clock_mono(c);
    assert_true(before.ms > 0 && clock_mono(c).ms >= before.ms);
    assert_true(c->boot_ms(c->self) >= before.ms); /* counts suspended time, too */
    char first[BOOT_ID_MAX], second[BOOT_ID_MAX];
    c->boot_id(c->self, first);
    c->boot_id(c->self, second);
    assert_string_equal(first, second);
    assert_true(strlen(first) == 36 || strcmp(first, "unknown") == 0);
}

static void the_stopwatch_tells_what_is_shorter_than_a_millisecond(void **state)
{
    (void)state;
    int64_t shortest_us = INT64_MAX, ms = clock_mono(clock_system()).ms;
    assert_in_range(clock_stopwatch_us() / 1000 - ms, 0, 1000); /* the same clock */
    for (int i = 0; i < 1000; i++) {
        int64_t began_us = clock_stopwatch_us(), took_us = 0;
        while (took_us == 0)
            took_us = clock_stopwatch_us() - began_us;
        assert_true(took_us > 0);
        shortest_us = took_us < shortest_us ? took_us : shortest_us;
    }
    assert_in_range(shortest_us, 1, 999);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ulid_holds_its_time_and_its_random_bits),
        cmocka_unit_test(a_clock_out_of_range_still_makes_a_valid_ulid),
        cmocka_unit_test(what_is_no_ulid_is_refused),
        cmocka_unit_test(the_systems_ulids_differ),
        cmocka_unit_test(no_random_bytes_are_given_twice),
        cmocka_unit_test(the_systems_clocks_tell_plausible_times),
        cmocka_unit_test(the_stopwatch_tells_what_is_shorter_than_a_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
