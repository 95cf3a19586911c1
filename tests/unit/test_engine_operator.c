/* What operators do to a key: rearm, redeliver. */
#include "tests/unit/engine_fixture.h"

#define OLD    "01JA0000000000000000000000"
#define INPUTS "{\"model\":\"as it was\"}"

static void pause_of(struct fixture *f, enum engine_scope scope, const char *name, bool paused)
{
    struct error err = {0};
    assert_int_equal(engine_set_paused(f->engine, scope, name, paused, f->now, &err), 0);
}

static const struct decision *redeliver_to(struct fixture *f, const char *route, const char *target)
{
    static struct decision d;
    struct error err = {0};
    const struct redelivery r = {.relay_id = OLD,
                                 .key = KEY,
                                 .route = route,
                                 .target = target,
                                 .inputs = INPUTS,
                                 .now = f->now,
                                 .wall = {START}};
    effects_clear(&f->effects);
    assert_int_equal(engine_redeliver(f->engine, &r, &f->effects, &d, &err), 0);
    return &d;
}

static const struct decision *redeliver(struct fixture *f)
{
    return redeliver_to(f, "kospi", "retrain");
}

static void rearm(struct fixture *f)
{
    struct error err = {0};
    effects_clear(&f->effects);
    assert_int_equal(engine_rearm(f->engine, KEY, f->now, &f->effects, &err), 0);
}

