/* What the core does because time passes: holds, the wait after a start, MACs that are forgotten.
 */
#include "tests/unit/core_fixture.h"

#define HOLD "hold = \"10m\";"

static void up_again(struct core_fixture *f, int64_t after_ms)
{
    struct conf *conf = core_conf("retrain", HOLD);
    core_crash(f);
    f->boot_ms += after_ms;
    f->wall_ms += after_ms;
    core_up(f, conf);
    core_settle(f);
    conf_unref(conf);
}

static void a_hold_ends_in_a_request_made_by_its_timer(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, HOLD);
    core_post(&f, "firing", "a", CORE_STORED, "held\",\"reason\":\"hold");
    core_pass(&f, 10 * MINUTE_MS - 1);
    assert_int_equal(f.n_posts, 0);
    core_pass(&f, 1);
    assert_int_equal(f.n_posts, 1);
    core_shows(&f, QUERY_REQUESTS, "", "\"cause\":\"timer\"");
    core_shows(&f, QUERY_KEY, KEY_TEXT, "\"verdict\":\"dispatch\",\"reason\":\"first\"");
    core_shows(&f, QUERY_METRICS, "",
               "timer_outcomes_total{route=\"kospi\",verdict=\"dispatch\",reason=\"first\"} 1");
    core_fixture_clear(&f);
}

static void what_fell_due_while_it_was_down_waits_as_long_again(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, HOLD);
    core_post(&f, "firing", "a", CORE_STORED, "held\",\"reason\":\"hold");
    core_pass(&f, 9 * MINUTE_MS);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate"); /* the last commit */
    up_again(&f, 3 * MINUTE_MS);
    core_pass(&f, 3 * MINUTE_MS - 1);
    assert_int_equal(f.n_posts, 0);
    core_pass(&f, 1);
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

/* Once a second start, short after the first, cut the wait short. */
static void another_start_does_not_cut_the_wait_short(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, HOLD);
    core_post(&f, "firing", "a", CORE_STORED, "held\",\"reason\":\"hold");
    up_again(&f, 60 * MINUTE_MS); /* waits 6 minutes */
    core_pass(&f, MINUTE_MS);
    up_again(&f, 1000);
    core_pass(&f, 5 * MINUTE_MS - 1001);
    assert_int_equal(f.n_posts, 0);
    core_pass(&f, 1);
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

static void a_store_that_failed_is_a_time_when_the_relay_was_down(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, HOLD);
    core_post(&f, "firing", "a", CORE_STORED, "held\",\"reason\":\"hold");
    core_pass(&f, 8 * MINUTE_MS);
    memory_store_fail(f.memory, &(struct memory_fault){.operations = MEMORY_BEGIN | MEMORY_COMMIT,
                                                       .times = 240, /* it is tried once a second */
                                                       .code = -ENOSPC});
    core_post(&f, "resolved", "a", CORE_UNAVAILABLE, "nothing was kept");
    core_pass(&f, 5 * MINUTE_MS); /* well again after 4 minutes: the hold is overdue */
    assert_int_equal(memory_store_failures(f.memory), 240);
    assert_int_equal(f.n_posts, 0);
    core_post(&f, "resolved", "a", CORE_STORED, "\"reason\":\"cancelled\"");
    core_pass(&f, HOUR_MS);
    assert_int_equal(f.n_posts, 0);
    core_fixture_clear(&f);
}

/* Once a MAC that was due in this very millisecond was not forgotten, and the core committed
 * without end until the next. core_pass() fails when the core does not settle. */
static void macs_are_forgotten_when_they_are_due(void **state)
{
    (void)state;
    struct core_fixture f;
    struct error err = {0};
    int64_t oldest;
    core_fixture_init(&f, "");
    struct core_reply_kept kept;
    f.signed_time = true;
    core_send(&f, "firing", "a", &kept);
    core_settle(&f);
    free(kept.body);
    assert_int_equal(f.store.ops->oldest_mac(f.store.self, &oldest, &err), 0);
    core_pass(&f, 2 * SIGNATURE_WINDOW_MS);
    assert_int_equal(f.store.ops->oldest_mac(f.store.self, &oldest, &err), STORE_NONE);
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_ends_in_a_request_made_by_its_timer),
        cmocka_unit_test(what_fell_due_while_it_was_down_waits_as_long_again),
        cmocka_unit_test(another_start_does_not_cut_the_wait_short),
        cmocka_unit_test(a_store_that_failed_is_a_time_when_the_relay_was_down),
        cmocka_unit_test(macs_are_forgotten_when_they_are_due),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
