#include "tests/unit/store_fixture.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_private.h"

#include <errno.h>

/* Versions made up for these tests: what counts is which of them run. */
/* clang-format off */
static const char *const versions[] = {
    "CREATE TABLE log (id INTEGER PRIMARY KEY, step INTEGER NOT NULL) STRICT; INSERT INTO log (step) VALUES (1)",
    "INSERT INTO log (step) VALUES (2); ALTER TABLE log ADD COLUMN note TEXT",
    "INSERT INTO log (step, note) VALUES (3, 'third')",
    "INSERT INTO log (step) VALUES (4); INSERT INTO nowhere VALUES (1)",
};
/* clang-format on */

static void disconnect(struct sqlite **s)
{
    sqlite_disconnect(*s);
}

static int64_t number(struct sqlite *s, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static struct sqlite *connect(struct fixture *f)
{
    SCOPED(free_p) char *path = NULL;
    struct sqlite *s = NULL;
    OK(f, sqlite_file_prepare(f->path, &path, &f->err));
    OK(f, sqlite_connect(&s, path, &f->err));
    return s;
}

static void migrate(struct fixture *f, int newest, int want_version)
{
    SCOPED(disconnect) struct sqlite *s = connect(f);
    OK(f, sqlite_schema_migrate(s, versions, newest, &f->err));
    assert_int_equal(number(s, "PRAGMA user_version"), want_version);
    assert_int_equal(number(s, "PRAGMA application_id"), SQLITE_STORE_APPLICATION_ID);
    assert_int_equal(number(s, "SELECT count(*) FROM log"), want_version);
    assert_int_equal(number(s, "SELECT max(step) FROM log"), want_version);
}

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof(*f));
    assert_non_null(f);
    fixture_folder(f);
    *state = f;
    return 0;
}

static void each_version_runs_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    migrate(f, 1, 1);
    migrate(f, 1, 1);
    migrate(f, 3, 3);
    migrate(f, 3, 3);
}

static void an_empty_file_becomes_a_store(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    fixture_open(f);
    assert_true(f->report.created);
    fixture_reopen(f);
    assert_false(f->report.created);
    assert_false(f->report.unclean);
    assert_int_equal(f->report.migrated_from, 0);
}

static void a_new_file_goes_through_all_versions(void **state)
{
    migrate(*state, 3, 3);
}

static void a_version_that_fails_leaves_the_file_as_it_was(void **state)
{
    struct fixture *f = *state;
    migrate(f, 1, 1);
    {
        SCOPED(disconnect) struct sqlite *s = connect(f);
        assert_true(sqlite_schema_migrate(s, versions, 4, &f->err) < 0);
        assert_non_null(strstr(f->err.text, f->path));
        assert_int_equal(sqlite3_get_autocommit(s->db), 1);
    }
    migrate(f, 1, 1); /* not even the versions before it were kept */
    migrate(f, 3, 3);
}

static void an_older_program_refuses_a_newer_file(void **state)
{
    struct fixture *f = *state;
    migrate(f, 3, 3);
    SCOPED(disconnect) struct sqlite *s = connect(f);
    assert_int_equal(sqlite_schema_migrate(s, versions, 2, &f->err), -EPROTONOSUPPORT);
    assert_non_null(strstr(f->err.text, "schema 3"));
    assert_non_null(strstr(f->err.text, "up to 2"));
    assert_int_equal(number(s, "PRAGMA user_version"), 3);
}

static void a_connection_is_as_safe_as_we_say(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        int64_t want;
    } settings[] = {
        {"PRAGMA synchronous", 2},
        {"PRAGMA foreign_keys", 1},
        {"PRAGMA trusted_schema", 0},
        {"PRAGMA temp_store", 2},
        {"PRAGMA journal_size_limit", 8388608},
        {"PRAGMA cache_size", -4096},
    };
    SCOPED(disconnect) struct sqlite *s = connect(f);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (number(s, settings[i].sql) != settings[i].want)
            fail_msg("%s is %lld", settings[i].sql, (long long)number(s, settings[i].sql));
}

/* Reads the first rows of a table, as many as its LIMIT says. */
static bool reads_few(int which)
{
    return which == STATEMENT_OLDEST_NOTIFICATIONS || which == STATEMENT_FORGET_REQUESTS ||
           which == STATEMENT_FORGET_OUTCOMES || which == STATEMENT_FORGET_CHANGES ||
           which == STATEMENT_LIST_ALL_OUTCOMES;
}

/* Every table is STRICT, and every query that could run over a long table has its index. */
static void queries_use_their_indexes(void **state)
{
    struct fixture *f = *state;
    fixture_open(f);
    struct sqlite *s = SELF(f);
    assert_int_equal(
        number(s, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
                  " AND name NOT LIKE 'sqlite_%' AND strict = 0"),
        0);
    for (int which = STATEMENT_GET_NOTIFICATION; which < SQLITE_STATEMENTS; which++) {
        char sql[2048];
        sqlite3_stmt *plan = NULL;
        (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
                       sqlite3_sql(s->statements[which]));
        assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);
            bool sorts = strstr(step, "TEMP B-TREE") != NULL;
            bool scans = strncmp(step, "SCAN ", 5) == 0 && strstr(step, "USING") == NULL &&
                         which != STATEMENT_LOAD_KEYS && which != STATEMENT_LOAD_PAUSES &&
                         !reads_few(which) && strstr(step, "subquery") == NULL;
            if (sorts || scans)
                fail_msg("%s: %s", sqlite3_sql(s->statements[which]), step);
        }
        sqlite3_finalize(plan);
    }
}

