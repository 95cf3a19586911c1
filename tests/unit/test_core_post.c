/* Requests that wait for their credential: few questions are asked about them, and none too few. */
#include "tests/unit/core_fixture.h"

/* m1 was POSTed and GitHub wants nothing for two hours; m2 waits, too. */
static void limited_for_two_hours(struct core_fixture *f)
{
    core_fixture_init(f, "expires = \"1d\"; stale_after = \"2d\";");
    core_post(f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_answer_flight_with(f, 429, "{\"message\":\"slow down\"}", EXCHANGE_ANSWERED, "retry-after",
                            "7200");
    core_settle(f);
    f->model = "m2";
    core_post(f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_pass(f, MINUTE_MS);
    assert_int_equal(f->n_posts, 1);
}

static void reload(struct core_fixture *f, const char *target, const char *route)
{
    struct conf *conf = core_conf(target, route);
    core_reload(f->core, conf);
    conf_unref(conf);
    core_settle(f);
}

static unsigned of_state(struct core_fixture *f, const char *words)
{
    struct core_reply_kept kept = {0};
    unsigned n = 0;
    assert_true(core_ask(f->core, QUERY_REQUESTS, "", "", 200, keep_reply, &kept));
    core_settle(f);
    for (const char *at = kept.body; (at = strstr(at, words)) != NULL; at++)
        n++;
    free(kept.body);
    return n;
}

static void both_go_when_the_limit_is_over(void **state)
{
    (void)state;
    struct core_fixture f;
    limited_for_two_hours(&f);
    core_pass(&f, 2 * HOUR_MS - 2 * MINUTE_MS);
    assert_int_equal(f.n_posts, 1);
    core_pass(&f, 2 * MINUTE_MS);
    assert_int_equal(f.n_posts, 2); /* one write at a time */
    core_accept(&f);
    core_pass(&f, MINUTE_MS);
    assert_int_equal(f.n_posts, 3);
    core_fixture_clear(&f);
}

static void their_time_ends_although_no_write_may_leave(void **state)
{
    (void)state;
    struct core_fixture f;
    limited_for_two_hours(&f);
    reload(&f, "retrain", "expires = \"30m\"; stale_after = \"2d\";");
    assert_int_equal(of_state(&f, "\"state\":\"queued\""), 2);
    core_pass(&f, 30 * MINUTE_MS);
    assert_int_equal(of_state(&f, "\"state\":\"dead\",\"reason\":\"expired\""), 2);
    core_pass(&f, 2 * HOUR_MS);
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

static void a_reload_that_wants_more_alerts_ends_them_at_once(void **state)
{
    (void)state;
    struct core_fixture f;
    limited_for_two_hours(&f);
    reload(&f, "retrain", "min_alerts = 2; stale_after = \"2d\";");
    assert_int_equal(of_state(&f, "\"state\":\"dead\",\"reason\":\"resolved\""), 2);
    core_fixture_clear(&f);
}

static void a_reload_without_their_target_ends_them_at_once(void **state)
{
    (void)state;
    struct core_fixture f;
    limited_for_two_hours(&f);
    reload(&f, "another", "stale_after = \"2d\";");
    assert_int_equal(of_state(&f, "\"state\":\"dead\",\"reason\":\"refused\""), 2);
    core_fixture_clear(&f);
}

static void a_resolve_ends_one_of_them_at_once(void **state)
{
    (void)state;
    struct core_fixture f;
    limited_for_two_hours(&f);
    core_post(&f, "resolved", "a", CORE_STORED, "");
    assert_int_equal(of_state(&f, "\"state\":\"dead\",\"reason\":\"resolved\""), 1);
    assert_int_equal(of_state(&f, "\"state\":\"queued\""), 1);
    core_fixture_clear(&f);
}

static void a_resolve_during_the_post_ends_it_with_the_refusal(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "expires = \"1d\"; stale_after = \"2d\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_post(&f, "resolved", "a", CORE_STORED, "");
    core_answer_flight_with(&f, 429, "{\"message\":\"slow down\"}", EXCHANGE_ANSWERED,
                            "retry-after", "7200");
    core_settle(&f);
    assert_int_equal(of_state(&f, "\"state\":\"dead\",\"reason\":\"resolved\""), 1);
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_go_when_the_limit_is_over),
        cmocka_unit_test(their_time_ends_although_no_write_may_leave),
        cmocka_unit_test(a_reload_that_wants_more_alerts_ends_them_at_once),
        cmocka_unit_test(a_reload_without_their_target_ends_them_at_once),
        cmocka_unit_test(a_resolve_ends_one_of_them_at_once),
        cmocka_unit_test(a_resolve_during_the_post_ends_it_with_the_refusal),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
