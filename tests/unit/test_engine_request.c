/* The life of a request for its key: may it be POSTed, what its end leaves behind, and the windows
 * that follow. */
#include "tests/unit/engine_fixture.h"

static struct request_view view_of(const char *id, bool executed)
{
    return (struct request_view){
        .key = KEY, .relay_id = id, .created_at = START, .executed = executed, .expires_ms = HOUR};
}

static void a_request_may_be_posted_while_its_key_fires(void **state)
{
    (void)state;
    struct fixture f;
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    open_request(&f, id);
    struct request_view r = view_of(id, false);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST);
    set_stop(&f, true);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_WAIT);
    set_stop(&f, false);
    assert_int_equal(engine_expires_at(f.engine, &r), START + 6 * HOUR);
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR - 1), MAY_POST);
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR), MAY_POST_EXPIRED);
    r.executed = true;
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR), MAY_POST);
    fixture_clear(&f);
}

static void an_unexecuted_request_dies_with_its_incident(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    open_request(&f, id);
    posting(&f);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    struct request_view executed = view_of(id, true), r = view_of(id, false);
    assert_int_equal(engine_may_post(f.engine, &executed, f.now), MAY_POST);
    effects_clear(&f.effects);
    assert_int_equal(engine_not_executed(f.engine, KEY, id, &f.effects, &err), 0);
    assert_int_equal(f.effects.n_changed, 1);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_RESOLVED);
    /* It fires again before anybody asked: the request goes on. */
    assert_says(fire(&f, "b"), SUPPRESSED, RUNNING);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST);
    fixture_clear(&f);
}

static void a_request_of_a_forgotten_key_expires_by_its_own_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct request_view r = view_of("01JD0000000000000000000000", false);
    assert_int_equal(engine_expires_at(f.engine, &r), START + HOUR);
    assert_int_equal(engine_may_post(f.engine, &r, START), MAY_POST_RESOLVED);
    assert_int_equal(engine_may_post(f.engine, &r, START + HOUR), MAY_POST_EXPIRED);
    r.expires_ms = INT64_MAX;
    assert_int_equal(engine_expires_at(f.engine, &r), INT64_MAX);
    fixture_clear(&f);
}

static void what_is_said_of_another_request_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    static const char other[] = "01JD0000000000000000000000";
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    SCOPED(buf_free) struct buf before = BUF_INIT(65536);
    SCOPED(buf_free) struct buf after = BUF_INIT(65536);
    state_text(&f, &before);
    effects_clear(&f.effects);
    assert_int_equal(engine_posting(f.engine, KEY, other, f.now, &f.effects, &err), 0);
    assert_int_equal(engine_not_executed(f.engine, KEY, other, &f.effects, &err), 0);
    assert_int_equal(engine_ended(f.engine, KEY, other, END_RAN, f.now, &f.effects, &err), 0);
    assert_int_equal(engine_ended(f.engine, "kospi/m9", other, END_RAN, f.now, &f.effects, &err),
                     0);
    state_text(&f, &after);
    assert_string_equal(buf_text(&after), buf_text(&before));
    assert_int_equal(f.effects.n_changed, 0);
    fixture_clear(&f);
}

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

static void a_refusal_gives_the_slot_back_and_waits(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 1;
    f.target.budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
    run_once(&f, "a", END_REFUSED);
    f.now += 15 * MINUTE - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    f.now++;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    ended(&f, END_NOTHING_RAN); /* cancelled in time: not even a pause */
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    ended(&f, END_FAILED); /* this one is spent */
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], SUPPRESSED, BUDGET);
    fixture_clear(&f);
}

static void a_dry_run_changes_nothing_and_says_the_same(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 2;
    fixture_policy(&f)->max_keys = 3;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    body_begin(&f);
    (void)body_add(&f, ALERT_RESOLVED, "a", "m1", START); /* gives a slot back */
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    (void)body_add(&f, ALERT_NO_DATA, "c", "m2", START);
    (void)body_add(&f, ALERT_FIRING, "d", "m3", START);
    (void)body_add(&f, ALERT_FIRING, "e", "m4", START);
    SCOPED(buf_free) struct buf before = BUF_INIT(65536);
    state_text(&f, &before);
    enum reason dry[5];
    for (int times = 0; times < 2; times++) {
        SCOPED(buf_free) struct buf after = BUF_INIT(65536);
        body_post(&f, true);
        state_text(&f, &after);
        assert_string_equal(buf_text(&after), buf_text(&before));
        assert_int_equal(f.effects.n_changed + f.effects.n_created + f.effects.n_cancelled +
                             f.effects.n_removed,
                         0);
        for (size_t i = 0; i < 5; i++) {
            dry[i] = f.effects.decisions[i].reason;
            assert_string_equal(f.effects.decisions[i].relay_id, "");
        }
    }
    body_post(&f, false);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(f.effects.decisions[i].reason, dry[i]);
    assert_says(&f.effects.decisions[0], RESOLVED, CANCELLED);
    assert_says(&f.effects.decisions[1], DISPATCH, FIRST);
    assert_says(&f.effects.decisions[3], DISPATCH, FIRST);
    assert_says(&f.effects.decisions[4], SUPPRESSED, LIMIT);
    fixture_clear(&f);
}

