#include "relay/github/request.h"

#include "tests/unit/request_fixture.h"

static void states_have_names_that_read_back(void **state)
{
    enum request_state back;

    (void)state;
    for (int i = 0; i < REQUEST_STATES; i++) {
        assert_true(request_state_parse(&back, request_state_text((enum request_state)i)));
        assert_int_equal(back, i);
    }
    assert_string_equal(request_state_text(REQUEST_ACCEPTED_NO_ID), "accepted_no_id");
    assert_string_equal(request_state_text(REQUEST_PARKED), "parked");
    assert_false(request_state_parse(&back, "Queued"));
    assert_false(request_state_parse(&back, ""));
    assert_int_equal(back, REQUEST_STATES - 1);
}

static void only_done_dead_and_parked_are_ends(void **state)
{
    (void)state;
    for (int i = 0; i < REQUEST_STATES; i++) {
        bool end = i == REQUEST_DONE || i == REQUEST_DEAD || i == REQUEST_PARKED;
        assert_true(request_is_open((enum request_state)i) == !end);
    }
}

static void a_request_wants_a_post_or_reads_or_nothing(void **state)
{
    int64_t at;

    (void)state;
    for (int i = 0; i < REQUEST_STATES; i++) {
        struct request r = a_request((enum request_state)i);
        enum request_step want = i == REQUEST_QUEUED ? STEP_POST : STEP_NONE;
        if (i == REQUEST_ACCEPTED || i == REQUEST_ADOPTED || i == REQUEST_RUNNING)
            want = STEP_POLL;
        if (i == REQUEST_ACCEPTED_NO_ID || i == REQUEST_AMBIGUOUS)
            want = STEP_LOOK;
        assert_int_equal(request_next_step(&r, &at), want);
        assert_true(at == NOW);
    }
}

static void a_post_counts_and_is_timed(void **state)
{
    struct request r = a_request(REQUEST_QUEUED);

    (void)state;
    (void)snprintf(r.reason, sizeof(r.reason), "limited");
    posting(&r, NOW + 5);
    assert_int_equal(r.state, REQUEST_SENDING);
    assert_int_equal(r.attempts, 1);
    assert_true(r.posted_at == NOW + 5);
    assert_false(r.executed);
    assert_string_equal(r.reason, "");
    request_free(&r);
}

static void an_accepted_request_knows_its_run(void **state)
{
    struct request r = a_request(REQUEST_SENDING);
    struct target_memory memory = {0};
    int64_t at;

    (void)state;
    r.failures = 3;
    assert_int_equal(posted(&r, 200, "", OK_BODY, &memory, NOW), OUTCOME_ACCEPTED);
    assert_true(r.run_id == RUN_ID);
    assert_string_equal(r.run_url, "https://github.com/acme/ml/actions/runs/43042502224");
    assert_true(r.accepted_at == NOW);
    assert_int_equal(r.failures, 0);
    assert_int_equal(request_next_step(&r, &at), STEP_POLL);
    assert_true(at == NOW + 5000);
    request_free(&r);
}

