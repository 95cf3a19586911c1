/* A hold: the key must fire that long without a break, then one request is made of all that joined.
 */
#include "tests/unit/engine_fixture.h"

#define HOLD (2 * MINUTE)

static void init(struct fixture *f)
{
    fixture_init(f);
    fixture_policy(f)->hold_ms = HOLD;
}

/* The one outcome of the timers at hand. */
static const struct decision *outcome(const struct fixture *f)
{
    assert_int_equal(f->effects.n_outcomes, 1);
    assert_string_equal(f->effects.outcomes[0].key, KEY);
    assert_string_equal(f->effects.outcomes[0].route, "kospi");
    return &f->effects.outcomes[0];
}

static void nothing_happens(struct fixture *f)
{
    timers(f);
    assert_int_equal(f->effects.n_outcomes + f->effects.n_created + f->effects.n_changed, 0);
}

static void a_hold_ends_in_one_request_of_all_that_joined(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    const struct decision *d = post_one(&f, ALERT_FIRING, "b", START);
    assert_says(d, HELD, HOLD);
    assert_int_equal(d->until, START + HOLD);
    assert_string_equal(d->relay_id, "");
    assert_int_equal(f.effects.n_created, 0);
    f.now += MINUTE;
    d = post_one(&f, ALERT_FIRING, "a", START + SECOND);
    assert_says(d, HELD, JOINED);
    assert_int_equal(d->until, START + HOLD);
    char leading_in[ULID_SIZE];
    memcpy(leading_in, f.notification, ULID_SIZE);
    assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
    assert_string_equal(f.effects.decisions[0].relay_id, "");
    memcpy(leading_in, f.notification, ULID_SIZE); /* heard again */
    assert_says(fire(&f, "b"), SUPPRESSED, DUPLICATE);
    f.now = START + HOLD - 1;
    nothing_happens(&f);
    f.now++;
    assert_int_equal(engine_next(f.engine), f.now);
    timers(&f);
    assert_says(outcome(&f), DISPATCH, FIRST);
    assert_int_equal(f.effects.n_created, 1);
    const struct created_request *made = &f.effects.created[0];
    assert_string_equal(outcome(&f)->relay_id, made->relay_id);
    assert_int_equal(made->cause, CAUSE_TIMER);
    assert_string_equal(made->key, KEY);
    assert_string_equal(made->notification, leading_in);
    assert_string_equal(made->replaces, "");
    assert_string_equal(f.led_by, "a"); /* the newest startsAt */
    assert_false(f.led_here);
    assert_int_equal(f.led_count, 2);
    assert_says(fire(&f, "b"), SUPPRESSED, DUPLICATE);
    assert_string_equal(f.effects.decisions[0].relay_id, the_key(&f)->relay_id);
    assert_says(fire(&f, "c"), SUPPRESSED, RUNNING);
    fixture_clear(&f);
}

static void a_break_ends_the_hold(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    fixture_policy(&f)->min_alerts = 2;
    assert_says(fire(&f, "a"), SUPPRESSED, BELOW_MIN);
    assert_says(fire(&f, "b"), HELD, HOLD);
    assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE); /* it fired when the hold was made */
    f.now += MINUTE;
    assert_says(fire(&f, "c"), HELD, JOINED);
    assert_says(resolve(&f, "a"), RESOLVED, NOTED);
    assert_says(resolve(&f, "b"), RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_cancelled, 0);
    f.now = START + HOLD;
    nothing_happens(&f);
    assert_says(fire(&f, "b"), HELD, HOLD); /* from its beginning */
    assert_int_equal(f.effects.decisions[0].until, f.now + HOLD);
    fixture_clear(&f);
}

static void one_that_left_joins_again(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_says(fire(&f, "a"), HELD, HOLD);
    assert_says(fire(&f, "b"), HELD, JOINED);
    assert_says(resolve(&f, "b"), RESOLVED, NOTED);
    assert_says(fire(&f, "b"), HELD, JOINED);
    fixture_clear(&f);
}

static void blind_members_belong_to_no_hold(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_says(post_one(&f, ALERT_NO_DATA, "a", START), IGNORED, NO_DATA);
    assert_says(fire(&f, "b"), HELD, HOLD);
    assert_says(fire(&f, "a"), HELD, JOINED);
    assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
    assert_says(post_one(&f, ALERT_ERROR, "c", START), IGNORED, ERROR);
    f.now += HOLD;
    timers(&f);
    assert_says(outcome(&f), DISPATCH, FIRST);
    assert_int_equal(f.led_count, 2);
    assert_says(fire(&f, "c"), SUPPRESSED, RUNNING); /* it did not fire when the request was made */
    fixture_clear(&f);
}

