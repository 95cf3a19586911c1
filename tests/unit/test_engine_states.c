/* The key's states, walked whole: every arrow of the two drawings in relay/engine/key.h, each taken
 * from a key in that state and nothing else. */
#include "tests/unit/engine_fixture.h"

#define HOLD (2 * MINUTE)

enum state { IDLE, HELD, DEFERRED, OPEN, COOLING, DISARMED, GONE };

/* What a key does, and what forbids it the next request. */
static enum state does(const struct fixture *f)
{
    const struct key *k = engine_find_key(f->engine, KEY);
    if (k == NULL)
        return GONE;
    bool held = k->hold_began != 0, deferred = k->deferred_at != 0, open = k->relay_id[0] != '\0';
    assert_false(held && (deferred || open)); /* one at a time */
    return held ? HELD : deferred ? DEFERRED : open ? OPEN : IDLE;
}

static enum state forbidden(const struct fixture *f)
{
    const struct key *k = engine_find_key(f->engine, KEY);
    bool cooling = k != NULL && (k->cooldown_from != 0 || k->retry_from != 0);
    bool disarmed = k != NULL && k->disarmed_at != 0 && f->routes[0].policy.rearm == REARM_RESOLVED;
    return disarmed ? DISARMED : cooling ? COOLING : IDLE;
}

/* --- states -------------------------------------------------------------------------------------
 */

static void idle(struct fixture *f)
{
    fixture_policy(f)->min_alerts = 2;
    assert_says(fire(f, "a"), SUPPRESSED, BELOW_MIN);
    fixture_policy(f)->min_alerts = 1;
}

static void held(struct fixture *f)
{
    fixture_policy(f)->hold_ms = HOLD;
    assert_says(fire(f, "a"), HELD, HOLD);
}

static void deferred(struct fixture *f)
{
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    set_stop(f, true);
    assert_says(fire(f, "a"), DEFERRED, PAUSED);
}

static void open_unexecuted(struct fixture *f)
{
    assert_says(fire(f, "a"), DISPATCH, FIRST);
}

static void open_executed(struct fixture *f)
{
    open_unexecuted(f);
    posting(f);
    f->now += MINUTE;
}

static void cooling(struct fixture *f)
{
    run_once(f, "a", END_FAILED);
}

static void retrying(struct fixture *f)
{
    run_once(f, "a", END_REFUSED);
}

static void disarmed(struct fixture *f)
{
    fixture_policy(f)->cooldown_ms = HOUR;
    fixture_policy(f)->stale_after_ms = 100 * HOUR;
    run_once(f, "a", END_RAN);
}

static void disarmed_and_quiet(struct fixture *f)
{
    disarmed(f);
    assert_says(resolve(f, "a"), RESOLVED, QUIET);
}

/* --- events -------------------------------------------------------------------------------------
 */

static void fires(struct fixture *f)
{
    body_begin(f);
    (void)body_add(f, ALERT_FIRING, "b", "m1", START);
    body_post(f, false);
}

static void fires_with_hold(struct fixture *f)
{
    fixture_policy(f)->hold_ms = HOLD;
    fires(f);
}

static void fires_while_paused(struct fixture *f)
{
    set_stop(f, true);
    fires(f);
}

static void fires_while_paused_and_defers(struct fixture *f)
{
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    fires_while_paused(f);
}

static void fires_and_defers(struct fixture *f)
{
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    fires(f);
}

static void stops(struct fixture *f)
{
    (void)resolve(f, "a");
}

static void hold_ends(struct fixture *f)
{
    f->now += HOLD;
    timers(f);
}

static void hold_ends_blocked(struct fixture *f)
{
    set_stop(f, true);
    hold_ends(f);
}

static void hold_ends_blocked_and_defers(struct fixture *f)
{
    fixture_policy(f)->when_blocked = WHEN_BLOCKED_DEFER;
    hold_ends_blocked(f);
}

static void block_ends(struct fixture *f)
{
    set_stop(f, false);
    timers(f);
}

static void block_ends_with_hold(struct fixture *f)
{
    fixture_policy(f)->hold_ms = HOLD;
    block_ends(f);
}

static void another_block_is_on(struct fixture *f)
{
    assert_says(fire(f, "c"), DEFERRED, PAUSED);
    fixture_policy(f)->budget = (struct budget_policy){.max = 1, .per_ms = HOUR};
    struct error err = {0};
    assert_int_equal(engine_restore_slot(f->engine, "kospi", "retrain", f->now,
                                         "01JD0000000000000000000000", &err),
                     0);
    block_ends(f);
    assert_int_equal(f->effects.n_outcomes, 1);
    assert_says(&f->effects.outcomes[0], DEFERRED, BUDGET);
}

