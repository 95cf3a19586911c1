/* The core, driven step by step: what a batch does, and what is left of it when something breaks.
 */
#include "tests/unit/core_fixture.h"

static void a_firing_alert_is_stored_answered_and_posted_once(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"verdict\":\"dispatch\",\"reason\":\"first\"");
    assert_int_equal(f.n_posts, 1);
    core_accept(&f);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"duplicate\"");
    core_pass(&f, 5 * MINUTE_MS);
    assert_int_equal(f.n_posts, 1);
    assert_true(f.n_polls > 0);
    core_fixture_clear(&f);
}

static void a_batch_that_cannot_be_written_did_not_happen(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    memory_store_fail(
        f.memory, &(struct memory_fault){.operations = MEMORY_COMMIT, .times = 1, .code = -EIO});
    core_post(&f, "firing", "a", CORE_UNAVAILABLE, "nothing was kept");
    assert_int_equal(f.n_posts, 0);
    assert_int_equal(memory_store_failures(f.memory), 1);
    core_shows(&f, QUERY_KEYS, "", "\"items\":[]");
    core_pass(&f, 2000);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

/* Once its request was asked about anew while the answer waited for the store. */
static void a_request_whose_answer_waits_is_not_asked_about_again(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    struct conf *conf = core_conf("retrain", "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_accept(&f);
    core_pass(&f, 10000);
    assert_int_equal(f.n_polls, 1);
    memory_store_fail(
        f.memory, &(struct memory_fault){.operations = MEMORY_COMMIT, .times = 1, .code = -EIO});
    core_answer_flight(&f, 200,
                       "{\"id\":43000000001,\"status\":\"in_progress\",\"conclusion\":null}",
                       EXCHANGE_ANSWERED);
    core_reload(f.core, conf); /* a batch of its own, after the one that fails */
    (void)core_step(f.core);
    assert_int_equal(f.n_polls, 1);
    core_pass(&f, 1000);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"running\"");
    conf_unref(conf);
    core_fixture_clear(&f);
}

/* Once the answer that waited for the store was followed by the same POST again. */
static void
an_answer_that_comes_while_the_store_fails_is_kept_and_nothing_posted_again(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    memory_store_fail(f.memory, &(struct memory_fault){.operations = MEMORY_BEGIN | MEMORY_COMMIT,
                                                       .times = 8,
                                                       .code = -EIO});
    core_accept(&f);
    core_post(&f, "firing", "b", CORE_UNAVAILABLE, "nothing was kept");
    core_pass(&f, 30000);
    assert_int_equal(memory_store_failures(f.memory), 8);
    assert_int_equal(f.n_posts, 1);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"accepted\"");
    core_shows(&f, QUERY_REQUESTS, "", "\"id\":43000000001");
    core_fixture_clear(&f);
}

/* Once the core woke at once, for ever, to look at a request that it may not touch. */
static void the_stop_file_does_not_make_the_core_spin(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "expires = \"1m\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
    core_settle(&f);
    core_stop_file(f.core, true);
    core_pass(&f, 10 * MINUTE_MS); /* fails when it spins */
    assert_true(f.wait != 0);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"queued\"");
    assert_int_equal(f.n_posts, 1);
    core_stop_file(f.core, false);
    core_settle(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"reason\":\"expired\"");
    core_fixture_clear(&f);
}

/* Decisions borrow names of the config: once a reload in the same batch freed them too early. */
static void a_batch_before_a_reload_and_one_after_it_see_one_config_each(void **state)
{
    (void)state;
    struct core_fixture f;
    struct core_reply_kept first;
    struct core_reply_kept second;
    core_fixture_init(&f, "");
    struct conf *conf = core_conf("retrain", "min_alerts = 3;");
    core_send(&f, "firing", "a", &first);
    core_reload(f.core, conf);
    core_send(&f, "firing", "b", &second);
    conf_unref(conf);
    core_settle(&f);
    assert_non_null(strstr(first.body, "\"route\":\"kospi\""));
    assert_non_null(strstr(first.body, "\"reason\":\"first\""));
    assert_non_null(strstr(second.body, "\"reason\":\"below_min\""));
    core_shows(&f, QUERY_METRICS, "", "reason=\"below_min\"} 1");
    free(first.body);
    free(second.body);
    core_fixture_clear(&f);
}

