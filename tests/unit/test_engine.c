/* Decisions: the rows of the table, and that the order of a body means nothing.
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
        { "3 of the open request", open_of_this, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_DUPLICATE, 0, true },
        { "4 before 5: below min", needs_two, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_BELOW_MIN, 0, false },
        { "5 stop file", stopped, ALERT_FIRING, VERDICT_SUPPRESSED, REASON_PAUSED, 0, false },
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

static void an_alert_that_no_route_takes_is_ignored(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (int i = 0; i < 2; i++) {
        body_begin(&f);
        struct alert *a = body_add(&f, i == 0 ? ALERT_FIRING : ALERT_RESOLVED, "a", "m1", START);
        a->n_labels = 0;
        body_post(&f, false);
        assert_null(f.effects.decisions[0].route);
        assert_null(f.effects.decisions[0].key);
        expect(&f, 0, i == 0 ? VERDICT_IGNORED : VERDICT_RESOLVED,
               i == 0 ? REASON_NO_ROUTE : REASON_NOTED, NO_UNTIL);
    }
    assert_int_equal(engine_n_keys(f.engine), 0);
    fixture_clear(&f);
}

static void a_created_request_says_whose_it_is(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    const struct created_request *r = &f.effects.created[0];
    assert_ptr_equal(r->route, f.routes[0].name);
    assert_ptr_equal(r->target, f.routes[0].target);
    assert_int_equal(r->cause, CAUSE_ALERT);
    assert_string_equal(r->notification, f.notification);
    assert_int_equal(r->expires_ms, 6 * HOUR);
    assert_string_equal(r->key, KEY);
    assert_string_equal(r->inputs, "{}");
    assert_string_equal(r->relay_id, f.effects.decisions[0].relay_id);
    assert_int_equal(f.effects.n_changed, 1);
    assert_ptr_equal(f.effects.changed[0], the_key(&f));
    fixture_clear(&f);
}

static void the_leading_member_is_first_and_the_others_join(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "ma20", "m1", START - HOUR);
    (void)body_add(&f, ALERT_FIRING, "ma5", "m1", START); /* newest */
    body_post(&f, false);
    expect(&f, 0, VERDICT_DISPATCH, REASON_JOINED, NO_UNTIL);
    expect(&f, 1, VERDICT_DISPATCH, REASON_FIRST, NO_UNTIL);
    assert_string_equal(f.effects.decisions[0].relay_id, f.effects.decisions[1].relay_id);
    assert_int_equal(f.effects.n_created, 1);
    assert_string_equal(f.led_by, "ma5");
    assert_true(f.led_here);
    assert_int_equal(f.led_count, 2);
    /* both belong to it */
    assert_says(fire(&f, "ma20"), SUPPRESSED, DUPLICATE);
    fixture_clear(&f);
}

static void nobody_is_first_when_the_leading_member_was_heard_before(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    set_stop(&f, true);
    assert_says(post_one(&f, ALERT_FIRING, "ma5", START), SUPPRESSED, PAUSED);
    set_stop(&f, false);
    assert_says(post_one(&f, ALERT_FIRING, "ma20", START - HOUR), DISPATCH, JOINED);
    assert_string_equal(f.led_by, "ma5");
    assert_false(f.led_here);
    fixture_clear(&f);
}

static void one_resolved_and_one_firing_in_a_body_is_no_end(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct fixture f;
        fixture_init(&f);
        char before[ULID_SIZE];
        assert_says(fire(&f, "ma5"), DISPATCH, FIRST);
        open_request(&f, before);
        body_begin(&f);
        size_t gone = order == 0 ? 0 : 1;
        for (size_t i = 0; i < 2; i++)
            (void)body_add(&f, i == gone ? ALERT_RESOLVED : ALERT_FIRING,
                           i == gone ? "ma5" : "ma20", "m1", START);
        body_post(&f, false);
        expect(&f, gone, VERDICT_RESOLVED, REASON_NOTED, NO_UNTIL);
        expect(&f, 1 - gone, VERDICT_SUPPRESSED, REASON_RUNNING, NO_UNTIL);
        assert_int_equal(f.effects.n_cancelled, 0);
        assert_string_equal(the_key(&f)->relay_id, before);
        fixture_clear(&f);
    }
}