static void joining_restarts_the_hold_up_to_hold_max(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool extend;
        int64_t hold_max, want; /* after START; the alerts come a minute apart for half an hour */
    } cases[] = {
        {"not without extend_hold", false, 0, HOLD},
        {"ten times the hold unless hold_max is set", true, 0, 10 * HOLD},
        {"hold_max", true, 5 * MINUTE, 5 * MINUTE},
        {"a hold_max below the hold", true, MINUTE, MINUTE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        init(&f);
        print_message("%s\n", cases[i].name);
        fixture_policy(&f)->extend_hold = cases[i].extend;
        fixture_policy(&f)->hold_max_ms = cases[i].hold_max;
        for (int minute = 0; minute < 30; minute++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "m%02d", minute);
            int64_t end = START + cases[i].want;
            if (f.now >= end)
                break;
            const struct decision *d = fire(&f, name);
            if (minute == 0)
                assert_says(d, HELD, HOLD);
            else
                assert_says(d, HELD, JOINED);
            int64_t restarted = (cases[i].extend ? f.now : START) + HOLD;
            assert_int_equal(d->until, restarted < end ? restarted : end);
            assert_int_equal(engine_next(f.engine), d->until);
            f.now += MINUTE;
        }
        f.now = START + cases[i].want;
        timers(&f);
        assert_says(outcome(&f), DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

static void pause(struct fixture *f)
{
    set_stop(f, true);
}

static void disarm(struct fixture *f)
{
    fixture_policy(f)->rearm = REARM_RESOLVED;
}

static void spend(struct fixture *f)
{
    fixture_policy(f)->hold_ms = 0;
    fixture_policy(f)->budget.max = 2;
    body_begin(f);
    (void)body_add(f, ALERT_FIRING, "z", "m2", START);
    body_post(f, false);
    assert_says(&f->effects.decisions[0], DISPATCH, FIRST);
    fixture_policy(f)->hold_ms = HOLD;
}

static void spoil_inputs(struct fixture *f)
{
    f->inputs_result = ENGINE_BAD_INPUT;
}

static void raise_min_alerts(struct fixture *f)
{
    fixture_policy(f)->min_alerts = 2;
}

static void what_stands_in_the_way_at_the_end_is_the_outcome(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*meanwhile)(struct fixture *f);
        enum reason reason;
        int64_t until; /* after START */
        bool blocks;   /* so that it may be deferred */
    } cases[] = {
        /* clang-format off */
        { "5 paused", pause, REASON_PAUSED, 0, true },
        { "8 disarmed by a reload", disarm, REASON_NOT_REARMED, 24 * HOUR, true },
        { "10 another key spent the budget", spend, REASON_BUDGET, 24 * HOUR, true },
        { "11 an input cannot be made", spoil_inputs, REASON_BAD_INPUT, 0, false },
        { "4 a reload raised min_alerts", raise_min_alerts, REASON_BELOW_MIN, 0, false },
        /* clang-format on */
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool defer = i % 2 == 1 && cases[i / 2].blocks;
        struct fixture f;
        init(&f);
        print_message("%s%s\n", cases[i / 2].name, i % 2 == 1 ? ", defer" : "");
        struct policy *policy = fixture_policy(&f);
        policy->when_blocked = i % 2 == 1 ? WHEN_BLOCKED_DEFER : WHEN_BLOCKED_DROP;
        policy->cooldown_ms = HOUR;
        policy->rearm = REARM_COOLDOWN;
        policy->hold_ms = 0;
        run_once(&f, "a", END_RAN);
        policy->hold_ms = HOLD;
        f.now += HOUR;
        assert_says(fire(&f, "a"), HELD, HOLD);
        cases[i / 2].meanwhile(&f);
        fixture_configure(&f);
        f.now += HOLD;
        timers(&f);
        const struct decision *d = outcome(&f);
        assert_says_at(d, defer ? VERDICT_DEFERRED : VERDICT_SUPPRESSED, cases[i / 2].reason,
                       __FILE__, __LINE__);
        assert_int_equal(d->until, cases[i / 2].until == 0 ? 0 : START + cases[i / 2].until);
        assert_string_equal(d->relay_id, "");
        assert_int_equal(f.effects.n_created, 0);
        assert_int_equal(the_key(&f)->hold_began, 0);
        assert_int_equal(the_key(&f)->deferred_at, defer ? f.now : 0);
        assert_int_equal(the_key(&f)->members[0].waits, defer);
        fixture_clear(&f);
    }
}

static void a_hold_that_came_to_nothing_begins_afresh(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_says(fire(&f, "a"), HELD, HOLD);
    set_stop(&f, true);
    f.now += HOLD;
    timers(&f);
    assert_says(outcome(&f), SUPPRESSED, PAUSED);
    assert_says(fire(&f, "a"), SUPPRESSED, PAUSED);
    set_stop(&f, false);
    nothing_happens(&f);
    assert_says(fire(&f, "a"), HELD, HOLD);
    fixture_clear(&f);
}

