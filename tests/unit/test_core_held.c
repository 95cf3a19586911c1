/* What waits for a working store: in its order, and under the config that it came under. */
#include "tests/unit/core_fixture.h"

static void fail_store(struct core_fixture *f, unsigned operations, size_t skip, size_t times)
{
    memory_store_fail(f->memory,
                      &(struct memory_fault){
                          .operations = operations, .skip = skip, .times = times, .code = -EIO});
}

static void reload(struct core_fixture *f, const char *route)
{
    struct conf *conf = core_conf("retrain", route);
    core_reload(f->core, conf);
    conf_unref(conf);
}

/* Once the first of two reloads, whose reading failed, was carried out after the second. */
static void the_last_of_two_reloads_wins_when_the_first_had_to_wait(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    reload(&f, "min_alerts = 2;");
    reload(&f, "min_alerts = 1;");
    fail_store(&f, MEMORY_READ, 0, 1);
    core_settle(&f);
    assert_int_equal(memory_store_failures(f.memory), 1);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_fixture_clear(&f);
}

/* Once the config that a held answer's outcome named was freed by the reload held behind it. */
static void a_held_answer_and_a_held_reload_see_one_config_each(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "when_blocked = \"defer\"; stale_after = \"1h\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_accept(&f);
    core_post(&f, "firing", "b", CORE_STORED, "deferred\",\"reason\":\"running");
    core_pass(&f, 50 * MINUTE_MS);
    assert_int_equal(f.n_flights, 1);
    fail_store(&f, MEMORY_BEGIN | MEMORY_COMMIT, 0, 2);
    core_answer_flight(&f, 200,
                       "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"success\"}",
                       EXCHANGE_ANSWERED);
    reload(&f, "stale_after = \"1h\";");
    assert_true(core_step(f.core) > 0); /* it fails, and so does the try to revive it */
    f.boot_ms += 1000;
    f.wall_ms += 1000;
    fail_store(&f, MEMORY_BEGIN, 1, 1); /* well again, but for what was held */
    (void)core_step(f.core);
    assert_int_equal(memory_store_failures(f.memory), 1);
    f.boot_ms += 20 * MINUTE_MS; /* a slow machine: a and b went stale */
    f.wall_ms += 20 * MINUTE_MS;
    core_settle(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"success\"");
    core_shows(&f, QUERY_METRICS, "",
               "timer_outcomes_total{route=\"kospi\",verdict=\"resolved\",reason=\"cancelled\"} 1");
    core_fixture_clear(&f);
}

/* A store that takes no attempt of a POST, or not at first. */
static struct {
    struct store_ops ops;
    int (*add_attempt)(void *self, const char *relay_id, const struct attempt *a,
                       struct error *err);
    int code;
    unsigned refusals, asked; /* the first so many are refused */
    bool all;                 /* else only those of answers that came */
} attempts;

static int add_attempt(void *self, const char *relay_id, const struct attempt *a, struct error *err)
{
    bool came = a->http_status != 0;
    if (attempts.asked++ < attempts.refusals && (came || attempts.all))
        return error_set(err, attempts.code, "a disk of the test's");
    return attempts.add_attempt(self, relay_id, a, err);
}

/* A core over that store; its first POST is under way. */
static void over_attempts(struct core_fixture *f, int code, unsigned refusals, bool all)
{
    core_fixture_init(f, "");
    core_crash(f);
    attempts.ops = *f->store.ops;
    attempts.add_attempt = attempts.ops.add_attempt;
    attempts.ops.add_attempt = add_attempt;
    attempts.code = code;
    attempts.refusals = refusals;
    attempts.asked = 0;
    attempts.all = all;
    f->ops = &attempts.ops;
    struct conf *conf = core_conf("retrain", "");
    core_up(f, conf);
    conf_unref(conf);
    core_post(f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f->n_flights, 1);
    core_answer_flight(f, 200, ACCEPTED, EXCHANGE_ANSWERED);
}

/* Once it was tried again without end and without a pause, and nobody was served. */
static void an_answer_that_the_store_will_never_take_counts_as_lost(void **state)
{
    (void)state;
    static const int refusals[] = {-E2BIG, -EINVAL, -EPROTO};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct core_fixture f;
        over_attempts(&f, refusals[i], 1000, false);
        core_pass(&f, 2000);
        assert_int_equal(attempts.asked, 2);
        core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\""); /* it may have run */
        core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"running\"");
        assert_int_equal(f.n_posts, 1);
        core_fixture_clear(&f);
    }
}

static void what_not_even_that_helps_is_dropped_until_the_next_start(void **state)
{
    (void)state;
    struct core_fixture f;
    over_attempts(&f, -E2BIG, 1000, true);
    core_pass(&f, 10000);
    assert_int_equal(attempts.asked, 2);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"sending\"");
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"running\"");
    core_crash(&f);
    struct conf *conf = core_conf("retrain", "");
    core_up(&f, conf);
    conf_unref(conf);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    core_fixture_clear(&f);
}

static void an_answer_waits_for_as_long_as_the_store_has_trouble(void **state)
{
    (void)state;
    static const int troubles[] = {-EIO, -ENOSPC, -EBUSY, -ENOMEM, -EBADMSG};
    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        struct core_fixture f;
        over_attempts(&f, troubles[i], 8, true);
        core_settle(&f);
        assert_int_equal(attempts.asked, 1);
        assert_int_equal(f.wait, 1000); /* a pause before the next try */
        core_pass(&f, 3000);
        assert_int_equal(attempts.asked, 5);
        core_post(&f, "firing", "b", CORE_UNAVAILABLE, "");
        core_pass(&f, 6000);
        core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"accepted\"");
        assert_int_equal(attempts.asked, 9);
        core_fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_two_reloads_wins_when_the_first_had_to_wait),
        cmocka_unit_test(a_held_answer_and_a_held_reload_see_one_config_each),
        cmocka_unit_test(an_answer_that_the_store_will_never_take_counts_as_lost),
        cmocka_unit_test(what_not_even_that_helps_is_dropped_until_the_next_start),
        cmocka_unit_test(an_answer_waits_for_as_long_as_the_store_has_trouble),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
