/* Two routes to two targets: each has its keys, its policy, its pause and its slots. */
#include "tests/unit/engine_fixture.h"

#include <stdlib.h>

static char second_target[] = "second";

/* Targets as they stand in a config: an array of exactly two. */
static struct engine_target *init(struct fixture *f)
{
    struct error err = {0};
    fixture_init(f);
    struct engine_target *targets = calloc(2, sizeof(*targets));
    assert_non_null(targets);
    targets[0].name = fixture_target;
    targets[1].name = second_target;
    f->routes[1].target = second_target;
    f->config.targets = targets;
    f->config.n_targets = 2;
    assert_int_equal(engine_configure(f->engine, &f->config, f->now, &err), 0);
    return targets;
}

static void clear(struct fixture *f, struct engine_target *targets)
{
    fixture_clear(f);
    free(targets);
}

/* One alert of this model; the action tells the route. */
static const struct decision *post_to(struct fixture *f, const char *action, enum alert_kind kind,
                                      const char *model)
{
    body_begin(f);
    (void)body_add(f, kind, "a", model, START);
    f->labels[0][0].value = action;
    body_post(f, false);
    return &f->effects.decisions[0];
}

static void each_target_has_its_own_slots(void **state)
{
    (void)state;
    struct fixture f;
    struct engine_target *targets = init(&f);
    for (size_t i = 0; i < 2; i++)
        targets[i].budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
    targets[1].budget.max = 2;
    f.routes[0].policy.budget.max = f.routes[1].policy.budget.max = 0;
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m1"), DISPATCH, FIRST);
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m2"), SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m1"), DISPATCH, FIRST);
    assert_string_equal(f.effects.created[0].route, "other");
    assert_string_equal(f.effects.created[0].target, "second");
    assert_string_equal(f.effects.created[0].key, "other/m1");
    assert_says(post_to(&f, "again", ALERT_FIRING, "m0"), DISPATCH, FIRST);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m2"), SUPPRESSED, BUDGET);
    body_post(&f, true);
    assert_says(&f.effects.decisions[0], SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m2"), SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "again", ALERT_RESOLVED, "m1"), RESOLVED, CANCELLED);
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m2"), SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m2"), DISPATCH, FIRST);
    clear(&f, targets);
}

static void each_route_has_its_own_slots_keys_and_hold(void **state)
{
    (void)state;
    struct fixture f;
    struct engine_target *targets = init(&f);
    f.routes[1].policy.hold_ms = MINUTE;
    f.routes[1].policy.budget.max = 1;
    f.routes[1].policy.max_keys = 2;
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m1"), DISPATCH, FIRST);
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m2"), DISPATCH, FIRST);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m1"), HELD, HOLD);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m2"), HELD, HOLD);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m3"), SUPPRESSED, LIMIT);
    assert_int_equal(engine_next(f.engine), START + MINUTE);
    f.now += MINUTE;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 2);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    assert_string_equal(f.effects.outcomes[0].route, "other");
    assert_string_equal(f.effects.outcomes[0].key, "other/m1");
    assert_says(&f.effects.outcomes[1], SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m3"), DISPATCH, FIRST);
    f.routes[1].policy.hold_ms = 0;
    assert_says(post_to(&f, "again", ALERT_FIRING, "m2"), SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "again", ALERT_RESOLVED, "m1"), RESOLVED, CANCELLED);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m2"), DISPATCH, FIRST);
    clear(&f, targets);
}

static void a_request_is_redelivered_to_where_it_went(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    struct decision d;
    struct engine_target *targets = init(&f);
    targets[0].budget = targets[1].budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
    /* Its route goes to another target by now. */
    const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                 .key = KEY,
                                 .route = "kospi",
                                 .target = "second",
                                 .inputs = "{}",
                                 .now = f.now,
                                 .wall = {START}};
    effects_clear(&f.effects);
    assert_int_equal(engine_redeliver(f.engine, &r, &f.effects, &d, &err), 0);
    assert_says(&d, DISPATCH, FIRST);
    assert_ptr_equal(f.effects.created[0].target, second_target);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m1"), SUPPRESSED, BUDGET);
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m2"), DISPATCH, FIRST);
    /* Given back where it was taken. */
    ended(&f, END_NOTHING_RAN);
    assert_says(post_to(&f, "again", ALERT_FIRING, "m1"), DISPATCH, FIRST);
    struct redelivery gone = r;
    gone.target = "third";
    assert_int_equal(engine_redeliver(f.engine, &gone, &f.effects, &d, &err), 0);
    assert_says(&d, IGNORED, NO_ROUTE);
    clear(&f, targets);
}

/* The request that died with its stale member had a slot of one target, the new one takes
 * another's. */
static void a_redelivery_that_frees_a_slot_wakes_who_waits_for_it(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    struct decision d;
    struct engine_target *targets = init(&f);
    targets[0].budget = (struct budget_policy){.max = 1, .per_ms = 24 * HOUR};
    f.routes[0].policy.when_blocked = WHEN_BLOCKED_DEFER;
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m1"), DISPATCH, FIRST);
    f.now += HOUR;
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m2"), DEFERRED, BUDGET);
    f.now += 8 * HOUR;
    const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                 .key = KEY,
                                 .route = "kospi",
                                 .target = "second",
                                 .inputs = "{}",
                                 .now = f.now,
                                 .wall = {START}};
    effects_clear(&f.effects);
    assert_int_equal(engine_redeliver(f.engine, &r, &f.effects, &d, &err), 0);
    assert_int_equal(f.effects.n_cancelled, 1);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    assert_string_equal(f.effects.outcomes[0].key, "kospi/m2");
    clear(&f, targets);
}

static void a_target_that_nobody_configured_has_no_budget(void **state)
{
    (void)state;
    struct fixture f;
    struct engine_target *targets = init(&f);
    static char unknown[] = "unknown";
    f.routes[0].target = unknown;
    assert_says(post_to(&f, "retrain", ALERT_FIRING, "m1"), DISPATCH, FIRST);
    clear(&f, targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_has_its_own_slots),
        cmocka_unit_test(each_route_has_its_own_slots_keys_and_hold),
        cmocka_unit_test(a_request_is_redelivered_to_where_it_went),
        cmocka_unit_test(a_redelivery_that_frees_a_slot_wakes_who_waits_for_it),
        cmocka_unit_test(a_target_that_nobody_configured_has_no_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
