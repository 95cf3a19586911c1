/* Pauses of one route or one target. */
#include "tests/unit/engine_fixture.h"

static void pause_of(struct fixture *f, enum engine_scope scope, const char *name, bool paused)
{
    struct error err = {0};
    assert_int_equal(engine_set_paused(f->engine, scope, name, paused, f->now, &err), 0);
}

static void a_pause_is_of_one_route_or_one_target(void **state)
{
    (void)state;
    static const struct {
        enum engine_scope scope;
        const char *name;
        bool stops;
    } cases[] = {
        {ENGINE_ROUTE, "kospi", true},    {ENGINE_ROUTE, "other", false},
        {ENGINE_ROUTE, "retrain", false}, {ENGINE_TARGET, "retrain", true},
        {ENGINE_TARGET, "kospi", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_init(&f);
        pause_of(&f, cases[i].scope, cases[i].name, true);
        pause_of(&f, cases[i].scope, cases[i].name, true); /* twice is once */
        assert_true(engine_is_paused(f.engine, cases[i].scope, cases[i].name));
        assert_false(engine_is_paused(f.engine, !cases[i].scope, cases[i].name));
        if (cases[i].stops) {
            assert_says(fire(&f, "a"), SUPPRESSED, PAUSED);
            pause_of(&f, cases[i].scope, cases[i].name, false);
            assert_false(engine_is_paused(f.engine, cases[i].scope, cases[i].name));
        }
        assert_says(fire(&f, "a"), DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

static void each_pause_ends_by_itself(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    pause_of(&f, ENGINE_ROUTE, "other", true);
    pause_of(&f, ENGINE_ROUTE, "kospi", true);
    pause_of(&f, ENGINE_TARGET, "retrain", true);
    pause_of(&f, ENGINE_ROUTE, "kospi", false);
    assert_false(engine_is_paused(f.engine, ENGINE_ROUTE, "kospi"));
    assert_true(engine_is_paused(f.engine, ENGINE_ROUTE, "other"));
    assert_true(engine_is_paused(f.engine, ENGINE_TARGET, "retrain"));
    pause_of(&f, ENGINE_ROUTE, "other", false);
    assert_says(fire(&f, "a"), SUPPRESSED, PAUSED);
    pause_of(&f, ENGINE_TARGET, "retrain", false);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    pause_of(&f, ENGINE_ROUTE, "other", true);
    pause_of(&f, ENGINE_TARGET, "other", true);
    fixture_clear(&f); /* with pauses that are on */
}

static void a_paused_request_waits(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_says(fire(&f, "a"), DISPATCH, FIRST);
    const struct request_view r = {.key = KEY,
                                   .relay_id = "01JA0000000000000000000000",
                                   .route = "kospi",
                                   .target = "retrain",
                                   .created_at = START};
    pause_of(&f, ENGINE_ROUTE, "kospi", true);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_WAIT);
    pause_of(&f, ENGINE_ROUTE, "kospi", false);
    pause_of(&f, ENGINE_TARGET, "retrain", true);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST_WAIT);
    pause_of(&f, ENGINE_TARGET, "retrain", false);
    assert_int_equal(engine_may_post(f.engine, &r, f.now), MAY_POST);
    fixture_clear(&f);
}

static void pauses_are_listed(void **state)
{
    (void)state;
    struct fixture f;
    enum engine_scope scope = ENGINE_ROUTE;
    fixture_init(&f);
    assert_null(engine_paused_at(f.engine, 0, &scope));
    pause_of(&f, ENGINE_TARGET, "retrain", true);
    pause_of(&f, ENGINE_ROUTE, "kospi", true);
    assert_string_equal(engine_paused_at(f.engine, 0, &scope), "retrain");
    assert_int_equal(scope, ENGINE_TARGET);
    assert_string_equal(engine_paused_at(f.engine, 1, &scope), "kospi");
    assert_int_equal(scope, ENGINE_ROUTE);
    assert_null(engine_paused_at(f.engine, 2, &scope));
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_is_of_one_route_or_one_target),
        cmocka_unit_test(each_pause_ends_by_itself),
        cmocka_unit_test(a_paused_request_waits),
        cmocka_unit_test(pauses_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
