/* What people are shown: when a key may act next, and what a request waited for. */
#include "tests/unit/engine_fixture.h"

static struct engine_key_times times(const struct fixture *f)
{
    struct engine_key_times out;
    memset(&out, 0xff, sizeof(out));
    engine_key_times(f->engine, the_key(f), f->now, &out);
    return out;
}

/* An operator's request, which no cooldown stops. */
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
}

static void a_key_that_nothing_blocks_has_no_times(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    struct engine_key_times t = times(&f);
    assert_int_equal(t.waiting, 0);
    assert_int_equal(t.disarmed, 0);
    assert_int_equal(t.cooldown, 0);
    assert_int_equal(t.cooldown_from, 0);
    fixture_clear(&f);
}

static void disarmed_and_cooling_end_by_their_own_times(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->rearm_after_ms = 3 * HOUR;
    fixture_policy(&f)->cooldown_ms = 2 * HOUR;
    run_once(&f, "a", END_RAN);
    f.now += HOUR;
    struct engine_key_times t = times(&f);
    assert_int_equal(t.waiting, 0);
    assert_int_equal(t.disarmed, START + 3 * HOUR);
    assert_int_equal(t.cooldown, START + 2 * HOUR);
    assert_int_equal(t.cooldown_from, START);
    f.now += HOUR;
    t = times(&f);
    assert_int_equal(t.cooldown, 0);
    assert_int_equal(t.cooldown_from, 0);
    assert_int_equal(t.disarmed, START + 3 * HOUR);
    fixture_clear(&f);
}

static void of_cooldown_and_retry_after_the_later_end_counts(void **state)
{
    (void)state;
    static const struct {
        int64_t retry_after_ms, end, from;
    } cases[] = {{30 * MINUTE, START + 2 * HOUR, START},
                 {4 * HOUR, START + 5 * HOUR, START + HOUR}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fixture f;
        fixture_init(&f);
        fixture_policy(&f)->cooldown_ms = 2 * HOUR;
        fixture_policy(&f)->retry_after_ms = cases[i].retry_after_ms;
        run_once(&f, "a", END_FAILED);
        f.now = START + HOUR;
        redeliver(&f);
        ended(&f, END_REFUSED); /* retry_after begins beside the cooldown */
        struct engine_key_times t = times(&f);
        assert_int_equal(t.cooldown, cases[i].end);
        assert_int_equal(t.cooldown_from, cases[i].from);
        f.now = cases[i].end;
        t = times(&f);
        assert_int_equal(t.cooldown, 0);
        assert_int_equal(t.cooldown_from, 0);
        fixture_clear(&f);
    }
}

static void a_request_says_which_hold_it_ends(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->hold_ms = MINUTE;
    assert_says(fire(&f, "a"), HELD, HOLD);
    assert_int_equal(times(&f).waiting, START + MINUTE);
    f.now += MINUTE;
    timers(&f);
    assert_int_equal(f.effects.n_created, 1);
    assert_true(f.effects.created[0].held);
    assert_int_equal(f.effects.created[0].waited_from, START);
    fixture_clear(&f);
}

static void a_request_says_which_deferral_it_ends(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->cooldown_ms = HOUR;
    fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DEFER;
    run_once(&f, "a", END_FAILED);
    f.now += MINUTE;
    assert_says(fire(&f, "a"), DEFERRED, COOLDOWN);
    assert_int_equal(times(&f).waiting, START + HOUR);
    f.now = START + HOUR;
    timers(&f);
    assert_int_equal(f.effects.n_created, 1);
    assert_false(f.effects.created[0].held);
    assert_int_equal(f.effects.created[0].waited_from, START + MINUTE);
    fixture_clear(&f);
}

static void a_request_that_waited_for_nothing_says_so(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    assert_int_equal(f.effects.n_created, 1);
    assert_false(f.effects.created[0].held);
    assert_int_equal(f.effects.created[0].waited_from, 0);
    fixture_clear(&f);
}

static void a_post_sees_that_a_cooldown_is_over(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->cooldown_ms = HOUR;
    run_once(&f, "a", END_FAILED);
    redeliver(&f);
    assert_int_equal(the_key(&f)->cooldown_from, START);
    f.now += HOUR;
    posting(&f);
    assert_int_equal(the_key(&f)->cooldown_from, 0);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_nothing_blocks_has_no_times),
        cmocka_unit_test(disarmed_and_cooling_end_by_their_own_times),
        cmocka_unit_test(of_cooldown_and_retry_after_the_later_end_counts),
        cmocka_unit_test(a_request_says_which_hold_it_ends),
        cmocka_unit_test(a_request_says_which_deferral_it_ends),
        cmocka_unit_test(a_request_that_waited_for_nothing_says_so),
        cmocka_unit_test(a_post_sees_that_a_cooldown_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