static void a_pause_stops_what_would_join_unless_it_is_deferred(void **state)
{
    (void)state;
    for (int defer = 0; defer < 2; defer++) {
        struct fixture f;
        init(&f);
        fixture_policy(&f)->when_blocked = defer ? WHEN_BLOCKED_DEFER : WHEN_BLOCKED_DROP;
        assert_says(fire(&f, "a"), HELD, HOLD);
        set_stop(&f, true);
        if (defer)
            assert_says(fire(&f, "b"), HELD, JOINED);
        else
            assert_says(fire(&f, "b"), SUPPRESSED, PAUSED);
        assert_int_equal(f.effects.decisions[0].until, defer ? START + HOLD : 0);
        set_stop(&f, false);
        if (defer)
            assert_says(fire(&f, "b"), SUPPRESSED, DUPLICATE);
        else
            assert_says(fire(&f, "b"), HELD, JOINED);
        fixture_clear(&f);
    }
}

static void a_member_gone_stale_ends_the_hold(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    fixture_policy(&f)->stale_after_ms = MINUTE;
    assert_says(fire(&f, "a"), HELD, HOLD);
    f.now += MINUTE;
    timers(&f);
    assert_says(outcome(&f), RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_removed, 1);
    /* Found by a notification before any timer. */
    assert_says(fire(&f, "a"), HELD, HOLD);
    f.now += MINUTE;
    assert_says(fire(&f, "b"), HELD, HOLD);
    assert_says(outcome(&f), RESOLVED, CANCELLED);
    fixture_clear(&f);
}

static void a_reload_moves_the_end_of_a_hold(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "a", "m0", START);
    (void)body_add(&f, ALERT_FIRING, "a", "m2", START);
    body_post(&f, false);
    assert_says(fire(&f, "a"), HELD, HOLD);
    f.now += MINUTE;
    fixture_policy(&f)->hold_ms = 3 * MINUTE;
    fixture_configure(&f);
    assert_int_equal(engine_next(f.engine), START + 3 * MINUTE);
    assert_says(fire(&f, "b"), HELD, JOINED);
    assert_int_equal(f.effects.decisions[0].until, START + 3 * MINUTE);
    fixture_policy(&f)->hold_ms = 0; /* no hold any more: all are over */
    fixture_configure(&f);
    timers(&f);
    assert_int_equal(f.effects.n_outcomes, 3);
    for (size_t i = 0; i < 3; i++)
        assert_says(&f.effects.outcomes[i], DISPATCH, FIRST);
    fixture_clear(&f);
}

static void the_hold_of_a_route_that_is_gone_ends_ignored(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_says(fire(&f, "a"), HELD, HOLD);
    f.routes[0] = f.routes[1];
    fixture_configure(&f);
    timers(&f); /* the default policy has no hold */
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_says(&f.effects.outcomes[0], IGNORED, NO_ROUTE);
    assert_null(f.effects.outcomes[0].route);
    assert_string_equal(f.effects.outcomes[0].key, KEY);
    assert_int_equal(f.effects.n_created, 0);
    assert_int_equal(the_key(&f)->hold_began, 0);
    fixture_clear(&f);
}

/* Every member that is not blind when a deferral is made belongs to it. */
static void who_could_not_join_the_hold_belongs_to_its_deferral(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_says(fire(&f, "a"), HELD, HOLD);
    set_stop(&f, true);
    assert_says(fire(&f, "b"), SUPPRESSED, PAUSED);
    fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DEFER;
    f.now += HOLD;
    timers(&f);
    assert_says(outcome(&f), DEFERRED, PAUSED);
    assert_int_equal(the_key(&f)->hold_from, 0);
    assert_says(fire(&f, "b"), SUPPRESSED, DUPLICATE);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_ends_in_one_request_of_all_that_joined),
        cmocka_unit_test(a_break_ends_the_hold),
        cmocka_unit_test(one_that_left_joins_again),
        cmocka_unit_test(blind_members_belong_to_no_hold),
        cmocka_unit_test(joining_restarts_the_hold_up_to_hold_max),
        cmocka_unit_test(what_stands_in_the_way_at_the_end_is_the_outcome),
        cmocka_unit_test(a_hold_that_came_to_nothing_begins_afresh),
        cmocka_unit_test(a_pause_stops_what_would_join_unless_it_is_deferred),
        cmocka_unit_test(a_member_gone_stale_ends_the_hold),
        cmocka_unit_test(a_reload_moves_the_end_of_a_hold),
        cmocka_unit_test(the_hold_of_a_route_that_is_gone_ends_ignored),
        cmocka_unit_test(who_could_not_join_the_hold_belongs_to_its_deferral),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
