/* Operators' commands: what each does, what each refuses and in which words, and that it is on disk
 * before it is answered. */
#include "tests/unit/core_fixture.h"

static void command(struct core_fixture *f, enum core_command what, enum engine_scope scope,
                    const char *id, enum core_verdict verdict, const char *words)
{
    struct core_reply_kept kept = {0};
    assert_true(core_command(
        f->core, &(struct core_order){.command = what, .scope = scope, .id = id, .who = "uid 7"},
        keep_reply, &kept));
    core_settle(f);
    assert_true(kept.there);
    if (kept.verdict != verdict || strstr(kept.body, words) == NULL)
        fail_msg("%d instead of %d: %s", kept.verdict, verdict, kept.body);
    free(kept.body);
}

/* The relay_id of the newest flight. */
static void last_id(const struct core_fixture *f, char out[static ULID_SIZE])
{
    assert_true(f->n_flights > 0);
    memcpy(out, f->flights[f->n_flights - 1]->relay_id, ULID_SIZE);
}

static void restart(struct core_fixture *f)
{
    struct conf *conf = core_conf("retrain", "");
    core_crash(f);
    core_up(f, conf);
    conf_unref(conf);
}

static void a_pause_blocks_outlives_a_crash_and_ends(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    command(&f, COMMAND_PAUSE, ENGINE_ROUTE, "nowhere", CORE_NOT_FOUND, "no such route");
    command(&f, COMMAND_RESUME, ENGINE_TARGET, "nowhere", CORE_NOT_FOUND, "no such target");
    command(&f, COMMAND_PAUSE, ENGINE_ROUTE, "kospi", CORE_CHANGED,
            "{\"scope\":\"route\",\"name\":\"kospi\",\"paused\":true}");
    command(&f, COMMAND_PAUSE, ENGINE_TARGET, "retrain", CORE_CHANGED, "\"paused\":true");
    restart(&f);
    core_shows(&f, QUERY_STATUS, "", "\"paused\":[{\"scope\":\"route\",\"name\":\"kospi\",");
    core_shows(&f, QUERY_STATUS, "",
               "{\"scope\":\"target\",\"name\":\"retrain\",\"since\":\"2025-11-24T16:00:00Z\","
               "\"until\":null,\"who\":\"uid 7\",\"why\":null}]");
    core_post(&f, "firing", "a", CORE_STORED, "suppressed\",\"reason\":\"paused");
    command(&f, COMMAND_RESUME, ENGINE_ROUTE, "kospi", CORE_CHANGED, "\"paused\":false");
    core_post(&f, "firing", "a", CORE_STORED, "suppressed\",\"reason\":\"paused");
    command(&f, COMMAND_RESUME, ENGINE_TARGET, "retrain", CORE_CHANGED, "\"paused\":false");
    command(&f, COMMAND_RESUME, ENGINE_TARGET, "retrain", CORE_CHANGED, "\"paused\":false");
    restart(&f);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_fixture_clear(&f);
}

/* Once cancelling freed the key while its POST was under way: a second run could have started. */
static void what_is_cancelled_while_it_is_posted_is_not_posted_again(void **state)
{
    (void)state;
    struct core_fixture f;
    char id[ULID_SIZE];
    core_fixture_init(&f, "");
    command(&f, COMMAND_CANCEL, ENGINE_ROUTE, "01KAV9FWXRSXC0DW5Y8QKYP866", CORE_NOT_FOUND,
            "no such request");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    last_id(&f, id);
    command(&f, COMMAND_CANCEL, ENGINE_ROUTE, id, CORE_CHANGED,
            "\"state\":\"sending\",\"cancel\":\"wanted\"");
    core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"running\"");
    core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
    core_settle(&f);
    core_shows(&f, QUERY_REQUEST, id, "\"state\":\"dead\",\"reason\":\"cancelled\"");
    command(&f, COMMAND_CANCEL, ENGINE_ROUTE, id, CORE_CONFLICT, "it has ended");
    core_pass(&f, HOUR_MS);
    assert_int_equal(f.n_posts, 1);
    core_post(&f, "firing", "a", CORE_STORED, "\"verdict\":\"dispatch\"");
    core_fixture_clear(&f);
}

