/* Following a run: request_polled. */
#include "relay/github/request.h"

#include "tests/unit/request_fixture.h"

static void polls_slow_down_by_status(void **state)
{
    static const struct {
        const char *status;
        int64_t want;
    } rows[] = {
        {"\"in_progress\"", 30000}, {"\"queued\"", 120000},    {"\"waiting\"", 120000},
        {"\"pending\"", 120000},    {"\"requested\"", 120000}, {"\"dreaming\"", 120000},
        {"\"\"", 120000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(REQUEST_ACCEPTED);
        char body[512];
        (void)snprintf(body, sizeof(body), "{\"id\":43042502224,\"status\":%s,\"conclusion\":null}",
                       rows[i].status);
        polled(&r, 200, "", body, NOW);
        assert_true(r.next_at == NOW + 10000);
        polled(&r, 200, "", body, NOW);
        assert_true(r.next_at == NOW + 20000);
        polled(&r, 200, "", body, NOW);
        if (r.next_at != NOW + rows[i].want || r.state != REQUEST_RUNNING)
            fail_msg("%s: %lld ms", rows[i].status, (long long)(r.next_at - NOW));
        polled(&r, 304, "", "", NOW);
        assert_true(r.next_at == NOW + rows[i].want);
        assert_int_equal(r.polls, 4);
        request_free(&r);
    }
}

static void a_completed_run_ends_with_its_conclusion(void **state)
{
    static const struct {
        const char *conclusion, *want;
    } rows[] = {
        {"\"success\"", "success"},
        {"\"failure\"", "failure"},
        {"\"startup_failure\"", "startup_failure"},
        {"\"something_new\"", "something_new"},
        {"\"a\\n\\u001b[31mb\\u0085\"", "a[31mb"},
        {"\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
         "0123456789012345678901234567890"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(REQUEST_RUNNING);
        char body[512];
        (void)snprintf(
            body, sizeof(body),
            "{\"id\":43042502224,\"status\":\"completed\",\"conclusion\":%s,\"run_attempt\":2}",
            rows[i].conclusion);
        polled(&r, 200, "etag: \"x\"\n", body, NOW);
        assert_int_equal(r.state, REQUEST_DONE);
        assert_string_equal(r.reason, rows[i].want);
        assert_string_equal(r.conclusion, rows[i].want);
        assert_string_equal(r.run_status, "completed");
        assert_int_equal(r.run_attempt, 2);
        request_free(&r);
    }
}

static void completed_without_a_conclusion_is_not_the_end(void **state)
{
    static const char *const conclusions[] = {"null", "\"\"", "7", "\"\\n\""};

    (void)state;
    for (size_t i = 0; i < sizeof(conclusions) / sizeof(conclusions[0]); i++) {
        struct request r = a_request(REQUEST_RUNNING);
        char body[256];
        (void)snprintf(body, sizeof(body),
                       "{\"id\":43042502224,\"status\":\"completed\",\"conclusion\":%s}",
                       conclusions[i]);
        polled(&r, 200, "", body, NOW);
        assert_int_equal(r.state, REQUEST_RUNNING);
        request_free(&r);
    }
    struct request r = a_request(REQUEST_RUNNING);
    polled(&r, 200, "", RUN("\"in_progress\"", "\"success\"", "null"), NOW);
    assert_int_equal(r.state, REQUEST_RUNNING);
    assert_string_equal(r.conclusion, "");
    request_free(&r);
}

static void an_answer_about_something_else_is_a_failed_poll(void **state)
{
    static const char *const bodies[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"id\":43042502225,\"status\":\"completed\",\"conclusion\":\"success\"}",
        "{\"id\":\"43042502224\",\"status\":\"completed\",\"conclusion\":\"success\"}",
        "{\"id\":43042502224.0,\"status\":\"completed\",\"conclusion\":\"success\"}",
        "{\"id\":43042502224,\"conclusion\":\"success\"}",
        "{\"id\":43042502224,\"status\":3}",
        "{\"id\":43042502224,\"id\":43042502224,\"status\":\"completed\"}",
        "{\"id\":43042502224,\"status\":\"completed\",\"conclu",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct request r = a_request(REQUEST_RUNNING);
        polled(&r, 200, "", bodies[i], NOW);
        if (r.state != REQUEST_RUNNING || r.failures != 1)
            fail_msg("taken: %s", bodies[i]);
        assert_non_null(strstr(r.detail, "does not describe"));
        request_free(&r);
    }
}

static void failed_polls_wait_ever_longer_and_say_why(void **state)
{
    static const int64_t seconds[] = {5, 10, 20, 40, 80, 160, 320, 600, 600};
    struct request r = a_request(REQUEST_RUNNING);
    struct exchange_answer cut = answer_none(EXCHANGE_UNKNOWN, "timed\nout");
    struct target_memory memory = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        polled(&r, 502, "", SAYS("Server Error"), NOW);
        assert_true(r.next_at == NOW + seconds[i] * 1000);
    }
    assert_string_equal(r.detail, "Server Error");
    request_polled(&r, &cut, &memory, NOW);
    assert_string_equal(r.detail, "timedout");
    polled(&r, 301, "location: /x\n", SAYS("Moved Permanently"), NOW);
    assert_non_null(strstr(r.detail, "update the config"));
    polled(&r, 403, "retry-after: 60\n", SAYS("secondary rate limit"), NOW);
    assert_int_equal(r.state, REQUEST_RUNNING);
    polled(&r, 200, "", RUN("\"in_progress\"", "null", "null"), NOW);
    assert_int_equal(r.failures, 0);
    assert_string_equal(r.detail, "");
    request_free(&r);
}

static void a_run_not_found_at_first_is_waited_for(void **state)
{
    struct request r = a_request(REQUEST_ACCEPTED);

    (void)state;
    r.accepted_at = NOW;
    polled(&r, 404, "", SAYS("Not Found"), NOW + 59999);
    assert_int_equal(r.state, REQUEST_ACCEPTED);
    assert_string_equal(r.detail, "");
    assert_true(r.gone_since == 0);
    polled(&r, 404, "", SAYS("Not Found"), NOW + 60000);
    assert_true(r.gone_since == NOW + 60000);
    assert_non_null(strstr(r.detail, "not found"));
}

static void a_run_gone_for_an_hour_ends_as_unknown(void **state)
{
    struct request r = a_request(REQUEST_RUNNING);
    struct exchange_answer cut = answer_none(EXCHANGE_UNKNOWN, "cut");
    struct target_memory memory = {0};

    (void)state;
    polled(&r, 404, "", "", NOW);
    polled(&r, 200, "", RUN("\"queued\"", "null", "null"), NOW + 30 * MINUTE); /* it was there */
    polled(&r, 404, "", "", NOW + HOUR);
    request_polled(&r, &cut, &memory, NOW + HOUR + MINUTE); /* says nothing about the run */
    polled(&r, 404, "", "", NOW + 2 * HOUR - 1);
    assert_int_equal(r.state, REQUEST_RUNNING);
    polled(&r, 404, "", "", NOW + 2 * HOUR);
    assert_int_equal(r.state, REQUEST_DONE);
    assert_string_equal(r.reason, "unknown");
    request_free(&r);
}

static void tracking_ends_after_a_day_and_a_half(void **state)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {{200, RUN("\"queued\"", "null", "null")}, {304, ""}, {500, ""}, {404, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(REQUEST_RUNNING);
        r.accepted_at = NOW;
        polled(&r, rows[i].status, "", rows[i].body, NOW + 36 * HOUR - 1);
        assert_int_equal(r.state, REQUEST_RUNNING);
        polled(&r, rows[i].status, "", rows[i].body, NOW + 36 * HOUR);
        assert_int_equal(r.state, REQUEST_DONE);
        assert_string_equal(r.reason, "unknown");
        request_free(&r);
    }
    struct request r = a_request(REQUEST_RUNNING);
    r.accepted_at = NOW;
    polled(&r, 200, "", RUN("\"completed\"", "\"success\"", "null"), NOW + 40 * HOUR);
    assert_string_equal(r.reason, "success"); /* better late than unknown */
    request_free(&r);
}

static void the_etag_is_that_of_the_last_whole_answer(void **state)
{
    struct request r = a_request(REQUEST_ACCEPTED);

    (void)state;
    polled(&r, 200, "ETag: W/\"1\"\n", RUN("\"queued\"", "null", "null"), NOW);
    assert_string_equal(r.etag, "W/\"1\"");
    polled(&r, 304, "", "", NOW);
    assert_string_equal(r.etag, "W/\"1\"");
    polled(&r, 500, "etag: \"error\"\n", "", NOW);
    assert_string_equal(r.etag, "W/\"1\"");
    polled(&r, 200, "", RUN("\"queued\"", "null", "null"), NOW);
    assert_null(r.etag);
    request_free(&r);
}

static void a_target_is_marked_by_a_title_with_the_relay_id(void **state)
{
    static const struct {
        const char *name, *title;
        enum request_state from;
        bool known, want;
    } rows[] = {
        {"in brackets", "\"retrain churn [" RELAY_ID "]\"", REQUEST_ACCEPTED, false, true},
        {"in a running one", "\"[" RELAY_ID "] x\"", REQUEST_RUNNING, false, true},
        {"without brackets", "\"retrain " RELAY_ID "\"", REQUEST_ACCEPTED, false, false},
        {"another's", "\"[01JD0000000000000000000001]\"", REQUEST_ACCEPTED, false, false},
        {"a longer one", "\"[" RELAY_ID "0]\"", REQUEST_ACCEPTED, false, false},
        {"no title", "null", REQUEST_ACCEPTED, false, false},
        {"a title that is no text", "[\"[" RELAY_ID "]\"]", REQUEST_ACCEPTED, false, false},
        {"a run that was found by its title", "\"[" RELAY_ID "]\"", REQUEST_ADOPTED, false, false},
        {"known already", "\"[" RELAY_ID "]\"", REQUEST_ACCEPTED, true, false},
        {"known, and no title", "null", REQUEST_ACCEPTED, true, false},
        {"known, and no longer shown", "\"retrain\"", REQUEST_ACCEPTED, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(rows[i].from);
        struct target_memory memory = {.marked = rows[i].known};
        char body[512];
        (void)snprintf(body, sizeof(body),
                       "{\"id\":43042502224,\"status\":\"queued\",\"display_title\":%s}",
                       rows[i].title);
        struct exchange_answer a = answer_make(200, "", body);
        if (request_polled(&r, &a, &memory, NOW) != rows[i].want ||
            memory.marked != (rows[i].want != rows[i].known))
            fail_msg("%s", rows[i].name);
        exchange_answer_clear(&a);
        request_free(&r);
    }
}

static void a_title_proves_nothing_of_a_post_without_the_input(void **state)
{
    struct request r = a_request(REQUEST_ACCEPTED);
    struct target_memory memory = {.marked = true};
    struct exchange_answer a = answer_make(200, "", RUN("\"queued\"", "null", "\"retrain\""));

    (void)state;
    r.correlated = false;
    assert_false(request_polled(&r, &a, &memory, NOW));
    assert_true(memory.marked);
    exchange_answer_clear(&a);
    request_free(&r);
}

/* Once the second poll of an adopted run, running by then, marked the target. */
static void an_adopted_run_never_marks_its_target(void **state)
{
    struct request r = a_request(REQUEST_ADOPTED);
    struct target_memory memory = {0};
    struct exchange_answer a =
        answer_make(200, "", RUN("\"queued\"", "null", "\"[" RELAY_ID "]\""));

    (void)state;
    (void)snprintf(r.duplicates, sizeof(r.duplicates), "7, 8");
    assert_false(request_polled(&r, &a, &memory, NOW));
    assert_false(request_polled(&r, &a, &memory, NOW));
    assert_int_equal(r.state, REQUEST_RUNNING);
    assert_string_equal(r.detail, "more runs of this relay_id: 7, 8");
    exchange_answer_clear(&a);
    request_free(&r);
}

static void a_runs_page_is_taken_only_when_it_is_one(void **state)
{
    struct request r = a_request(REQUEST_RUNNING);

    (void)state;
    polled(&r, 200, "",
           "{\"id\":43042502224,\"status\":\"queued\",\"html_url\":\"javascript:alert(1)\"}", NOW);
    assert_null(r.run_url);
    polled(&r, 200, "", RUN("\"queued\"", "null", "null"), NOW);
    assert_string_equal(r.run_url, "https://github.com/acme/ml/actions/runs/43042502224");
    assert_int_equal(r.run_attempt, 1);
    request_free(&r);
}

static void a_rerun_is_followed_under_its_new_attempt(void **state)
{
    struct request r = a_request(REQUEST_RUNNING);

    (void)state;
    polled(&r, 200, "", RUN("\"in_progress\"", "null", "null"), NOW);
    assert_int_equal(r.run_attempt, 1);
    polled(&r, 200, "", "{\"id\":43042502224,\"status\":\"queued\",\"run_attempt\":2}", NOW);
    assert_int_equal(r.run_attempt, 2);
    polled(&r, 200, "", "{\"id\":43042502224,\"status\":\"queued\",\"run_attempt\":-1}", NOW);
    assert_int_equal(r.run_attempt, 2);
    assert_int_equal(r.state, REQUEST_RUNNING);
    request_free(&r);
    request_free(NULL);
}

static void
a_cancelled_run_that_waited_was_superseded_when_a_newer_one_came_just_before(void **state)
{
#define NEWER "{\"total_count\":2,\"workflow_runs\":[{\"id\":43042502225},{\"id\":43042502224}]}"
#define ALONE "{\"total_count\":1,\"workflow_runs\":[{\"id\":43042502224}]}"
#define ENDED ",\"updated_at\":\"2025-11-24T16:10:30Z\""
    static const struct {
        const char *name, *before, *conclusion, *updated;
        int status; /* of the list */
        const char *list, *want;
    } rows[] = {
        {"a newer run", "pending", "cancelled", ENDED, 200, NEWER, "superseded"},
        {"none", "pending", "cancelled", ENDED, 200, ALONE, "cancelled"},
        {"an older one", "pending", "cancelled", ENDED, 200,
         "{\"workflow_runs\":[{\"id\":43042502223}]}", "cancelled"},
        {"no list", "pending", "cancelled", ENDED, 502, "<html>", "cancelled"},
        {"a list that is none", "pending", "cancelled", ENDED, 200, "{}", "cancelled"},
        {"it was running", "in_progress", "cancelled", ENDED, 0, NULL, "cancelled"},
        {"it waited for a runner", "queued", "cancelled", ENDED, 0, NULL, "cancelled"},
        {"it succeeded", "pending", "success", ENDED, 0, NULL, "success"},
        {"no time", "pending", "cancelled", "", 0, NULL, "cancelled"},
        {"a time that is none", "pending", "cancelled", ",\"updated_at\":\"now\"", 0, NULL,
         "cancelled"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(REQUEST_ACCEPTED);
        char body[512];
        int64_t at;
        (void)snprintf(body, sizeof(body), "{\"id\":43042502224,\"status\":\"%s\"}",
                       rows[i].before);
        polled(&r, 200, "", body, NOW);
        (void)snprintf(body, sizeof(body),
                       "{\"id\":43042502224,\"status\":\"completed\",\"conclusion\":\"%s\"%s}",
                       rows[i].conclusion, rows[i].updated);
        polled(&r, 200, "etag: \"x\"\n", body, NOW);
        if (rows[i].list != NULL) {
            assert_int_equal(request_next_step(&r, &at), STEP_LOOK);
            assert_true(at == NOW && r.etag == NULL);
            assert_true(r.search.since == INT64_C(1764000570000));
            assert_string_equal(r.search.until, "2025-11-24T16:10:30Z");
        }
        for (int tries = 0; request_is_open(r.state) && tries < REQUEST_PLACE_ASKS_MAX; tries++) {
            struct exchange_answer a = answer_make(rows[i].status, "", rows[i].list);
            request_listed(&r, &a, false, wall.ms, NOW);
            exchange_answer_clear(&a);
        }
        if (r.state != REQUEST_DONE || strcmp(r.reason, rows[i].want) != 0 ||
            strcmp(r.conclusion, rows[i].conclusion) != 0)
            fail_msg("%s: %s(%s)", rows[i].name, request_state_text(r.state), r.reason);
        request_free(&r);
    }
}

static void redirects_on_the_same_server_are_followed_twice(void **state)
{
    static const struct {
        const char *name, *location;
        int status;
        const char *moved; /* NULL: not followed */
    } rows[] = {
        {"301", "location: https://api.github.com/repositories/7/actions/runs/1\n", 301,
         "https://api.github.com/repositories/7/actions/runs/1"},
        {"302", "location: /repositories/7\n", 302, "https://api.github.com/repositories/7"},
        {"307", "location: /repositories/7\n", 307, "https://api.github.com/repositories/7"},
        {"308", "location: /repositories/7\n", 308, "https://api.github.com/repositories/7"},
        {"303", "location: /repositories/7\n", 303, NULL},
        {"another host", "location: https://example.com/repositories/7\n", 301, NULL},
        {"without TLS", "location: http://api.github.com/repositories/7\n", 301, NULL},
        {"another port", "location: https://api.github.com:8443/x\n", 301, NULL},
        {"nowhere", "", 301, NULL},
    };
    static const enum request_state states[] = {REQUEST_ACCEPTED, REQUEST_RUNNING,
                                                REQUEST_AMBIGUOUS};

    (void)state;
    for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = a_request(states[i % 3]);
        struct exchange_answer a = answer_make(rows[i / 3].status, rows[i / 3].location, "{}");
        r.next_at = NOW - 1;
        bool followed = request_read_moved(&r, &a, api_url, NOW);
        if (followed != (rows[i / 3].moved != NULL) ||
            (followed && (strcmp(r.moved, rows[i / 3].moved) != 0 || r.next_at != NOW)))
            fail_msg("%s: %s", rows[i / 3].name, r.moved == NULL ? "not followed" : r.moved);
        assert_true(followed == request_read_moved(&r, &a, api_url, NOW));
        assert_false(request_read_moved(&r, &a, api_url, NOW)); /* the third in a row */
        assert_null(r.moved);
        exchange_answer_clear(&a);
        request_free(&r);
    }
}

static void where_reads_moved_to_holds_until_a_404(void **state)
{
    struct request r = a_request(REQUEST_RUNNING);
    struct exchange_answer moved = answer_make(301, "location: /repositories/7\n", "{}");
    struct exchange_answer same = answer_make(304, "", "");
    struct exchange_answer gone = answer_make(404, "", "{}");

    (void)state;
    assert_true(request_read_moved(&r, &moved, api_url, NOW));
    assert_false(request_read_moved(&r, &same, api_url, NOW));
    assert_non_null(r.moved);
    assert_true(request_read_moved(&r, &moved, api_url, NOW));
    assert_true(request_read_moved(&r, &moved, api_url, NOW)); /* not three in a row */
    assert_false(request_read_moved(&r, &gone, api_url, NOW));
    assert_null(r.moved);
    exchange_answer_clear(&moved);
    exchange_answer_clear(&same);
    exchange_answer_clear(&gone);
    request_free(&r);
}

/* A list that moved says nothing of where the run of the next POST is. */
static void where_reads_moved_to_ends_with_a_post(void **state)
{
    struct request r = a_request(REQUEST_QUEUED);

    (void)state;
    r.moved = strdup("https://api.github.com/repositories/7/actions/workflows/1/runs");
    posting(&r, NOW);
    assert_null(r.moved);
    request_free(&r);
}

static void a_restart_before_the_list_reads_the_end_once_more(void **state)
{
    struct request r = a_request(REQUEST_RUNNING);
    int64_t at;

    (void)state;
    (void)snprintf(r.run_status, sizeof(r.run_status), "completed");
    (void)snprintf(r.conclusion, sizeof(r.conclusion), "cancelled");
    assert_int_equal(request_next_step(&r, &at), STEP_POLL);
    polled(&r, 200, "",
           "{\"id\":43042502224,\"status\":\"completed\",\"conclusion\":\"cancelled\"" ENDED "}",
           NOW);
    assert_int_equal(r.state, REQUEST_RUNNING);
    assert_int_equal(request_next_step(&r, &at), STEP_LOOK);
    request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polls_slow_down_by_status),
        cmocka_unit_test(a_completed_run_ends_with_its_conclusion),
        cmocka_unit_test(
            a_cancelled_run_that_waited_was_superseded_when_a_newer_one_came_just_before),
        cmocka_unit_test(redirects_on_the_same_server_are_followed_twice),
        cmocka_unit_test(where_reads_moved_to_holds_until_a_404),
        cmocka_unit_test(where_reads_moved_to_ends_with_a_post),
        cmocka_unit_test(a_restart_before_the_list_reads_the_end_once_more),
        cmocka_unit_test(completed_without_a_conclusion_is_not_the_end),
        cmocka_unit_test(an_answer_about_something_else_is_a_failed_poll),
        cmocka_unit_test(failed_polls_wait_ever_longer_and_say_why),
        cmocka_unit_test(a_run_not_found_at_first_is_waited_for),
        cmocka_unit_test(a_run_gone_for_an_hour_ends_as_unknown),
        cmocka_unit_test(tracking_ends_after_a_day_and_a_half),
        cmocka_unit_test(the_etag_is_that_of_the_last_whole_answer),
        cmocka_unit_test(a_target_is_marked_by_a_title_with_the_relay_id),
        cmocka_unit_test(a_title_proves_nothing_of_a_post_without_the_input),
        cmocka_unit_test(an_adopted_run_never_marks_its_target),
        cmocka_unit_test(a_runs_page_is_taken_only_when_it_is_one),
        cmocka_unit_test(a_rerun_is_followed_under_its_new_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
