/* The life of a request for its key: may it be POSTed, what its end leaves behind. */
#include "tests/unit/engine_fixture.h"

static struct request_view view_of(const char *id, bool executed)
{
    return (struct request_view){
        .key = KEY, .relay_id = id, .created_at = START, .executed = executed, .expires_ms = HOUR};
}

static void a_request_may_be_posted_while_its_key_fires(void **state)
{
    (void)state;
    struct fixture f;
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    open_request(&f, id);
    struct request_view r = view_of(id, false);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST);
    set_stop(&f, true);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_WAIT);
    set_stop(&f, false);
    assert_int_equal(engine_expires_at(f.engine, &r), START + 6 * HOUR);
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR - 1), MAY_POST);
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR), MAY_POST_EXPIRED);
    r.executed = true;
    assert_int_equal(engine_may_post(f.engine, &r, START + 6 * HOUR), MAY_POST);
    fixture_clear(&f);
}

static void an_unexecuted_request_dies_with_its_incident(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    open_request(&f, id);
    posting(&f);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    struct request_view executed = view_of(id, true), r = view_of(id, false);
    assert_int_equal(engine_may_post(f.engine, &executed, f.now), MAY_POST);
    effects_clear(&f.effects);
    assert_int_equal(engine_not_executed(f.engine, KEY, id, &f.effects, &err), 0);
    assert_int_equal(f.effects.n_changed, 1);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_RESOLVED);
    /* It fires again before anybody asked: the request goes on. */
    assert_says(fire(&f, "b"), SUPPRESSED, RUNNING);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST);
    fixture_clear(&f);
}

static void a_request_of_a_forgotten_key_expires_by_its_own_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct request_view r = view_of("01JD0000000000000000000000", false);
    assert_int_equal(engine_expires_at(f.engine, &r), START + HOUR);
    assert_int_equal(engine_may_post(f.engine, &r, START), MAY_POST_RESOLVED);
    assert_int_equal(engine_may_post(f.engine, &r, START + HOUR), MAY_POST_EXPIRED);
    r.expires_ms = INT64_MAX;
    assert_int_equal(engine_expires_at(f.engine, &r), INT64_MAX);
    fixture_clear(&f);
}

static void what_is_said_of_another_request_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    static const char other[] = "01JD0000000000000000000000";
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    SCOPED(buf_free) struct buf before = BUF_INIT(65536);
    SCOPED(buf_free) struct buf after = BUF_INIT(65536);
    state_text(&f, &before);
    effects_clear(&f.effects);
    assert_int_equal(engine_posting(f.engine, KEY, other, f.now, &f.effects, &err), 0);
    assert_int_equal(engine_not_executed(f.engine, KEY, other, &f.effects, &err), 0);
    assert_int_equal(engine_ended(f.engine, KEY, other, END_RAN, f.now, &f.effects, &err), 0);
    assert_int_equal(engine_ended(f.engine, "kospi/m9", other, END_RAN, f.now, &f.effects, &err),
                     0);
    state_text(&f, &after);
    assert_string_equal(buf_text(&after), buf_text(&before));
    assert_int_equal(f.effects.n_changed, 0);
    fixture_clear(&f);
}

static void a_dry_run_changes_nothing_and_says_the_same(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 2;
    fixture_policy(&f)->max_keys = 3;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    body_begin(&f);
    (void)body_add(&f, ALERT_RESOLVED, "a", "m1", START); /* gives a slot back */
    (void)body_add(&f, ALERT_FIRING, "b", "m2", START);
    (void)body_add(&f, ALERT_NO_DATA, "c", "m2", START);
    (void)body_add(&f, ALERT_FIRING, "d", "m3", START);
    (void)body_add(&f, ALERT_FIRING, "e", "m4", START);
    SCOPED(buf_free) struct buf before = BUF_INIT(65536);
    state_text(&f, &before);
    enum reason dry[5];
    for (int times = 0; times < 2; times++) {
        SCOPED(buf_free) struct buf after = BUF_INIT(65536);
        body_post(&f, true);
        state_text(&f, &after);
        assert_string_equal(buf_text(&after), buf_text(&before));
        assert_int_equal(f.effects.n_changed + f.effects.n_created + f.effects.n_cancelled +
                             f.effects.n_removed,
                         0);
        for (size_t i = 0; i < 5; i++) {
            dry[i] = f.effects.decisions[i].reason;
            assert_string_equal(f.effects.decisions[i].relay_id, "");
        }
    }
    body_post(&f, false);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(f.effects.decisions[i].reason, dry[i]);
    assert_says(&f.effects.decisions[0], RESOLVED, CANCELLED);
    assert_says(&f.effects.decisions[1], DISPATCH, FIRST);
    assert_says(&f.effects.decisions[3], DISPATCH, FIRST);
    assert_says(&f.effects.decisions[4], SUPPRESSED, LIMIT);
    fixture_clear(&f);
}

