/* Keys and their members. */
#include "relay/engine/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct member *add(struct key *k, const char *fingerprint, int64_t starts_at, bool blind)
{
    struct member *m = key_add_member(k, "grafana", fingerprint);
    assert_non_null(m);
    m->starts_at = starts_at;
    m->blind = blind;
    return m;
}

static void members_stay_sorted_and_are_found(void **state)
{
    (void)state;
    struct key *k = key_new("r/m", "r");
    assert_non_null(k);
    char name[8];
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "%02u", i * 37 % 100);
        assert_null(key_member(k, "grafana", name));
        const struct member *m = add(k, name, i, false);
        assert_string_equal(m->fingerprint, name);
        assert_int_equal(m->heard_at, 0);
        assert_false(m->in_request);
    }
    for (size_t i = 1; i < k->n_members; i++)
        assert_true(strcmp(k->members[i - 1].fingerprint, k->members[i].fingerprint) < 0);
    assert_null(key_member(k, "other", "00"));
    for (unsigned i = 0; i < 100; i += 2) {
        (void)snprintf(name, sizeof(name), "%02u", i);
        key_remove_member(k, key_member(k, "grafana", name));
    }
    assert_int_equal(k->n_members, 50);
    assert_null(key_member(k, "grafana", "98"));
    assert_non_null(key_member(k, "grafana", "99"));
    key_free(k);
}

static void the_same_fingerprint_of_two_sources_is_two_members(void **state)
{
    (void)state;
    struct key *k = key_new("r/m", "r");
    assert_non_null(key_add_member(k, "b", "f"));
    assert_non_null(key_add_member(k, "a", "f"));
    assert_string_equal(key_member(k, "a", "f")->source, "a");
    assert_string_equal(key_leading(k)->source, "a");
    assert_int_equal(key_firing(k), 2);
    key_free(k);
}

static void the_newest_that_fires_leads_then_the_smallest_fingerprint(void **state)
{
    (void)state;
    struct key *k = key_new("r/m", "r");
    assert_null(key_leading(k));
    (void)add(k, "a", 99, true);
    assert_null(key_leading(k));
    assert_int_equal(key_firing(k), 0);
    (void)add(k, "d", INT64_MIN, false);
    assert_string_equal(key_leading(k)->fingerprint, "d");
    (void)add(k, "c", 5, false);
    (void)add(k, "b", 5, false);
    (void)add(k, "0", 4, false);
    assert_string_equal(key_leading(k)->fingerprint, "b");
    assert_int_equal(key_firing(k), 4);
    key_free(k);
}

static void a_clone_is_equal_and_independent(void **state)
{
    (void)state;
    struct key *k = key_new("r/m", "r");
    add(k, "a", 7, true)->in_request = true;
    add(k, "b", 8, false)->waits = true;
    (void)snprintf(k->relay_id, sizeof(k->relay_id), "01JD0000000000000000000000");
    k->quiet_since = 1;
    k->disarmed_at = 2;
    k->cooldown_from = 3;
    k->retry_from = 4;
    k->posted_at = 5;
    k->executed = k->settled = k->by_operator = true;
    k->hold_began = 6;
    k->hold_from = 7;
    k->deferred_at = 8;
    k->deferred_for = REASON_BUDGET;
    struct key *copy = key_clone(k);
    assert_non_null(copy);
    const struct member *m = key_member(copy, "grafana", "a");
    assert_true(m->blind && m->in_request && m->starts_at == 7);
    assert_true(key_member(copy, "grafana", "b")->waits);
    assert_ptr_not_equal(m->fingerprint, k->members[0].fingerprint);
    key_free(k);
    assert_string_equal(copy->text, "r/m");
    assert_string_equal(copy->route, "r");
    assert_string_equal(copy->relay_id, "01JD0000000000000000000000");
    assert_true(copy->quiet_since == 1 && copy->disarmed_at == 2 && copy->cooldown_from == 3 &&
                copy->retry_from == 4 && copy->posted_at == 5 && copy->executed && copy->settled &&
                copy->by_operator && copy->hold_began == 6 && copy->hold_from == 7 &&
                copy->deferred_at == 8 && copy->deferred_for == REASON_BUDGET);
    key_free(copy);
    key_free(NULL);
}

static void who_fires_waits_until_the_wait_is_over(void **state)
{
    (void)state;
    struct key *k = key_new("r/m", "r");
    (void)add(k, "a", 1, false);
    (void)add(k, "b", 1, true);
    (void)add(k, "c", 1, false);
    assert_false(key_is_waiting(k));
    k->hold_began = k->hold_from = 5;
    assert_true(key_is_waiting(k));
    key_all_wait(k);
    assert_true(k->members[0].waits && !k->members[1].waits && k->members[2].waits);
    key_end_waiting(k);
    assert_false(key_is_waiting(k));
    assert_int_equal(k->hold_from, 0);
    k->deferred_at = 5;
    assert_true(key_is_waiting(k));
    key_end_waiting(k);
    assert_false(key_is_waiting(k));
    for (size_t i = 0; i < 3; i++)
        assert_false(k->members[i].waits);
    key_free(k);
}

static void of_two_sources_the_smaller_name_leads(void **state)
{
    (void)state;
    struct key *k = key_new("r/m", "r");
    assert_non_null(key_add_member(k, "b", "a"));
    assert_non_null(key_add_member(k, "a", "b"));
    assert_string_equal(key_leading(k)->fingerprint, "a"); /* the fingerprint comes first */
    assert_non_null(key_add_member(k, "c", "a"));
    assert_string_equal(key_leading(k)->source, "b");
    key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_stay_sorted_and_are_found),
        cmocka_unit_test(the_same_fingerprint_of_two_sources_is_two_members),
        cmocka_unit_test(the_newest_that_fires_leads_then_the_smallest_fingerprint),
        cmocka_unit_test(a_clone_is_equal_and_independent),
        cmocka_unit_test(who_fires_waits_until_the_wait_is_over),
        cmocka_unit_test(of_two_sources_the_smaller_name_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
