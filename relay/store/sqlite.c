#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_columns.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define JOURNAL_PAGES_MAX 4000 /* 16 MiB: nobody asks for a checkpoint, or none works */

#define BUSY_TIMEOUT_MS                                                                            \
    1000 /* only while opening: an owner that is just closing, somebody's short look */

static const char marks_open[] = "INSERT INTO meta (name, number) VALUES ('open', 1) ON CONFLICT "
                                 "(name) DO UPDATE SET number = 1";
static const char marks_closed[] = "UPDATE meta SET number = 0 WHERE name = 'open'";

/* --- connection ---------------------------------------------------------------------------------
 */

void sqlite_disconnect(struct sqlite *s)
{
    if (s == NULL)
        return;
    sqlite_finalize_all(s);
    (void)sqlite3_close(s->db); /* nothing of it is in use any more; a transaction is rolled back */
    free(s->path);
    free(s);
}

static void sqlite_disconnect_p(struct sqlite **s)
{
    sqlite_disconnect(*s);
}

/* What a crafted or damaged file could make SQL do is switched off; we use neither triggers nor
 * views. */
static int harden(struct sqlite *s, struct error *err)
{
    static const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        int rc = sqlite3_db_config(s->db, options[i].option, options[i].value, NULL);
        if (rc != SQLITE_OK)
            return sqlite_fail(s, rc, "configuring it", err);
    }
    return 0;
}

/* PRAGMA journal_mode answers with the mode there is, which need not be the one that was asked for.
 */
static int use_wal(struct sqlite *s, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    const unsigned char *mode = rc == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    bool wal = mode != NULL && strcmp((const char *)mode, "wal") == 0;
    sqlite3_finalize(statement);
    if (rc != SQLITE_ROW)
        return sqlite_fail(s, rc, "opening its journal", err);
    if (!wal)
        return error_set(
            err, -ENOTSUP,
            "store %s: its file system does not carry a write-ahead log: put it on a local disk",
            s->path);
    return 0;
}