static void nothing_ran(struct fixture *f)
{
    ended(f, END_NOTHING_RAN);
}

static void is_refused(struct fixture *f)
{
    ended(f, END_REFUSED);
}

static void ran(struct fixture *f)
{
    ended(f, END_RAN);
}

static void failed(struct fixture *f)
{
    ended(f, END_FAILED);
}

static void ran_and_rearms_by_cooldown(struct fixture *f)
{
    fixture_policy(f)->rearm = REARM_COOLDOWN;
    ran(f);
}

static void pass(struct fixture *f, int64_t ms)
{
    f->now += ms;
    timers(f);
}

static void six_hours(struct fixture *f)
{
    pass(f, 6 * HOUR);
}

static void quarter_of_an_hour(struct fixture *f)
{
    pass(f, 15 * MINUTE);
}

static void a_day(struct fixture *f)
{
    pass(f, 24 * HOUR);
}

static void rearm(struct fixture *f)
{
    struct error err = {0};
    effects_clear(&f->effects);
    assert_int_equal(engine_rearm(f->engine, KEY, f->now, &f->effects, &err), 0);
}

static void redeliver(struct fixture *f)
{
    struct error err = {0};
    struct decision d;
    const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                 .key = KEY,
                                 .route = "kospi",
                                 .target = "retrain",
                                 .inputs = "{}",
                                 .now = f->now,
                                 .wall = {START}};
    effects_clear(&f->effects);
    assert_int_equal(engine_redeliver(f->engine, &r, &f->effects, &d, &err), 0);
    assert_says(&d, DISPATCH, FIRST);
}

static void every_arrow_leads_where_it_is_drawn(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*from)(struct fixture *f);
        void (*event)(struct fixture *f);
        enum state does, forbidden;
    } cases[] = {
        /* clang-format off */
        { "idle fires, hold = 0",                idle, fires, OPEN, IDLE },
        { "idle fires, hold > 0",                idle, fires_with_hold, HELD, IDLE },
        { "idle fires and is blocked",           idle, fires_while_paused, IDLE, IDLE },
        { "idle fires, is blocked and defers",   idle, fires_while_paused_and_defers, DEFERRED, IDLE },
        { "idle, redelivered",                   idle, redeliver, OPEN, IDLE },
        { "idle stops",                          idle, stops, GONE, IDLE },
        { "held: another joins",                 held, fires, HELD, IDLE },
        { "held to its end",                     held, hold_ends, OPEN, IDLE },
        { "held, its end blocked",               held, hold_ends_blocked, IDLE, IDLE },
        { "held, its end blocked and deferred",  held, hold_ends_blocked_and_defers, DEFERRED, IDLE },
        { "held, redelivered",                   held, redeliver, OPEN, IDLE },
        { "held stops",                          held, stops, GONE, IDLE },
        { "deferred, the block ended",           deferred, block_ends, OPEN, IDLE },
        { "deferred, the block ended, hold > 0", deferred, block_ends_with_hold, HELD, IDLE },
        { "deferred, another block is on",       deferred, another_block_is_on, DEFERRED, IDLE },
        { "deferred stops",                      deferred, stops, GONE, IDLE },
        { "open: another is blocked",            open_unexecuted, fires, OPEN, IDLE },
        { "open: another is deferred",           open_unexecuted, fires_and_defers, DEFERRED, IDLE },
        { "open, unexecuted, stops",             open_unexecuted, stops, GONE, IDLE },
        { "open, executed, stops",               open_executed, stops, OPEN, IDLE },
        { "open: nothing ran",                   open_unexecuted, nothing_ran, IDLE, IDLE },
        { "open: refused",                       open_executed, is_refused, IDLE, COOLING },
        { "open: it ran",                        open_executed, ran, IDLE, DISARMED },
        { "open: it ran, rearm = cooldown",      open_executed, ran_and_rearms_by_cooldown, IDLE, COOLING },
        { "open: it failed",                     open_executed, failed, IDLE, COOLING },
        { "cooling down: fires",                 cooling, fires, IDLE, COOLING },
        { "cooling down: over",                  cooling, six_hours, IDLE, IDLE },
        { "cooling down: rearm",                 cooling, rearm, IDLE, IDLE },
        { "retry_after: over",                   retrying, quarter_of_an_hour, IDLE, IDLE },
        { "retry_after: rearm",                  retrying, rearm, IDLE, IDLE },
        { "disarmed: fires",                     disarmed, fires, IDLE, DISARMED },
        { "disarmed: the cooldown alone is over", disarmed, six_hours, IDLE, DISARMED },
        { "disarmed: rearm_after",               disarmed, a_day, IDLE, IDLE },
        { "disarmed: rearm",                     disarmed, rearm, IDLE, IDLE },
        { "disarmed: redelivered",               disarmed, redeliver, OPEN, DISARMED },
        { "disarmed: quiet for settle",          disarmed_and_quiet, quarter_of_an_hour, IDLE, COOLING },
        { "disarmed and quiet, all over",        disarmed_and_quiet, six_hours, GONE, IDLE },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_init(&f);
        print_message("%s\n", cases[i].name);
        cases[i].from(&f);
        cases[i].event(&f);
        assert_int_equal(does(&f), cases[i].does);
        assert_int_equal(forbidden(&f), cases[i].forbidden);
        fixture_clear(&f);
    }
}

