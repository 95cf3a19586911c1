/* Deferrals whose block was ended by an event: when they are asked, and who is first. */
#include "tests/unit/engine_fixture.h"

static void defer(struct fixture *f)
{
    struct policy *p = fixture_policy(f);
    p->when_blocked = WHEN_BLOCKED_DEFER;
    p->rearm = REARM_COOLDOWN;
    p->cooldown_ms = 0;
    p->retry_after_ms = 0;
    fixture_configure(f);
}

static void start_after(struct fixture *f, int64_t down_ms)
{
    struct error err = {0};
    f->now += down_ms;
    assert_int_equal(engine_started(f->engine, f->now, engine_wait_until(f->now, down_ms, 0), &err),
                     0);
}

static void a_deferral_whose_request_was_cut_waits_after_the_start(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    defer(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    assert_says(fire(&f, "b"), DEFERRED, RUNNING);
    start_after(&f, 5 * MINUTE);
    ended(&f, END_RAN); /* found cut between POST and answer */
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    assert_int_equal(engine_next(f.engine), f.now + 5 * MINUTE);
    f.now += 5 * MINUTE;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

static void a_rearm_does_not_cut_the_wait_short(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    defer(&f);
    fixture_policy(&f)->cooldown_ms = HOUR;
    run_once(&f, "a", END_RAN);
    assert_says(fire(&f, "b"), DEFERRED, COOLDOWN);
    start_after(&f, HOUR);
    effects_clear(&f.effects);
    assert_int_equal(engine_rearm(f.engine, KEY, f.now, &f.effects, &err), 0);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    f.now += ENGINE_WAIT_MAX_MS;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

/* An old slot that left the window long ago says nothing about when the one at hand became free. */
static void the_oldest_deferral_is_asked_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    defer(&f);
    fixture_policy(&f)->budget = (struct budget_policy){1, HOUR};
    fixture_policy(&f)->stale_after_ms = 48 * HOUR;
    run_once(&f, "old", END_RAN);
    f.now += 2 * HOUR;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += MINUTE;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "c", "m2", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], DEFERRED, BUDGET);
    f.now += MINUTE;
    assert_says(fire(&f, "b"), DEFERRED, RUNNING);
    ended(&f, END_REFUSED);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 2);
    assert_string_equal(f.effects.outcomes[0].key, "kospi/m2");
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    assert_says(&f.effects.outcomes[1], DEFERRED, BUDGET);
    fixture_clear(&f);
}

/* Once a look ahead moved the engine's own time on, and timers waited for it. */
static void a_dry_run_in_the_future_moves_no_timer(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    open_request(&f, id);
    f.now += 5 * HOUR;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m1", START);
    body_post(&f, true);
    f.now = START + MINUTE;
    effects_clear(&f.effects);
    fixture_policy(&f)->stale_after_ms = HOUR;
    assert_int_equal(engine_not_executed(f.engine, KEY, id, &f.effects, &err), 0);
    assert_int_equal(engine_next(f.engine), START + HOUR);
    fixture_clear(&f);
}

/* A reload makes three holds be over at once: the smaller text is asked first, however long each is
 * over. */
static void holds_that_a_reload_ends_are_asked_in_the_order_of_their_keys(void **state)
{
    (void)state;
    struct fixture f;
    static const char *const models[] = {"m3", "m2", "m1"};
    fixture_init(&f);
    fixture_policy(&f)->hold_ms = HOUR;
    fixture_policy(&f)->budget = (struct budget_policy){.max = 1, .per_ms = 24 * HOUR};
    for (size_t i = 0; i < 3; i++) {
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "a", models[i], START);
        body_post(&f, false);
        assert_says(&f.effects.decisions[0], HELD, HOLD);
        f.now += MINUTE;
    }
    fixture_policy(&f)->hold_ms = SECOND;
    fixture_configure(&f);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 3);
    assert_string_equal(f.effects.outcomes[0].key, "kospi/m1");
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    assert_says(&f.effects.outcomes[1], SUPPRESSED, BUDGET);
    fixture_clear(&f);
}

/* Two keys whose request was cut: the start finds both over. */
static void all_that_a_start_finds_over_waits(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    defer(&f);
    for (int i = 0; i < 3; i++) {
        static const char *const texts[] = {"kospi/m1", "kospi/m2", "kospi/m3"};
        struct key *k = key_new(texts[i], "kospi");
        assert_non_null(k);
        assert_non_null(key_add_member(k, "grafana", "a"));
        k->members[0].heard_at = START;
        (void)snprintf(k->members[0].notification, ULID_SIZE, "01JD0000000000000000000000");
        k->deferred_at = START + i;
        k->deferred_for = REASON_RUNNING;
        key_all_wait(k);
        assert_int_equal(engine_restore_key(f.engine, k, &err), 0);
    }
    f.now += MINUTE;
    start_after(&f, 2 * MINUTE);
    assert_int_equal(engine_next(f.engine), f.now + 2 * MINUTE);
    f.now += 2 * MINUTE - 1;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    f.now++;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 3);
    for (size_t i = 0; i < 3; i++)
        assert_says(&f.effects.outcomes[i], DISPATCH, FIRST);
    fixture_clear(&f);
}

