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
        {"PRAGMA synchronous", 2},           {"PRAGMA foreign_keys", 1},
        {"PRAGMA trusted_schema", 0},        {"PRAGMA temp_store", 2},
        {"PRAGMA wal_autocheckpoint", 1000}, {"PRAGMA journal_size_limit", 8388608},
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
    return which == STATEMENT_FORGET_NOTIFICATIONS || which == STATEMENT_FORGET_REQUESTS ||
           which == STATEMENT_FORGET_OUTCOMES;
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_version_runs_once_and_in_order),
        TEST(an_empty_file_becomes_a_store),
        TEST(a_new_file_goes_through_all_versions),
        TEST(a_version_that_fails_leaves_the_file_as_it_was),
        TEST(an_older_program_refuses_a_newer_file),
        TEST(a_connection_is_as_safe_as_we_say),
        TEST(queries_use_their_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
