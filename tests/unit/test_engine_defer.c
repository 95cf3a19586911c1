/* when_blocked = defer: what is blocked waits for the end of its block and is decided afresh then.
 */
#include "tests/unit/engine_fixture.h"

static void init(struct fixture *f)
{
    fixture_init(f);
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    fixture_policy(f)->stale_after_ms = 100 * HOUR;
}

static void pause_of(struct fixture *f, enum engine_scope scope, const char *name, bool paused)
{
    struct error err = {0};
    assert_int_equal(engine_set_paused(f->engine, scope, name, paused, f->now, &err), 0);
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

static void stop(struct fixture *f)
{
    set_stop(f, true);
}

static void go(struct fixture *f)
{
    set_stop(f, false);
}

static void pause_route(struct fixture *f)
{
    pause_of(f, ENGINE_ROUTE, "kospi", true);
}

static void resume_route(struct fixture *f)
{
    pause_of(f, ENGINE_ROUTE, "kospi", false);
}

static void pause_target(struct fixture *f)
{
    pause_of(f, ENGINE_TARGET, "retrain", true);
}

static void resume_target(struct fixture *f)
{
    pause_of(f, ENGINE_TARGET, "retrain", false);
}

static void run(struct fixture *f)
{
    assert_says(fire(f, "b"), DISPATCH, FIRST);
}

static void run_is_cancelled(struct fixture *f)
{
    ended(f, END_NOTHING_RAN);
}

static void disarm(struct fixture *f)
{
    run_once(f, "b", END_RAN);
    f->now += MINUTE;
}

static void cool_down(struct fixture *f)
{
    fixture_policy(f)->rearm = REARM_COOLDOWN;
    disarm(f);
}

static void refuse(struct fixture *f)
{
    run_once(f, "b", END_REFUSED);
    f->now += MINUTE;
}

static void spend(struct fixture *f)
{
    fixture_policy(f)->budget.max = 1;
    assert_says(fire_other(f, "m2"), DISPATCH, FIRST);
    f->now += MINUTE;
}

static void spend_target(struct fixture *f)
{
    f->target.budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
    assert_says(fire_other(f, "m2"), DISPATCH, FIRST);
    f->now += MINUTE;
}

static void a_block_defers_and_its_end_decides(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*begin)(struct fixture *f);
        void (*end)(struct fixture *f); /* NULL: time ends it … */
        int64_t until;                  /* … so long after START */
        enum reason reason;
    } cases[] = {
        /* clang-format off */
        { "5 stop file", stop, go, 0, REASON_PAUSED },
        { "5 route", pause_route, resume_route, 0, REASON_PAUSED },
        { "5 target", pause_target, resume_target, 0, REASON_PAUSED },
        { "7 running", run, run_is_cancelled, 0, REASON_RUNNING },
        { "8 not rearmed", disarm, NULL, 24 * HOUR, REASON_NOT_REARMED },
        { "9 cooldown", cool_down, NULL, 6 * HOUR, REASON_COOLDOWN },
        { "9 retry_after", refuse, NULL, 15 * MINUTE, REASON_COOLDOWN },
        { "10 budget of the route", spend, NULL, 24 * HOUR, REASON_BUDGET },
        { "10 budget of the target", spend_target, NULL, HOUR, REASON_BUDGET },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        init(&f);
        print_message("%s\n", cases[i].name);
        cases[i].begin(&f);
        const struct decision *d = fire(&f, "a");
        assert_says_at(d, VERDICT_DEFERRED, cases[i].reason, __FILE__, __LINE__);
        assert_int_equal(d->until, cases[i].until == 0 ? 0 : START + cases[i].until);
        assert_int_equal(ulid_is_valid(d->relay_id), cases[i].reason == REASON_RUNNING);
        assert_int_equal(f.effects.n_created, 0);
        assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
        assert_says_at(fire(&f, "c"), VERDICT_DEFERRED, cases[i].reason, __FILE__, __LINE__);
        assert_says(fire(&f, "c"), SUPPRESSED, DUPLICATE); /* it joined */
        if (cases[i].until != 0)
            f.now = START + cases[i].until - 1;
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 0);
        if (cases[i].until != 0)
            assert_int_equal(engine_next(f.engine), f.now + 1);
        f.now++;
        if (cases[i].end != NULL)
            cases[i].end(&f);
        timers(&f);
        assert_says(outcome(&f), DISPATCH, FIRST);
        assert_int_equal(f.effects.n_created, 1);
        assert_int_equal(f.effects.created[0].cause, CAUSE_TIMER);
        assert_false(key_is_waiting(the_key(&f)));
        assert_says(fire(&f, "c"), SUPPRESSED, DUPLICATE);
        assert_string_equal(f.effects.decisions[0].relay_id, the_key(&f)->relay_id);
        fixture_clear(&f);
    }
}