static void rearm_ends_disarming_cooldown_and_retry_after(void **state)
{
    (void)state;
    static const struct {
        enum request_end end;
        int64_t rearm_after_ms;
    } cases[] = {{END_RAN, HOUR}, {END_RAN, 0}, {END_FAILED, HOUR}, {END_REFUSED, HOUR}};
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    assert_int_equal(engine_rearm(f.engine, KEY, f.now, &f.effects, &err), ENGINE_NO_KEY);
    fixture_clear(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fixture_init(&f);
        fixture_policy(&f)->rearm_after_ms = cases[i].rearm_after_ms;
        run_once(&f, "a", cases[i].end);
        rearm(&f);
        assert_int_equal(f.effects.n_changed, 1);
        assert_int_equal(the_key(&f)->disarmed_at, 0);
        assert_int_equal(the_key(&f)->cooldown_from, 0);
        assert_int_equal(the_key(&f)->retry_from, 0);
        assert_says(fire(&f, "a"), DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

static void rearm_wakes_a_deferral_and_forgets_an_idle_key(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DEFER;
    run_once(&f, "a", END_FAILED);
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    rearm(&f);
    assert_int_equal(the_key(&f)->cooldown_from, 0);
    assert_int_equal(the_key(&f)->retry_from, 0);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    fixture_clear(&f);

    fixture_init(&f);
    run_once(&f, "a", END_RAN);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    rearm(&f);
    assert_int_equal(f.effects.n_removed, 1);
    assert_int_equal(engine_n_keys(f.engine), 0);
    fixture_clear(&f);
}

static void what_went_stale_leaves_before_a_rearm(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += 9 * HOUR;
    rearm(&f);
    assert_int_equal(f.effects.n_cancelled, 1);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_removed, 1);
    fixture_clear(&f);
}

static void a_redelivery_is_a_new_request_with_the_old_inputs(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->expires_ms = 3 * HOUR;
    fixture_policy(&f)->budget.max = 1;
    pause_of(&f, ENGINE_ROUTE, "kospi", true);
    pause_of(&f, ENGINE_TARGET, "retrain", true);
    const struct decision *d = redeliver(&f); /* of a key that was forgotten, while it is paused */
    assert_says(d, DISPATCH, FIRST);
    assert_int_equal(f.effects.n_created, 1);
    const struct created_request *made = &f.effects.created[0];
    assert_string_equal(made->relay_id, d->relay_id);
    assert_true(ulid_is_valid(made->relay_id));
    assert_string_not_equal(made->relay_id, OLD);
    assert_string_equal(made->replaces, OLD);
    assert_string_equal(made->inputs, INPUTS);
    assert_string_equal(made->notification, "");
    assert_string_equal(made->route, "kospi");
    assert_ptr_equal(made->target, f.target.name); /* the config's */
    assert_string_equal(made->key, KEY);
    assert_int_equal(made->cause, CAUSE_REDELIVER);
    assert_int_equal(made->expires_ms, 3 * HOUR);
    assert_int_equal(f.n_inputs, 0);
    assert_int_equal(f.effects.n_changed, 1);
    assert_string_equal(the_key(&f)->relay_id, d->relay_id);
    assert_true(the_key(&f)->by_operator);
    pause_of(&f, ENGINE_ROUTE, "kospi", false);
    pause_of(&f, ENGINE_TARGET, "retrain", false);
    /* It counts in the budget, which does not stop it. */
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], SUPPRESSED, BUDGET);
    ended(&f, END_RAN);
    assert_says(redeliver(&f), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void a_redelivery_passes_all_but_the_stop_file_and_an_open_request(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    run_once(&f, "a", END_RAN);
    set_stop(&f, true);
    assert_says(redeliver(&f), SUPPRESSED, PAUSED);
    set_stop(&f, false);
    assert_says(redeliver_to(&f, "gone", "retrain"), IGNORED, NO_ROUTE);
    assert_says(redeliver_to(&f, "kospi", "gone"), IGNORED, NO_ROUTE);
    assert_int_equal(f.effects.n_created, 0);
    assert_says(redeliver(&f), DISPATCH, FIRST); /* disarmed, cooling down */
    const struct decision *d = redeliver(&f);
    assert_says(d, SUPPRESSED, RUNNING);
    assert_string_equal(d->relay_id, the_key(&f)->relay_id);
    assert_int_equal(f.effects.n_created, 0);
    fixture_clear(&f);
}

static void a_redelivery_needs_room_for_its_key(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->max_keys = 1;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    body_post(&f, false);
    assert_says(redeliver(&f), SUPPRESSED, LIMIT);
    assert_int_equal(f.effects.n_created, 0);
    assert_int_equal(engine_n_keys(f.engine), 1);
    fixture_policy(&f)->max_keys = 2;
    assert_says(redeliver(&f), DISPATCH, FIRST);
    assert_int_equal(engine_n_keys(f.engine), 2);
    fixture_policy(&f)->max_keys = 3; /* both count */
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "b", "m3", START);
    (void)body_add(&f, ALERT_FIRING, "b", "m4", START);
    body_post(&f, false);
    assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
    assert_says(&f.effects.decisions[1], SUPPRESSED, LIMIT);
    fixture_clear(&f);
}

static void no_resolve_cancels_a_redelivery(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(redeliver(&f), DISPATCH, FIRST);
    struct request_view r = {.key = KEY,
                             .relay_id = OLD,
                             .route = "kospi",
                             .target = "retrain",
                             .created_at = START,
                             .by_operator = true};
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST); /* nothing fires */
    pause_of(&f, ENGINE_ROUTE, "kospi", true);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST);
    set_stop(&f, true);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_WAIT);
    set_stop(&f, false);
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR), MAY_POST_EXPIRED);
    pause_of(&f, ENGINE_ROUTE, "kospi", false);
    assert_says(fire(&f, "a"), SUPPRESSED, RUNNING);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    assert_int_equal(f.effects.n_cancelled, 0);
    assert_true(ulid_is_valid(the_key(&f)->relay_id));
    /* The next request is an alert's own again. */
    ended(&f, END_REFUSED);
    assert_false(the_key(&f)->by_operator);
    f.now += 15 * MINUTE;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    fixture_clear(&f);
}

static void a_redelivery_takes_the_place_of_hold_and_deferral(void **state)
{
    (void)state;
    for (int deferred = 0; deferred < 2; deferred++) {
        struct fixture f;
        fixture_init(&f);
        fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DEFER;
        if (deferred) {
            run_once(&f, "a", END_FAILED);
            assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
        } else {
            fixture_policy(&f)->hold_ms = MINUTE;
            assert_says(fire(&f, "a"), HELD, HOLD);
        }
        assert_says(post_one(&f, ALERT_NO_DATA, "b", START), IGNORED, NO_DATA);
        assert_says(redeliver(&f), DISPATCH, FIRST);
        assert_false(key_is_waiting(the_key(&f)));
        assert_false(the_key(&f)->members[0].waits);
        /* The members that are not blind belong to it. */
        assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
        assert_string_equal(f.effects.decisions[0].relay_id, the_key(&f)->relay_id);
        fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DROP;
        assert_says(fire(&f, "b"), SUPPRESSED, RUNNING);
        f.now += 7 * HOUR;
        timers(&f);
        assert_int_equal(f.effects.n_outcomes + f.effects.n_created, 0);
        fixture_clear(&f);
    }
}

