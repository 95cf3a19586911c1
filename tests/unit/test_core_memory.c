/* Memory that runs out in the core's thread: each allocation of a life fails in turn, from a
 * notification to the end of its run. The sender is told 503 or 202, never what is wrong; what was
 * said is kept; there is one POST, and its run is followed to its end. */
#include "tests/unit/core_fixture.h"
#include "tests/unit/failing_memory.h"

/* A step whose allocation may fail. */
static void step(struct core_fixture *f, size_t n)
{
    failing = n;
    core_settle(f);
    failing = 0;
}

/* Sent again while it is refused, as senders do; how often it was stored. */
static void told(struct core_fixture *f, const char *status, size_t n)
{
    struct core_reply_kept kept;
    for (int again = 0; again < 3; again++) {
        core_send(f, status, "a", &kept);
        step(f, n);
        assert_true(kept.there);
        free(kept.body);
        if (kept.verdict == CORE_STORED)
            return;
        assert_int_equal(kept.verdict, CORE_UNAVAILABLE);
        core_pass(f, 2000);
    }
    fail_msg("allocation %zu: it is refused without end", n);
}

/* Whatever GitHub is asked, its answer is of the one run, which has ended in success. */
static void answer(struct core_fixture *f, size_t n)
{
    char body[1024];
    const struct exchange *x = f->flights[0];
    bool list = x->kind == EXCHANGE_RUNS;
    (void)snprintf(body, sizeof(body),
                   "%s{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"success\","
                   "\"display_title\":\"retrain [%s]\",\"event\":\"workflow_dispatch\","
                   "\"created_at\":\"2025-11-24T16:00:00Z\"}%s",
                   list ? "{\"total_count\":1,\"workflow_runs\":[" : "", x->relay_id,
                   list ? "]}" : "");
    core_answer_flight(f, 200, x->kind == EXCHANGE_DISPATCH ? ACCEPTED : body, EXCHANGE_ANSWERED);
    step(f, n);
}

/* An answer that no memory was left to read is one that was lost: the run is looked for. */
static void followed(struct core_fixture *f, size_t n)
{
    struct core_reply_kept kept;
    for (int seconds = 0; seconds < 600; seconds++) {
        f->boot_ms += 1000;
        f->wall_ms += 1000;
        step(f, n);
        while (f->n_flights > 0)
            answer(f, n);
        kept = (struct core_reply_kept){0};
        assert_true(core_ask(f->core, QUERY_REQUESTS, "", "", 10, keep_reply, &kept));
        core_settle(f);
        bool done = strstr(kept.body, "\"state\":\"done\",\"reason\":\"success\"") != NULL;
        if (!done && seconds == 599)
            fail_msg("allocation %zu: %s", n, kept.body);
        free(kept.body);
        if (done)
            return;
    }
}

static bool life(size_t n)
{
    struct core_fixture f;
    core_fixture_init(&f, "settle = \"0s\";");
    allocations = 0;
    told(&f, "firing", n);
    followed(&f, n);
    told(&f, "resolved", n);
    core_pass(&f, 5000);
    bool failed = allocations >= n;
    assert_int_equal(f.n_posts, 1);
    core_shows(&f, QUERY_KEYS, NULL, "kospi/m1");
    core_fixture_clear(&f);
    return failed;
}

static void each_allocation_that_fails_costs_a_503_at_most(void **state)
{
    (void)state;
    size_t n = 1;
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    while (life(n))
        n++;
    print_message("%zu allocations\n", n - 1);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_costs_a_503_at_most),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
