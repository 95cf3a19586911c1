#include "relay/store/sqlite_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A version that was released never changes: what is new becomes the next one. Times are relay ms,
 * `…_wall` unix ms; booleans 0 and 1. `body` is a row's last column, so that listings need not read
 * past it. meta: "open" (1 while a process has the file, so that an unclean stop shows), "floor",
 * "probes". */
static const char version_1[] =
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), relay_ms INTEGER NOT NULL, boot_ms "
    "INTEGER NOT NULL,"
    " wall_ms INTEGER NOT NULL, boot_id TEXT NOT NULL) STRICT;"

    "CREATE TABLE notifications (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT "
    "NULL,"
    " format TEXT NOT NULL, received_wall INTEGER NOT NULL, received_at INTEGER NOT NULL, alerts "
    "TEXT NOT NULL,"
    " body BLOB NOT NULL) STRICT;"

    /* signed_wall NULL: its source signs no time. */
    "CREATE TABLE macs (mac BLOB NOT NULL PRIMARY KEY CHECK (length(mac) = 32), notification TEXT "
    "NOT NULL,"
    " signed_wall INTEGER, received_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX macs_received_at ON macs (received_at);"
    "CREATE INDEX macs_signed ON macs (received_at) WHERE signed_wall IS NOT NULL;"

    /* members: a JSON array, see sqlite_keys.c. */
    "CREATE TABLE keys (seq INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, route TEXT NOT NULL,"
    " quiet_since INTEGER NOT NULL, disarmed_at INTEGER NOT NULL, cooldown_from INTEGER NOT NULL,"
    " retry_from INTEGER NOT NULL, relay_id TEXT NOT NULL, posted_at INTEGER NOT NULL, executed "
    "INTEGER NOT NULL,"
    " settled INTEGER NOT NULL, members TEXT NOT NULL) STRICT;"

    /* open: neither done, dead nor parked; kept as a column for its index. */
    "CREATE TABLE requests (seq INTEGER PRIMARY KEY, relay_id TEXT NOT NULL UNIQUE, state TEXT NOT "
    "NULL,"
    " open INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, route TEXT NOT NULL, key "
    "TEXT NOT NULL,"
    " target TEXT NOT NULL, cause TEXT NOT NULL, notification TEXT NOT NULL, inputs TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, created_wall INTEGER NOT NULL, expires_ms INTEGER NOT NULL, "
    "slot INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, posted_at INTEGER NOT NULL, executed INTEGER NOT NULL, next_at "
    "INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, run_id INTEGER NOT NULL, run_url TEXT, run_status TEXT NOT NULL,"
    " conclusion TEXT NOT NULL, run_attempt INTEGER NOT NULL, accepted_at INTEGER NOT NULL, polls "
    "INTEGER NOT NULL,"
    " etag TEXT, redirect TEXT, hops INTEGER NOT NULL) STRICT;"
    "CREATE INDEX requests_open ON requests (seq) WHERE open = 1;"
    "CREATE INDEX requests_state ON requests (state);"
    "CREATE INDEX requests_slots ON requests (created_at) WHERE slot = 1;"

    "CREATE TABLE attempts (seq INTEGER PRIMARY KEY, relay_id TEXT NOT NULL REFERENCES requests "
    "(relay_id)"
    " ON DELETE CASCADE, at_wall INTEGER NOT NULL, outcome TEXT NOT NULL, http_status INTEGER NOT "
    "NULL,"
    " detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX attempts_request ON attempts (relay_id);"

    "CREATE TABLE credentials (name TEXT NOT NULL PRIMARY KEY, not_before INTEGER NOT NULL,"
    " last_write INTEGER NOT NULL, blocks INTEGER NOT NULL, remaining INTEGER NOT NULL,"
    " token_expiry_s INTEGER NOT NULL, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE targets (name TEXT NOT NULL PRIMARY KEY, no_run_details INTEGER NOT NULL,"
    " no_relay_id INTEGER NOT NULL, marked INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* Holds, deferrals, what timers decided, pauses, redelivery. deferred_for '': no deferral. */
static const char version_2[] =
    "ALTER TABLE clock ADD COLUMN wait_until INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN by_operator INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN hold_began INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN hold_from INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN deferred_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN deferred_for TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE requests ADD COLUMN replaces TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE outcomes (seq INTEGER PRIMARY KEY, at_wall INTEGER NOT NULL, key TEXT NOT NULL,"
    " route TEXT, verdict TEXT NOT NULL, reason TEXT NOT NULL, relay_id TEXT NOT NULL) STRICT;"
    "CREATE INDEX outcomes_key ON outcomes (key, seq);"
    "CREATE TABLE pauses (scope TEXT NOT NULL, name TEXT NOT NULL, since_wall INTEGER NOT NULL,"
    " PRIMARY KEY (scope, name)) STRICT, WITHOUT ROWID;";

/* Reconciliation. A request that was sending when an older release stopped is correlated = 0: that
 * release kept nothing by which its run could be found. targets.name is a place now
 * (exchange_place); what stood under a target's name did not tell of which workflow. */
