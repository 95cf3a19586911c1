/* What an explanation is told: every row that was asked, also those after the one that decides. */
#include "relay/engine/window.h"
#include "tests/unit/engine_fixture.h"

#define TRACES 64

struct traces {
    struct told {
        struct engine_check check;
        char key[64], text[64];
    } items[TRACES];
    size_t n;
};

static void note(void *context, const struct engine_check *check)
{
    struct traces *t = context;
    assert_true(t->n < TRACES);
    struct told *told = &t->items[t->n++];
    told->check = *check;
    (void)snprintf(told->key, sizeof(told->key), "%s", check->key == NULL ? "-" : check->key);
    (void)snprintf(told->text, sizeof(told->text), "%s", check->text == NULL ? "-" : check->text);
}

/* Asks in a dry run what the body at hand comes to. */
static void ask(struct fixture *f, struct traces *t)
{
    struct error err = {0};
    const struct notification content = {.receiver = "r",
                                         .group_key = "{}:{}",
                                         .external_url = "",
                                         .alerts = f->alerts,
                                         .n_alerts = f->n_alerts};
    const struct engine_event event = {.now = f->now,
                                       .wall = {START},
                                       .source = "grafana",
                                       .notification = "01JD9000000000000000000000",
                                       .content = &content,
                                       .dry = true,
                                       .trace = note,
                                       .trace_context = t};
    t->n = 0;
    effects_clear(&f->effects);
    assert_int_equal(engine_notification(f->engine, &event, &f->effects, &err), 0);
}

static void ask_one(struct fixture *f, struct traces *t, enum alert_kind kind, const char *name)
{
    body_begin(f);
    (void)body_add(f, kind, name, "m1", START);
    ask(f, t);
}

/* What was told of that row, once. */
static const struct told *row(const struct traces *t, int number)
{
    size_t found = TRACES, times = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i].check.row == number) {
            found = i;
            times++;
        }
    }
    assert_int_equal(times, 1);
    return &t->items[found % TRACES];
}

static void assert_rows(const struct traces *t, const int *rows, size_t n)
{
    assert_int_equal(t->n, n);
    for (size_t i = 0; i < n; i++)
        (void)row(t, rows[i]);
}

