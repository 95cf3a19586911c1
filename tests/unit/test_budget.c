/* Budgets: so many slots in a rolling window. */
#include "relay/engine/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)
#define ID   "01JD000000000000000000000"

static void slots_block_until_the_oldest_that_counts_leaves(void **state)
{
    (void)state;
    struct budget b = {0};
    const struct budget_policy two = {.max = 2, .per_ms = HOUR}, none = {0};
    assert_int_equal(budget_spent_until(&b, &two, 0), 0);
    assert_true(budget_take(&b, 100, ID "1"));
    assert_int_equal(budget_spent_until(&b, &two, 100), 0);
    assert_true(budget_take(&b, 200, ID "2"));
    assert_int_equal(budget_spent_until(&b, &two, 200), 100 + HOUR);
    assert_int_equal(budget_spent_until(&b, &two, 100 + HOUR - 1), 100 + HOUR);
    assert_int_equal(budget_spent_until(&b, &two, 100 + HOUR), 0);
    assert_int_equal(budget_spent_until(&b, &none, 200), 0);
    /* More taken than a smaller budget allows: the newest count. */
    const struct budget_policy one = {.max = 1, .per_ms = HOUR};
    assert_int_equal(budget_spent_until(&b, &one, 300), 200 + HOUR);
    budget_clear(&b);
}

static void a_slot_given_back_does_not_count(void **state)
{
    (void)state;
    struct budget b = {0};
    const struct budget_policy two = {.max = 2, .per_ms = HOUR};
    assert_true(budget_take(&b, 100, ID "1"));
    assert_true(budget_take(&b, 200, ID "2"));
    budget_give_back(&b, ID "9"); /* nobody's */
    assert_int_equal(b.n, 2);
    budget_give_back(&b, ID "1");
    assert_int_equal(budget_spent_until(&b, &two, 200), 0);
    assert_true(budget_take(&b, 300, ID "3"));
    assert_int_equal(budget_spent_until(&b, &two, 300), 200 + HOUR);
    budget_clear(&b);
    budget_clear(&b);
}

static void slots_restored_in_any_order_are_kept_by_time(void **state)
{
    (void)state;
    struct budget b = {0};
    static const int64_t at[] = {500, 100, 900, 300, 700, 200, 800, 400, 600, 100};
    for (size_t i = 0; i < 10; i++)
        assert_true(budget_take(&b, at[i], ID "1"));
    for (size_t i = 1; i < b.n; i++)
        assert_true(b.slots[i - 1].at <= b.slots[i].at);
    const struct budget_policy ten = {.max = 10, .per_ms = HOUR};
    assert_int_equal(budget_spent_until(&b, &ten, 900), 100 + HOUR);
    budget_clear(&b);
}

static void slots_older_than_any_window_are_dropped(void **state)
{
    (void)state;
    struct budget b = {0};
    assert_true(budget_take(&b, 1, ID "1"));
    assert_true(budget_take(&b, 2, ID "2"));
    assert_true(budget_take(&b, 1 + BUDGET_WINDOW_MAX_MS, ID "3"));
    assert_int_equal(b.n, 2);
    assert_string_equal(b.slots[0].relay_id, ID "2");
    budget_clear(&b);
}

static void a_full_array_of_slots_is_moved_within_its_bounds(void **state)
{
    (void)state;
    struct budget b = {0};
    const struct budget_policy seven = {.max = 7, .per_ms = HOUR};
    for (int64_t i = 0; i < 8; i++) {
        char id[] = ID "0";
        id[sizeof(id) - 2] = (char)('0' + i);
        assert_true(budget_take(&b, 100 + i, id));
    }
    budget_give_back(&b, ID "9");
    budget_give_back(&b, ID "3");
    assert_int_equal(b.n, 7);
    assert_string_equal(b.slots[2].relay_id, ID "2");
    assert_string_equal(b.slots[3].relay_id, ID "4");
    assert_string_equal(b.slots[6].relay_id, ID "7");
    assert_int_equal(budget_spent_until(&b, &seven, 107), 100 + HOUR);
    assert_true(budget_take(&b, 108, ID "8"));
    assert_true(budget_take(&b, 103 + BUDGET_WINDOW_MAX_MS, ID "3")); /* three are too old */
    assert_int_equal(b.n, 6);
    assert_string_equal(b.slots[0].relay_id, ID "4");
    assert_string_equal(b.slots[5].relay_id, ID "3");
    budget_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_block_until_the_oldest_that_counts_leaves),
        cmocka_unit_test(a_slot_given_back_does_not_count),
        cmocka_unit_test(slots_restored_in_any_order_are_kept_by_time),
        cmocka_unit_test(slots_older_than_any_window_are_dropped),
        cmocka_unit_test(a_full_array_of_slots_is_moved_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