static void what_waits_for_its_post_is_dropped(void **state)
{
    (void)state;
    struct core_fixture f;
    char id[ULID_SIZE];
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    last_id(&f, id);
    core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
    core_settle(&f);
    command(&f, COMMAND_CANCEL, ENGINE_ROUTE, id, CORE_CHANGED,
            "\"state\":\"dead\",\"reason\":\"cancelled\"");
    core_shows(&f, QUERY_REQUEST, id,
               "{\"at\":\"2025-11-24T16:00:00Z\",\"event\":\"cancel\","
               "\"detail\":\"by uid 7\"}");
    core_shows(&f, QUERY_CHANGES, "", "\"action\":\"cancel\",\"scope\":\"request\"");
    core_fixture_clear(&f);
}

/* Answers the newest flight, which has to ask GitHub to cancel its run. */
static void answer_cancel(struct core_fixture *f, int status, enum exchange_transport transport)
{
    assert_int_equal(f->n_flights, 1);
    const struct exchange *x = f->flights[0];
    assert_int_equal(x->kind, EXCHANGE_CANCEL);
    assert_string_equal(x->method, "POST");
    assert_non_null(strstr(x->url, "/repos/acme/kospi/actions/runs/43000000001/cancel"));
    core_answer_flight(
        f, status, "{\"message\":\"Cannot cancel a workflow run that is completed.\"}", transport);
    core_settle(f);
}

static void a_run_is_cancelled_at_github(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        enum exchange_transport transport;
        const char *cancel, *words;
        bool again;
    } rows[] = {
        {"taken", 202, EXCHANGE_ANSWERED, "\"asked\"", "\"detail\":\"asked\"", false},
        {"completed", 409, EXCHANGE_ANSWERED, "\"refused\"",
         "refused: Cannot cancel a workflow run that is completed.", false},
        {"GitHub fails", 500, EXCHANGE_ANSWERED, "\"wanted\"", "wanted: Cannot", true},
        {"a limit", 429, EXCHANGE_ANSWERED, "\"wanted\"", "wanted: Cannot", true},
        {"cut", 0, EXCHANGE_UNKNOWN, "\"wanted\"", "\"event\":\"cancel\"", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct core_fixture f;
        char id[ULID_SIZE];
        char cancel[32];
        core_fixture_init(&f, "");
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        last_id(&f, id);
        core_accept(&f);
        command(&f, COMMAND_CANCEL, ENGINE_ROUTE, id, CORE_CHANGED, "\"cancel\":\"wanted\"");
        core_pass(&f, 1000);
        answer_cancel(&f, rows[i].status, rows[i].transport);
        (void)snprintf(cancel, sizeof(cancel), "\"cancel\":%s", rows[i].cancel);
        core_shows(&f, QUERY_REQUEST, id, cancel);
        core_shows(&f, QUERY_REQUEST, id, rows[i].words);
        restart(&f); /* what is wanted is on disk */
        size_t before = f.n_flights;
        core_pass(&f, HOUR_MS);
        bool again = f.n_flights > before && f.flights[before]->kind == EXCHANGE_CANCEL;
        if (again != rows[i].again)
            fail_msg("%s: asked again: %d", rows[i].name, again);
        core_fixture_clear(&f);
    }
}

/* Its end is on disk with it; it waits for nobody. */
static void a_pause_for_a_time_ends_by_itself(void **state)
{
    (void)state;
    struct core_fixture f;
    struct core_reply_kept kept = {0};
    const struct core_order order = {.command = COMMAND_PAUSE,
                                     .scope = ENGINE_ROUTE,
                                     .id = "kospi",
                                     .who = "uid 7",
                                     .why = "an upgrade",
                                     .for_ms = 2 * HOUR_MS};
    core_fixture_init(&f, "");
    assert_true(core_command(f.core, &order, keep_reply, &kept));
    core_settle(&f);
    assert_non_null(strstr(kept.body, "\"until\":\"2025-11-24T18:00:00Z\""));
    free(kept.body);
    restart(&f);
    core_shows(&f, QUERY_STATUS, "",
               "\"until\":\"2025-11-24T18:00:00Z\",\"who\":\"uid 7\",\"why\":\"an upgrade\"");
    core_pass(&f, 2 * HOUR_MS - 1000);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"paused\"");
    core_pass(&f, 1000);
    core_shows(&f, QUERY_STATUS, "", "\"paused\":[]");
    core_shows(&f, QUERY_CHANGES, "",
               "\"who\":\"relay\",\"action\":\"resume\",\"scope\":\"route\",\"name\":\"kospi\","
               "\"why\":\"an upgrade\",\"detail\":\"the pause is over\"}");
    restart(&f);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_fixture_clear(&f);
}

