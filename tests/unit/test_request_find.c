/* The search for a run: what is a match, and when not to be listed means something. */
#include "tests/unit/request_find_fixture.h"

static void only_its_own_mark_in_a_dispatched_run_is_a_match(void **state)
{
    static const struct {
        const char *name, *title, *more;
        bool match;
    } rows[] = {
        {"its title", "\"retrain m1 " MARK "\"", DISPATCHED, true},
        {"without an event", "\"" MARK "\"", "", true},
        {"without brackets", "\"retrain " RELAY_ID "\"", DISPATCHED, false},
        {"another's", "\"[01JD0000000000000000000001]\"", DISPATCHED, false},
        {"longer", "\"[" RELAY_ID "0]\"", DISPATCHED, false},
        {"one that begins earlier", "\"[x" RELAY_ID "]\"", DISPATCHED, false},
        {"in small letters", "\"[01jd0000000000000000000000]\"", DISPATCHED, false},
        {"a push that quotes it", "\"fix " MARK "\"", ",\"event\":\"push\"", false},
        {"null", "null", DISPATCHED, false},
        {"no text", "[\"" MARK "\"]", DISPATCHED, false},
        {"in another field", "\"x\",\"name\":\"" MARK "\"", DISPATCHED, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = cut_off();
        const struct run run = {77, rows[i].title, rows[i].more};
        listed(&r, true, AT(5000), 1, &run, 1);
        if ((r.state == REQUEST_ADOPTED) != rows[i].match || (r.run_id == 77) != rows[i].match)
            fail_msg("%s: %s", rows[i].name, request_state_text(r.state));
        request_free(&r);
    }
}

static void an_adopted_run_is_polled_at_once_and_tracked_from_then_on(void **state)
{
    struct request r = cut_off();
    const struct run run = {RUN_ID, "\"" MARK "\"", DISPATCHED};
    int64_t at;

    (void)state;
    listed(&r, false, AT(20 * MINUTE), 1, &run, 1);
    assert_int_equal(r.state, REQUEST_ADOPTED);
    assert_true(r.adopted && r.executed && r.accepted_at == AT(20 * MINUTE));
    assert_int_equal(request_next_step(&r, &at), STEP_POLL);
    assert_true(at == AT(20 * MINUTE));
    assert_string_equal(r.duplicates, "");
    assert_string_equal(r.detail, "");
    request_free(&r);
}

static void of_several_the_oldest_is_adopted_and_the_others_are_told(void **state)
{
#define BORN(time) ",\"created_at\":\"2025-11-24T" time "Z\""
    static const struct {
        const char *name;
        struct run runs[4];
        int64_t want;
        const char *duplicates;
    } rows[] = {
        {"newest first",
         {{30, "\"" MARK "\"", BORN("16:00:03")}, {20, "\"" MARK "\"", BORN("16:00:02")}},
         20,
         "30"},
        {"unsorted",
         {{20, "\"" MARK "\"", BORN("16:00:02")},
          {30, "\"" MARK "\"", BORN("16:00:03")},
          {10, "\"" MARK "\"", BORN("16:00:01")}},
         10,
         "20, 30"},
        {"by time, not by id",
         {{20, "\"" MARK "\"", BORN("16:00:02")}, {30, "\"" MARK "\"", BORN("16:00:01")}},
         30,
         "20"},
        {"in one second by id",
         {{30, "\"" MARK "\"", BORN("16:00:02")}, {20, "\"" MARK "\"", BORN("16:00:02")}},
         20,
         "30"},
        {"one of them twice",
         {{20, "\"" MARK "\"", BORN("16:00:02")}, {20, "\"" MARK "\"", BORN("16:00:02")}},
         20,
         ""},
        {"without a time it is no older",
         {{10, "\"" MARK "\"", ""}, {20, "\"" MARK "\"", BORN("16:00:02")}},
         20,
         "10"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = cut_off();
        size_t n = 0;
        while (n < 4 && rows[i].runs[n].id != 0)
            n++;
        listed(&r, false, AT(5000), (int64_t)n, rows[i].runs, n);
        if (r.run_id != rows[i].want || strcmp(r.duplicates, rows[i].duplicates) != 0)
            fail_msg("%s: %lld, %s", rows[i].name, (long long)r.run_id, r.duplicates);
        request_free(&r);
    }
}

static void more_duplicates_than_are_told_apart_leave_the_oldest(void **state)
{
    struct request r = cut_off();
    struct run runs[40];

    (void)state;
    for (size_t i = 0; i < 40; i++)
        runs[i] = (struct run){OUTCOME_RUN_ID_MAX - (int64_t)i, "\"" MARK "\"", DISPATCHED};
    listed(&r, false, AT(5000), 40, runs, 40);
    assert_true(r.run_id == OUTCOME_RUN_ID_MAX - 39);
    assert_non_null(strstr(r.duplicates, "9007199254740954, 9007199254740955"));
    request_free(&r);
}

static void a_run_that_was_accepted_without_an_id_is_found_too(void **state)
{
    struct request r = a_request(REQUEST_QUEUED);
    struct target_memory memory = {0};
    const struct run run = {77, "\"" MARK "\"", DISPATCHED};

    (void)state;
    posting(&r, NOW);
    posted(&r, 204, "", "", &memory, NOW);
    listed(&r, false, AT(5000), 0, NULL, 0);
    assert_int_equal(r.state, REQUEST_ACCEPTED_NO_ID);
    listed(&r, false, AT(15000), 1, &run, 1);
    assert_int_equal(r.state, REQUEST_ADOPTED);
    request_free(&r);
}

/* 5, 10, 20, … 120 s, and once just when the grace ends. */
static void it_is_looked_for_until_the_grace_ends_and_not_given_up_before(void **state)
{
    static const int64_t want[] = {5, 10, 20, 40, 80, 120, 120};
    struct request r = cut_off();
    int64_t at, now = NOW, readings = 0;

    (void)state;
    while (r.state == REQUEST_AMBIGUOUS) {
        assert_int_equal(request_next_step(&r, &at), STEP_LOOK);
        if (readings < 7)
            assert_true(at - now == want[readings] * 1000);
        now = at;
        listed(&r, true, now, 0, NULL, 0);
        readings++;
        assert_true(readings < 40);
    }
    assert_int_equal(r.state, REQUEST_QUEUED);
    assert_true(now == AT(45 * MINUTE));
    assert_in_range(readings, 20, 30);
    request_free(&r);
}

static void after_the_grace(struct request *r, bool marked, enum request_state want,
                            const char *reason)
{
    listed(r, marked, AT(45 * MINUTE) - 1, 0, NULL, 0);
    assert_int_equal(r->state, REQUEST_AMBIGUOUS);
    listed(r, marked, AT(45 * MINUTE), 0, NULL, 0);
    assert_int_equal(r->state, want);
    assert_string_equal(r->reason, reason);
    assert_true(r->executed);
}

static void lost_means_posted_again_once_with_the_grace_anew(void **state)
{
    struct request r = cut_off();
    struct target_memory memory = {.marked = true};
    int64_t at;

    (void)state;
    after_the_grace(&r, true, REQUEST_QUEUED, "lost");
    assert_int_equal(request_next_step(&r, &at), STEP_POST);
    assert_true(at == AT(45 * MINUTE));
    posting(&r, AT(45 * MINUTE));
    assert_true(r.look_from == NOW); /* the first one's run may still show */
    posted(&r, 502, "", "", &memory, AT(46 * MINUTE));
    listed(&r, true, AT(90 * MINUTE), 0, NULL, 0);
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    listed(&r, true, AT(91 * MINUTE), 0, NULL, 0);
    assert_int_equal(r.state, REQUEST_PARKED);
    assert_string_equal(r.reason, "may_have_run");
    request_free(&r);
}

static void on_a_target_that_never_showed_a_mark_nothing_is_lost(void **state)
{
    struct request r = cut_off();

    (void)state;
    after_the_grace(&r, false, REQUEST_PARKED, "may_have_run");
    assert_true(r.detail[0] != '\0');
    request_free(&r);
}

static void failed_readings_neither_shorten_nor_skip_the_grace(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *body;
    } rows[] = {
        {"500", 500, ""},
        {"404", 404, SAYS("Not Found")},
        {"403", 403, SAYS("API rate limit exceeded")},
        {"429", 429, ""},
        {"422", 422, SAYS("Validation Failed")},
        {"301", 301, ""},
        {"a 204", 204, ""},
        {"a 304", 304, ""},
        {"no JSON", 200, "<html>"},
        {"no list", 200, "{}"},
        {"a list that is none", 200, "{\"total_count\":0,\"workflow_runs\":{}}"},
        {"no count", 200, "{\"workflow_runs\":[]}"},
        {"a count below zero", 200, "{\"total_count\":-1,\"workflow_runs\":[]}"},
        {"fewer than counted", 200, "{\"total_count\":2,\"workflow_runs\":[{\"id\":1}]}"},
        {"an empty page too early", 200, "{\"total_count\":60,\"workflow_runs\":[]}"},
        {"a run without an id", 200, "{\"total_count\":1,\"workflow_runs\":[{}]}"},
        {"a run that is null", 200, "{\"total_count\":1,\"workflow_runs\":[null]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = cut_off();
        int64_t now = NOW, at;
        while (now < AT(6 * HOUR)) {
            assert_int_equal(request_next_step(&r, &at), STEP_LOOK);
            now = at > now ? at : now + 1;
            answered(&r, true, now, rows[i].status, rows[i].body);
            if (r.state != REQUEST_AMBIGUOUS)
                fail_msg("%s: %s", rows[i].name, request_state_text(r.state));
        }
        assert_non_null(strstr(r.detail, "looking for its run"));
        listed(&r, true, now, 0, NULL, 0); /* the first one that counts */
        assert_int_equal(r.state, REQUEST_QUEUED);
        request_free(&r);
    }
}

static void a_day_and_a_half_of_failures_is_the_end(void **state)
{
    struct request r = cut_off();

    (void)state;
    answered(&r, true, AT(36 * HOUR) - 1, 500, "");
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    answered(&r, true, AT(36 * HOUR), 500, "");
    assert_int_equal(r.state, REQUEST_PARKED);
    assert_non_null(strstr(r.detail, "HTTP 500"));
    request_free(&r);
}

/* A relay that was down for days still looks before it gives up. */
static void long_after_the_grace_the_first_reading_decides(void **state)
{
    struct request r = cut_off();
    const struct run run = {77, "\"" MARK "\"", DISPATCHED};

    (void)state;
    listed(&r, true, AT(72 * HOUR), 1, &run, 1);
    assert_int_equal(r.state, REQUEST_ADOPTED);
    request_free(&r);
}

static int64_t begins(struct request *r, int64_t github_ms, int64_t now)
{
    r->search.page = 0;
    request_looking(r, github_ms, now);
    return r->search.since - wall.ms;
}

static void the_list_begins_two_minutes_before_the_post_by_githubs_clock(void **state)
{
    struct request r = cut_off();

    (void)state;
    assert_true(begins(&r, wall.ms + HOUR, AT(HOUR)) == -2 * MINUTE);
    /* Ours was ahead when nothing was known; by now it is. */
    assert_true(begins(&r, wall.ms + 50 * MINUTE, AT(HOUR)) == -12 * MINUTE);
    /* Ours stood still over a reboot: what was known counts. */
    assert_true(begins(&r, wall.ms + HOUR, AT(10 * MINUTE)) == -2 * MINUTE);
    request_free(&r);
}

/* Its own answers told the clock: the reading that they belong to may have begun too late. */
static void a_reading_that_began_too_late_does_not_count(void **state)
{
    static const char none[] = "{\"total_count\":0,\"workflow_runs\":[]}";
    static const struct {
        int64_t off;
        enum request_state want;
    } rows[] = {{0, REQUEST_QUEUED},
                {-MINUTE, REQUEST_QUEUED},
                {-MINUTE - 1, REQUEST_AMBIGUOUS},
                {-10 * MINUTE, REQUEST_AMBIGUOUS},
                {10 * MINUTE, REQUEST_QUEUED}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = cut_off();
        struct exchange_answer a = answer_make(200, "", none);
        int64_t now = AT(45 * MINUTE), github = wall.ms + 45 * MINUTE + rows[i].off;
        request_looking(&r, wall.ms + 45 * MINUTE, now);
        request_listed(&r, &a, true, github, now);
        assert_int_equal(r.state, rows[i].want);
        if (r.state == REQUEST_AMBIGUOUS) {
            request_looking(&r, github, now);
            request_listed(&r, &a, true, github, now);
            assert_int_equal(r.state, REQUEST_QUEUED);
        }
        exchange_answer_clear(&a);
        request_free(&r);
    }
}

static void an_answer_that_nobody_waits_for_changes_nothing(void **state)
{
    struct request r = cut_off();
    struct exchange_answer a = answer_make(200, "", "{\"total_count\":0,\"workflow_runs\":[]}");

    (void)state;
    request_listed(&r, &a, true, wall.ms, AT(45 * MINUTE));
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    exchange_answer_clear(&a);
    request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_its_own_mark_in_a_dispatched_run_is_a_match),
        cmocka_unit_test(an_adopted_run_is_polled_at_once_and_tracked_from_then_on),
        cmocka_unit_test(of_several_the_oldest_is_adopted_and_the_others_are_told),
        cmocka_unit_test(more_duplicates_than_are_told_apart_leave_the_oldest),
        cmocka_unit_test(a_run_that_was_accepted_without_an_id_is_found_too),
        cmocka_unit_test(it_is_looked_for_until_the_grace_ends_and_not_given_up_before),
        cmocka_unit_test(lost_means_posted_again_once_with_the_grace_anew),
        cmocka_unit_test(on_a_target_that_never_showed_a_mark_nothing_is_lost),
        cmocka_unit_test(failed_readings_neither_shorten_nor_skip_the_grace),
        cmocka_unit_test(a_day_and_a_half_of_failures_is_the_end),
        cmocka_unit_test(long_after_the_grace_the_first_reading_decides),
        cmocka_unit_test(the_list_begins_two_minutes_before_the_post_by_githubs_clock),
        cmocka_unit_test(a_reading_that_began_too_late_does_not_count),
        cmocka_unit_test(an_answer_that_nobody_waits_for_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