static void what_is_deferred_after_the_start_does_not_wait_for_it(void **state)
{
    (void)state;
    static const char *const before[] = {"an idle key", "a deferral that a redelivery ended",
                                         "a deferral that a resolve ended"};
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        struct error err = {0};
        fixture_init(&f);
        print_message("%s\n", before[i]);
        defer(&f);
        assert_says(fire(&f, "a"), DISPATCH, FIRST);
        if (i > 0)
            assert_says(fire(&f, "b"), DEFERRED, RUNNING);
        ended(&f, END_NOTHING_RAN); /* the block of b is over when the relay starts */
        start_after(&f, 5 * MINUTE);
        f.now += SECOND;
        if (i == 1) {
            struct decision d;
            const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                         .key = KEY,
                                         .route = "kospi",
                                         .target = "retrain",
                                         .inputs = "{}",
                                         .now = f.now,
                                         .wall = {START}};
            effects_clear(&f.effects);
            assert_int_equal(engine_redeliver(f.engine, &r, &f.effects, &d, &err), 0);
            assert_says(&d, DISPATCH, FIRST);
        } else {
            assert_says(post_one(&f, ALERT_NO_DATA, "z", START), IGNORED, NO_DATA);
            (void)resolve(&f, "a");
            (void)resolve(&f, "b");
            assert_says(fire(&f, "a"), DISPATCH, FIRST);
        }
        assert_says(fire(&f, "c"), DEFERRED, RUNNING);
        f.now += SECOND;
        ended(&f, END_NOTHING_RAN);
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 1);
        assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

static void a_hold_that_is_deferred_in_the_wait_does_not_wait_for_it(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    defer(&f);
    fixture_policy(&f)->budget.max = 1;
    start_after(&f, 5 * MINUTE);
    fixture_policy(&f)->hold_ms = 10 * SECOND;
    assert_says(fire(&f, "a"), HELD, HOLD);
    fixture_policy(&f)->hold_ms = 0;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "z", "m9", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
    memcpy(id, f.effects.created[0].relay_id, ULID_SIZE);
    fixture_policy(&f)->hold_ms = 10 * SECOND;
    f.now += 10 * SECOND;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DEFERRED, BUDGET);
    fixture_policy(&f)->hold_ms = 0;
    f.now += SECOND;
    effects_clear(&f.effects);
    assert_int_equal(
        engine_ended(f.engine, "kospi/m9", id, END_NOTHING_RAN, f.now, &f.effects, &err), 0);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

/* Two slots an hour: the budget was free again when the relay started, so the deferral waits. Then
 * another key takes that slot, and the budget is spent anew, but only for two minutes more. */
static void a_slot_taken_in_the_wait_may_end_it_sooner(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    defer(&f);
    fixture_policy(&f)->budget = (struct budget_policy){.max = 2, .per_ms = HOUR};
    for (int i = 0; i < 2; i++)
        assert_int_equal(engine_restore_slot(f.engine, "kospi", "retrain", START + 3 * i * MINUTE,
                                             i == 0 ? "01JD0000000000000000000000"
                                                    : "01JD0000000000000000000001",
                                             &err),
                         0);
    f.now += 10 * MINUTE;
    assert_says(fire(&f, "a"), DEFERRED, BUDGET);
    assert_int_equal(f.effects.decisions[0].until, START + HOUR);
    f.now = START + HOUR + MINUTE - 6 * MINUTE;
    start_after(&f, 6 * MINUTE);
    assert_int_equal(engine_next(f.engine), START + HOUR + 7 * MINUTE);
    f.now += 10 * SECOND;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "z", "m9", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
    assert_int_equal(engine_next(f.engine), START + HOUR + 3 * MINUTE);
    f.now = START + HOUR + 3 * MINUTE;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

/* It was there before the start, and waited for nothing. */
static void an_idle_key_that_is_deferred_in_the_wait_is_asked_at_once(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    defer(&f);
    fixture_policy(&f)->budget.max = 1;
    assert_says(post_one(&f, ALERT_NO_DATA, "a", START), IGNORED, NO_DATA);
    start_after(&f, 5 * MINUTE);
    f.now += SECOND;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "z", "m9", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
    memcpy(id, f.effects.created[0].relay_id, ULID_SIZE);
    assert_says(fire(&f, "a"), DEFERRED, BUDGET);
    f.now += SECOND;
    effects_clear(&f.effects);
    assert_int_equal(
        engine_ended(f.engine, "kospi/m9", id, END_NOTHING_RAN, f.now, &f.effects, &err), 0);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_run_in_the_future_moves_no_timer),
        cmocka_unit_test(holds_that_a_reload_ends_are_asked_in_the_order_of_their_keys),
        cmocka_unit_test(a_deferral_whose_request_was_cut_waits_after_the_start),
        cmocka_unit_test(a_rearm_does_not_cut_the_wait_short),
        cmocka_unit_test(the_oldest_deferral_is_asked_first),
        cmocka_unit_test(all_that_a_start_finds_over_waits),
        cmocka_unit_test(what_is_deferred_after_the_start_does_not_wait_for_it),
        cmocka_unit_test(a_hold_that_is_deferred_in_the_wait_does_not_wait_for_it),
        cmocka_unit_test(a_slot_taken_in_the_wait_may_end_it_sooner),
        cmocka_unit_test(an_idle_key_that_is_deferred_in_the_wait_is_asked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