static void a_dispatch_asks_every_row_and_none_holds(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    fixture_init(&f);
    ask_one(&f, &t, ALERT_FIRING, "a");
    assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
    static const int all[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    assert_rows(&t, all, 11);
    for (int i = 1; i <= 11; i++) {
        const struct told *told = row(&t, i);
        assert_false(told->check.holds);
        assert_int_equal(told->check.until, 0);
        assert_int_equal(told->check.alert, i <= 4 ? 0 : SIZE_MAX);
        assert_string_equal(told->key, KEY);
        assert_int_equal(told->check.have, i == 4);
        assert_int_equal(told->check.limit, i == 4 ? 1 : i == 10 ? 4 : 0);
        assert_string_equal(told->text, i == 10 ? "route" : i == 11 ? "{}" : "-");
    }
    fixture_clear(&f);
}

static void the_first_rows_end_the_asking_for_that_alert(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    fixture_init(&f);
    ask_one(&f, &t, ALERT_NO_DATA, "a");
    static const int first[] = {1};
    assert_rows(&t, first, 1);
    assert_true(row(&t, 1)->check.holds);
    fixture_policy(&f)->max_keys = 0;
    ask_one(&f, &t, ALERT_FIRING, "a");
    static const int two[] = {1, 2};
    assert_rows(&t, two, 2);
    assert_false(row(&t, 1)->check.holds);
    assert_true(row(&t, 2)->check.holds);
    fixture_policy(&f)->max_keys = 1;
    fixture_policy(&f)->min_alerts = 3;
    ask_one(&f, &t, ALERT_FIRING, "a");
    static const int four[] = {1, 2, 3, 4};
    assert_rows(&t, four, 4);
    assert_true(row(&t, 4)->check.holds);
    assert_int_equal(row(&t, 4)->check.have, 1);
    assert_int_equal(row(&t, 4)->check.limit, 3);
    fixture_policy(&f)->min_alerts = 1;
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    ask_one(&f, &t, ALERT_FIRING, "a");
    static const int three[] = {1, 2, 3};
    assert_rows(&t, three, 3);
    assert_true(row(&t, 3)->check.holds);
    static const int none[] = {0}; /* no row decides a resolve: it is only told */
    ask_one(&f, &t, ALERT_RESOLVED, "a");
    assert_rows(&t, none, 1);
    assert_true(row(&t, 0)->check.holds);
    ask_one(&f, &t, ALERT_RESOLVED, "b");
    assert_rows(&t, none, 1);
    assert_false(row(&t, 0)->check.holds);
    fixture_clear(&f);
}

static void rows_after_the_one_that_decides_are_told_too(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    struct error err = {0};
    fixture_init(&f);
    fixture_policy(&f)->budget.max = 1;
    run_once(&f, "a", END_RAN);
    f.now += HOUR;
    static const char *const what[] = {"stop file", "route", "target"};
    for (size_t i = 0; i < 3; i++) {
        set_stop(&f, i == 0);
        assert_int_equal(engine_set_paused(f.engine, ENGINE_ROUTE, "kospi", i == 1, f.now, &err),
                         0);
        assert_int_equal(engine_set_paused(f.engine, ENGINE_TARGET, "retrain", i == 2, f.now, &err),
                         0);
        ask_one(&f, &t, ALERT_FIRING, "a");
        assert_says(&f.effects.decisions[0], SUPPRESSED, PAUSED);
        assert_int_equal(f.effects.decisions[0].until, 0);
        static const int asked[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; /* no inputs were made */
        assert_rows(&t, asked, 10);
        assert_true(row(&t, 5)->check.holds);
        assert_int_equal(row(&t, 5)->check.until, WINDOW_NO_END);
        assert_string_equal(row(&t, 5)->text, what[i]);
    }
    assert_false(row(&t, 6)->check.holds);
    assert_false(row(&t, 7)->check.holds);
    assert_true(row(&t, 8)->check.holds);
    assert_int_equal(row(&t, 8)->check.until, START + 24 * HOUR);
    assert_true(row(&t, 9)->check.holds);
    assert_int_equal(row(&t, 9)->check.until, START + 6 * HOUR);
    assert_true(row(&t, 10)->check.holds);
    assert_int_equal(row(&t, 10)->check.until, START + 24 * HOUR);
    assert_int_equal(row(&t, 10)->check.have, 1);
    assert_int_equal(row(&t, 10)->check.limit, 1);
    assert_string_equal(row(&t, 10)->text, "route");
    fixture_clear(&f);
}

static void an_open_request_and_a_hold_are_told(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    ask_one(&f, &t, ALERT_FIRING, "b");
    assert_says(&f.effects.decisions[0], SUPPRESSED, RUNNING);
    assert_string_equal(f.effects.decisions[0].relay_id, the_key(&f)->relay_id);
    assert_true(row(&t, 7)->check.holds);
    assert_int_equal(row(&t, 7)->check.until, WINDOW_NO_END);
    assert_string_equal(row(&t, 7)->text, the_key(&f)->relay_id);
    ended(&f, END_NOTHING_RAN);
    fixture_policy(&f)->hold_ms = MINUTE;
    assert_says(fire(&f, "a"), HELD, HOLD);
    ask_one(&f, &t, ALERT_FIRING, "b");
    assert_says(&f.effects.decisions[0], HELD, JOINED);
    assert_true(row(&t, 6)->check.holds);
    assert_int_equal(row(&t, 6)->check.until, START + MINUTE);
    assert_string_equal(row(&t, 7)->text, "-");
    fixture_clear(&f);
}

static void the_budget_that_is_spent_longer_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t route_max, target_max, target_per, until, have, limit; /* until after START */
        const char *text;
    } cases[] = {
        /* clang-format off */
        { "neither is spent",     4, 4, HOUR,      0,         2, 4, "route" },
        { "the route's",          2, 4, HOUR,      24 * HOUR, 2, 2, "route" },
        { "the target's",         4, 2, 2 * HOUR,  2 * HOUR,  2, 2, "target" },
        { "the target's longer",  2, 2, 48 * HOUR, 48 * HOUR, 2, 2, "target" },
        { "both as long",         2, 1, 24 * HOUR - MINUTE, 24 * HOUR, 2, 2, "route" },
        { "more than it allows",  1, 4, HOUR, 24 * HOUR + MINUTE, 2, 1, "route" },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct traces t;
        fixture_init(&f);
        print_message("%s\n", cases[i].name);
        for (unsigned j = 0; j < 2; j++) {
            char model[8];
            (void)snprintf(model, sizeof(model), "n%u", j);
            body_begin(&f);
            (void)body_add(&f, ALERT_FIRING, "z", model, START);
            body_post(&f, false);
            assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
            f.now += MINUTE;
        }
        fixture_policy(&f)->budget.max = cases[i].route_max;
        f.target.budget = (struct budget_policy){cases[i].target_max, cases[i].target_per};
        fixture_configure(&f);
        ask_one(&f, &t, ALERT_FIRING, "a");
        const struct told *told = row(&t, 10);
        assert_int_equal(told->check.holds, cases[i].until != 0);
        assert_int_equal(told->check.until, cases[i].until == 0 ? 0 : START + cases[i].until);
        assert_int_equal(told->check.have, cases[i].have);
        assert_int_equal(told->check.limit, cases[i].limit);
        assert_string_equal(told->text, cases[i].text);
        assert_int_equal(f.effects.decisions[0].until, told->check.until);
        fixture_clear(&f);
    }
}

