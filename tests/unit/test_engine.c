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
