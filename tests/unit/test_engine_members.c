/* Members of a key: who makes, renews and leaves it, and what a resolve is called. */
#include "tests/unit/engine_fixture.h"

static void expect(const struct fixture *f, size_t i, enum verdict verdict, enum reason reason,
                   int64_t until)
{
    const struct decision *d = &f->effects.decisions[i];
    assert_says_at(d, verdict, reason, __FILE__, __LINE__);
    assert_int_equal(d->until, until);
}

static void two_are_needed_when_min_alerts_says_so(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->min_alerts = 2;
    assert_says(fire(&f, "a"), SUPPRESSED, BELOW_MIN);
    assert_says(post_one(&f, ALERT_NO_DATA, "b", START), IGNORED, NO_DATA); /* blind: no second */
    assert_says(fire(&f, "a"), SUPPRESSED, BELOW_MIN);
    assert_says(fire(&f, "b"), DISPATCH, JOINED); /* "a" leads by its fingerprint */
    assert_int_equal(f.led_count, 2);
    char id[ULID_SIZE];
    open_request(&f, id);
    /* One goes: below two, so the request is cancelled; the one that stays belongs to nothing. */
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "a", "m1", START);
    (void)body_add(&f, ALERT_RESOLVED, "b", "m1", START);
    body_post(&f, false);
    expect(&f, 0, VERDICT_SUPPRESSED, REASON_BELOW_MIN, NO_UNTIL);
    expect(&f, 1, VERDICT_RESOLVED, REASON_CANCELLED, NO_UNTIL);
    assert_int_equal(f.effects.n_cancelled, 1);
    assert_string_equal(f.effects.cancelled[0], id);
    fixture_clear(&f);
}

static void resolves_are_cancelled_quiet_or_noted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(resolve(&f, "a"), RESOLVED, NOTED); /* of nothing */
    assert_int_equal(engine_n_keys(f.engine), 0);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    assert_says(resolve(&f, "x"), RESOLVED, NOTED); /* of nobody we know */
    assert_says(fire(&f, "b"), SUPPRESSED, RUNNING);
    assert_says(resolve(&f, "a"), RESOLVED, NOTED); /* b still fires */
    assert_says(resolve(&f, "b"), RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_removed, 1); /* nothing is left of the key */
    assert_string_equal(f.effects.removed[0], KEY);
    assert_int_equal(f.effects.n_changed, 0);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET); /* too late to cancel */
    assert_int_equal(f.effects.n_cancelled, 0);
    fixture_clear(&f);
}

static void a_late_resolve_takes_nobody_out(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t ends_at;
        enum reason reason;
    } cases[] = {{"before the start", START - 1, REASON_NOTED},
                 {"at the start", START, REASON_CANCELLED},
                 {"later", START + 1, REASON_CANCELLED},
                 {"no endsAt", TIME_NONE, REASON_CANCELLED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_init(&f);
        print_message("%s\n", cases[i].name);
        assert_says(post_one(&f, ALERT_FIRING, "a", START), DISPATCH, FIRST);
        /* An older start is heard later (an HA peer): the newest stays. */
        assert_says(post_one(&f, ALERT_FIRING, "a", START - HOUR), SUPPRESSED, DUPLICATE);
        body_begin(&f);
        body_add(&f, ALERT_RESOLVED, "a", "m1", START - HOUR)->ends_at = cases[i].ends_at;
        body_post(&f, false);
        expect(&f, 0, VERDICT_RESOLVED, cases[i].reason, NO_UNTIL);
        fixture_clear(&f);
    }
}

