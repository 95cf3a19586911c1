/* What a request leaves behind: cooldown, disarming and what ends them, until the key is forgotten.
 */
#include "tests/unit/engine_fixture.h"

static void the_windows_count_from_the_last_post(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += MINUTE;
    posting(&f);
    f.now += MINUTE;
    posting(&f); /* refused before, tried again */
    f.now += HOUR;
    ended(&f, END_RAN);
    assert_int_equal(the_key(&f)->cooldown_from, START + 2 * MINUTE);
    assert_int_equal(the_key(&f)->disarmed_at, START + 2 * MINUTE);
    assert_says(fire(&f, "a"), SUPPRESSED, NOT_REARMED);
    assert_int_equal(f.effects.decisions[0].until, START + 24 * HOUR + 2 * MINUTE);
    fixture_clear(&f);
}

static void quiet_for_settle_arms_and_the_cooldown_stays(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    run_once(&f, "a", END_RAN);
    f.now += HOUR;
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += 15 * MINUTE - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, NOT_REARMED); /* flapping */
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += 15 * MINUTE;
    timers(&f);
    assert_int_equal(the_key(&f)->disarmed_at, 0);
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    assert_int_equal(f.effects.decisions[0].until, START + 6 * HOUR);
    f.now = START + 6 * HOUR - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    f.now++;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void settled_while_it_ran_means_its_end_disarms_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += 15 * MINUTE;
    timers(&f);
    assert_says(fire(&f, "a"), SUPPRESSED, RUNNING);
    f.now += MINUTE;
    ended(&f, END_RAN);
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    fixture_clear(&f);
}

static void rearm_after_arms_a_key_that_fires_on(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    run_once(&f, "a", END_RAN);
    for (int i = 0; i < 3; i++) { /* heard often enough not to go stale */
        f.now += 8 * HOUR - 1;
        assert_says(fire(&f, "a"), SUPPRESSED, NOT_REARMED);
    }
    f.now = START + 24 * HOUR;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void a_failed_run_arms_and_cools_down(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    run_once(&f, "a", END_FAILED);
    f.now = START + 6 * HOUR - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    f.now++;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void a_reload_acts_on_windows_that_are_running(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    run_once(&f, "a", END_FAILED);
    f.now += 2 * HOUR;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    fixture_policy(&f)->cooldown_ms = 3 * HOUR;
    fixture_configure(&f);
    assert_int_equal(engine_next(f.engine), START + 3 * HOUR);
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    assert_int_equal(f.effects.decisions[0].until, START + 3 * HOUR);
    fixture_policy(&f)->cooldown_ms = HOUR;
    fixture_configure(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void keys_of_a_removed_route_are_forgotten_by_the_defaults(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->cooldown_ms = 100 * HOUR;
    fixture_policy(&f)->rearm_after_ms = 0;
    run_once(&f, "a", END_RAN);
    f.routes[0] = f.routes[1];
    fixture_configure(&f);
    assert_says(fire(&f, "a"), IGNORED, NO_ROUTE);
    assert_says(resolve(&f, "a"), RESOLVED, NOTED);
    assert_int_equal(engine_n_keys(f.engine), 1);
    while (engine_next(f.engine) != INT64_MAX) {
        f.now = engine_next(f.engine);
        timers(&f);
        assert_true(f.now <= START + 24 * HOUR);
    }
    assert_int_equal(engine_n_keys(f.engine), 0);
    assert_string_equal(f.effects.removed[0], KEY);
    fixture_clear(&f);
}

static void a_key_is_forgotten_when_its_last_window_ends(void **state)
{
    (void)state;
    struct fixture f;
    int64_t until;
    fixture_init(&f);
    run_once(&f, "a", END_RAN);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    assert_string_equal(engine_key_state(f.engine, the_key(&f), f.now, &until), "cooldown");
    f.now += 15 * MINUTE;
    timers(&f);
    assert_int_equal(f.effects.n_changed, 1);
    f.now = START + 6 * HOUR - 1;
    timers(&f);
    assert_string_equal(engine_key_state(f.engine, the_key(&f), f.now, &until), "cooldown");
    assert_int_equal(until, START + 6 * HOUR);
    f.now++;
    timers(&f);
    assert_int_equal(f.effects.n_removed, 1);
    assert_int_equal(f.effects.n_changed, 0);
    assert_null(engine_find_key(f.engine, KEY));
    assert_int_equal(engine_next(f.engine), INT64_MAX);
    fixture_clear(&f);
}

static void windows_that_are_over_at_the_end_are_forgotten_with_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->cooldown_ms = MINUTE;
    fixture_policy(&f)->settle_ms = MINUTE;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += HOUR;
    ended(&f, END_RAN);
    assert_int_equal(f.effects.n_removed, 1);
    assert_int_equal(engine_n_keys(f.engine), 0);
    fixture_clear(&f);
}

static void a_thousand_keys_are_decided_at_a_time(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    fixture_policy(&f)->hold_ms = MINUTE;
    fixture_policy(&f)->budget.max = 0;
    for (unsigned i = 0; i < 1001; i++) {
        char model[8];
        (void)snprintf(model, sizeof(model), "%u", i);
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "a", model, START);
        body_post(&f, false);
        assert_says(&f.effects.decisions[0], HELD, HOLD);
    }
    f.now += MINUTE;
    for (size_t turn = 0; turn < 2; turn++) {
        effects_clear(&f.effects);
        assert_int_equal(engine_timers(f.engine, f.now, (struct wall){START}, &f.effects, &err), 0);
        assert_int_equal(f.effects.n_created, turn == 0 ? 1000 : 1);
        assert_int_equal(engine_next(f.engine) <= f.now, turn == 0);
    }
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_windows_count_from_the_last_post),
        cmocka_unit_test(quiet_for_settle_arms_and_the_cooldown_stays),
        cmocka_unit_test(settled_while_it_ran_means_its_end_disarms_nothing),
        cmocka_unit_test(rearm_after_arms_a_key_that_fires_on),
        cmocka_unit_test(a_failed_run_arms_and_cools_down),
        cmocka_unit_test(a_reload_acts_on_windows_that_are_running),
        cmocka_unit_test(keys_of_a_removed_route_are_forgotten_by_the_defaults),
        cmocka_unit_test(a_key_is_forgotten_when_its_last_window_ends),
        cmocka_unit_test(windows_that_are_over_at_the_end_are_forgotten_with_it),
        cmocka_unit_test(a_thousand_keys_are_decided_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