static void ends_say_why(void **state)
{
    static const struct {
        int status;
        const char *body, *reason, *detail;
    } rows[] = {
        {204, "", "untracked", ""},
        {404, SAYS("Not Found"), "refused", "Not Found"},
        {500, SAYS("Server Error"), "may_have_run", "Server Error"},
        {200, "", "may_have_run", "a run may have started"},
        {422, SAYS("No ref found for: main"), "refused", "No ref found for: main"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(REQUEST_SENDING);
        struct target_memory memory = {0};
        r.correlated = false;
        posted(&r, rows[i].status, "", rows[i].body, &memory, NOW);
        assert_string_equal(r.reason, rows[i].reason);
        if (rows[i].detail[0] == '\0')
            assert_string_equal(r.detail, "");
        else
            assert_non_null(strstr(r.detail, rows[i].detail));
        request_free(&r);
    }
    struct request r = a_request(REQUEST_QUEUED);
    request_die(&r, "resolved");
    assert_string_equal(r.reason, "resolved");
    r = a_request(REQUEST_SENDING);
    r.correlated = false;
    assert_true(request_recover(&r, NOW));
    assert_false(request_recover(&r, NOW));
    assert_string_equal(r.reason, "may_have_run");
    assert_true(r.executed);
    assert_true(r.detail[0] != '\0');
}

static void refusals_for_now_wait_ever_longer(void **state)
{
    static const int64_t seconds[] = {5, 10, 20, 40, 80, 160, 320, 600, 600};
    struct request r = a_request(REQUEST_QUEUED);
    struct target_memory memory = {0};
    int64_t at, now = NOW;

    (void)state;
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        posting(&r, now);
        assert_int_equal(posted(&r, 429, "", SAYS("slow"), &memory, now), OUTCOME_LIMITED);
        assert_string_equal(r.reason, "limited");
        assert_string_equal(r.detail, "slow");
        assert_int_equal(request_next_step(&r, &at), STEP_POST);
        assert_in_range((uint64_t)(at - now), (uint64_t)seconds[i] * 1000,
                        (uint64_t)seconds[i] * 1000 + 1);
        now = at;
    }
    assert_int_equal(r.attempts, 9);
    assert_false(r.executed);
    r.failures = INT64_MAX - 1;
    posting(&r, now);
    posted(&r, 429, "", "", &memory, now);
    assert_in_range((uint64_t)(r.next_at - now), 600000, 600001);
    request_free(&r);
}

static void retries_are_spread_by_a_fifth(void **state)
{
    static const struct {
        uint32_t draw;
        int64_t want;
    } rows[] = {{0, 4000}, {UINT32_MAX, 6000}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t bits = rows[i].draw;
        const struct rng fixed = {&bits, draw};
        struct request r = a_request(REQUEST_SENDING);
        struct exchange_answer a = answer_none(EXCHANGE_NOT_SENT, "no route");
        struct target_memory memory = {0};
        enum outcome outcome;
        struct attempt attempt;
        request_posted(&r, &a, &target, &memory, &outcome, &attempt, NOW, wall, &fixed);
        assert_true(r.next_at == NOW + rows[i].want);
        assert_string_equal(attempt.outcome, "not_sent");
        assert_string_equal(attempt.detail, "no route");
    }
}

static void what_a_target_lacks_is_learnt_once_and_retried_at_once(void **state)
{
    static const struct {
        const char *body;
        enum outcome outcome;
    } rows[] = {{NO_DETAILS, OUTCOME_NO_RUN_DETAILS}, {NO_RELAY_ID, OUTCOME_NO_RELAY_ID}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(REQUEST_SENDING);
        struct target_memory memory = {0};
        struct exchange_answer a = answer_make(422, "", rows[i].body);
        enum outcome outcome;
        struct attempt attempt;
        assert_true(request_posted(&r, &a, &target, &memory, &outcome, &attempt, NOW, wall, &rng));
        assert_int_equal(outcome, rows[i].outcome);
        assert_true(memory.no_run_details == (outcome == OUTCOME_NO_RUN_DETAILS));
        assert_true(memory.no_relay_id == (outcome == OUTCOME_NO_RELAY_ID));
        assert_int_equal(r.state, REQUEST_QUEUED);
        assert_true(r.next_at == NOW);
        assert_int_equal(r.failures, 0);
        /* One that left before it was known comes back too, but no answer makes a tight loop. */
        posting(&r, NOW);
        assert_false(request_posted(&r, &a, &target, &memory, &outcome, &attempt, NOW, wall, &rng));
        assert_int_equal(r.state, REQUEST_QUEUED);
        assert_true(r.next_at >= NOW + 4000);
        exchange_answer_clear(&a);
        request_free(&r);
    }
}

