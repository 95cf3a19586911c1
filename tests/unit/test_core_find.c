/* A POST whose outcome is unknown, from its cut to its end, by the real core. */
#include "tests/unit/core_fixture.h"

#include <stdlib.h>

#define EMPTY "{\"total_count\":0,\"workflow_runs\":[]}"
#define GRACE (45 * (int64_t)MINUTE_MS)
#define AGAIN "rearm = \"cooldown\"; cooldown = \"0s\"; expires = \"12h\";"

/* The relay_id of the oldest exchange that waits for its answer. */
static void flight_id(const struct core_fixture *f, char out[static ULID_SIZE])
{
    assert_true(f->n_flights > 0);
    memcpy(out, f->flights[0]->relay_id, ULID_SIZE);
}

/* Answers the oldest flight with a run of that title; as a list, or as the run itself. */
static void answer_run(struct core_fixture *f, bool list, const char *status)
{
    char id[ULID_SIZE], body[1024];
    flight_id(f, id);
    (void)snprintf(body, sizeof(body),
                   "%s{\"id\":43000000001,\"status\":\"%s\",\"conclusion\":%s,\"display_title\":"
                   "\"retrain [%s]\",\"event\":\"workflow_dispatch\",\"created_at\":"
                   "\"2025-11-24T16:00:00Z\"}%s",
                   list ? "{\"total_count\":1,\"workflow_runs\":[" : "", status,
                   strcmp(status, "completed") == 0 ? "\"success\"" : "null", id, list ? "]}" : "");
    core_answer_flight(f, 200, body, EXCHANGE_ANSWERED);
    core_settle(f);
}

static void cut(struct core_fixture *f)
{
    core_answer_flight(f, 0, "", EXCHANGE_UNKNOWN);
    core_settle(f);
}

/* A first run, by which the target is known to show its relay_ids. */
static void mark(struct core_fixture *f)
{
    core_post(f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_accept(f);
    core_pass(f, 5000);
    answer_run(f, false, "completed");
    core_shows(f, QUERY_REQUESTS, "", "\"reason\":\"success\"");
    core_post(f, "resolved", "a", CORE_STORED, "\"verdict\":\"resolved\"");
}

/* Every list is answered so until then; what is asked besides is a failure. */
static void lists_say(struct core_fixture *f, int status, const char *body, int64_t until)
{
    while (f->boot_ms < until) {
        int64_t left = until - f->boot_ms;
        core_pass(f, f->wait > 0 && f->wait < left ? f->wait : left);
        while (f->n_flights > 0 && f->flights[0]->kind == EXCHANGE_RUNS) {
            core_answer_flight(f, status, body, EXCHANGE_ANSWERED);
            core_settle(f);
        }
    }
}

static void an_ambiguous_post_is_looked_for_and_its_run_adopted(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    core_pass(&f, 4999);
    assert_int_equal(f.n_lists, 0);
    core_pass(&f, 1);
    assert_int_equal(f.n_lists, 1);
    assert_non_null(strstr(f.flights[0]->url, "/repos/acme/kospi/actions/workflows/retrain.yml/"
                                              "runs?event=workflow_dispatch&created=%3E%3D2025-11-"
                                              "24T15:58:00Z&"));
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"running\"");
    answer_run(&f, true, "queued");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"adopted\"");
    core_shows(&f, QUERY_REQUESTS, "", "\"id\":43000000001");
    answer_run(&f, false, "completed");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"success\"");
    core_post(&f, "firing", "c", CORE_STORED, "\"reason\":\"not_rearmed\"");
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

static void redirect(struct core_fixture *f, const char *to)
{
    core_answer_flight_with(f, 301, "{}", EXCHANGE_ANSWERED, "location", to);
    core_settle(f);
}

/* Renamed while its run is looked for and followed: reads go where GitHub says, on its own server.
 */
static void redirected_reads_find_and_follow_the_run(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    core_pass(&f, 5000);
    redirect(&f, "https://api.github.com/repositories/7/actions/workflows/1/runs?page=9");
    assert_non_null(strstr(f.flights[0]->url, "https://api.github.com/repositories/7/actions/"
                                              "workflows/1/runs?event=workflow_dispatch&created="));
    answer_run(&f, true, "queued");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"adopted\"");
    assert_string_equal(f.flights[0]->url,
                        "https://api.github.com/repos/acme/kospi/actions/runs/43000000001");
    redirect(&f, "/repositories/7/actions/runs/43000000001");
    redirect(&f, "/repositories/8/actions/runs/43000000001");
    assert_string_equal(f.flights[0]->url,
                        "https://api.github.com/repositories/8/actions/runs/43000000001");
    answer_run(&f, false, "in_progress");
    core_pass(&f, 10000);
    assert_string_equal(f.flights[0]->url,
                        "https://api.github.com/repositories/8/actions/runs/43000000001");
    answer_run(&f, false, "completed");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"success\"");
    core_fixture_clear(&f);
}

