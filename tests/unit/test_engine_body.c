/* What one body may hold at once: repeats, contradictions, several keys, and what a dry run of it
 * leaves. */
#include "tests/unit/engine_fixture.h"

#define BOTH(turn) for (int turn = 0; turn < 2; turn++)

static void says(const struct fixture *f, size_t i, enum verdict verdict, enum reason reason)
{
    assert_says_at(&f->effects.decisions[i], verdict, reason, __FILE__, __LINE__);
}

static struct alert *add(struct fixture *f, enum alert_kind kind, const char *fingerprint,
                         const char *model)
{
    return body_add(f, kind, fingerprint, model, START);
}

static void a_resolve_beside_its_own_firing_wins(void **state)
{
    (void)state;
    BOTH(turn)
    {
        struct fixture f;
        fixture_init(&f);
        size_t fires = turn == 0 ? 0 : 1;
        body_begin(&f);
        (void)add(&f, fires == 0 ? ALERT_FIRING : ALERT_RESOLVED, "a", "m1");
        (void)add(&f, fires == 0 ? ALERT_RESOLVED : ALERT_FIRING, "a", "m1");
        body_post(&f, false);
        says(&f, fires, VERDICT_SUPPRESSED, REASON_BELOW_MIN);
        says(&f, 1 - fires, VERDICT_RESOLVED, REASON_NOTED); /* it was quiet before, too */
        assert_int_equal(f.effects.n_created, 0);
        assert_int_equal(engine_n_keys(f.engine), 0);
        fixture_clear(&f);
    }
}

static void what_fires_takes_its_place_before_a_resolve_makes_room(void **state)
{
    (void)state;
    for (size_t turn = 0; turn < 4; turn++) {
        struct fixture f;
        const char *leaves = turn % 2 == 0 ? "a" : "c";
        size_t resolved = turn / 2;
        fixture_init(&f);
        fixture_policy(&f)->max_members = 1;
        assert_says(fire(&f, leaves), DISPATCH, FIRST);
        posting(&f);
        body_begin(&f);
        for (size_t i = 0; i < 2; i++)
            (void)add(&f, i == resolved ? ALERT_RESOLVED : ALERT_FIRING,
                      i == resolved ? leaves : "b", "m1");
        body_post(&f, false);
        says(&f, resolved, VERDICT_RESOLVED, REASON_QUIET);
        says(&f, 1 - resolved, VERDICT_SUPPRESSED, REASON_LIMIT);
        fixture_clear(&f);
    }
}

/* The same alert twice: the newest startsAt counts, of equal ones the last in the body. */
static void the_newest_of_two_speaks_for_the_member(void **state)
{
    (void)state;
    static const struct {
        int64_t starts[2];
        uint32_t position;
    } cases[] = {{{START, START + 1}, 1}, {{START + 1, START}, 0}, {{START, START}, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        fixture_init(&f);
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "a", "m1", cases[i].starts[0]);
        (void)body_add(&f, ALERT_FIRING, "a", "m1", cases[i].starts[1]);
        body_post(&f, false);
        says(&f, 0, VERDICT_DISPATCH, REASON_FIRST);
        says(&f, 1, VERDICT_DISPATCH, REASON_FIRST);
        assert_int_equal(the_key(&f)->members[0].position, cases[i].position);
        assert_int_equal(the_key(&f)->n_members, 1);
        fixture_clear(&f);
    }
}

static void what_makes_no_member_does_not_hide_the_others(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    body_begin(&f);
    struct alert *unrouted = add(&f, ALERT_FIRING, "0", "m1");
    f.labels[0][0].value = "nothing";
    (void)add(&f, ALERT_TEST, "1", "m1");
    (void)add(&f, ALERT_FIRING, "a", "m1");
    (void)add(&f, ALERT_FIRING, "b", "m2");
    assert_string_equal(unrouted->labels[0].value, "nothing");
    body_post(&f, false);
    says(&f, 0, VERDICT_IGNORED, REASON_NO_ROUTE);
    says(&f, 1, VERDICT_IGNORED, REASON_TEST);
    says(&f, 2, VERDICT_DISPATCH, REASON_FIRST);
    says(&f, 3, VERDICT_DISPATCH, REASON_FIRST);
    assert_int_equal(f.effects.n_changed, 2);
    assert_int_equal(f.effects.n_created, 2);
    fixture_clear(&f);
}

static void a_resolve_of_nobody_makes_no_key(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(resolve(&f, "a"), RESOLVED, NOTED);
    assert_int_equal(f.effects.n_changed + f.effects.n_removed, 0);
    assert_int_equal(engine_n_keys(f.engine), 0);
    fixture_clear(&f);
}

