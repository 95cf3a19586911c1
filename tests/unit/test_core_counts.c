/* What is counted, is counted once: also when the commit that records it fails, and its event comes
 * again. */
#include "relay/base/parse.h"
#include "tests/unit/core_fixture.h"

#define HELPED "effective_within = \"2h\";"

/* The next commit fails. */
static void fail_commit(struct core_fixture *f)
{
    memory_store_fail(
        f->memory, &(struct memory_fault){.operations = MEMORY_COMMIT, .times = 1, .code = -EIO});
}

static void assert_failed(struct core_fixture *f)
{
    assert_int_equal(memory_store_failures(f->memory), 1);
    core_pass(f, 2000); /* what was held is carried out */
}

/* The oldest flight's answer meets a store that fails once. */
static void answer(struct core_fixture *f, int status, const char *body)
{
    fail_commit(f);
    core_answer_flight(f, status, body, EXCHANGE_ANSWERED);
    core_settle(f);
    assert_failed(f);
}

/* The series' value; -1: there is none. */
static long value(struct core_fixture *f, const char *series)
{
    int64_t found = -1;
    SCOPED(buf_free) struct buf text = BUF_INIT(1024 * 1024);
    metrics_write(f->metrics, &text);
    const char *at = strstr(buf_text(&text), series);
    if (at != NULL) {
        const char *number = at + strlen(series) + 1;
        char digits[32];
        (void)snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(number, "\n"), number);
        assert_int_equal(parse_int64(&found, digits, 0, INT64_MAX, NULL), 0);
    }
    return (long)found;
}

static void assert_value(struct core_fixture *f, const char *series, long wanted)
{
    long got = value(f, series);
    if (got != wanted)
        fail_msg("%s is %ld, not %ld", series, got, wanted);
}

static void fire(struct core_fixture *f)
{
    core_post(f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f->n_flights, 1);
}

static void end_run(struct core_fixture *f)
{
    core_pass(f, 5000);
    answer(f, 200, "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"success\"}");
}

static void a_run_from_its_post_to_its_effect(struct core_fixture *f)
{
    fire(f);
    answer(f, 200, ACCEPTED);
    assert_value(f, "dispatch_attempts_total{target=\"retrain\",outcome=\"accepted\"}", 1);
    assert_value(f, "dispatch_duration_seconds_count", 1);
    end_run(f);
    assert_value(f, "run_conclusions_total{target=\"retrain\",conclusion=\"success\"}", 1);
    assert_value(f, "requests_ended_total{target=\"retrain\",state=\"done\",reason=\"success\"}",
                 1);
    core_pass(f, 2 * HOUR_MS - MINUTE_MS);
    assert_value(f, "action_effective_total{route=\"kospi\",result=\"not_effective\"}", 0);
    fail_commit(f);
    core_pass(f, MINUTE_MS);
    assert_failed(f);
    assert_value(f, "action_effective_total{route=\"kospi\",result=\"not_effective\"}", 1);
}

static void a_run_whose_alert_resolved_early(struct core_fixture *f)
{
    fire(f);
    core_accept(f);
    core_post(f, "resolved", "a", CORE_STORED, "");
    end_run(f);
    assert_value(f, "action_effective_total{route=\"kospi\",result=\"effective\"}", 1);
}

static void a_refusal(struct core_fixture *f)
{
    fire(f);
    answer(f, 404, "{\"message\":\"Not Found\"}");
    assert_value(f, "dispatch_attempts_total{target=\"retrain\",outcome=\"refused\"}", 1);
    assert_value(f, "requests_ended_total{target=\"retrain\",state=\"dead\",reason=\"refused\"}",
                 1);
}

static void a_resolve_before_anything_ran(struct core_fixture *f)
{
    struct core_reply_kept kept;
    fire(f);
    core_answer_flight(f, 0, "", EXCHANGE_NOT_SENT);
    core_settle(f);
    fail_commit(f);
    core_send(f, "resolved", "a", &kept);
    core_settle(f);
    assert_int_equal(kept.verdict, CORE_UNAVAILABLE);
    free(kept.body);
    assert_failed(f);
    core_post(f, "resolved", "a", CORE_STORED, "\"reason\":\"cancelled\"");
    assert_value(f, "requests_ended_total{target=\"retrain\",state=\"dead\",reason=\"resolved\"}",
                 1);
}

static void two_runs_more_of_one_post(struct core_fixture *f)
{
    char body[1024];
    fire(f);
    core_answer_flight(f, 0, "", EXCHANGE_UNKNOWN);
    core_pass(f, 5000);
    const char *id = f->flights[0]->relay_id;
    (void)snprintf(body, sizeof(body),
                   "{\"total_count\":3,\"workflow_runs\":[{\"id\":3,\"display_title\":\"[%s]\"},"
                   "{\"id\":4,\"display_title\":\"[%s]\"},{\"id\":5,\"display_title\":\"[%s]\"}]}",
                   id, id, id);
    answer(f, 200, body);
    core_pass(f, MINUTE_MS); /* a reading that was cut begins anew */
    core_answer_flight(f, 200, body, EXCHANGE_ANSWERED);
    core_settle(f);
    assert_value(f, "duplicate_runs_total{target=\"retrain\"}", 2);
}

static void a_deferral_that_nobody_wants_any_more(struct core_fixture *f)
{
    fire(f);
    core_accept(f);
    core_post(f, "firing", "b", CORE_STORED, "deferred\",\"reason\":\"running");
    core_pass(f, 55 * MINUTE_MS);
    fail_commit(f);
    core_pass(f, 10 * MINUTE_MS); /* both went stale */
    assert_failed(f);
    assert_value(
        f, "timer_outcomes_total{route=\"kospi\",verdict=\"resolved\",reason=\"cancelled\"}", 1);
}

/* clang-format off */
static const struct {
    const char *name, *route;
    void (*run)(struct core_fixture *f);
} rows[] = {
    {"a run, from its POST to its effect", HELPED, a_run_from_its_post_to_its_effect},
    {"a run whose alert resolved early", HELPED, a_run_whose_alert_resolved_early},
    {"a refusal", "", a_refusal},
    {"a resolve before anything ran", "", a_resolve_before_anything_ran},
    {"two runs more of one POST", "", two_runs_more_of_one_post},
    {"a deferral that nobody wants any more", "when_blocked = \"defer\"; stale_after = \"1h\";", a_deferral_that_nobody_wants_any_more},
};
/* clang-format on */

static void what_a_failing_commit_repeats_is_counted_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct core_fixture f;
        print_message("%s\n", rows[i].name);
        core_fixture_init(&f, rows[i].route);
        rows[i].run(&f);
        core_fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_failing_commit_repeats_is_counted_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