/* --- a store of the first release ---------------------------------------------------------------
 */

/* One row in every table, as schema 1 had them: a key whose request was POSTed. */
/* clang-format off */
static const char version_1_rows[] =
    "INSERT INTO meta VALUES ('open', 0), ('floor', 41), ('probes', 3);"
    "INSERT INTO clock VALUES (1, 1764000000042, 43, 1764000000044, 'boot-1');"
    "INSERT INTO notifications VALUES (7, '01N00000000000000000000001', 'grafana', 'grafana', 45, 46, '[]', x'7b7d');"
    "INSERT INTO macs VALUES (zeroblob(32), '01N00000000000000000000001', 47, 48);"
    "INSERT INTO keys VALUES (8, 'kospi/a%2Fb', 'kospi', 49, 50, 51, 52, '01R00000000000000000000001', 53, 1, 1,"
    " '[[\"grafana\",\"ab\",54,55,0,1,\"01N00000000000000000000001\",2],"
    "[\"grafana\",\"cd\",null,56,1,0,\"\",0]]');"
    "INSERT INTO requests VALUES (9, '01R00000000000000000000001', 'running', 1, '', 'words', 'kospi', 'kospi/a%2Fb',"
    " 'retrain', 'alert', '01N00000000000000000000001', '{\"model\":\"a/b\"}', 57, 58, 59, 1, 60, 53, 1, 61, 62, 63,"
    " 'https://x/63', 'in_progress', '', 64, 65, 66, 'W/1', NULL, 0);"
    "INSERT INTO attempts VALUES (10, '01R00000000000000000000001', 67, 'accepted', 200, '');"
    "INSERT INTO credentials VALUES ('retrain', 68, 69, 70, 71, 72, 'limited');"
    "INSERT INTO targets VALUES ('retrain', 0, 1, 1);";
/* clang-format on */

static void make_version_1(struct fixture *f)
{
    SCOPED(disconnect) struct sqlite *s = connect(f);
    OK(f, sqlite_schema_migrate(s, sqlite_schema_versions, 1, &f->err));
    assert_int_equal(sqlite3_exec(s->db, version_1_rows, NULL, NULL, NULL), SQLITE_OK);
}

static int keep_key(void *context, struct key *k)
{
    struct key **kept = context;
    assert_null(*kept);
    *kept = k;
    return 0;
}

static void key_free_p(struct key **k)
{
    key_free(*k);
}

static void assert_key_of_version_1(struct fixture *f)
{
    SCOPED(key_free_p) struct key *k = NULL;
    OK(f, OPS(f)->load_keys(SELF(f), keep_key, &k, &f->err));
    assert_non_null(k);
    assert_string_equal(k->text, "kospi/a%2Fb");
    assert_string_equal(k->route, "kospi");
    assert_int_equal(k->quiet_since, 49);
    assert_int_equal(k->disarmed_at, 50);
    assert_int_equal(k->cooldown_from, 51);
    assert_int_equal(k->retry_from, 52);
    assert_string_equal(k->relay_id, "01R00000000000000000000001");
    assert_int_equal(k->posted_at, 53);
    assert_true(k->executed && k->settled && !k->by_operator);
    assert_true(k->hold_began == 0 && k->hold_from == 0 && k->deferred_at == 0);
    assert_int_equal(k->n_members, 2);
    const struct member *m = key_member(k, "grafana", "ab");
    assert_true(m != NULL && m->in_request && !m->waits && !m->blind);
    assert_true(m->starts_at == 54 && m->heard_at == 55 && m->position == 2);
    m = key_member(k, "grafana", "cd");
    assert_true(m != NULL && !m->in_request && !m->waits && m->blind);
}

static void count_attempt(void *context, const struct attempt *a)
{
    assert_string_equal(a->outcome, "accepted");
    assert_true(a->at_wall == 67 && a->http_status == 200);
    ++*(size_t *)context;
}

static void assert_request_of_version_1(struct fixture *f)
{
    SCOPED(request_free) struct request r = {.state = REQUEST_QUEUED};
    size_t attempts = 0;
    OK(f, OPS(f)->get_request(SELF(f), "01R00000000000000000000001", &r, &f->err));
    assert_int_equal(r.state, REQUEST_RUNNING);
    assert_string_equal(r.key, "kospi/a%2Fb");
    assert_string_equal(r.inputs, "{\"model\":\"a/b\"}");
    assert_string_equal(r.replaces, "");
    assert_true(r.created_at == 57 && r.expires_ms == 59 && r.slot && r.executed);
    assert_true(r.run_id == 63 && r.accepted_at == 65 && r.hops == 0 && r.ended_wall == 0);
    assert_string_equal(r.etag, "W/1");
    OK(f, OPS(f)->list_attempts(SELF(f), r.relay_id, count_attempt, &attempts, &f->err));
    assert_int_equal(attempts, 1);
}