static void the_newest_starts_at_tells_what_is_late(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    body_begin(&f);
    (void)add(&f, ALERT_NO_DATA, "a", "m1"); /* a blind member has a startsAt, too */
    body_post(&f, false);
    assert_int_equal(the_key(&f)->quiet_since, 0);
    body_begin(&f);
    add(&f, ALERT_RESOLVED, "a", "m1")->ends_at = START - 1;
    body_post(&f, false);
    says(&f, 0, VERDICT_RESOLVED, REASON_NOTED);
    assert_int_equal(the_key(&f)->n_members, 1);
    assert_says(post_one(&f, ALERT_FIRING, "a", START + HOUR), DISPATCH, FIRST);
    posting(&f);
    assert_says(post_one(&f, ALERT_FIRING, "a", START), SUPPRESSED, DUPLICATE); /* the older one */
    for (int64_t ms = -1; ms <= 0; ms++) {
        body_begin(&f);
        add(&f, ALERT_RESOLVED, "a", "m1")->ends_at = START + HOUR + ms;
        body_post(&f, false);
        says(&f, 0, VERDICT_RESOLVED, ms < 0 ? REASON_NOTED : REASON_QUIET);
    }
    assert_int_equal(the_key(&f)->quiet_since, f.now);
    assert_says(fire(&f, "a"), SUPPRESSED, RUNNING);
    assert_int_equal(the_key(&f)->quiet_since, 0);
    fixture_clear(&f);
}

static void a_cancelled_request_leaves_no_trace_on_who_stays(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    char id[ULID_SIZE];
    fixture_init(&f);
    fixture_policy(&f)->min_alerts = 3;
    assert_says(fire(&f, "a"), SUPPRESSED, BELOW_MIN);
    assert_says(fire(&f, "b"), SUPPRESSED, BELOW_MIN);
    assert_says(fire(&f, "c"), DISPATCH, JOINED);
    posting(&f);
    open_request(&f, id);
    assert_int_equal(engine_not_executed(f.engine, KEY, id, &f.effects, &err), 0);
    assert_false(the_key(&f)->executed);
    assert_says(resolve(&f, "c"), RESOLVED, CANCELLED);
    assert_int_equal(f.effects.n_cancelled, 1);
    assert_string_equal(f.effects.cancelled[0], id);
    assert_string_equal(the_key(&f)->relay_id, "");
    assert_int_equal(the_key(&f)->posted_at, 0);
    assert_says(fire(&f, "a"), SUPPRESSED, BELOW_MIN);
    assert_says(fire(&f, "b"), SUPPRESSED, BELOW_MIN);
    fixture_clear(&f);
}

static void a_key_that_goes_is_not_among_the_changed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->min_alerts = 5;
    for (int i = 0; i < 2; i++) {
        body_begin(&f);
        (void)add(&f, ALERT_FIRING, i == 0 ? "x" : "y", "m1");
        (void)add(&f, ALERT_FIRING, i == 0 ? "x" : "y", "m2");
        body_post(&f, false);
        assert_int_equal(f.effects.n_changed, 2);
        f.now += i == 0 ? HOUR : 8 * HOUR;
    }
    /* The x are stale by now, which is a change of both; then the last one of m2 leaves. */
    body_begin(&f);
    (void)add(&f, ALERT_RESOLVED, "y", "m2");
    (void)add(&f, ALERT_FIRING, "z", "m1");
    body_post(&f, false);
    assert_int_equal(f.effects.n_changed, 1);
    assert_string_equal(f.effects.changed[0]->text, KEY);
    assert_int_equal(f.effects.n_removed, 1);
    assert_string_equal(f.effects.removed[0], "kospi/m2");
    fixture_clear(&f);
}

/* Which of the keys nK of this route finds room in the budgets. */
static size_t room_left(struct fixture *f)
{
    size_t n = 0;
    char model[8];
    do {
        (void)snprintf(model, sizeof(model), "n%zu", n++);
        body_begin(f);
        (void)add(f, ALERT_FIRING, "z", model);
        body_post(f, false);
    } while (f->effects.decisions[0].verdict == VERDICT_DISPATCH);
    assert_int_equal(f->effects.decisions[0].reason, REASON_BUDGET);
    return n - 1;
}

static void a_dry_run_leaves_both_budgets_as_they_were(void **state)
{
    (void)state;
    BOTH(of_target)
    {
        struct fixture f;
        fixture_init(&f);
        struct budget_policy five = {.max = 5, .per_ms = 24 * HOUR}, none = {0};
        f.target.budget = of_target ? five : none;
        fixture_policy(&f)->budget = of_target ? none : five;
        struct error err = {0};
        for (int64_t i = 0; i < 6;
             i++) /* they count no more, but are kept: eight with the next two */
            assert_int_equal(engine_restore_slot(f.engine, "kospi", "retrain",
                                                 START - 48 * HOUR + i,
                                                 "01JD0000000000000000000009", &err),
                             0);
        for (size_t i = 0; i < 2; i++) {
            const char *const models[] = {"m1", "m2"};
            body_begin(&f);
            (void)add(&f, ALERT_FIRING, "a", models[i]);
            body_post(&f, false);
            says(&f, 0, VERDICT_DISPATCH, REASON_FIRST);
        }
        body_begin(&f);
        (void)add(&f, ALERT_RESOLVED, "a",
                  "m2"); /* gives one back, takes four: the last one is one too many */
        for (size_t i = 0; i < 5; i++) {
            static const char *const models[] = {"m3", "m4", "m5", "m6", "m7"};
            (void)add(&f, ALERT_FIRING, "a", models[i]);
        }
        body_post(&f, true);
        says(&f, 4, VERDICT_DISPATCH, REASON_FIRST);
        says(&f, 5, VERDICT_SUPPRESSED, REASON_BUDGET);
        assert_int_equal(room_left(&f), 3);
        fixture_clear(&f);
    }
}