static void a_dry_run_sees_the_budget_it_would_spend(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 1;
    for (int dry = 1; dry >= 0; dry--) {
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "a", "m1", START);
        (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
        body_post(&f, dry == 1);
        assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
        assert_says(&f.effects.decisions[1], SUPPRESSED, BUDGET);
        assert_int_equal(f.effects.decisions[1].until, START + 24 * HOUR);
    }
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

static void restored_slots_and_keys_count(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 1;
    fixture_policy(&f)->max_keys = 1;
    assert_int_equal(engine_restore_slot(f.engine, "kospi", "retrain", START - HOUR,
                                         "01JD0000000000000000000000", &err),
                     0);
    struct key *k = key_new(KEY, "kospi");
    assert_non_null(k);
    k->retry_from = START - MINUTE;
    assert_int_equal(engine_restore_key(f.engine, k, &err), 0);
    assert_int_equal(engine_next(f.engine), START + 14 * MINUTE);
    assert_int_not_equal(engine_restore_key(f.engine, key_new(KEY, "kospi"), &err), 0);
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], SUPPRESSED, LIMIT);
    f.now += 14 * MINUTE;
    assert_says(fire(&f, "a"), SUPPRESSED, BUDGET);
    assert_int_equal(f.effects.decisions[0].until, START + 23 * HOUR);
    fixture_clear(&f);
}

static void the_end_of_a_request_leaves_no_trace_of_it(void **state)
{
    (void)state;
    static const enum request_end ends[] = {END_NOTHING_RAN, END_REFUSED, END_RAN, END_FAILED};
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        fixture_init(&f);
        fixture_policy(&f)->rearm_after_ms = 0;
        assert_says(fire(&f, "a"), DISPATCH, FIRST);
        assert_says(fire(&f, "b"), SUPPRESSED, RUNNING);
        assert_says(resolve(&f, "b"), RESOLVED, NOTED);
        posting(&f);
        ended(&f, ends[i]);
        const struct key *k = the_key(&f);
        assert_string_equal(k->relay_id, "");
        assert_int_equal(k->posted_at, 0);
        assert_false(k->executed);
        assert_false(k->by_operator);
        assert_false(k->members[0].in_request);
        assert_int_equal(k->disarmed_at, ends[i] == END_RAN ? START : 0);
        fixture_clear(&f);
    }
}

static void members_of_a_request_that_never_ran_are_free_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "a", "m1", START);
    (void)body_add(&f, ALERT_FIRING, "b", "m1", START);
    body_post(&f, false);
    ended(&f, END_NOTHING_RAN);
    assert_says(fire(&f, "b"), DISPATCH, JOINED);
    fixture_clear(&f);
}

/* Its member went stale at the same time: the request ends as it is told, not a second time. */
static void a_request_ends_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += 9 * HOUR;
    ended(&f, END_REFUSED);
    assert_int_equal(f.effects.n_cancelled + f.effects.n_outcomes, 0);
    assert_int_equal(the_key(&f)->retry_from, f.now);
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

static void a_refused_post_may_be_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    open_request(&f, id);
    effects_clear(&f.effects);
    assert_int_equal(engine_not_executed(f.engine, KEY, id, &f.effects, &err), 0);
    assert_false(the_key(&f)->executed);
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_cancelled, 1);
    fixture_clear(&f);
}

static void a_new_request_was_never_posted_and_its_key_not_quiet_since(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    run_once(&f, "a", END_FAILED);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += 15 * MINUTE;
    timers(&f);
    assert_true(the_key(&f)->settled);
    f.now = START + 6 * HOUR - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    f.now++;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    assert_false(the_key(&f)->settled);
    assert_false(the_key(&f)->executed);
    assert_int_equal(the_key(&f)->posted_at, 0);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_may_be_posted_while_its_key_fires),
        cmocka_unit_test(an_unexecuted_request_dies_with_its_incident),
        cmocka_unit_test(a_request_of_a_forgotten_key_expires_by_its_own_time),
        cmocka_unit_test(what_is_said_of_another_request_changes_nothing),
        cmocka_unit_test(the_windows_count_from_the_last_post),
        cmocka_unit_test(quiet_for_settle_arms_and_the_cooldown_stays),
        cmocka_unit_test(settled_while_it_ran_means_its_end_disarms_nothing),
        cmocka_unit_test(rearm_after_arms_a_key_that_fires_on),
        cmocka_unit_test(a_failed_run_arms_and_cools_down),
        cmocka_unit_test(a_refusal_gives_the_slot_back_and_waits),
        cmocka_unit_test(a_dry_run_changes_nothing_and_says_the_same),
        cmocka_unit_test(a_dry_run_sees_the_budget_it_would_spend),
        cmocka_unit_test(a_reload_acts_on_windows_that_are_running),
        cmocka_unit_test(keys_of_a_removed_route_are_forgotten_by_the_defaults),
        cmocka_unit_test(a_key_is_forgotten_when_its_last_window_ends),
        cmocka_unit_test(restored_slots_and_keys_count),
        cmocka_unit_test(the_end_of_a_request_leaves_no_trace_of_it),
        cmocka_unit_test(members_of_a_request_that_never_ran_are_free_again),
        cmocka_unit_test(a_request_ends_once),
        cmocka_unit_test(windows_that_are_over_at_the_end_are_forgotten_with_it),
        cmocka_unit_test(a_refused_post_may_be_cancelled),
        cmocka_unit_test(a_new_request_was_never_posted_and_its_key_not_quiet_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
