/* Windows: where they end by the policy in force. */
#include "relay/engine/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A relay that was never down. */
#define RULES(p) (&(struct window_rules){.policy = &(p)})

#define T INT64_C(1000000)

static struct key *make(void)
{
    struct key *k = key_new("r/m", "r");
    assert_non_null(k);
    return k;
}

static const struct policy p = {.min_alerts = 1,
                                .cooldown_ms = 600,
                                .settle_ms = 50,
                                .rearm_after_ms = 2000,
                                .retry_after_ms = 100,
                                .stale_after_ms = 900};

static void cooldown_and_retry_end_with_the_later(void **state)
{
    (void)state;
    struct key *k = make();
    assert_int_equal(window_cooldown_until(k, &p, T), 0);
    k->cooldown_from = T;
    assert_int_equal(window_cooldown_until(k, &p, T), T + 600);
    k->retry_from = T + 550;
    assert_int_equal(window_cooldown_until(k, &p, T + 600), T + 650);
    assert_int_equal(window_cooldown_until(k, &p, T + 650), 0);
    assert_int_equal(window_next(k, RULES(p)), T + 600);
    assert_true(window_advance(k, RULES(p), T + 600));
    assert_int_equal(k->cooldown_from, 0);
    assert_int_equal(window_next(k, RULES(p)), T + 650);
    assert_false(window_forgettable(k));
    assert_true(window_advance(k, RULES(p), T + 650));
    assert_false(window_advance(k, RULES(p), T + 651));
    assert_true(window_forgettable(k));
    key_free(k);
}

static void disarming_ends_by_settle_or_rearm_after(void **state)
{
    (void)state;
    struct policy never = p, cooldown = p;
    never.rearm_after_ms = 0;
    cooldown.rearm = REARM_COOLDOWN;
    struct key *k = make();
    assert_int_equal(window_disarmed_until(k, RULES(p), T), 0);
    assert_non_null(key_add_member(k, "s", "f"));
    k->members[0].heard_at = T;
    k->disarmed_at = T;
    assert_int_equal(window_disarmed_until(k, RULES(p), T), T + 2000);
    assert_int_equal(window_disarmed_until(k, RULES(p), T + 2000), 0);
    assert_int_equal(window_disarmed_until(k, RULES(never), T), WINDOW_NO_END);
    assert_int_equal(window_disarmed_until(k, RULES(cooldown), T), 0);
    key_remove_member(k, &k->members[0]);
    k->quiet_since = T + 10;
    assert_int_equal(window_disarmed_until(k, RULES(never), T + 10), T + 60);
    k->quiet_since = T - 10; /* quiet before the POST does not count */
    assert_int_equal(window_disarmed_until(k, RULES(never), T), T + 50);
    assert_int_equal(window_next(k, RULES(never)), T + 50);
    assert_true(window_advance(k, RULES(never), T + 50));
    assert_int_equal(k->disarmed_at, 0);
    assert_int_equal(window_next(k, RULES(never)), INT64_MAX);
    key_free(k);
}

static void stale_members_leave_and_quiet_begins_when_they_did(void **state)
{
    (void)state;
    struct key *k = make();
    for (int i = 0; i < 3; i++) {
        const char *const names[] = {"a", "b", "c"};
        struct member *m = key_add_member(k, "s", names[i]);
        assert_non_null(m);
        m->heard_at = T + 100 * i;
    }
    assert_int_equal(window_next(k, RULES(p)), T + 900);
    assert_false(window_advance(k, RULES(p), T + 899));
    assert_true(window_advance(k, RULES(p), T + 900));
    assert_int_equal(k->n_members, 2);
    assert_int_equal(k->quiet_since, 0);
    /* Looked at late: quiet since the last one went, and settled since. */
    k->disarmed_at = T;
    assert_true(window_advance(k, RULES(p), T + 1100 + 50));
    assert_int_equal(k->n_members, 0);
    assert_int_equal(k->quiet_since, T + 1100);
    assert_int_equal(k->disarmed_at, 0);
    key_free(k);
}

static void a_key_fires_with_min_alerts_that_are_not_blind(void **state)
{
    (void)state;
    struct policy two = p;
    two.min_alerts = 2;
    struct key *k = make();
    assert_false(window_fires(k, &p));
    assert_non_null(key_add_member(k, "s", "a"));
    assert_true(window_fires(k, &p));
    struct member *m = key_add_member(k, "s", "b");
    m->blind = true;
    assert_false(window_fires(k, &two));
    m->blind = false;
    assert_true(window_fires(k, &two));
    key_free(k);
}