static void assert_rest_of_version_1(struct fixture *f)
{
    static const unsigned char mac[STORE_MAC_SIZE] = {0};
    SCOPED(store_notification_clear) struct store_notification n = {.id = ""};
    struct store_time t;
    struct store_mac m;
    struct credential c;
    struct target_memory memory;
    int64_t floor;
    OK(f, OPS(f)->get_time(SELF(f), &t, &f->err));
    assert_true(t.relay_ms == 1764000000042 && t.boot_ms == 43 && t.wait_until == 0);
    assert_string_equal(t.boot_id, "boot-1");
    OK(f, OPS(f)->get_floor(SELF(f), &floor, &f->err));
    assert_int_equal(floor, 41);
    OK(f, OPS(f)->get_notification(SELF(f), "01N00000000000000000000001", &n, &f->err));
    assert_true(n.received_at == 46 && n.body_len == 2);
    assert_string_equal(n.body, "{}");
    OK(f, OPS(f)->get_mac(SELF(f), mac, &m, &f->err));
    assert_true(m.signed_wall == 47 && m.received_at == 48);
    /* Schema 4 names credentials after what they are, not after a target. */
    assert_int_equal(OPS(f)->get_credential(SELF(f), "retrain", &c, &f->err), STORE_NONE);
    /* Schema 3 keeps what was learnt by workflow, not by a target's name: it is learnt anew. */
    assert_int_equal(OPS(f)->get_target_memory(SELF(f), "retrain", &memory, &f->err), STORE_NONE);
}

static void a_store_of_the_first_schema_is_migrated_with_all_it_holds(void **state)
{
    struct fixture *f = *state;
    make_version_1(f);
    fixture_open(f);
    assert_int_equal(f->report.migrated_from, 1);
    assert_false(f->report.created);
    for (unsigned i = 0; i < 2; i++) {
        assert_key_of_version_1(f);
        assert_request_of_version_1(f);
        assert_rest_of_version_1(f);
        fixture_reopen(f);
        assert_int_equal(f->report.migrated_from, 0); /* once */
    }
    fixture_begin(f); /* and what is new has its place */
    const struct store_pause pause = {
        .scope = ENGINE_ROUTE, .name = "kospi", .since_wall = 1, .until = 2, .who = "", .why = ""};
    OK(f, OPS(f)->put_pause(SELF(f), &pause, &f->err));
    OK(f, OPS(f)->add_event(SELF(f), "01R00000000000000000000001",
                            &(struct store_event){.at_wall = 1, .event = "held"}, &f->err));
    fixture_commit(f);
}

/* --- a store of schema 5 ------------------------------------------------------------------------
 */

static int see_pause(void *context, const struct store_pause *p)
{
    assert_true(p->scope == ENGINE_TARGET && p->since_wall == 73 && p->until == 0);
    assert_string_equal(p->name, "retrain");
    assert_true(p->who[0] == '\0' && p->why[0] == '\0');
    ++*(int *)context;
    return 0;
}

static void see_event(void *context, const struct store_event *e)
{
    (void)e;
    ++*(int *)context;
}

static void a_pause_of_schema_5_lasts_until_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    int pauses = 0;
    int events = 0;
    {
        SCOPED(disconnect) struct sqlite *s = connect(f);
        OK(f, sqlite_schema_migrate(s, sqlite_schema_versions, 1, &f->err));
        assert_int_equal(sqlite3_exec(s->db, version_1_rows, NULL, NULL, NULL), SQLITE_OK);
        OK(f, sqlite_schema_migrate(s, sqlite_schema_versions, 5, &f->err));
        assert_int_equal(sqlite3_exec(s->db, "INSERT INTO pauses VALUES ('target', 'retrain', 73)",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
    }
    fixture_open(f);
    assert_int_equal(f->report.migrated_from, 5);
    OK(f, OPS(f)->load_pauses(SELF(f), see_pause, &pauses, &f->err));
    assert_int_equal(pauses, 1);
    assert_request_of_version_1(f);
    OK(f, OPS(f)->list_events(SELF(f), "01R00000000000000000000001", see_event, &events, &f->err));
    assert_int_equal(events, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_version_runs_once_and_in_order),
        TEST(an_empty_file_becomes_a_store),
        TEST(a_new_file_goes_through_all_versions),
        TEST(a_version_that_fails_leaves_the_file_as_it_was),
        TEST(an_older_program_refuses_a_newer_file),
        TEST(a_store_of_the_first_schema_is_migrated_with_all_it_holds),
        TEST(a_pause_of_schema_5_lasts_until_it_is_resumed),
        TEST(a_connection_is_as_safe_as_we_say),
        TEST(queries_use_their_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