static void the_hold_of_a_millisecond_is_a_hold(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->hold_ms = 1;
    assert_says(fire(&f, "a"), HELD, HOLD);
    assert_int_equal(f.effects.decisions[0].until, START + 1);
    fixture_clear(&f);
}

/* Where two rows hold, the upper one decides. */
static void the_upper_of_two_rows_decides(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    struct decision d;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 1;
    run_once(&f, "a", END_FAILED);
    assert_says(fire(&f, "a"), SUPPRESSED, COOLDOWN); /* 9 before 10 */
    fixture_clear(&f);

    fixture_init(&f);
    run_once(&f, "a", END_RAN);
    const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                 .key = KEY,
                                 .route = "kospi",
                                 .target = "retrain",
                                 .inputs = "{}",
                                 .now = f.now,
                                 .wall = {START}};
    effects_clear(&f.effects);
    assert_int_equal(engine_redeliver(f.engine, &r, &f.effects, &d, &err), 0);
    assert_says(fire(&f, "b"), SUPPRESSED, RUNNING); /* 7 before 8 */
    set_stop(&f, true);
    assert_says(fire(&f, "b"), SUPPRESSED, PAUSED); /* 5 before 7 */
    fixture_clear(&f);
}

static void all_that_changed_is_told_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->min_alerts = 5;
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"x", "y", "z"};
        body_begin(&f);
        (void)add(&f, ALERT_FIRING, names[i], "m1");
        (void)add(&f, ALERT_FIRING, names[i], "m2");
        body_post(&f, false); /* at last the x are stale, which changed both before */
        assert_int_equal(f.effects.n_changed, 2);
        f.now += i == 0 ? HOUR : 8 * HOUR;
    }
    f.now = START + 18 * HOUR; /* all are */
    timers(&f);
    assert_int_equal(f.effects.n_removed, 2);
    assert_int_equal(f.effects.n_changed, 0);
    fixture_clear(&f);
}

static void a_dry_run_finds_what_went_stale(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    f.now += 9 * HOUR;
    body_begin(&f);
    (void)add(&f, ALERT_FIRING, "b", "m1");
    body_post(&f, true);
    says(&f, 0, VERDICT_DISPATCH, REASON_FIRST);
    assert_int_equal(f.effects.n_outcomes + f.effects.n_cancelled, 0);
    body_post(&f, false);
    says(&f, 0, VERDICT_DISPATCH, REASON_FIRST);
    assert_int_equal(f.effects.n_outcomes, 1);
    assert_int_equal(f.effects.n_cancelled, 1);
    fixture_clear(&f);
}

static void a_dry_run_of_a_hold_says_the_same(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->hold_ms = HOUR;
    fixture_policy(&f)->extend_hold = true;
    for (int i = 0; i < 2; i++) {
        const char *const names[] = {"a", "b"};
        SCOPED(buf_free) struct buf before = BUF_INIT(65536);
        SCOPED(buf_free) struct buf after = BUF_INIT(65536);
        state_text(&f, &before);
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, names[i], "m1", START);
        body_post(&f, true);
        enum reason dry = f.effects.decisions[0].reason;
        assert_int_equal(f.effects.decisions[0].verdict, VERDICT_HELD);
        assert_int_equal(f.effects.decisions[0].until, f.now + HOUR);
        state_text(&f, &after);
        assert_string_equal(buf_text(&after), buf_text(&before));
        assert_int_equal(fire(&f, names[i])->reason, dry);
        assert_int_equal(f.effects.decisions[0].until, f.now + HOUR);
        f.now += MINUTE;
    }
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resolve_beside_its_own_firing_wins),
        cmocka_unit_test(what_fires_takes_its_place_before_a_resolve_makes_room),
        cmocka_unit_test(the_newest_of_two_speaks_for_the_member),
        cmocka_unit_test(what_makes_no_member_does_not_hide_the_others),
        cmocka_unit_test(a_resolve_of_nobody_makes_no_key),
        cmocka_unit_test(the_newest_starts_at_tells_what_is_late),
        cmocka_unit_test(a_cancelled_request_leaves_no_trace_on_who_stays),
        cmocka_unit_test(a_key_that_goes_is_not_among_the_changed),
        cmocka_unit_test(a_dry_run_leaves_both_budgets_as_they_were),
        cmocka_unit_test(the_hold_of_a_millisecond_is_a_hold),
        cmocka_unit_test(the_upper_of_two_rows_decides),
        cmocka_unit_test(all_that_changed_is_told_once),
        cmocka_unit_test(a_dry_run_finds_what_went_stale),
        cmocka_unit_test(a_dry_run_of_a_hold_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