static void the_end_of_a_run_is_where_the_next_block_begins(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum request_end end;
        enum reason reason;
        int64_t until; /* after START */
    } cases[] = {
        {"it ran", END_RAN, REASON_NOT_REARMED, 24 * HOUR},
        {"it failed", END_FAILED, REASON_COOLDOWN, 6 * HOUR},
        {"it was refused", END_REFUSED, REASON_COOLDOWN, HOUR + 15 * MINUTE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int drop = 0; drop < 2; drop++) {
            struct fixture f;
            init(&f);
            print_message("%s%s\n", cases[i].name, drop ? ", drop since a reload" : "");
            assert_says(fire(&f, "b"), DISPATCH, FIRST);
            posting(&f);
            assert_says(fire(&f, "a"), DEFERRED, RUNNING);
            f.now += HOUR;
            if (drop)
                fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DROP;
            ended(&f, cases[i].end);
            timers(&f);
            const struct decision *d = outcome(&f);
            assert_says_at(d, drop ? VERDICT_SUPPRESSED : VERDICT_DEFERRED, cases[i].reason,
                           __FILE__, __LINE__);
            assert_int_equal(d->until, START + cases[i].until);
            assert_int_equal(the_key(&f)->deferred_at, drop ? 0 : START);
            f.now = START + cases[i].until;
            timers(&f);
            if (drop)
                assert_int_equal(f.effects.n_outcomes, 0);
            else
                assert_says(outcome(&f), DISPATCH, FIRST);
            fixture_clear(&f);
        }
    }
}

/* A pause hides what else is in the way; whoever joins meanwhile changes nothing. */
static void a_deferral_waits_for_the_block_that_made_it(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    cool_down(&f);
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    pause_route(&f);
    assert_says(fire(&f, "c"), DEFERRED, PAUSED);
    resume_route(&f);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    f.now = START + 6 * HOUR;
    pause_route(&f);
    timers(&f);
    assert_says(outcome(&f), DEFERRED, PAUSED);
    assert_int_equal(outcome(&f)->until, 0);
    f.now += HOUR;
    pause_target(&f);
    resume_route(&f);
    timers(&f); /* still paused, by the target */
    assert_int_equal(f.effects.n_outcomes, 0);
    resume_target(&f);
    timers(&f);
    assert_says(outcome(&f), DISPATCH, FIRST);
    assert_int_equal(f.led_count, 3);
    fixture_clear(&f);
}

static void a_resolve_or_silence_ends_a_deferral(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct fixture f;
        init(&f);
        if (silent)
            fixture_policy(&f)->stale_after_ms = HOUR;
        cool_down(&f);
        assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
        assert_says(resolve(&f, "b"), RESOLVED, NOTED);
        if (silent) {
            f.now += HOUR;
            timers(&f);
            assert_says(outcome(&f), RESOLVED, CANCELLED);
        } else {
            assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
        }
        assert_false(key_is_waiting(the_key(&f)));
        f.now = START + 6 * HOUR;
        timers(&f);
        assert_int_equal(f.effects.n_outcomes, 0);
        assert_int_equal(engine_n_keys(f.engine), 0);
        fixture_clear(&f);
    }
}