/* Decisions by fingerprint, as text, of the body whose alerts stand in this order. */
static void decisions_of(const size_t order[static 5], struct buf *out)
{
    static const struct {
        enum alert_kind kind;
        const char *fingerprint, *model;
        int64_t starts_at;
    } body[] = {{ALERT_FIRING, "new", "m1", START - 5},
                {ALERT_RESOLVED, "old", "m1", START},
                {ALERT_NO_DATA, "blind", "m1", START},
                {ALERT_FIRING, "elsewhere", "m2", START},
                {ALERT_FIRING, "elsewhere2", "m3", START}};
    struct fixture f;
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 2; /* m3 finds it spent */
    assert_says(fire(&f, "old"), DISPATCH, FIRST);
    body_begin(&f);
    for (size_t i = 0; i < 5; i++)
        (void)body_add(&f, body[order[i]].kind, body[order[i]].fingerprint, body[order[i]].model,
                       body[order[i]].starts_at);
    body_post(&f, false);
    for (size_t alert = 0; alert < 5; alert++) {
        for (size_t i = 0; i < 5; i++) {
            const struct decision *d = &f.effects.decisions[i];
            if (order[i] == alert)
                buf_addf(out, "%s %s/%s %s\n", body[alert].fingerprint, verdict_text(d->verdict),
                         reason_text(d->reason), d->key);
        }
    }
    fixture_clear(&f);
}

static void the_order_of_a_body_means_nothing(void **state)
{
    (void)state;
    size_t order[5] = {0, 1, 2, 3, 4};
    SCOPED(buf_free) struct buf first = BUF_INIT(4096);
    decisions_of(order, &first);
    assert_non_null(strstr(buf_text(&first), "new suppressed/running kospi/m1\n"));
    assert_non_null(strstr(buf_text(&first), "elsewhere dispatch/first kospi/m2\n"));
    assert_non_null(strstr(buf_text(&first), "elsewhere2 suppressed/budget kospi/m3\n"));
    /* All permutations, counted in the factorial base. */
    for (size_t n = 1; n < 120; n++) {
        size_t left[5] = {0, 1, 2, 3, 4};
        for (size_t i = 0, rest = n; i < 5; i++) {
            size_t pick = rest % (5 - i);
            rest /= 5 - i;
            order[i] = left[pick];
            memmove(&left[pick], &left[pick + 1], (4 - i - pick) * sizeof(left[0]));
        }
        SCOPED(buf_free) struct buf other = BUF_INIT(4096);
        decisions_of(order, &other);
        assert_string_equal(buf_text(&other), buf_text(&first));
    }
}

static void the_inputs_port_may_fail(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = {0};
    fixture_init(&f);
    f.inputs_result = -5;
    (void)snprintf(f.inputs_say, sizeof(f.inputs_say), "no paper left");
    body_begin(&f);
    (void)body_add(&f, ALERT_FIRING, "a", "m1", START);
    const struct notification content = {.alerts = f.alerts, .n_alerts = 1};
    const struct engine_event event = {.now = START,
                                       .source = "grafana",
                                       .notification = "01JD0000000000000000000000",
                                       .content = &content};
    assert_int_equal(engine_notification(f.engine, &event, &f.effects, &err), -5);
    assert_string_equal(err.text, "no paper left");
    assert_int_equal(err.code, -5);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table_decides),
        cmocka_unit_test(an_alert_that_no_route_takes_is_ignored),
        cmocka_unit_test(a_created_request_says_whose_it_is),
        cmocka_unit_test(the_leading_member_is_first_and_the_others_join),
        cmocka_unit_test(nobody_is_first_when_the_leading_member_was_heard_before),
        cmocka_unit_test(one_resolved_and_one_firing_in_a_body_is_no_end),
        cmocka_unit_test(the_order_of_a_body_means_nothing),
        cmocka_unit_test(the_inputs_port_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