static void no_data_keeps_a_key_from_being_quiet_but_does_not_fire(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    assert_says(post_one(&f, ALERT_ERROR, "b", START), IGNORED, ERROR);
    assert_says(resolve(&f, "a"), RESOLVED, NOTED); /* b is still there */
    assert_says(resolve(&f, "b"), RESOLVED, QUIET);
    /* What fired and then has no data goes on firing. */
    assert_says(fire(&f, "a"), SUPPRESSED, RUNNING);
    assert_says(post_one(&f, ALERT_NO_DATA, "a", START), IGNORED, NO_DATA);
    assert_int_equal(key_firing(the_key(&f)), 1);
    /* A blind one becomes ordinary when it fires. */
    assert_says(post_one(&f, ALERT_NO_DATA, "c", START), IGNORED, NO_DATA);
    assert_int_equal(key_firing(the_key(&f)), 1);
    assert_says(fire(&f, "c"), SUPPRESSED, RUNNING);
    assert_int_equal(key_firing(the_key(&f)), 2);
    fixture_clear(&f);
}

static void a_test_makes_no_member(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(post_one(&f, ALERT_TEST, "a", START), IGNORED, TEST);
    assert_int_equal(engine_n_keys(f.engine), 0);
    assert_int_equal(f.effects.n_changed, 0);
    fixture_clear(&f);
}

static void a_member_unheard_for_stale_after_leaves(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    char id[ULID_SIZE];
    open_request(&f, id);
    f.now += 8 * HOUR;
    assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE); /* renewed */
    f.now += 9 * HOUR - 1;
    timers(&f);
    assert_int_equal(f.effects.n_cancelled, 0);
    f.now += 1;
    assert_int_equal(engine_next(f.engine), f.now);
    timers(&f);
    assert_int_equal(f.effects.n_cancelled, 1); /* the same as a resolve */
    assert_string_equal(f.effects.cancelled[0], id);
    assert_int_equal(engine_n_keys(f.engine), 0);
    fixture_clear(&f);
}

static void there_is_room_for_max_keys_and_max_members(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->max_keys = 1;
    fixture_policy(&f)->max_members = 1;
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "c", "m2", START);
    (void)body_add(&f, ALERT_FIRING, "b", "m1", START);
    (void)body_add(&f, ALERT_FIRING, "a", "m1", START);
    (void)body_add(&f, ALERT_NO_DATA, "d", "m1", START);
    body_post(&f, false);
    expect(&f, 0, VERDICT_SUPPRESSED, REASON_LIMIT, NO_UNTIL);
    expect(&f, 1, VERDICT_SUPPRESSED, REASON_LIMIT, NO_UNTIL);
    expect(&f, 2, VERDICT_DISPATCH, REASON_FIRST, NO_UNTIL);
    expect(&f, 3, VERDICT_IGNORED, REASON_NO_DATA, NO_UNTIL);
    assert_int_equal(the_key(&f)->n_members, 1);
    assert_int_equal(engine_n_keys(f.engine), 1);
    /* The key goes: there is room for another. */
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "c", "m2", START);
    body_post(&f, false);
    expect(&f, 0, VERDICT_DISPATCH, REASON_FIRST, NO_UNTIL);
    fixture_clear(&f);
}

static void a_key_has_4096_bytes_at_most(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct fixture f;
        char model[4096];
        size_t len = 4096 - strlen("kospi/") + more;
        fixture_init(&f);
        memset(model, 'x', len);
        model[len] = '\0';
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "a", model, START);
        body_post(&f, false);
        if (more == 0) {
            assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
            assert_int_equal(strlen(f.effects.decisions[0].key), 4096);
        } else {
            assert_says(&f.effects.decisions[0], SUPPRESSED, LIMIT);
            assert_null(f.effects.decisions[0].key);
            assert_string_equal(f.effects.decisions[0].route, "kospi");
        }
        assert_int_equal(engine_n_keys(f.engine), 1 - more);
        fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_are_needed_when_min_alerts_says_so),
        cmocka_unit_test(resolves_are_cancelled_quiet_or_noted),
        cmocka_unit_test(a_late_resolve_takes_nobody_out),
        cmocka_unit_test(no_data_keeps_a_key_from_being_quiet_but_does_not_fire),
        cmocka_unit_test(a_test_makes_no_member),
        cmocka_unit_test(a_member_unheard_for_stale_after_leaves),
        cmocka_unit_test(there_is_room_for_max_keys_and_max_members),
        cmocka_unit_test(a_key_has_4096_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