static void after_the_block_comes_the_hold(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    cool_down(&f);
    fixture_policy(&f)->hold_ms = 2 * MINUTE;
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    f.now = START + 6 * HOUR;
    timers(&f);
    assert_says(outcome(&f), HELD, HOLD);
    assert_int_equal(outcome(&f)->until, START + 6 * HOUR + 2 * MINUTE);
    assert_int_equal(f.effects.n_created, 0);
    assert_int_equal(the_key(&f)->deferred_at, 0);
    assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
    assert_says(fire(&f, "c"), HELD, JOINED);
    f.now += 2 * MINUTE;
    timers(&f);
    assert_says(outcome(&f), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void what_no_block_explains_ends_the_deferral(void **state)
{
    (void)state;
    static const enum reason reasons[] = {REASON_BAD_INPUT, REASON_BELOW_MIN, REASON_NO_ROUTE};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        init(&f);
        cool_down(&f);
        assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
        if (reasons[i] == REASON_BAD_INPUT)
            f.inputs_result = ENGINE_BAD_INPUT;
        if (reasons[i] == REASON_BELOW_MIN)
            fixture_policy(&f)->min_alerts = 3;
        else if (reasons[i] == REASON_NO_ROUTE)
            f.routes[0] = f.routes[1];
        fixture_configure(&f);
        if (reasons[i] != REASON_NO_ROUTE)
            f.now = START + 6 * HOUR;
        timers(&f);
        assert_says_at(outcome(&f),
                       reasons[i] == REASON_NO_ROUTE ? VERDICT_IGNORED : VERDICT_SUPPRESSED,
                       reasons[i], __FILE__, __LINE__);
        assert_int_equal(f.effects.n_created, 0);
        assert_false(key_is_waiting(the_key(&f)));
        assert_false(the_key(&f)->members[0].waits);
        fixture_clear(&f);
    }
}

static void a_reload_moves_the_end_of_the_block(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    cool_down(&f);
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    fixture_policy(&f)->cooldown_ms = 2 * HOUR;
    fixture_configure(&f);
    assert_int_equal(engine_next(f.engine), START + 2 * HOUR);
    f.now += HOUR;
    fixture_policy(&f)->cooldown_ms = HOUR; /* over already */
    fixture_configure(&f);
    timers(&f);
    assert_says(outcome(&f), DISPATCH, FIRST);
    fixture_clear(&f);
}

static void the_cooldown_that_ends_is_kept_until_the_deferral_saw_it(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    cool_down(&f);
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    f.now = START + 7 * HOUR;
    assert_says(fire(&f, "c"), DISPATCH, JOINED); /* asked before the timer was */
    assert_string_equal(f.led_by, "a");
    assert_false(key_is_waiting(the_key(&f)));
    assert_int_equal(the_key(&f)->cooldown_from, 0);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 0);
    fixture_clear(&f);
}

static void a_cancelled_deferral_leaves_no_key_that_counts(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    fixture_policy(&f)->max_keys = 1;
    fixture_policy(&f)->rearm = REARM_COOLDOWN;
    fixture_policy(&f)->rearm_after_ms = HOUR;
    disarm(&f);
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    (void)resolve(&f, "b");
    f.now = START + 7 * HOUR;
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    assert_says(fire_other(&f, "m2"), DISPATCH, FIRST); /* before any timer */
    fixture_clear(&f);
}

static void blind_members_belong_to_no_deferral(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    stop(&f);
    assert_says(post_one(&f, ALERT_NO_DATA, "b", START), IGNORED, NO_DATA);
    assert_says(fire(&f, "a"), DEFERRED, PAUSED);
    assert_says(fire(&f, "b"), DEFERRED, PAUSED);
    assert_says(fire(&f, "b"), SUPPRESSED, DUPLICATE);
    fixture_clear(&f);
}

static void who_waits_beside_an_open_request_belongs_to_the_deferral(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    run(&f);
    assert_says(fire(&f, "a"), DEFERRED, RUNNING);
    assert_string_equal(f.effects.decisions[0].relay_id, the_key(&f)->relay_id);
    assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
    assert_string_equal(f.effects.decisions[0].relay_id, ""); /* of no request */
    assert_says(fire(&f, "b"), SUPPRESSED, DUPLICATE);
    assert_string_equal(f.effects.decisions[0].relay_id, the_key(&f)->relay_id);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_defers_and_its_end_decides),
        cmocka_unit_test(the_end_of_a_run_is_where_the_next_block_begins),
        cmocka_unit_test(a_deferral_waits_for_the_block_that_made_it),
        cmocka_unit_test(a_resolve_or_silence_ends_a_deferral),
        cmocka_unit_test(after_the_block_comes_the_hold),
        cmocka_unit_test(what_no_block_explains_ends_the_deferral),
        cmocka_unit_test(a_reload_moves_the_end_of_the_block),
        cmocka_unit_test(the_cooldown_that_ends_is_kept_until_the_deferral_saw_it),
        cmocka_unit_test(a_cancelled_deferral_leaves_no_key_that_counts),
        cmocka_unit_test(blind_members_belong_to_no_deferral),
        cmocka_unit_test(who_waits_beside_an_open_request_belongs_to_the_deferral),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