static void endless_windows_do_not_wrap(void **state)
{
    (void)state;
    struct policy endless = p;
    endless.cooldown_ms = endless.stale_after_ms = INT64_MAX;
    struct key *k = make();
    k->cooldown_from = T;
    assert_non_null(key_add_member(k, "s", "a"));
    k->members[0].heard_at = T;
    assert_int_equal(window_cooldown_until(k, &endless, T), INT64_MAX);
    assert_int_equal(window_next(k, RULES(endless)), INT64_MAX);
    assert_false(window_advance(k, RULES(endless), T + 1));
    key_free(k);
}

static void an_open_request_keeps_a_key(void **state)
{
    (void)state;
    struct key *k = make();
    assert_true(window_forgettable(k));
    k->relay_id[0] = '0';
    assert_false(window_forgettable(k));
    k->relay_id[0] = '\0';
    k->disarmed_at = T;
    assert_false(window_forgettable(k));
    key_free(k);
}

static void no_window_has_no_end(void **state)
{
    (void)state;
    struct key *k = make();
    assert_int_equal(window_cooldown_end(k, &p), 0);
    assert_int_equal(window_disarmed_end(k, RULES(p)), 0);
    k->retry_from = T;
    assert_int_equal(window_cooldown_end(k, &p), T + 100);
    k->cooldown_from = T;
    assert_int_equal(window_cooldown_end(k, &p), T + 600);
    key_free(k);
}

static void the_next_deadline_is_the_earliest_of_all(void **state)
{
    (void)state;
    struct policy patient = p;
    patient.stale_after_ms = 90000;
    struct key *k = make();
    assert_int_equal(window_next(k, RULES(p)), INT64_MAX);
    assert_non_null(key_add_member(k, "s", "a"));
    assert_non_null(key_add_member(k, "s", "b"));
    k->members[0].heard_at = T + 100;
    k->members[1].heard_at = T;
    assert_int_equal(window_next(k, RULES(patient)), T + 90000);
    k->disarmed_at = T;
    assert_int_equal(window_next(k, RULES(patient)), T + 2000);
    key_free(k);
}

static void only_what_changed_is_called_a_change(void **state)
{
    (void)state;
    struct key *k = make();
    k->quiet_since = T;
    assert_false(window_advance(k, RULES(p), T + 50)); /* nothing that settling would arm */
    (void)snprintf(k->relay_id, sizeof(k->relay_id), "%s", "01JD0000000000000000000000");
    assert_true(window_advance(k, RULES(p), T + 50));
    assert_true(k->settled);
    assert_false(window_advance(k, RULES(p), T + 50));
    k->disarmed_at = T; /* armed once more, by what settled before */
    assert_true(window_advance(k, RULES(p), T + 50));
    assert_int_equal(k->disarmed_at, 0);
    assert_non_null(key_add_member(k, "s", "a"));
    k->members[0].heard_at = T;
    k->quiet_since = 0;
    assert_true(window_advance(k, RULES(p), T + 950)); /* stale and settled at once */
    assert_int_equal(k->n_members, 0);
    assert_int_equal(k->quiet_since, T + 900);
    key_free(k);
}

static void a_long_hold_does_not_wrap(void **state)
{
    (void)state;
    struct policy endless = p;
    endless.hold_ms = INT64_MAX / 6; /* ten times that wraps to a negative number */
    struct key *k = make();
    k->hold_began = k->hold_from = T;
    assert_int_equal(window_hold_end(k, RULES(endless)), T + INT64_MAX / 6);
    key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cooldown_and_retry_end_with_the_later),
        cmocka_unit_test(disarming_ends_by_settle_or_rearm_after),
        cmocka_unit_test(stale_members_leave_and_quiet_begins_when_they_did),
        cmocka_unit_test(a_key_fires_with_min_alerts_that_are_not_blind),
        cmocka_unit_test(endless_windows_do_not_wrap),
        cmocka_unit_test(an_open_request_keeps_a_key),
        cmocka_unit_test(no_window_has_no_end),
        cmocka_unit_test(the_next_deadline_is_the_earliest_of_all),
        cmocka_unit_test(only_what_changed_is_called_a_change),
        cmocka_unit_test(a_long_hold_does_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