static void a_relay_id_that_must_be_sent_is_not_left_out(void **state)
{
    static const enum correlation other[] = {CORRELATION_INPUT, CORRELATION_NONE};

    (void)state;
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        struct target strict = target;
        struct request r = a_request(REQUEST_SENDING);
        struct target_memory memory = {0};
        struct exchange_answer a = answer_make(422, "", NO_RELAY_ID);
        enum outcome outcome;
        struct attempt attempt;
        strict.correlation = other[i];
        assert_false(request_posted(&r, &a, &strict, &memory, &outcome, &attempt, NOW, wall, &rng));
        assert_int_equal(r.state, REQUEST_DEAD);
        assert_false(memory.no_relay_id);
        exchange_answer_clear(&a);
    }
}

static void two_redirects_are_followed_at_once_and_no_third(void **state)
{
    struct request r = a_request(REQUEST_QUEUED);
    struct target_memory memory = {0};

    (void)state;
    for (int64_t hop = 1; hop <= 2; hop++) {
        posting(&r, NOW);
        assert_int_equal(posted(&r, 307, MOVED, "", &memory, NOW), OUTCOME_REDIRECTED);
        assert_int_equal(r.state, REQUEST_QUEUED);
        assert_true(r.next_at == NOW);
        assert_true(r.hops == hop);
        assert_string_equal(
            r.redirect, "https://api.github.com/repositories/7/actions/workflows/r.yml/dispatches");
    }
    posting(&r, NOW);
    posted(&r, 307, MOVED, "", &memory, NOW);
    assert_int_equal(r.state, REQUEST_DEAD);
    assert_string_equal(r.reason, "refused");
    assert_non_null(strstr(r.detail, "307"));
    request_free(&r);
}

static void after_a_redirect_the_repository_may_have_another_name(void **state)
{
    static const char renamed[] = "{\"workflow_run_id\":7,\"run_url\":\"https://api.github.com/"
                                  "repos/new/name/actions/runs/7\","
                                  "\"html_url\":\"https://github.com/new/name/actions/runs/7\"}";
    struct request r = a_request(REQUEST_QUEUED);
    struct target_memory memory = {0};

    (void)state;
    posting(&r, NOW);
    posted(&r, 307, MOVED, "", &memory, NOW);
    posting(&r, NOW);
    assert_int_equal(posted(&r, 200, "", renamed, &memory, NOW), OUTCOME_ACCEPTED);
    request_free(&r);

    r = a_request(REQUEST_SENDING);
    assert_int_equal(posted(&r, 200, "", renamed, &memory, NOW), OUTCOME_AMBIGUOUS);
    request_free(&r);
}

static void a_delay_forgets_the_redirect(void **state)
{
    struct request r = a_request(REQUEST_QUEUED);
    struct target_memory memory = {0};

    (void)state;
    posting(&r, NOW);
    posted(&r, 307, MOVED, "", &memory, NOW);
    posting(&r, NOW);
    posted(&r, 429, "", "", &memory, NOW);
    assert_null(r.redirect);
    assert_int_equal(r.hops, 0);
    request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_names_that_read_back),
        cmocka_unit_test(only_done_dead_and_parked_are_ends),
        cmocka_unit_test(a_request_wants_a_post_or_reads_or_nothing),
        cmocka_unit_test(a_post_counts_and_is_timed),
        cmocka_unit_test(an_accepted_request_knows_its_run),
        cmocka_unit_test(ends_say_why),
        cmocka_unit_test(refusals_for_now_wait_ever_longer),
        cmocka_unit_test(retries_are_spread_by_a_fifth),
        cmocka_unit_test(what_a_target_lacks_is_learnt_once_and_retried_at_once),
        cmocka_unit_test(a_relay_id_that_must_be_sent_is_not_left_out),
        cmocka_unit_test(two_redirects_are_followed_at_once_and_no_third),
        cmocka_unit_test(after_a_redirect_the_repository_may_have_another_name),
        cmocka_unit_test(a_delay_forgets_the_redirect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