/* SQLite's own hook would make the commit that fills the journal pay for taking it over. */
static int on_commit(void *self, sqlite3 *db, const char *name, int pages)
{
    struct sqlite *s = self;
    if (pages < s->journal_pages)
        s->journal_tried = 0;
    s->journal_pages = pages;
    if (pages >= JOURNAL_PAGES_MAX)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

/* Exclusive comes before the first look and before WAL: then nobody else ever has the file, and the
 * journal's index is in memory instead of a third file. The limit cuts the journal back after a
 * peak. */
static int configure(struct sqlite *s, struct error *err)
{
    int version = 0;
    (void)sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    int rc = harden(s, err);
    if (rc == 0)
        rc = sqlite_execute(s, "PRAGMA locking_mode = EXCLUSIVE", "opening it", err);
    if (rc == 0)
        rc = sqlite_schema_check(s, INT_MAX, &version, err);
    if (rc == 0)
        rc = use_wal(s, err);
    if (rc == 0)
        rc = sqlite_execute(s,
                            "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 8388608; "
                            "PRAGMA cache_size = -4096;"
                            "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON",
                            "configuring it", err);
    (void)sqlite3_wal_hook(s->db, on_commit, s);
    return rc;
}

int sqlite_connect(struct sqlite **out, const char *path, struct error *err)
{
    SCOPED(sqlite_disconnect_p) struct sqlite *s = calloc(1, sizeof(*s));
    if (s == NULL || (s->path = strdup(path)) == NULL)
        return error_set(err, -ENOMEM, "store %s: out of memory", path);
    int rc = sqlite3_open_v2(path, &s->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW |
                                 SQLITE_OPEN_NOMUTEX,
                             sqlite_journal_vfs());
    if (rc != SQLITE_OK)
        return sqlite_fail(s, rc, "opening it", err);
    if (sqlite3_db_readonly(s->db, "main") != 0)
        return sqlite_fail(s, SQLITE_READONLY, "opening it", err);
    rc = configure(s, err);
    if (rc < 0)
        return rc;
    *out = GIVE(s);
    return 0;
}

/* --- transactions -------------------------------------------------------------------------------
 */

/* A COMMIT that failed in its sync has written the whole transaction: SQLite forgets it, but
 * whoever reads the journal after a crash would find it complete. Emptying the journal makes
 * "failed" final. */
static int settle_doubt(struct sqlite *s, struct error *err)
{
    if (!s->doubtful)
        return 0;
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(s, rc, "clearing its journal after a failed commit", err);
    s->doubtful = false;
    return 0;
}

static int simple(struct sqlite *s, enum sqlite_statement which, const char *doing,
                  struct error *err)
{
    SCOPED(query_end) struct query q = query_start(s, which, doing);
    return query_run(&q, err);
}

static void op_rollback(void *self)
{
    struct sqlite *s = self;
    s->in_transaction = false;
    /* Many failures have rolled back already. What fails here fails again, with words, in begin. */
    if (sqlite3_get_autocommit(s->db) == 0)
        (void)simple(s, STATEMENT_ROLLBACK, "rolling back", NULL);
    (void)settle_doubt(s, NULL);
}

static int op_begin(void *self, struct error *err)
{
    struct sqlite *s = self;
    if (s->in_transaction)
        return error_set(err, -EPROTO, "store %s: begins a transaction inside of another", s->path);
    if (sqlite3_get_autocommit(s->db) == 0) {
        int rc = simple(s, STATEMENT_ROLLBACK, "rolling back", err);
        if (rc < 0)
            return rc;
    }
    int rc = settle_doubt(s, err);
    if (rc == 0)
        rc = simple(s, STATEMENT_BEGIN, "beginning a transaction", err);
    if (rc < 0)
        return rc;
    s->in_transaction = true;
    s->failed = false;
    return 0;
}

/* clang-format off */
static const struct column time_columns[] = {
#define X(kind, name) COLUMN_OF(struct store_time, kind, name)
    TIME_COLUMNS(X)
#undef X
};
/* clang-format on */

static int put_time(struct sqlite *s, const struct store_time *now, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(s, STATEMENT_PUT_TIME, "writing the time");
    query_bind_row(&q, time_columns, COLUMNS(time_columns), now);
    return query_change(&q, err);
}

static int op_commit(void *self, const struct store_time *now, struct error *err)
{
    struct sqlite *s = self;
    int rc = put_time(s, now, err);
    if (rc < 0)
        return rc;
    rc = simple(s, STATEMENT_COMMIT, "committing", err);
    if (rc < 0) {
        /* A disk without room failed a write, so the transaction's end is not in the journal.
         * Emptying the journal would need more room than going on does. */
        s->doubtful = rc != -ENOSPC;
        return rc;
    }
    s->in_transaction = false;
    return 0;
}

static int op_get_time(void *self, struct store_time *out, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_GET_TIME, "reading the time");
    int rc = query_next(&q, err);
    if (rc != 0)
        return rc;
    (void)query_int(&q);
    memset(out, 0, sizeof(*out));
    return query_read_row(&q, time_columns, COLUMNS(time_columns), out, err);
}

/* A row that is set to what it was is not written at all, so the probe counts. */
static int op_probe(void *self, const struct store_time *now, struct error *err)
{
    int rc = op_begin(self, err);
    if (rc < 0)
        return rc;
    rc = simple(self, STATEMENT_COUNT_PROBE, "probing the disk", err);
    if (rc == 0)
        rc = op_commit(self, now, err);
    if (rc < 0)
        op_rollback(self);
    return rc;
}

static int op_checkpoint(void *self, int pages, struct error *err)
{
    struct sqlite *s = self;
    if (s->in_transaction || s->journal_pages - s->journal_tried < pages)
        return 0;
    int there, taken;
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &there, &taken);
    if (rc == SQLITE_OK && there == taken)
        s->journal_pages = s->journal_tried = 0; /* the next commit begins it anew */
    else
        s->journal_tried = s->journal_pages; /* not again before as much came to it */
    return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, "taking over its journal", err);
}

/* --- open and close -----------------------------------------------------------------------------
 */