static void a_redelivery_is_a_new_request_with_the_old_inputs(void **state)
{
    (void)state;
    struct core_fixture f;
    char old[ULID_SIZE];
    char new[ULID_SIZE];
    core_fixture_init(&f, "inputs = ( { name = \"model\"; value = \"{label:model}\"; } );");
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, "01KAV9FWXRSXC0DW5Y8QKYP866", CORE_NOT_FOUND,
            "no such request");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    last_id(&f, old);
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, old, CORE_CONFLICT, old); /* it is open */
    core_answer_flight(&f, 404, "{\"message\":\"Not Found\"}", EXCHANGE_ANSWERED);
    core_settle(&f);
    core_stop_file(f.core, true);
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, old, CORE_CONFLICT, "stop file");
    core_stop_file(f.core, false);
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, old, CORE_CHANGED, "\"replaces\":");
    core_pass(&f, 2000);
    last_id(&f, new);
    assert_string_not_equal(old, new);
    assert_non_null(strstr(f.flights[0]->body, "\"model\":\"m1\""));
    core_post(&f, "resolved", "a", CORE_STORED, "\"verdict\":\"resolved\"");
    core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
    core_pass(&f, MINUTE_MS); /* no resolve ends it */
    assert_int_equal(f.n_posts, 3);
    core_shows(&f, QUERY_REQUEST, new, "\"cause\":\"redeliver\"");
    core_fixture_clear(&f);
}

static void rearm_ends_what_keeps_a_key_from_its_next_run(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    command(&f, COMMAND_REARM, ENGINE_ROUTE, KEY_TEXT, CORE_NOT_FOUND, "no such key");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_answer_flight(&f, 404, "{\"message\":\"Not Found\"}", EXCHANGE_ANSWERED);
    core_settle(&f);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"cooldown\"");
    command(&f, COMMAND_REARM, ENGINE_ROUTE, KEY_TEXT, CORE_CHANGED, "\"rearmed\":true");
    restart(&f);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_fixture_clear(&f);
}

static void what_expired_may_be_redelivered(void **state)
{
    (void)state;
    struct core_fixture f;
    char old[ULID_SIZE];
    core_fixture_init(&f, "expires = \"1h\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    last_id(&f, old);
    for (int64_t until = f.boot_ms + HOUR_MS; f.boot_ms < until;) {
        while (f.n_flights > 0)
            core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
        core_settle(&f);
        core_pass(&f, f.wait);
    }
    core_shows(&f, QUERY_REQUEST, old, "\"state\":\"dead\",\"reason\":\"expired\"");
    assert_true(f.n_posts > 8 && f.n_posts < 20); /* 5 s, 10 s, … 10 min */
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, old, CORE_CHANGED, "\"replaces\":");
    core_pass(&f, 1000);
    core_accept(&f);
    core_shows(&f, QUERY_REQUESTS, "", "\"state\":\"accepted\"");
    core_fixture_clear(&f);
}

/* A limit is GitHub's and holds after a restart; a refused token may be another by then. */
static void a_limit_outlives_a_crash_and_a_refusal_does_not(void **state)
{
    static const struct {
        int status;
        const char *header;
        int64_t waits_ms;
    } rows[] = {{429, "retry-after", 599000}, {401, "x-other", 0}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct core_fixture f;
        core_fixture_init(&f, "");
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        core_answer_flight_with(&f, rows[i].status, "{}", EXCHANGE_ANSWERED, rows[i].header, "600");
        core_settle(&f);
        restart(&f);
        f.model = "m2"; /* the other one's own delay is not over */
        core_post(&f, "firing", "b", CORE_STORED, "\"reason\":\"first\"");
        core_pass(&f, 1000);
        if (rows[i].waits_ms > 0) {
            core_pass(&f, rows[i].waits_ms - 1);
            assert_int_equal(f.n_posts, 1);
            core_pass(&f, 1);
        }
        assert_int_equal(f.n_posts, 2);
        core_fixture_clear(&f);
    }
}

static void a_redelivery_needs_its_route_its_target_and_room(void **state)
{
    (void)state;
    struct core_fixture f;
    char id[ULID_SIZE];
    core_fixture_init(&f, "max_keys = 1; rearm = \"cooldown\"; cooldown = \"0s\"; "
                          "retry_after = \"0s\"; stale_after = \"1h\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    last_id(&f, id);
    core_answer_flight(&f, 404, "{\"message\":\"Not Found\"}", EXCHANGE_ANSWERED);
    core_settle(&f);
    core_pass(&f, HOUR_MS); /* its key is forgotten … */
    f.model = "m2";
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\""); /* … and its room taken */
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, id, CORE_CONFLICT,
            "its route has max_keys keys already");
    struct conf *conf = core_conf("another", "");
    core_reload(f.core, conf);
    conf_unref(conf);
    command(&f, COMMAND_REDELIVER, ENGINE_ROUTE, id, CORE_CONFLICT,
            "its route or target is no longer in the config");
    assert_int_equal(f.n_posts, 2);
    core_fixture_clear(&f);
}