static void the_end_of_a_request_leaves_no_trace_of_it(void **state)
{
    (void)state;
    static const enum request_end ends[] = {END_NOTHING_RAN, END_REFUSED, END_RAN, END_FAILED};
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        fixture_init(&f);
        fixture_policy(&f)->rearm_after_ms = 0;
        assert_says(fire(&f, "a"), DISPATCH, FIRST);
        assert_says(fire(&f, "b"), SUPPRESSED, RUNNING);
        assert_says(resolve(&f, "b"), RESOLVED, NOTED);
        posting(&f);
        ended(&f, ends[i]);
        const struct key *k = the_key(&f);
        assert_string_equal(k->relay_id, "");
        assert_int_equal(k->posted_at, 0);
        assert_false(k->executed);
        assert_false(k->by_operator);
        assert_false(k->members[0].in_request);
        assert_int_equal(k->disarmed_at, ends[i] == END_RAN ? START : 0);
        fixture_clear(&f);
    }
}

static void members_of_a_request_that_never_ran_are_free_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "a", "m1", START);
    (void)body_add(&f, ALERT_FIRING, "b", "m1", START);
    body_post(&f, false);
    ended(&f, END_NOTHING_RAN);
    assert_says(fire(&f, "b"), DISPATCH, JOINED);
    fixture_clear(&f);
}

/* Its member went stale at the same time: the request ends as it is told, not a second time. */
static void a_request_ends_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += 9 * HOUR;
    ended(&f, END_REFUSED);
    assert_int_equal(f.effects.n_cancelled + f.effects.n_outcomes, 0);
    assert_int_equal(the_key(&f)->retry_from, f.now);
    fixture_clear(&f);
}

static void a_refused_post_may_be_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    open_request(&f, id);
    effects_clear(&f.effects);
    assert_int_equal(engine_not_executed(f.engine, KEY, id, &f.effects, &err), 0);
    assert_false(the_key(&f)->executed);
    assert_says(resolve(&f, "a"), RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_cancelled, 1);
    fixture_clear(&f);
}

static void a_new_request_was_never_posted_and_its_key_not_quiet_since(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    posting(&f);
    assert_says(resolve(&f, "a"), RESOLVED, QUIET);
    f.now += 15 * MINUTE;
    timers(&f);
    assert_true(the_key(&f)->settled);
    ended(&f, END_RAN);
    assert_int_equal(the_key(&f)->disarmed_at, 0);
    f.now = START + 6 * HOUR - 1;
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN);
    f.now++;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    assert_false(the_key(&f)->settled);
    assert_false(the_key(&f)->executed);
    assert_int_equal(the_key(&f)->posted_at, 0);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_may_be_posted_while_its_key_fires),
        cmocka_unit_test(an_unexecuted_request_dies_with_its_incident),
        cmocka_unit_test(a_request_of_a_forgotten_key_expires_by_its_own_time),
        cmocka_unit_test(what_is_said_of_another_request_changes_nothing),
        cmocka_unit_test(a_dry_run_changes_nothing_and_says_the_same),
        cmocka_unit_test(the_end_of_a_request_leaves_no_trace_of_it),
        cmocka_unit_test(members_of_a_request_that_never_ran_are_free_again),
        cmocka_unit_test(a_request_ends_once),
        cmocka_unit_test(a_refused_post_may_be_cancelled),
        cmocka_unit_test(a_new_request_was_never_posted_and_its_key_not_quiet_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
