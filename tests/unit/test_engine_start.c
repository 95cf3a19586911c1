/* The wait after a start: what fell due while the relay was down waits as long again, at most 6
 * minutes, so that a resolve that was refused meanwhile can arrive. What only forbids ends when it
 * ends. */
#include "tests/unit/engine_fixture.h"

#define DOWN (4 * MINUTE)

/* The relay went down after the last event and is up again at f->now. */
static void started(struct fixture *f, int64_t down_ms)
{
    struct error err = {0};
    assert_int_equal(engine_started(f->engine, f->now, engine_wait_until(f->now, down_ms, 0), &err),
                     0);
}

static void set_defer(struct fixture *f)
{
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    fixture_policy(f)->rearm = REARM_COOLDOWN;
    fixture_policy(f)->cooldown_ms = HOUR;
}

static void hold(struct fixture *f)
{
    fixture_policy(f)->hold_ms = HOUR;
    assert_says(fire(f, "a"), HELD, HOLD);
}

static void defer(struct fixture *f)
{
    set_defer(f);
    run_once(f, "b", END_RAN);
    assert_says(fire(f, "a"), DEFERRED, COOLDOWN);
}

static void grow_stale(struct fixture *f)
{
    fixture_policy(f)->stale_after_ms = HOUR;
    fixture_policy(f)->hold_ms = 2 * HOUR;
    assert_says(fire(f, "a"), HELD, HOLD);
}

static void settle(struct fixture *f)
{
    fixture_policy(f)->settle_ms = HOUR;
    run_once(f, "a", END_RAN);
    assert_says(resolve(f, "a"), RESOLVED, QUIET);
}

static bool is_over(const struct fixture *f)
{
    const struct key *k = engine_find_key(f->engine, KEY);
    return k == NULL || (!key_is_waiting(k) && (k->relay_id[0] != '\0' || k->disarmed_at == 0));
}

static void what_fell_due_while_down_waits_once_more(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*begin)(struct fixture *f); /* something falls due an hour later */
    } cases[] = {
        {"a hold", hold}, {"a deferral", defer}, {"a member", grow_stale}, {"settle", settle}};
    static const struct {
        const char *name;
        int64_t started, down, due; /* started and due after START + HOUR */
    } starts[] = {
        /* clang-format off */
        { "it fell due before the start", MINUTE, DOWN, MINUTE + DOWN },
        { "it fell due at the start", 0, DOWN, DOWN },
        { "it falls due after the start", -1, DOWN, 0 },
        { "down for just as long as is waited", MINUTE, 6 * MINUTE, 7 * MINUTE },
        { "down for longer", MINUTE, 6 * MINUTE + 1, 7 * MINUTE },
        { "down for days", MINUTE, 100 * HOUR, 7 * MINUTE },
        { "not down at all", MINUTE, 0, MINUTE },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t j = 0; j < sizeof(starts) / sizeof(starts[0]); j++) {
            struct fixture f;
            fixture_init(&f);
            print_message("%s: %s\n", cases[i].name, starts[j].name);
            cases[i].begin(&f);
            f.now = START + HOUR + starts[j].started;
            started(&f, starts[j].down);
            int64_t due = START + HOUR + starts[j].due;
            if (due > f.now) {
                timers(&f);
                f.now = due - 1;
                timers(&f);
                assert_false(is_over(&f));
                f.now = due;
            }
            timers(&f);
            assert_true(is_over(&f));
            fixture_clear(&f);
        }
    }
}

static void a_resolve_that_comes_in_the_wait_cancels(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    hold(&f);
    f.now = START + HOUR + MINUTE;
    started(&f, DOWN);
    assert_says(fire(&f, "b"), HELD, JOINED);
    assert_int_equal(f.effects.decisions[0].until, f.now + DOWN);
    assert_says(resolve(&f, "b"), RESOLVED, NOTED);
    f.now += DOWN - 1;
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    f.now++;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes + f.effects.n_created, 0);
    fixture_clear(&f);
}