static void what_left_the_config_paused_can_still_be_resumed(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = core_conf("another", "");
    core_fixture_init(&f, "");
    command(&f, COMMAND_PAUSE, ENGINE_TARGET, "retrain", CORE_CHANGED, "\"paused\":true");
    core_crash(&f);
    core_up(&f, conf);
    conf_unref(conf);
    command(&f, COMMAND_RESUME, ENGINE_TARGET, "retrain", CORE_CHANGED, "\"paused\":false");
    command(&f, COMMAND_RESUME, ENGINE_TARGET, "retrain", CORE_NOT_FOUND, "no such target");
    core_fixture_clear(&f);
}

/* The end of a block by time: the deferral is decided anew, and its key tells the outcome. */
static void a_deferral_ends_when_its_pause_does(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "when_blocked = \"defer\";");
    command(&f, COMMAND_PAUSE, ENGINE_ROUTE, "kospi", CORE_CHANGED, "\"paused\":true");
    core_post(&f, "firing", "a", CORE_STORED, "deferred\",\"reason\":\"paused");
    core_pass(&f, HOUR_MS);
    assert_int_equal(f.n_posts, 0);
    command(&f, COMMAND_RESUME, ENGINE_ROUTE, "kospi", CORE_CHANGED, "\"paused\":false");
    core_settle(&f);
    assert_int_equal(f.n_posts, 1);
    core_shows(&f, QUERY_REQUESTS, "", "\"cause\":\"timer\"");
    core_shows(&f, QUERY_KEY, KEY_TEXT, "\"verdict\":\"dispatch\",\"reason\":\"first\"");
    core_fixture_clear(&f);
}

/* Each once with a disk that refuses its commit: told so, nothing changed, and done when it is well
 * again. */
static void a_command_that_cannot_be_written_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct core_fixture f;
    char id[ULID_SIZE];
    core_fixture_init(&f, "");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    last_id(&f, id);
    core_answer_flight(&f, 0, "", EXCHANGE_NOT_SENT);
    core_settle(&f);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"duplicate\"");
    const struct {
        enum core_command what;
        const char *id, *before;
    } rows[] = {
        {COMMAND_PAUSE, "kospi", "\"state\":\"queued\""},
        {COMMAND_RESUME, "kospi", "\"state\":\"queued\""},
        {COMMAND_CANCEL, id, "\"state\":\"queued\""},
        {COMMAND_REARM, KEY_TEXT, "\"state\":\"dead\""},
        {COMMAND_REDELIVER, id, "\"next\":null"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memory_store_fail(f.memory, &(struct memory_fault){
                                        .operations = MEMORY_COMMIT, .times = 1, .code = -EIO});
        command(&f, rows[i].what, ENGINE_ROUTE, rows[i].id, CORE_UNAVAILABLE, "cannot be written");
        assert_int_equal(memory_store_failures(f.memory), 1);
        core_shows(&f, QUERY_REQUESTS, "", rows[i].before);
        command(&f, rows[i].what, ENGINE_ROUTE, rows[i].id, CORE_CHANGED, "{");
    }
    core_shows(&f, QUERY_REQUESTS, "", "\"cause\":\"redeliver\"");
    core_pass(&f, 2000);
    assert_int_equal(f.n_posts, 2); /* one before, one redelivered */
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_blocks_outlives_a_crash_and_ends),
        cmocka_unit_test(what_is_cancelled_while_it_is_posted_is_not_posted_again),
        cmocka_unit_test(what_waits_for_its_post_is_dropped),
        cmocka_unit_test(a_run_is_cancelled_at_github),
        cmocka_unit_test(a_pause_for_a_time_ends_by_itself),
        cmocka_unit_test(a_redelivery_is_a_new_request_with_the_old_inputs),
        cmocka_unit_test(rearm_ends_what_keeps_a_key_from_its_next_run),
        cmocka_unit_test(what_expired_may_be_redelivered),
        cmocka_unit_test(a_limit_outlives_a_crash_and_a_refusal_does_not),
        cmocka_unit_test(a_redelivery_needs_its_route_its_target_and_room),
        cmocka_unit_test(what_left_the_config_paused_can_still_be_resumed),
        cmocka_unit_test(a_deferral_ends_when_its_pause_does),
        cmocka_unit_test(a_command_that_cannot_be_written_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
