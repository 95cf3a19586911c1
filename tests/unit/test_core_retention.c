/* History older than store.retain goes as new notifications come in; what is still needed stays. */
#include "relay/store/sqlite.h"
#include "tests/unit/core_fixture.h"

#define DAY_MS (24 * HOUR_MS)

/* A core over SQLite in the tests' folder, instead of the fixture's. */
static void over_sqlite(struct core_fixture *f, struct conf *conf)
{
    struct error err = {0};
    char path[256];
    core_crash(f);
    metrics_free(f->metrics);
    f->metrics = metrics_new("drift_relay_");
    if (sqlite_store_open(&f->store, in_folder(path, "relay.db"), NULL, &err) != 0)
        fail_msg("%s", err.text);
    struct core_options options = {.conf = conf,
                                   .metrics = f->metrics,
                                   .ports = {.store = f->store,
                                             .forge = {.self = f, .start = fixture_start},
                                             .clock = &f->clock,
                                             .rng = rng_system()}};
    if (core_open(&f->core, &options, &err) != 0)
        fail_msg("%s", err.text);
}

static bool count_one(void *context, const struct store_notification *n)
{
    (void)n;
    ++*(size_t *)context;
    return true;
}

static size_t notifications(struct core_fixture *f)
{
    size_t n = 0;
    char next[64];
    struct error err = {0};
    assert_int_equal(f->store.ops->list_notifications(f->store.self, "", STORE_LIST_MAX, count_one,
                                                      &n, next, &err),
                     0);
    return n;
}

static bool count_request(void *context, const struct request *r)
{
    (void)r;
    ++*(size_t *)context;
    return true;
}

static size_t requests(struct core_fixture *f)
{
    size_t n = 0;
    char next[64];
    struct error err = {0};
    assert_int_equal(f->store.ops->list_requests(f->store.self, "", STORE_LIST_MAX, count_request,
                                                 &n, next, &err),
                     0);
    return n;
}

static void end(struct core_fixture *f)
{
    core_fixture_clear(f);
    static const char *const left[] = {"relay.db", "relay.db-wal", "relay.db-shm"};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        char path[256];
        (void)unlink(in_folder(path, left[i]));
    }
}

static void old_history_goes_and_what_is_needed_stays(void **state)
{
    (void)state;
    struct core_fixture f;
    char open_id[ULID_SIZE];
    static const char policy[] = "rearm = \"cooldown\"; cooldown = \"0s\"; expires = \"60d\";"
                                 "stale_after = \"60d\"; retry_after = \"0s\";";
    core_fixture_init(&f, policy);
    struct conf *conf = core_conf("retrain", policy);
    conf->retain_ms = DAY_MS; /* the config would say store.retain */
    over_sqlite(&f, conf);
    for (int i = 0; i < 60; i++) /* refused at once: an ended request each */
    {
        core_post(&f, "firing", "a", CORE_STORED, "\"verdict\":\"dispatch\"");
        core_pass(&f, 2000);
        core_answer_flight(&f, 404, "{\"message\":\"Not Found\"}", EXCHANGE_ANSWERED);
        core_settle(&f);
    }
    core_post(&f, "firing", "a", CORE_STORED, "\"verdict\":\"dispatch\"");
    core_pass(&f, 2000);
    memcpy(open_id, f.flights[0]->relay_id, ULID_SIZE); /* stays open */
    assert_int_equal(notifications(&f), 61);
    core_pass(&f, DAY_MS - 60 * 2000 - 2000);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(notifications(&f), 62); /* the oldest is a day old now, not older */
    core_pass(&f, HOUR_MS);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(notifications(&f), 13); /* fifty a commit */
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(notifications(&f), 3);
    assert_int_equal(requests(&f), 61); /* a budget may count them for 31 days */
    core_pass(&f, 32 * DAY_MS);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(requests(&f), 1);
    /* What is counted is what is there: not only from the next start on. */
    core_shows(&f, QUERY_METRICS, "", "drift_relay_requests{state=\"dead\"} 0\n");
    core_shows(&f, QUERY_METRICS, "", "drift_relay_requests{state=\"sending\"} 1\n");
    core_shows(&f, QUERY_STATUS, "", "\"dead\":0");
    core_shows(&f, QUERY_REQUEST, open_id, "\"state\":\"sending\"");
    conf_unref(conf);
    end(&f);
}

/* The hour that replays and holds may read stays, however much it is. */
static void history_that_is_too_large_goes_before_its_time(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    struct conf *conf = core_conf("retrain", "");
    struct core_reply_kept kept = {0};
    const struct core_order order = {.command = COMMAND_REARM, .id = KEY_TEXT};
    conf->retain_bytes = 1; /* the config would say store.retain_size */
    over_sqlite(&f, conf);
    core_post(&f, "firing", "a", CORE_STORED, "\"verdict\":\"dispatch\"");
    assert_true(core_command(f.core, &order, keep_reply, &kept));
    core_pass(&f, HOUR_MS / 2);
    free(kept.body);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(notifications(&f), 3);
    core_pass(&f, HOUR_MS / 2 + 1000);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(notifications(&f), 3);
    core_pass(&f, HOUR_MS / 2 + 1000);
    core_post(&f, "firing", "a", CORE_STORED, "duplicate");
    assert_int_equal(notifications(&f), 2);
    assert_int_equal(requests(&f), 1);
    core_shows(&f, QUERY_CHANGES, "", "\"action\":\"rearm\"");
    conf_unref(conf);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_history_goes_and_what_is_needed_stays),
        cmocka_unit_test(history_that_is_too_large_goes_before_its_time),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