static void several_runs_of_one_post_are_shown(void **state)
{
    (void)state;
    struct core_fixture f;
    char id[ULID_SIZE], body[1024];
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    flight_id(&f, id);
    cut(&f);
    core_pass(&f, 5000);
    (void)snprintf(body, sizeof(body),
                   "{\"total_count\":2,\"workflow_runs\":[{\"id\":43000000002,\"display_title\":"
                   "\"[%s]\"},{\"id\":43000000001,\"display_title\":\"[%s]\"}]}",
                   id, id);
    core_answer_flight(&f, 200, body, EXCHANGE_ANSWERED);
    core_settle(&f);
    core_shows(&f, QUERY_REQUEST, id, "\"run\":{\"id\":43000000001,");
    core_shows(&f, QUERY_REQUEST, id, ",\"duplicate_runs\":[43000000002],");
    core_fixture_clear(&f);
}

/* As GitHub's incidents had it; behind a 204, and behind an answer that says nothing. */
static void a_run_that_is_listed_only_after_twenty_minutes_is_adopted(void **state)
{
    static const int statuses[] = {204, 502};
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct core_fixture f;
        core_fixture_init(&f, "");
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        core_answer_flight(&f, statuses[i], "", EXCHANGE_ANSWERED);
        core_settle(&f);
        lists_say(&f, 200, EMPTY, f.boot_ms + 20 * (int64_t)MINUTE_MS);
        core_pass(&f, f.wait);
        answer_run(&f, true, "in_progress");
        core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"adopted\"");
        answer_run(&f, false, "completed");
        core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"success\"");
        assert_int_equal(f.n_posts, 1);
        core_fixture_clear(&f);
    }
}

static void on_an_unmarked_target_it_is_parked_after_the_grace(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    lists_say(&f, 200, EMPTY, f.boot_ms + GRACE - 1);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    lists_say(&f, 200, EMPTY, f.boot_ms + 1);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\",\"reason\":\"may_have_run\"");
    assert_int_equal(f.n_posts, 1);
    assert_in_range(f.n_lists, 20, 30);
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"not_rearmed\"");
    core_fixture_clear(&f);
}

static void on_a_marked_target_it_is_lost_and_posted_again_once(void **state)
{
    (void)state;
    struct core_fixture f;
    char first[ULID_SIZE], second[ULID_SIZE];
    core_fixture_init(&f, AGAIN);
    mark(&f);
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"first\"");
    flight_id(&f, first);
    cut(&f);
    lists_say(&f, 200, EMPTY, f.boot_ms + GRACE - 1);
    assert_int_equal(f.n_posts, 2);
    lists_say(&f, 200, EMPTY, f.boot_ms + 1);
    assert_int_equal(f.n_posts, 3);
    flight_id(&f, second);
    assert_string_equal(first, second);
    cut(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    lists_say(&f, 200, EMPTY, f.boot_ms + 3 * GRACE);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\",\"reason\":\"may_have_run\"");
    assert_int_equal(f.n_posts, 3);
    core_fixture_clear(&f);
}

/* It may still have run: its resolve gives nothing back, and nobody wants a second POST. */
static void a_lost_one_whose_key_stopped_firing_is_parked_with_its_slot(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "rearm = \"cooldown\"; cooldown = \"50m\"; budget = { max = 2; per = "
                          "\"24h\"; }; hold = \"0s\"; expires = \"12h\";");
    mark(&f);
    core_pass(&f, HOUR_MS);
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    core_post(&f, "resolved", "b", CORE_STORED, "\"verdict\":\"resolved\"");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    lists_say(&f, 200, EMPTY, f.boot_ms + GRACE);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\",\"reason\":\"may_have_run\"");
    core_shows(&f, QUERY_REQUESTS, "", "not POSTed again: resolved");
    assert_int_equal(f.n_posts, 2);
    core_post(&f, "firing", "c", CORE_STORED, "\"reason\":\"cooldown\""); /* from its POST */
    core_pass(&f, 6 * (int64_t)MINUTE_MS);
    core_post(&f, "firing", "d", CORE_STORED, "\"reason\":\"budget\"");
    core_fixture_clear(&f);
}