static void what_only_forbids_ends_when_it_ends(void **state)
{
    (void)state;
    static const enum request_end ends[] = {END_RAN, END_FAILED, END_REFUSED};
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        fixture_init(&f);
        struct policy *policy = fixture_policy(&f);
        policy->cooldown_ms = policy->retry_after_ms = policy->rearm_after_ms = HOUR;
        policy->budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
        if (i < 3)
            run_once(&f, "a", ends[i]);
        else
            assert_says(fire(&f, "a"), DISPATCH, FIRST);
        f.now = START + HOUR;
        started(&f, HOUR);
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "a", i < 3 ? "m1" : "m2", START);
        body_post(&f, false);
        assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

/* A pause that ended while the relay was down ended then, as far as anybody knows. */
static void a_pause_that_is_gone_after_the_start_waits_too(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    set_defer(&f);
    set_stop(&f, true);
    assert_says(fire(&f, "a"), DEFERRED, PAUSED);
    struct key *k = key_clone(the_key(&f));
    assert_non_null(k);
    engine_free(f.engine);
    assert_int_equal(engine_new(&f.engine, &f.ports, &err), 0);
    fixture_configure(&f);
    assert_int_equal(engine_restore_key(f.engine, k, &err), 0);
    f.now += MINUTE;
    started(&f, DOWN);
    f.now++;
    set_stop(&f, false); /* there is no stop file, as before */
    f.now += DOWN - 2;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    f.now++;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

static void a_pause_that_ends_after_the_start_waits_for_nothing(void **state)
{
    (void)state;
    for (int route = 0; route < 2; route++) {
        struct fixture f;
        struct error err = {0};
        fixture_init(&f);
        set_defer(&f);
        if (route)
            assert_int_equal(engine_set_paused(f.engine, ENGINE_ROUTE, "kospi", true, f.now, &err),
                             0);
        else
            set_stop(&f, true);
        assert_says(fire(&f, "a"), DEFERRED, PAUSED);
        f.now += MINUTE;
        started(&f, DOWN);
        timers(&f);
        f.now += SECOND;
        if (route)
            assert_int_equal(engine_set_paused(f.engine, ENGINE_ROUTE, "kospi", false, f.now, &err),
                             0);
        else
            set_stop(&f, false);
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 1);
        assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

/* The target is paused for maintenance, the relay restarted; rather than wait for its release, the
 * operator lets the route start another target. By the config in force the route was never paused:
 * nobody knows of a release after the start, so what waited for one fell due before it. */
static void
a_route_that_leaves_a_paused_target_waits_like_what_fell_due_before_the_start(void **state)
{
    (void)state;
    static char spare[] = "spare";
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    set_defer(&f);
    assert_int_equal(engine_set_paused(f.engine, ENGINE_TARGET, "retrain", true, f.now, &err), 0);
    started(&f, DOWN);
    f.now += SECOND;
    assert_says(fire(&f, "a"), DEFERRED, PAUSED);
    f.now += SECOND;
    f.routes[0].target = spare;
    fixture_configure(&f);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    assert_int_equal(engine_next(f.engine), START + DOWN);
    f.now = START + DOWN;
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
    fixture_clear(&f);
}

/* Neither fell due while the relay was down. */
static void a_block_that_ends_in_the_wait_waits_for_nothing(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        struct fixture f;
        fixture_init(&f);
        set_defer(&f);
        assert_says(fire(&f, "b"), DISPATCH, FIRST);
        assert_says(fire(&f, "a"), DEFERRED, RUNNING);
        f.now += MINUTE;
        started(&f, DOWN);
        f.now += SECOND;
        if (gone) {
            f.routes[0] = f.routes[1];
            fixture_configure(&f);
        } else {
            ended(&f, END_NOTHING_RAN);
        }
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 1);
        if (gone)
            assert_says(&f.effects.outcomes[0], IGNORED, NO_ROUTE);
        else
            assert_says(&f.effects.outcomes[0], DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fell_due_while_down_waits_once_more),
        cmocka_unit_test(a_resolve_that_comes_in_the_wait_cancels),
        cmocka_unit_test(what_only_forbids_ends_when_it_ends),
        cmocka_unit_test(a_pause_that_is_gone_after_the_start_waits_too),
        cmocka_unit_test(a_pause_that_ends_after_the_start_waits_for_nothing),
        cmocka_unit_test(
            a_route_that_leaves_a_paused_target_waits_like_what_fell_due_before_the_start),
        cmocka_unit_test(a_block_that_ends_in_the_wait_waits_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