static void slots_that_left_the_window_are_not_counted(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    struct error err = {0};
    fixture_init(&f);
    assert_int_equal(engine_restore_slot(f.engine, "kospi", "retrain", START,
                                         "01JD0000000000000000000001", &err),
                     0);
    assert_int_equal(engine_restore_slot(f.engine, "kospi", "retrain", START + HOUR,
                                         "01JD0000000000000000000002", &err),
                     0);
    for (int64_t ms = -1; ms <= 0; ms++) {
        f.now = START + 24 * HOUR + ms;
        ask_one(&f, &t, ALERT_FIRING, "a");
        assert_int_equal(row(&t, 10)->check.have, ms == 0 ? 1 : 2);
    }
    fixture_clear(&f);
}

static void inputs_that_cannot_be_made_are_told(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    fixture_init(&f);
    f.inputs_result = ENGINE_BAD_INPUT;
    (void)snprintf(f.inputs_say, sizeof(f.inputs_say), "label model is missing");
    ask_one(&f, &t, ALERT_FIRING, "a");
    assert_says(&f.effects.decisions[0], SUPPRESSED, BAD_INPUT);
    assert_true(row(&t, 11)->check.holds);
    assert_string_equal(row(&t, 11)->text, "label model is missing");
    fixture_clear(&f);
}

static void slots_are_counted_of_the_budget_that_is_told(void **state)
{
    (void)state;
    struct fixture f;
    struct traces t;
    fixture_init(&f);
    for (size_t i = 0; i < 3; i++) { /* the other route goes to the same target */
        static const char *const actions[] = {"again", "again", "retrain"};
        static const char *const models[] = {"n1", "n2", "n3"};
        body_begin(&f);
        (void)body_add(&f, ALERT_FIRING, "z", models[i], START);
        f.labels[0][0].value = actions[i];
        body_post(&f, false);
        assert_says(&f.effects.decisions[0], DISPATCH, FIRST);
    }
    ask_one(&f, &t, ALERT_FIRING, "a");
    assert_int_equal(row(&t, 10)->check.have, 1);
    f.target.budget = (struct budget_policy){.max = 3, .per_ms = HOUR};
    ask_one(&f, &t, ALERT_FIRING, "a");
    assert_int_equal(row(&t, 10)->check.have, 3);
    assert_string_equal(row(&t, 10)->text, "target");
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dispatch_asks_every_row_and_none_holds),
        cmocka_unit_test(the_first_rows_end_the_asking_for_that_alert),
        cmocka_unit_test(rows_after_the_one_that_decides_are_told_too),
        cmocka_unit_test(an_open_request_and_a_hold_are_told),
        cmocka_unit_test(the_budget_that_is_spent_longer_is_told),
        cmocka_unit_test(slots_that_left_the_window_are_not_counted),
        cmocka_unit_test(inputs_that_cannot_be_made_are_told),
        cmocka_unit_test(slots_are_counted_of_the_budget_that_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
