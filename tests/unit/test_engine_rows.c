/* Every row of the decision table, with each decision it can give.
 */
#include "tests/unit/engine_fixture.h"

static void expect(const struct fixture *f, size_t i, enum verdict verdict, enum reason reason,
                   int64_t until)
{
    const struct decision *d = &f->effects.decisions[i];
    assert_says_at(d, verdict, reason, __FILE__, __LINE__);
    assert_int_equal(d->until, until);
}

/* What was there before the alert that is asked about. */
static void nothing(struct fixture *f)
{
    (void)f;
}

static void stopped(struct fixture *f)
{
    set_stop(f, true);
}

static void needs_two(struct fixture *f)
{
    fixture_policy(f)->min_alerts = 2;
}

static void no_keys(struct fixture *f)
{
    fixture_policy(f)->max_keys = 0;
}

static void open_of_this(struct fixture *f)
{
    assert_says(fire(f, "a"), DISPATCH, FIRST);
}

static void open_of_another(struct fixture *f)
{
    assert_says(fire(f, "b"), DISPATCH, FIRST);
}

static void ran(struct fixture *f)
{
    run_once(f, "a", END_RAN);
    f->now += MINUTE;
}

static void ran_and_never_rearms(struct fixture *f)
{
    fixture_policy(f)->rearm_after_ms = 0;
    ran(f);
}

static void ran_and_rearms_by_cooldown(struct fixture *f)
{
    fixture_policy(f)->rearm = REARM_COOLDOWN;
    ran(f);
}

static void failed(struct fixture *f)
{
    run_once(f, "a", END_FAILED);
    f->now += MINUTE;
}

static void refused(struct fixture *f)
{
    run_once(f, "a", END_REFUSED);
    f->now += MINUTE;
}

static void spent(struct fixture *f)
{
    fixture_policy(f)->budget.max = 1;
    body_begin(f);
    (void)body_add(f, ALERT_FIRING, "z", "m2", START);
    body_post(f, false);
    assert_says(&f->effects.decisions[0], DISPATCH, FIRST);
    f->now += MINUTE;
}

static void target_spent(struct fixture *f)
{
    f->target.budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
    spent(f);
    fixture_policy(f)->budget.max = 4;
}

static void bad_input(struct fixture *f)
{
    f->inputs_result = ENGINE_BAD_INPUT;
}

static void pause(struct fixture *f, enum engine_scope scope, const char *name)
{
    struct error err = {0};
    assert_int_equal(engine_set_paused(f->engine, scope, name, true, f->now, &err), 0);
}

static void route_paused(struct fixture *f)
{
    pause(f, ENGINE_ROUTE, "kospi");
}

static void target_paused(struct fixture *f)
{
    pause(f, ENGINE_TARGET, "retrain");
}

static void holds(struct fixture *f)
{
    fixture_policy(f)->hold_ms = 10 * MINUTE;
}

static void hold_of_this(struct fixture *f)
{
    holds(f);
    assert_says(fire(f, "a"), HELD, HOLD);
}

static void hold_of_another(struct fixture *f)
{
    holds(f);
    assert_says(fire(f, "b"), HELD, HOLD);
}

static void hold_then_stopped(struct fixture *f)
{
    hold_of_another(f);
    stopped(f);
}

static void defers(struct fixture *f)
{
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
}

static void deferral_of_this(struct fixture *f)
{
    defers(f);
    stopped(f);
    assert_says(fire(f, "a"), DEFERRED, PAUSED);
}

static void deferral_of_another(struct fixture *f)
{
    defers(f);
    stopped(f);
    assert_says(fire(f, "b"), DEFERRED, PAUSED);
}

static void defers_in_a_hold(struct fixture *f)
{
    defers(f);
    hold_then_stopped(f);
}

#define DEFERS(before)                                                                             \
    static void defers_##before(struct fixture *f)                                                 \
    {                                                                                              \
        defers(f);                                                                                 \
        before(f);                                                                                 \
    }
DEFERS(route_paused)
DEFERS(open_of_another)
DEFERS(ran)
DEFERS(failed)
DEFERS(spent)
DEFERS(bad_input)