static void op_close(void *self)
{
    struct sqlite *s = self;
    sqlite_backup_end(s);
    op_rollback(s);
    sqlite_finalize_all(s);
    /* What cannot be written down stays marked as open: the next start checks the file. */
    if (!s->damaged && !s->doubtful &&
        sqlite3_exec(s->db, marks_closed, NULL, NULL, NULL) == SQLITE_OK)
        (void)sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite_disconnect(s);
}

static const struct store_ops ops = {
    .close = op_close,
    .begin = op_begin,
    .commit = op_commit,
    .rollback = op_rollback,
    .probe = op_probe,
    .checkpoint = op_checkpoint,
    .get_time = op_get_time,
    .get_floor = sqlite_get_floor,
    .put_notification = sqlite_put_notification,
    .get_notification = sqlite_get_notification,
    .put_mac = sqlite_put_mac,
    .get_mac = sqlite_get_mac,
    .forget_macs = sqlite_forget_macs,
    .oldest_mac = sqlite_oldest_mac,
    .put_key = sqlite_put_key,
    .delete_key = sqlite_delete_key,
    .load_keys = sqlite_load_keys,
    .put_request = sqlite_put_request,
    .get_request = sqlite_get_request,
    .add_attempt = sqlite_add_attempt,
    .load_open_requests = sqlite_load_open_requests,
    .load_watched_requests = sqlite_load_watched_requests,
    .load_slots = sqlite_load_slots,
    .count_requests = sqlite_count_requests,
    .put_credential = sqlite_put_credential,
    .get_credential = sqlite_get_credential,
    .put_target_memory = sqlite_put_target_memory,
    .get_target_memory = sqlite_get_target_memory,
    .list_requests = sqlite_list_requests,
    .list_attempts = sqlite_list_attempts,
    .forget_history = sqlite_forget_history,
    .add_outcome = sqlite_add_outcome,
    .list_outcomes = sqlite_list_outcomes,
    .get_size = sqlite_get_size,
    .backup_start = sqlite_backup_start,
    .backup_step = sqlite_backup_step,
    .backup_end = sqlite_backup_end,
    .add_change = sqlite_add_change,
    .list_changes = sqlite_list_changes,
    .add_event = sqlite_add_event,
    .list_events = sqlite_list_events,
    .put_pause = sqlite_put_pause,
    .delete_pause = sqlite_delete_pause,
    .load_pauses = sqlite_load_pauses,
    .list_notifications = sqlite_list_notifications,
};

/* Checks an unclean file before anything is changed in it, then brings it to today's schema. */
static int make_ready(struct sqlite *s, struct sqlite_report *report, struct error *err)
{
    int version = 0;
    int rc = sqlite_schema_check(s, sqlite_schema_version, &version, err);
    if (rc == 0 && version > 0)
        rc = sqlite_schema_unclean(s, &report->unclean, err);
    if (rc == 0 && report->unclean)
        rc = sqlite_schema_verify(s, err);
    if (rc == 0)
        rc = sqlite_schema_migrate(s, sqlite_schema_versions, sqlite_schema_version, err);
    if (rc == 0)
        rc = sqlite_execute(s, marks_open, "marking it as open", err);
    if (rc < 0)
        return rc;
    report->created = version == 0;
    report->migrated_from = version < sqlite_schema_version ? version : 0;
    return sqlite_prepare_all(s, err);
}

int sqlite_store_open(struct store *out, const char *path, struct sqlite_report *report,
                      struct error *err)
{
    struct sqlite_report ignored;
    if (report == NULL)
        report = &ignored;
    memset(report, 0, sizeof(*report));
    SCOPED(free_p) char *full = NULL;
    int rc = sqlite_file_prepare(path, &full, err);
    if (rc < 0)
        return rc;
    SCOPED(sqlite_disconnect_p) struct sqlite *s = NULL;
    rc = sqlite_connect(&s, full, err);
    if (rc == 0)
        rc = make_ready(s, report, err);
    if (rc < 0)
        return rc;
    out->self = GIVE(s);
    out->ops = &ops;
    return 0;
}
