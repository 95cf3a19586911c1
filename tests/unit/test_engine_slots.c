/* Slots of a budget: who takes them, who gives them back, and who was waiting for one. */
#include "tests/unit/engine_fixture.h"

static void init(struct fixture *f)
{
    fixture_init(f);
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    fixture_policy(f)->stale_after_ms = 100 * HOUR;
}

/* The one outcome of the event at hand, of key m1. */
static const struct decision *outcome(const struct fixture *f)
{
    assert_int_equal(f->effects.n_outcomes, 1);
    assert_string_equal(f->effects.outcomes[0].key, KEY);
    return &f->effects.outcomes[0];
}

static const struct decision *fire_other(struct fixture *f, const char *model)
{
    body_begin(f);
    (void)body_add(f, ALERT_FIRING, "z", model, START);
    body_post(f, false);
    return &f->effects.decisions[0];
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

static void the_oldest_deferral_gets_the_slot(void **state)
{
    (void)state;
    for (int alike = 0; alike < 2; alike++) { /* deferred at the same time: by the key's text */
        struct fixture f;
        init(&f);
        fixture_policy(&f)->budget.max = 1;
        assert_says(fire_other(&f, "m9"), DISPATCH, FIRST);
        char spent_by[ULID_SIZE];
        memcpy(spent_by, f.effects.created[0].relay_id, ULID_SIZE);
        assert_says(fire_other(&f, alike ? "m3" : "m2"), DEFERRED, BUDGET);
        f.now += alike ? 0 : SECOND;
        assert_says(fire(&f, "a"), DEFERRED, BUDGET);
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 0);
        struct error err = {0};
        effects_clear(&f.effects);
        assert_int_equal(
            engine_ended(f.engine, "kospi/m9", spent_by, END_NOTHING_RAN, f.now, &f.effects, &err),
            0);
        timers(&f); /* one dispatch; the other waits on for the same block, without a word */
        assert_int_equal(f.effects.n_outcomes, 1);
        assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
        assert_string_equal(f.effects.outcomes[0].key, alike ? KEY : "kospi/m2");
        assert_int_equal(f.effects.n_created, 1);
        f.now += 24 * HOUR;
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 1);
        assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
        assert_string_equal(f.effects.outcomes[0].key, alike ? "kospi/m3" : KEY);
        fixture_clear(&f);
    }
}

static const struct decision *outcome_of(const struct fixture *f, const char *key)
{
    for (size_t i = 0; i < f->effects.n_outcomes; i++) {
        if (strcmp(f->effects.outcomes[i].key, key) == 0)
            return &f->effects.outcomes[i];
    }
    fail_msg("no outcome of %s", key);
    return f->effects.outcomes;
}

/* Whatever other keys did before, however often the waiting one was looked at. */
static void a_slot_given_back_wakes_who_waits_for_it(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 8; before++) {
        for (unsigned since = 0; since < 3; since++) {
            struct fixture f;
            init(&f);
            fixture_policy(&f)->min_alerts = 2;
            for (unsigned i = 0; i < before; i++)
                assert_says(fire_other(&f, "m7"), SUPPRESSED, BELOW_MIN);
            assert_says(fire_other(&f, "m8"), SUPPRESSED, BELOW_MIN);
            fixture_policy(&f)->min_alerts = 1;
            fixture_policy(&f)->budget.max = 1;
            assert_says(fire_other(&f, "m9"), DISPATCH, FIRST);
            assert_says(fire(&f, "a"), DEFERRED, BUDGET);
            for (unsigned i = 0; i < since; i++)
                assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
            body_begin(&f);
            (void)body_add(&f, ALERT_RESOLVED, "z", "m8", START); /* this key is forgotten */
            body_post(&f, false);
            assert_int_equal(f.effects.n_removed, 1);
            timers(&f);
            assert_int_equal(f.effects.n_outcomes, 0);
            body_begin(&f);
            (void)body_add(&f, ALERT_RESOLVED, "z", "m9", START);
            body_post(&f, false);
            assert_says(&f.effects.decisions[0], RESOLVED, CANCELLED);
            timers(&f);
            assert_says(outcome(&f), DISPATCH, FIRST);
            fixture_clear(&f);
        }
    }
}

static void a_slot_that_time_gives_back_is_taken_at_once(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    fixture_policy(&f)->budget.max = 1;
    fixture_policy(&f)->stale_after_ms = 2 * HOUR;
    assert_says(fire_other(&f, "m9"), DISPATCH, FIRST);
    f.now += HOUR;
    assert_says(fire(&f, "a"), DEFERRED, BUDGET);
    f.now += HOUR;
    timers(&f); /* m9's only member is stale: its request was never POSTed */
    assert_int_equal(f.effects.n_cancelled, 1);
    assert_int_equal(f.effects.n_outcomes, 2);
    assert_says(outcome_of(&f, "kospi/m9"), RESOLVED, CANCELLED);
    assert_says(outcome_of(&f, KEY), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void a_rearm_that_frees_a_slot_wakes_who_waits_for_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 1;
    fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DEFER;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += HOUR;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], DEFERRED, BUDGET);
    f.now += 8 * HOUR;
    struct error err = {0};
    effects_clear(&f.effects);
    assert_int_equal(engine_rearm(f.engine, KEY, f.now, &f.effects, &err),
                     0); /* a went stale, and its request with it */
    assert_int_equal(f.effects.n_cancelled, 1);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    assert_string_equal(f.effects.outcomes[0].key, "kospi/m2");
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_gives_the_slot_back_and_waits),
        cmocka_unit_test(restored_slots_and_keys_count),
        cmocka_unit_test(a_dry_run_sees_the_budget_it_would_spend),
        cmocka_unit_test(the_oldest_deferral_gets_the_slot),
        cmocka_unit_test(a_slot_given_back_wakes_who_waits_for_it),
        cmocka_unit_test(a_slot_that_time_gives_back_is_taken_at_once),
        cmocka_unit_test(a_rearm_that_frees_a_slot_wakes_who_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
