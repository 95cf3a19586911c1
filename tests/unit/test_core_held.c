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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_two_reloads_wins_when_the_first_had_to_wait),
        cmocka_unit_test(a_held_answer_and_a_held_reload_see_one_config_each),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