static void a_run_whose_target_left_the_config_is_given_up_after_36_hours(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_accept(&f);
    struct conf *conf = core_conf("another", "");
    core_reload(f.core, conf);
    conf_unref(conf);
    core_pass(&f, 35 * HOUR_MS);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"accepted\"");
    core_pass(&f, 2 * HOUR_MS);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"unknown\"");
    assert_int_equal(f.n_polls, 0);
    core_fixture_clear(&f);
}

static void
a_post_that_a_crash_cut_is_not_made_again_and_the_next_write_keeps_its_distance(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = core_conf_of("retrain", "correlation = \"none\";",
                                     "rearm = \"cooldown\"; cooldown = \"0s\";");
    core_fixture_init_conf(&f, conf_ref(conf));
    f.start_ms = 5000; /* a slow commit: it leaves long after it was decided */
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    f.start_ms = 0;
    core_crash(&f);
    core_up(&f, conf);
    core_settle(&f);
    assert_int_equal(f.n_posts, 1);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\"");
    core_shows(&f, QUERY_REQUESTS, "", "\"ended_at\":\"20");
    core_post(&f, "firing", "b", CORE_STORED, "\"verdict\":\"dispatch\"");
    assert_int_equal(f.n_posts, 1);
    core_pass(&f, 999);
    assert_int_equal(f.n_posts, 1);
    core_pass(&f, 1);
    assert_int_equal(f.n_posts, 2);
    conf_unref(conf);
    core_fixture_clear(&f);
}

static const struct {
    const char *name, *body;
    int status;
    enum exchange_transport transport;
} answers[] = {
    {"accepted", ACCEPTED, 200, EXCHANGE_ANSWERED},
    {"accepted without a run", "", 204, EXCHANGE_ANSWERED},
    {"refused", "{\"message\":\"Not Found\"}", 404, EXCHANGE_ANSWERED},
    {"broken", "", 502, EXCHANGE_ANSWERED},
    {"not sent", "", 0, EXCHANGE_NOT_SENT},
    {"unknown", "", 0, EXCHANGE_UNKNOWN},
};

static void writes_keep_a_second_from_the_answer_on_whatever_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct core_fixture f;
        print_message("%s\n", answers[i].name);
        core_fixture_init(&f, "");
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        f.model = "m2";
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        core_pass(&f, 3000);
        assert_int_equal(f.n_posts, 1); /* one at a time */
        core_answer_flight(&f, answers[i].status, answers[i].body, answers[i].transport);
        core_pass(&f, 999);
        assert_int_equal(f.n_posts, 1);
        core_pass(&f, 1);
        assert_int_equal(f.n_posts, 2);
        core_fixture_clear(&f);
    }
}

static void a_drain_waits_for_the_post_under_way_and_makes_no_other(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "rearm = \"cooldown\"; cooldown = \"0s\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_quit(f.core, false);
    (void)core_step(f.core);
    assert_false(core_may_close(f.core));
    core_answer_flight(&f, 200, ACCEPTED, EXCHANGE_ANSWERED);
    (void)core_step(f.core);
    assert_true(core_may_close(f.core));
    core_close(f.core);
    core_crash(&f);
    struct conf *conf = core_conf("retrain", "");
    core_up(&f, conf);
    conf_unref(conf);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"accepted\"");
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_firing_alert_is_stored_answered_and_posted_once),
        cmocka_unit_test(a_batch_that_cannot_be_written_did_not_happen),
        cmocka_unit_test(a_request_whose_answer_waits_is_not_asked_about_again),
        cmocka_unit_test(
            an_answer_that_comes_while_the_store_fails_is_kept_and_nothing_posted_again),
        cmocka_unit_test(the_stop_file_does_not_make_the_core_spin),
        cmocka_unit_test(a_batch_before_a_reload_and_one_after_it_see_one_config_each),
        cmocka_unit_test(a_run_whose_target_left_the_config_is_given_up_after_36_hours),
        cmocka_unit_test(
            a_post_that_a_crash_cut_is_not_made_again_and_the_next_write_keeps_its_distance),
        cmocka_unit_test(writes_keep_a_second_from_the_answer_on_whatever_it_was),
        cmocka_unit_test(a_drain_waits_for_the_post_under_way_and_makes_no_other),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
