/* Targets that are asked about while the relay runs, by the real core. */
#include "tests/unit/core_fixture.h"

#define LIMIT_OK "{\"resources\":{\"core\":{\"limit\":5000,\"remaining\":4999}}}"

static struct conf *up(struct core_fixture *f, const char *more)
{
    struct conf *conf = core_conf_of("retrain", more, "");
    core_fixture_init_conf(f, conf_ref(conf));
    core_crash(f);
    f->online = true;
    core_up(f, conf);
    core_settle(f);
    return conf;
}

static void down(struct core_fixture *f, struct conf *conf)
{
    conf_unref(conf);
    core_fixture_clear(f);
}

static void reply(struct core_fixture *f, int status, const char *body)
{
    core_answer_flight(f, status, body, EXCHANGE_ANSWERED);
    core_settle(f);
}

static void assert_asks(const struct core_fixture *f, const char *end)
{
    assert_int_equal(f->n_flights, 1);
    assert_int_equal(f->flights[0]->kind, EXCHANGE_READ);
    const char *url = f->flights[0]->url;
    if (strlen(url) < strlen(end) || strcmp(url + strlen(url) - strlen(end), end) != 0)
        fail_msg("%s asked, not …%s", url, end);
}

static void assert_metric(struct core_fixture *f, const char *subject, const char *value)
{
    char line[256];
    SCOPED(buf_free) struct buf text = BUF_INIT(1024 * 1024);
    metrics_write(f->metrics, &text);
    (void)snprintf(line, sizeof(line),
                   "drift_relay_target_findings{target=\"retrain\",subject=\"%s\"} %s\n", subject,
                   value);
    if (strstr(buf_text(&text), line) == NULL)
        fail_msg("%s: not in the metrics", line);
}

/* To the end: the repository is not there. */
static void answer_row(struct core_fixture *f)
{
    assert_asks(f, "/rate_limit");
    reply(f, 200, LIMIT_OK);
    core_pass(f, 1000);
    assert_asks(f, "/repos/acme/kospi");
    reply(f, 404, "{}");
}

static void one_question_a_second_and_all_again_after_an_hour(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    assert_asks(&f, "/rate_limit");
    reply(&f, 200, LIMIT_OK);
    core_pass(&f, 999);
    assert_int_equal(f.n_flights, 0);
    core_pass(&f, 1);
    assert_asks(&f, "/repos/acme/kospi");
    reply(&f, 404, "{}");
    core_pass(&f, 1000);
    assert_metric(&f, "repository", "2");
    assert_metric(&f, "reachable", "0");
    core_pass(&f, HOUR_MS - 1001);
    assert_int_equal(f.n_flights, 0);
    core_pass(&f, 2);
    answer_row(&f);
    down(&f, conf);
}

static void it_waits_for_no_alert_and_no_alert_for_it(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f.n_flights, 2);
    assert_int_equal(f.n_posts, 1);
    reply(&f, 200, LIMIT_OK);
    core_accept(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"accepted\"");
    down(&f, conf);
}

static void what_it_may_not_read_does_not_block_the_credential(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    reply(&f, 200, LIMIT_OK);
    core_pass(&f, 1000);
    reply(&f, 403, "{\"message\":\"Resource not accessible by personal access token\"}");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f.n_posts, 1);
    down(&f, conf);
}

static void a_limit_blocks_the_credential_and_the_rest_is_asked_later(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    reply(&f, 429, "{\"message\":\"You have exceeded a secondary rate limit.\"}");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f.n_posts, 0);
    assert_metric(&f, "limit", "1");
    core_pass(&f, MINUTE_MS);
    assert_int_equal(f.n_posts, 1);
    core_accept(&f);
    core_pass(&f, 5000);
    reply(&f, 200, "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"success\"}");
    core_pass(&f, 9 * MINUTE_MS);
    assert_asks(&f, "/rate_limit");
    down(&f, conf);
}

static void nobody_reached_is_tried_again_after_ten_minutes(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
    core_settle(&f);
    core_pass(&f, 10 * MINUTE_MS - 1);
    assert_int_equal(f.n_flights, 0);
    assert_metric(&f, "reachable", "2");
    core_pass(&f, 1001);
    answer_row(&f);
    core_pass(&f, 1000);
    assert_metric(&f, "reachable", "0");
    assert_metric(&f, "repository", "2");
    down(&f, conf);
}

static void a_reload_begins_anew_and_an_answer_of_before_counts_for_nothing(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    struct conf *next = core_conf_of("retrain", "correlation = \"none\";", "");
    core_reload(f.core, next);
    core_settle(&f);
    reply(&f, 404, "{}"); /* else GitHub would seem to have no limits */
    answer_row(&f);
    conf_unref(next);
    down(&f, conf);
}

static void a_relay_that_is_told_not_to_asks_nothing(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = up(&f, "");
    struct conf *next = core_conf_of("retrain", "", "");
    next->check_online = false;
    core_reload(f.core, next);
    core_settle(&f);
    reply(&f, 200, LIMIT_OK);
    core_pass(&f, 2 * HOUR_MS);
    assert_int_equal(f.n_flights, 0);
    conf_unref(next);
    down(&f, conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_question_a_second_and_all_again_after_an_hour),
        cmocka_unit_test(it_waits_for_no_alert_and_no_alert_for_it),
        cmocka_unit_test(what_it_may_not_read_does_not_block_the_credential),
        cmocka_unit_test(a_limit_blocks_the_credential_and_the_rest_is_asked_later),
        cmocka_unit_test(nobody_reached_is_tried_again_after_ten_minutes),
        cmocka_unit_test(a_reload_begins_anew_and_an_answer_of_before_counts_for_nothing),
        cmocka_unit_test(a_relay_that_is_told_not_to_asks_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