/* What people are told: what it does first, then what lasts longer. */
static void each_state_has_its_word(void **state)
{
    (void)state;
    static const struct {
        void (*to)(struct fixture *f);
        const char *word;
        int64_t until; /* after START */
    } cases[] = {
        {idle, "firing", 0},
        {held, "held", HOLD},
        {deferred, "deferred", 0},
        {open_unexecuted, "open", 0},
        {open_executed, "open", 0},
        {cooling, "cooldown", 6 * HOUR},
        {retrying, "cooldown", 15 * MINUTE},
        {disarmed, "disarmed", 24 * HOUR},
        {disarmed_and_quiet, "cooldown", HOUR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        int64_t until = -1;
        fixture_init(&f);
        cases[i].to(&f);
        assert_string_equal(engine_key_state(f.engine, the_key(&f), f.now, &until), cases[i].word);
        assert_int_equal(until, cases[i].until == 0 ? 0 : START + cases[i].until);
        bool known = false;
        for (size_t j = 0; engine_key_states[j] != NULL; j++)
            known = known || strcmp(engine_key_states[j], cases[i].word) == 0;
        assert_true(known);
        fixture_clear(&f);
    }
    struct fixture f;
    int64_t until;
    fixture_init(&f);
    assert_says(post_one(&f, ALERT_NO_DATA, "a", START), IGNORED, NO_DATA);
    assert_string_equal(engine_key_state(f.engine, the_key(&f), f.now, &until), "quiet");
    fixture_policy(&f)->rearm_after_ms = 0; /* no time ends it */
    run_once(&f, "a", END_RAN);
    assert_string_equal(engine_key_state(f.engine, the_key(&f), f.now, &until), "disarmed");
    assert_int_equal(until, 0);
    fixture_clear(&f);
}

static void a_hold_that_is_due_has_no_end_to_wait_for(void **state)
{
    (void)state;
    struct fixture f;
    int64_t until;
    fixture_init(&f);
    held(&f);
    for (int64_t ms = -1; ms <= 0; ms++) {
        assert_string_equal(engine_key_state(f.engine, the_key(&f), START + HOLD + ms, &until),
                            "held");
        assert_int_equal(until, ms < 0 ? START + HOLD : 0);
    }
    fixture_clear(&f);
}

/* Both end at once: the upper row of the table names it. */
static void of_two_that_last_as_long_disarmed_is_said(void **state)
{
    (void)state;
    struct fixture f;
    int64_t until;
    fixture_init(&f);
    fixture_policy(&f)->cooldown_ms = fixture_policy(&f)->rearm_after_ms;
    run_once(&f, "a", END_RAN);
    assert_string_equal(engine_key_state(f.engine, the_key(&f), f.now, &until), "disarmed");
    fixture_clear(&f);
    engine_free(NULL);
    struct error err = {0};
    SCOPED(engine_free_p) struct engine *another = NULL;
    assert_int_equal(engine_new(&another, &f.ports, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arrow_leads_where_it_is_drawn),
        cmocka_unit_test(each_state_has_its_word),
        cmocka_unit_test(a_hold_that_is_due_has_no_end_to_wait_for),
        cmocka_unit_test(of_two_that_last_as_long_disarmed_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