static const char version_3[] =
    "ALTER TABLE requests ADD COLUMN correlated INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN place TEXT;"
    "ALTER TABLE requests ADD COLUMN look_from INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN look_wall INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN grace_until INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN duplicates TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE credentials ADD COLUMN clock_ms INTEGER NOT NULL DEFAULT 0;"
    "DELETE FROM targets;";

/* Credentials got names of their own: what was stored under a target's name is nobody's. */
static const char version_4[] =
    "ALTER TABLE credentials ADD COLUMN limited_until INTEGER NOT NULL DEFAULT 0;"
    "DELETE FROM credentials;";

/* What became of a key after the run for it, and when a request ended. */
static const char version_5[] =
    "ALTER TABLE requests ADD COLUMN effect TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE requests ADD COLUMN effect_until INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN effect_doubt INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requests ADD COLUMN ended_wall INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX requests_watched ON requests (seq) WHERE effect = 'watched';";

/* What operators did, by whom and why; pauses that end; the steps of a request. */
static const char version_6[] =
    "ALTER TABLE pauses ADD COLUMN until INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE pauses ADD COLUMN who TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pauses ADD COLUMN why TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE requests ADD COLUMN cancel TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE changes (seq INTEGER PRIMARY KEY, at_wall INTEGER NOT NULL, who TEXT NOT NULL,"
    " action TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, why TEXT NOT NULL,"
    " detail TEXT NOT NULL) STRICT;"
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, relay_id TEXT NOT NULL REFERENCES requests "
    "(relay_id)"
    " ON DELETE CASCADE, at_wall INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL) "
    "STRICT;"
    "CREATE INDEX events_request ON events (relay_id);";

/* It only told the MACs with a signed time from others, and no others are kept. */
static const char version_7[] = "DROP INDEX macs_signed;";

const char *const sqlite_schema_versions[] = {version_1, version_2, version_3, version_4,
                                              version_5, version_6, version_7};
const int sqlite_schema_version =
    sizeof(sqlite_schema_versions) / sizeof(sqlite_schema_versions[0]);

/* First column of the first row as a number; `if_none` without a row. */
static int read_number(struct sqlite *s, const char *sql, int64_t if_none, int64_t *out,
                       struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : if_none;
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0
                                                 : sqlite_fail(s, rc, "reading its schema", err);
}

int sqlite_schema_check(struct sqlite *s, int newest, int *version, struct error *err)
{
    int64_t application = 0;
    int64_t found = 0;
    int64_t objects = 0;
    int rc = read_number(s, "PRAGMA application_id", 0, &application, err);
    if (rc == 0)
        rc = read_number(s, "PRAGMA user_version", 0, &found, err);
    if (rc == 0)
        rc = read_number(s, "SELECT count(*) FROM sqlite_schema", 0, &objects, err);
    if (rc < 0)
        return rc;
    bool empty = application == 0 && found == 0 && objects == 0;
    if (!empty && application != SQLITE_STORE_APPLICATION_ID)
        return error_set(err, -EBADMSG,
                         "store %s: is a database of another program, not a drift-relay store: set "
                         "store.path to a file of its own",
                         s->path);
    if (found > newest)
        return error_set(err, -EPROTONOSUPPORT,
                         "store %s: has schema %lld, this drift-relay knows up to %d: run the "
                         "newer release that wrote it, or put a backup of the "
                         "older store in its place",
                         s->path, (long long)found, newest);
    if (!empty && found < 1)
        return sqlite_fail_row(s, "reading its schema", err);
    *version = (int)found;
    return 0;
}

static int run_versions(struct sqlite *s, const char *const *versions, int from, int newest,
                        struct error *err)
{
    for (int i = from; i < newest; i++) {
        int rc = sqlite_execute(s, versions[i], "migrating its schema", err);
        if (rc < 0)
            return rc;
    }
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   SQLITE_STORE_APPLICATION_ID, newest);
    int rc = sqlite_execute(s, sql, "migrating its schema", err);
    return rc < 0 ? rc : sqlite_execute(s, "COMMIT", "migrating its schema", err);
}

int sqlite_schema_migrate(struct sqlite *s, const char *const *versions, int newest,
                          struct error *err)
{
    int from = 0;
    int rc = sqlite_schema_check(s, newest, &from, err);
    if (rc < 0 || from == newest)
        return rc;
    rc = sqlite_execute(s, "BEGIN IMMEDIATE", "migrating its schema", err);
    if (rc < 0)
        return rc;
    rc = run_versions(s, versions, from, newest, err);
    if (rc < 0 && sqlite3_get_autocommit(s->db) == 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* closing would do the same */
    return rc;
}

int sqlite_schema_unclean(struct sqlite *s, bool *unclean, struct error *err)
{
    int64_t open = 0;
    int rc = read_number(s, "SELECT number FROM meta WHERE name = 'open'", 0, &open, err);
    *unclean = open != 0;
    return rc;
}

int sqlite_schema_verify(struct sqlite *s, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    int result = 0;
    if (rc != SQLITE_ROW)
        result = sqlite_fail(s, rc, "checking it after an unclean stop", err);
    else if (found == NULL || strcmp(found, "ok") != 0)
        result = sqlite_fail(s, SQLITE_CORRUPT, "checking it after an unclean stop", err);
    sqlite3_finalize(statement);
    return result;
}