static void a_lost_one_waits_for_a_pause_and_may_be_cancelled(void **state)
{
    (void)state;
    struct core_fixture f;
    char id[ULID_SIZE];
    struct core_reply_kept kept = {0};
    core_fixture_init(&f, AGAIN);
    mark(&f);
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"first\"");
    flight_id(&f, id);
    cut(&f);
    core_stop_file(f.core, true);
    lists_say(&f, 200, EMPTY, f.boot_ms + 2 * GRACE);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"queued\",\"reason\":\"lost\"");
    assert_int_equal(f.n_posts, 2);
    assert_true(core_command(f.core, &(struct core_order){.command = COMMAND_CANCEL, .id = id},
                             keep_reply, &kept));
    core_settle(&f);
    assert_int_equal(kept.verdict, CORE_CHANGED);
    assert_non_null(strstr(kept.body, "\"state\":\"parked\",\"reason\":\"may_have_run\""));
    free(kept.body);
    core_shows(&f, QUERY_REQUEST, id, "\"state\":\"parked\",\"reason\":\"may_have_run\"");
    core_fixture_clear(&f);
}

static void a_lost_one_that_is_refused_then_is_parked_not_dead(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, AGAIN);
    mark(&f);
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    lists_say(&f, 200, EMPTY, f.boot_ms + GRACE);
    core_answer_flight(&f, 404, "{\"message\":\"Not Found\"}", EXCHANGE_ANSWERED);
    core_settle(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\",\"reason\":\"may_have_run\"");
    core_fixture_clear(&f);
}

static void failing_lists_keep_it_open_and_the_first_whole_one_decides(void **state)
{
    static const int statuses[] = {404, 429, 502};
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct core_fixture f;
        core_fixture_init(&f, "");
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        cut(&f);
        lists_say(&f, statuses[i], "{\"message\":\"no\"}", f.boot_ms + 5 * HOUR_MS);
        core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
        core_shows(&f, QUERY_REQUESTS, "", "looking for its run");
        assert_true(f.n_lists < 60);
        lists_say(&f, 200, EMPTY, f.boot_ms + HOUR_MS);
        core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\"");
        core_fixture_clear(&f);
    }
}

/* GitHub answers 5xx for a day, the first of them after it started the run. */
static void a_days_incident_costs_no_second_post(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, AGAIN);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_answer_flight(&f, 502, "<html>", EXCHANGE_ANSWERED);
    for (int hour = 0; hour < 24; hour++) {
        lists_say(&f, hour % 2 == 0 ? 503 : 500, "{}", f.boot_ms + HOUR_MS);
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"duplicate\"");
        core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"running\"");
    }
    assert_true(f.n_lists > 24 * 5 && f.n_lists < 24 * 8); /* every ten minutes */
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    while (f.n_flights == 0)
        core_pass(&f, f.wait);
    answer_run(&f, true, "completed");
    answer_run(&f, false, "completed");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"success\"");
    assert_int_equal(f.n_posts, 1);
    core_fixture_clear(&f);
}

static void a_crash_between_post_and_record_is_looked_for_after_the_start(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = core_conf("retrain", "");
    core_fixture_init_conf(&f, conf_ref(conf));
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_crash(&f);
    core_up(&f, conf);
    core_settle(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    core_pass(&f, 5000);
    core_crash(&f); /* in the middle of a reading */
    core_up(&f, conf);
    core_pass(&f, 5000);
    answer_run(&f, true, "in_progress");
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"adopted\"");
    assert_int_equal(f.n_posts, 1);
    conf_unref(conf);
    core_fixture_clear(&f);
}

/* What a target showed is known of its workflow, not of another one under its name. */
static void another_workflow_under_the_name_is_not_marked(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = core_conf_of("retrain", "", AGAIN);
    core_fixture_init_conf(&f, conf_ref(conf));
    mark(&f);
    core_crash(&f);
    free(conf->targets[0].ref);
    conf->targets[0].ref = strdup("another");
    core_up(&f, conf);
    core_settle(&f);
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    lists_say(&f, 200, EMPTY, f.boot_ms + GRACE);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\"");
    assert_int_equal(f.n_posts, 2);
    conf_unref(conf);
    core_fixture_clear(&f);
}