static void each_row_of_the_table_decides(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*before)(struct fixture *f);
        enum alert_kind kind;
        enum verdict verdict;
        enum reason reason;
        int64_t until; /* after START */
        bool relay_id;
    } cases[] = {
        /* clang-format off */
        { "1 test", nothing, ALERT_TEST, VERDICT_IGNORED, REASON_TEST, 0, false },
        { "1 no_data", nothing, ALERT_NO_DATA, VERDICT_IGNORED, REASON_NO_DATA, 0, false },
        { "1 error, before row 2", no_keys, ALERT_ERROR, VERDICT_IGNORED, REASON_ERROR, 0, false },
        { "2 too many keys", no_keys, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_LIMIT, 0, false },
        { "3 of the hold", hold_of_this, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_DUPLICATE, 0, false },
        { "3 of the deferral", deferral_of_this, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_DUPLICATE, 0, false },
        { "3 of the open request", open_of_this, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_DUPLICATE, 0, true },
        { "4 before 5: below min", needs_two, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_BELOW_MIN, 0, false },
        { "5 stop file", stopped, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_PAUSED, 0, false },
        { "5 route paused", route_paused, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_PAUSED, 0, false },
        { "5 target paused", target_paused, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_PAUSED, 0, false },
        { "5 before 6", hold_then_stopped, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_PAUSED, 0, false },
        { "5 deferred", defers_route_paused, ALERT_FIRING, VERDICT_DEFERRED, REASON_PAUSED, 0, false },
        { "5 joins a deferral", deferral_of_another, ALERT_FIRING, VERDICT_DEFERRED, REASON_PAUSED, 0, false },
        { "5 deferred in a hold joins it", defers_in_a_hold, ALERT_FIRING, VERDICT_HELD, REASON_JOINED, 10 * MINUTE, false },
        { "6 joins the hold", hold_of_another, ALERT_FIRING, VERDICT_HELD, REASON_JOINED, 10 * MINUTE, false },
        { "7 deferred", defers_open_of_another, ALERT_FIRING, VERDICT_DEFERRED, REASON_RUNNING, 0, true },
        { "8 deferred", defers_ran, ALERT_FIRING, VERDICT_DEFERRED, REASON_NOT_REARMED, 24 * HOUR, false },
        { "9 deferred", defers_failed, ALERT_FIRING, VERDICT_DEFERRED, REASON_COOLDOWN, 6 * HOUR, false },
        { "10 deferred", defers_spent, ALERT_FIRING, VERDICT_DEFERRED, REASON_BUDGET, 24 * HOUR, false },
        { "11 is no block", defers_bad_input, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_BAD_INPUT, 0, false },
        { "12 a hold begins", holds, ALERT_FIRING, VERDICT_HELD, REASON_HOLD, 10 * MINUTE, false },
        { "7 a request is open", open_of_another, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_RUNNING, 0, true },
        { "8 before 9: disarmed", ran, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_NOT_REARMED, 24 * HOUR, false },
        { "8 no time ends it", ran_and_never_rearms, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_NOT_REARMED, 0, false },
        { "9 rearm = cooldown", ran_and_rearms_by_cooldown, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_COOLDOWN, 6 * HOUR, false },
        { "9 failed: armed, but cooling down", failed, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_COOLDOWN, 6 * HOUR, false },
        { "9 refused: retry_after", refused, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_COOLDOWN, 15 * MINUTE, false },
        { "10 budget of the route", spent, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_BUDGET, 24 * HOUR, false },
        { "10 budget of the target", target_spent, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_BUDGET, HOUR, false },
        { "11 an input is impossible", bad_input, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_BAD_INPUT, 0, false },
        { "13 dispatch", nothing, ALERT_FIRING, VERDICT_DISPATCH, REASON_FIRST, 0, true },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_init(&f);
        print_message("%s\n", cases[i].name);
        cases[i].before(&f);
        const struct decision *d = post_one(&f, cases[i].kind, "a", START);
        expect(&f, 0, cases[i].verdict, cases[i].reason,
               cases[i].until == 0 ? NO_UNTIL : START + cases[i].until);
        assert_string_equal(d->route, "kospi");
        assert_string_equal(d->key, KEY);
        assert_int_equal(ulid_is_valid(d->relay_id), cases[i].relay_id);
        assert_int_equal(f.effects.n_created, cases[i].verdict == VERDICT_DISPATCH);
        if (cases[i].relay_id)
            assert_string_equal(d->relay_id, the_key(&f)->relay_id);
        fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_of_the_table_decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