static void what_went_stale_leaves_before_a_redelivery(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += 9 * HOUR;
    assert_says(redeliver(&f), DISPATCH, FIRST); /* the one that was open died with its member */
    assert_int_equal(f.effects.n_cancelled, 1);
    assert_int_equal(the_key(&f)->n_members, 0);
    fixture_clear(&f);
}

/* A key that a redelivery made is quiet since then. */
static void the_key_of_a_redelivery_settles(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(redeliver(&f), DISPATCH, FIRST);
    posting(&f);
    ended(&f, END_RAN);
    f.now += 15 * MINUTE - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, NOT_REARMED);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    fixture_clear(&f);
    fixture_init(&f);
    assert_says(redeliver(&f), DISPATCH, FIRST);
    posting(&f);
    ended(&f, END_RAN);
    f.now += 15 * MINUTE;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    fixture_clear(&f);
}

/* Quiet before the POST does not count: the run that follows disarms all the same. */
static void what_was_quiet_before_the_post_settles_after_it(void **state)
{
    (void)state;
    for (int settled = 0; settled < 2; settled++) {
        struct fixture f;
        fixture_init(&f);
        assert_says(redeliver(&f), DISPATCH, FIRST);
        f.now += settled ? 20 * MINUTE : 10 * MINUTE;
        timers(&f);
        posting(&f);
        f.now += 15 * MINUTE - 1;
        timers(&f);
        ended(&f, END_RAN);
        assert_int_equal(the_key(&f)->disarmed_at, f.now - (15 * MINUTE - 1));
        f.now++;
        timers(&f);
        assert_int_equal(the_key(&f)->disarmed_at, 0);
        fixture_clear(&f);
    }
}

/* Once the POST of a redelivery moved the time from which the key, disarmed by the run before,
 * counts as quiet, although that POST came to nothing. */
static void a_redelivery_that_is_refused_leaves_the_key_as_it_was(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    struct decision d = {0};
    char old[ULID_SIZE];
    fixture_init(&f);
    fixture_policy(&f)->cooldown_ms = 0;
    fixture_policy(&f)->retry_after_ms = 0;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    open_request(&f, old);
    posting(&f);
    ended(&f, END_RAN);
    f.now += MINUTE;
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += 5 * MINUTE;
    const struct redelivery r = {.relay_id = old,
                                 .key = KEY,
                                 .route = "kospi",
                                 .target = "retrain",
                                 .inputs = "{}",
                                 .now = f.now,
                                 .wall = {START}};
    effects_clear(&f.effects);
    assert_int_equal(engine_redeliver(f.engine, &r, &f.effects, &d, &err), 0);
    assert_says(&d, DISPATCH, FIRST);
    posting(&f);
    f.now += 11 * MINUTE; /* quiet for settle since the resolve */
    (void)post_one(&f, ALERT_NO_DATA, "a", START);
    ended(&f, END_REFUSED);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redelivery_that_is_refused_leaves_the_key_as_it_was),
        cmocka_unit_test(rearm_ends_disarming_cooldown_and_retry_after),
        cmocka_unit_test(rearm_wakes_a_deferral_and_forgets_an_idle_key),
        cmocka_unit_test(what_went_stale_leaves_before_a_rearm),
        cmocka_unit_test(a_redelivery_is_a_new_request_with_the_old_inputs),
        cmocka_unit_test(a_redelivery_passes_all_but_the_stop_file_and_an_open_request),
        cmocka_unit_test(a_redelivery_needs_room_for_its_key),
        cmocka_unit_test(no_resolve_cancels_a_redelivery),
        cmocka_unit_test(a_redelivery_takes_the_place_of_hold_and_deferral),
        cmocka_unit_test(what_went_stale_leaves_before_a_redelivery),
        cmocka_unit_test(the_key_of_a_redelivery_settles),
        cmocka_unit_test(what_was_quiet_before_the_post_settles_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