static void a_target_that_left_the_config_is_waited_for_a_day_and_a_half(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    struct conf *conf = core_conf("another", "");
    core_reload(f.core, conf);
    conf_unref(conf);
    core_pass(&f, 35 * HOUR_MS);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"ambiguous\"");
    core_pass(&f, 2 * HOUR_MS);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"parked\",\"reason\":\"may_have_run\"");
    assert_int_equal(f.n_lists, 0);
    core_fixture_clear(&f);
}

/* Ours is ten minutes ahead, and the first answer of all is the list. */
static void githubs_clock_is_learnt_from_its_answers_and_kept(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = core_conf("retrain", AGAIN);
    core_fixture_init_conf(&f, conf_ref(conf));
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    cut(&f);
    core_pass(&f, 5000);
    assert_non_null(strstr(f.flights[0]->url, "2025-11-24T15:58:00Z"));
    core_answer_flight_at(&f, 200, EMPTY, EXCHANGE_ANSWERED, "Mon, 24 Nov 2025 15:50:05 GMT");
    core_settle(&f);
    core_pass(&f, 10000);
    assert_non_null(strstr(f.flights[0]->url, "2025-11-24T15:48:00Z"));
    core_crash(&f);
    f.wall_ms += HOUR_MS; /* within one boot: no clock of ours counts */
    core_up(&f, conf);
    core_pass(&f, 10000);
    assert_non_null(strstr(f.flights[0]->url, "2025-11-24T15:48:00Z"));
    conf_unref(conf);
    core_fixture_clear(&f);
}

static void a_run_whose_place_in_its_group_was_taken_ends_as_superseded(void **state)
{
    (void)state;
    struct core_fixture f;
    SCOPED(buf_free) struct buf metrics = BUF_INIT(1024 * 1024);
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_accept(&f);
    core_pass(&f, 5000);
    answer_run(&f, false, "pending");
    core_pass(&f, 10000);
    core_answer_flight(&f, 200,
                       "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"cancelled\","
                       "\"updated_at\":\"2025-11-24T16:00:14Z\"}",
                       EXCHANGE_ANSWERED);
    core_settle(&f);
    assert_int_equal(f.n_lists, 1);
    assert_non_null(
        strstr(f.flights[0]->url, "/runs?created=2025-11-24T15:59:14Z..2025-11-24T16:00:14Z&"));
    core_answer_flight(&f, 200, "{\"total_count\":1,\"workflow_runs\":[{\"id\":43000000002}]}",
                       EXCHANGE_ANSWERED);
    core_settle(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"done\",\"reason\":\"superseded\"");
    core_shows(&f, QUERY_REQUESTS, "", "\"conclusion\":\"cancelled\"");
    metrics_write(f.metrics, &metrics);
    assert_non_null(strstr(buf_text(&metrics), "drift_relay_run_conclusions_total{target="
                                               "\"retrain\",conclusion=\"superseded\"} 1\n"));
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ambiguous_post_is_looked_for_and_its_run_adopted),
        cmocka_unit_test(a_run_that_is_listed_only_after_twenty_minutes_is_adopted),
        cmocka_unit_test(on_an_unmarked_target_it_is_parked_after_the_grace),
        cmocka_unit_test(on_a_marked_target_it_is_lost_and_posted_again_once),
        cmocka_unit_test(a_lost_one_whose_key_stopped_firing_is_parked_with_its_slot),
        cmocka_unit_test(a_lost_one_waits_for_a_pause_and_may_be_cancelled),
        cmocka_unit_test(a_lost_one_that_is_refused_then_is_parked_not_dead),
        cmocka_unit_test(a_days_incident_costs_no_second_post),
        cmocka_unit_test(failing_lists_keep_it_open_and_the_first_whole_one_decides),
        cmocka_unit_test(a_crash_between_post_and_record_is_looked_for_after_the_start),
        cmocka_unit_test(another_workflow_under_the_name_is_not_marked),
        cmocka_unit_test(a_target_that_left_the_config_is_waited_for_a_day_and_a_half),
        cmocka_unit_test(a_run_whose_place_in_its_group_was_taken_ends_as_superseded),
        cmocka_unit_test(redirected_reads_find_and_follow_the_run),
        cmocka_unit_test(several_runs_of_one_post_are_shown),
        cmocka_unit_test(githubs_clock_is_learnt_from_its_answers_and_kept),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
