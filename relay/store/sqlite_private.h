/* sqlite_private.h - what the files of the SQLite store share; nobody else includes it but their
 * tests.
 *
 *   sqlite.c               open, close, transactions, the table of functions
 *   sqlite_file.c          the path: folder, file, mode, before SQLite sees it
 *   sqlite_journal.c       the journal's writes, put together
 *   sqlite_schema.c        migrations, what an existing file must be
 *   sqlite_query.c         prepared statements, binding and reading
 *   sqlite_fault.c         what a failure is called and what to do about it
 *   sqlite_notifications.c, sqlite_keys.c, sqlite_requests.c, sqlite_learnt.c,
 *   sqlite_outcomes.c, sqlite_pauses.c, sqlite_changes.c   the rows themselves
 *   sqlite_retention.c     history that is old enough to go
 *   sqlite_backup.c        a copy, in slices
 */
#ifndef RELAY_STORE_SQLITE_PRIVATE_H
#define RELAY_STORE_SQLITE_PRIVATE_H

#include "relay/store/page.h"
#include "relay/store/sqlite.h"

#include <sqlite3.h>

/* "drly": tells our files from other SQLite databases (PRAGMA application_id, a 32-bit number). */
#define SQLITE_STORE_APPLICATION_ID 0x64726c79

/* Every statement there is; the SQL stands in sqlite_query.c, in this order. */
enum sqlite_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_PUT_TIME,
    STATEMENT_GET_TIME,
    STATEMENT_COUNT_PROBE,
    STATEMENT_RAISE_META,
    STATEMENT_GET_META,
    STATEMENT_PUT_NOTIFICATION,
    STATEMENT_GET_NOTIFICATION,
    STATEMENT_LIST_NOTIFICATIONS,
    STATEMENT_PUT_MAC,
    STATEMENT_GET_MAC,
    STATEMENT_NEWEST_OLD_MAC,
    STATEMENT_DELETE_OLD_MACS,
    STATEMENT_OLDEST_MAC,
    STATEMENT_PUT_KEY,
    STATEMENT_DELETE_KEY,
    STATEMENT_LOAD_KEYS,
    STATEMENT_PUT_REQUEST,
    STATEMENT_GET_REQUEST,
    STATEMENT_LOAD_OPEN_REQUESTS,
    STATEMENT_LOAD_WATCHED_REQUESTS,
    STATEMENT_LIST_REQUESTS,
    STATEMENT_COUNT_REQUESTS,
    STATEMENT_LOAD_SLOTS,
    STATEMENT_ADD_ATTEMPT,
    STATEMENT_LIST_ATTEMPTS,
    STATEMENT_PUT_CREDENTIAL,
    STATEMENT_GET_CREDENTIAL,
    STATEMENT_PUT_TARGET,
    STATEMENT_GET_TARGET,
    STATEMENT_OLDEST_NOTIFICATIONS,
    STATEMENT_FORGET_NOTIFICATIONS,
    STATEMENT_FORGET_REQUESTS,
    STATEMENT_FORGET_OUTCOMES,
    STATEMENT_FORGET_CHANGES,
    STATEMENT_ADD_OUTCOME,
    STATEMENT_LIST_OUTCOMES,
    STATEMENT_COUNT_PAGES,
    STATEMENT_COUNT_FREE_PAGES,
    STATEMENT_PAGE_SIZE,
    STATEMENT_ADD_CHANGE,
    STATEMENT_LIST_CHANGES,
    STATEMENT_ADD_EVENT,
    STATEMENT_LIST_EVENTS,
    STATEMENT_LIST_ALL_OUTCOMES,
    STATEMENT_PUT_PAUSE,
    STATEMENT_DELETE_PAUSE,
    STATEMENT_LOAD_PAUSES,
    SQLITE_STATEMENTS
};

struct sqlite {
    sqlite3 *db;
    char *path; /* with its folder's links resolved */
    sqlite3_stmt *statements[SQLITE_STATEMENTS];
    bool in_transaction; /* between begin and commit or rollback */
    bool failed;         /* something failed in this transaction: it must not be committed */
    bool doubtful;       /* a failed commit may still lie in the journal (see sqlite.c) */
    struct sqlite_backup *backup; /* NULL: none is under way */
    int journal_pages;            /* that stand in the journal … */
    int journal_tried;            /* … and stood there when taking them over failed */
    bool damaged; /* SQLite called the file corrupt: it is left marked as not closed */
};

/* --- sqlite_file.c ------------------------------------------------------------------------------
 */
/* Checks folder and file and makes the file (0600, synced) where there is none. *path is the
 * caller's. */
__attribute__((warn_unused_result)) int sqlite_file_prepare(const char *given, char **path,
                                                            struct error *err);

/* --- sqlite.c -----------------------------------------------------------------------------------
 */
/* A connection as we want it (one owner, WAL, FULL), the file checked to be ours or empty; nothing
 * is migrated or prepared yet. Released with sqlite_disconnect(). */
__attribute__((warn_unused_result)) int sqlite_connect(struct sqlite **out, const char *path,
                                                       struct error *err);
void sqlite_disconnect(struct sqlite *s); /* NULL is fine */

/* --- sqlite_journal.c ---------------------------------------------------------------------------
 */
/* The VFS for sqlite3_open_v2(): the default one of this moment beneath, for every file but the
 * journal. One at a time; NULL (the default) when it cannot be made. */
const char *sqlite_journal_vfs(void);

/* --- sqlite_schema.c ----------------------------------------------------------------------------
 */
/* versions[i] is the SQL that turns schema i into schema i + 1; schema 0 is an empty file. */
extern const char *const sqlite_schema_versions[];
extern const int sqlite_schema_version; /* how many there are */

/* Refuses a file that is not ours (application id) or newer than `newest`. *version = what it has.
 */
__attribute__((warn_unused_result)) int sqlite_schema_check(struct sqlite *s, int newest,
                                                            int *version, struct error *err);
/* Runs what is missing, from the file's version up to `newest`, in one transaction: all or nothing.
 */
__attribute__((warn_unused_result)) int
sqlite_schema_migrate(struct sqlite *s, const char *const *versions, int newest, struct error *err);
/* quick_check. */
__attribute__((warn_unused_result)) int sqlite_schema_verify(struct sqlite *s, struct error *err);
/* Was the file left without being closed? Only for a file that has a schema. */
__attribute__((warn_unused_result)) int sqlite_schema_unclean(struct sqlite *s, bool *unclean,
                                                              struct error *err);

/* --- sqlite_fault.c -----------------------------------------------------------------------------
 */
/* Words and -errno for SQLite's result code rc: "store PATH: DOING: what: remedy". */
int sqlite_fail(struct sqlite *s, int rc, const char *doing, struct error *err);
/* For what SQLite itself finds nothing wrong with: a row that cannot be what we wrote. */
int sqlite_fail_row(struct sqlite *s, const char *doing, struct error *err);
/* SQL without parameters and rows of interest. */
__attribute__((warn_unused_result)) int sqlite_execute(struct sqlite *s, const char *sql,
                                                       const char *doing, struct error *err);

/* --- sqlite_query.c -----------------------------------------------------------------------------
 */
__attribute__((warn_unused_result)) int sqlite_prepare_all(struct sqlite *s, struct error *err);
void sqlite_finalize_all(struct sqlite *s);

/* -EPROTO outside of a transaction and after a failure in it. */
__attribute__((warn_unused_result)) int sqlite_may_change(struct sqlite *s, const char *doing,
                                                          struct error *err);

/* One use of a prepared statement. Parameters and columns are taken in order, so that code reads as
 * the SQL does. The scope's end resets it and clears its bindings: one that is not reset keeps its
 * lock. SCOPED(query_end) struct query q = query_start(s, STATEMENT_…, "reading a key"); */
struct query {
    struct sqlite *store;
    sqlite3_stmt *statement;
    const char *doing;
    int parameter, column;
    int rc; /* first failure of a binding or a column; SQLITE_OK */
};
struct query query_start(struct sqlite *s, enum sqlite_statement which, const char *doing);
void query_end(struct query *q);
/* Bound values are borrowed until query_end(). NULL text is SQL's NULL. */
void query_bind_int(struct query *q, int64_t value);
void query_bind_int_or_null(struct query *q, int64_t value, int64_t null);
void query_bind_text(struct query *q, const char *text);
void query_bind_bytes(struct query *q, const void *bytes, size_t len);
/* Where a page of a listing begins and how many rows it may look at. */
void query_bind_page(struct query *q, const struct page *p);
/* 0: a row is there to be read; STORE_NONE: no more rows. */
__attribute__((warn_unused_result)) int query_next(struct query *q, struct error *err);
/* For statements that give no row. */
__attribute__((warn_unused_result)) int query_run(struct query *q, struct error *err);
/* The same for a change: refused where sqlite_may_change() refuses. */
__attribute__((warn_unused_result)) int query_change(struct query *q, struct error *err);
int64_t query_int(struct query *q);
int64_t query_int_or(struct query *q, int64_t if_null);
/* A text that does not fit, or is missing, is a damaged row. */
void query_text(struct query *q, char *out, size_t size);
void query_state(struct query *q, enum request_state *out); /* of another word: a damaged row */
char *query_text_copy(
    struct query *q); /* NULL: SQL's NULL, or out of memory (then query_columns fails) */
/* Borrowed until the next step; never NULL. */
const void *query_bytes(struct query *q, size_t *len);
/* After the last column: 0, or what was wrong with one. */
__attribute__((warn_unused_result)) int query_columns(struct query *q, struct error *err);

/* A struct's fields as a row's columns; the tables are made in sqlite_columns.h. */
enum column_kind {
    COLUMN_FIXED,
    COLUMN_OWNED,
    COLUMN_NULLABLE,
    COLUMN_INT64,
    COLUMN_INT,
    COLUMN_BOOL,
    COLUMN_STATE,
    COLUMN_REASON
};
struct column {
    enum column_kind kind;
    size_t offset, size;
};
void query_bind_row(struct query *q, const struct column *columns, size_t n, const void *row);
/* *row is zeroed memory. After a failure release what it owns. */
__attribute__((warn_unused_result)) int query_read_row(struct query *q,
                                                       const struct column *columns, size_t n,
                                                       void *row, struct error *err);

/* --- the functions of struct store_ops, where each is documented --------------------------------
 */
int sqlite_get_floor(void *self, int64_t *out, struct error *err);
int sqlite_put_notification(void *self, const struct store_notification *n, struct error *err);
int sqlite_get_notification(void *self, const char *id, struct store_notification *out,
                            struct error *err);
int sqlite_put_mac(void *self, const struct store_mac *m, struct error *err);
int sqlite_get_mac(void *self, const unsigned char mac[STORE_MAC_SIZE], struct store_mac *out,
                   struct error *err);
int sqlite_forget_macs(void *self, int64_t before, size_t *forgotten, struct error *err);
int sqlite_oldest_mac(void *self, int64_t *received_at, struct error *err);
int sqlite_put_key(void *self, const struct key *k, struct error *err);
int sqlite_delete_key(void *self, const char *text, struct error *err);
int sqlite_load_keys(void *self, int (*each)(void *context, struct key *k), void *context,
                     struct error *err);
int sqlite_put_request(void *self, const struct request *r, struct error *err);
int sqlite_get_request(void *self, const char *relay_id, struct request *out, struct error *err);
int sqlite_add_attempt(void *self, const char *relay_id, const struct attempt *a,
                       struct error *err);
int sqlite_load_open_requests(void *self, int (*each)(void *context, struct request *r),
                              void *context, struct error *err);
int sqlite_load_watched_requests(void *self, int (*each)(void *context, struct request *r),
                                 void *context, struct error *err);
int sqlite_load_slots(void *self, int64_t since,
                      int (*each)(void *context, const char *route, const char *target, int64_t at,
                                  const char *relay_id),
                      void *context, struct error *err);
int sqlite_count_requests(void *self, int64_t counts[static REQUEST_STATES], struct error *err);
int sqlite_put_credential(void *self, const struct credential *c, struct error *err);
int sqlite_get_credential(void *self, const char *name, struct credential *out, struct error *err);
int sqlite_put_target_memory(void *self, const char *target, const struct target_memory *m,
                             struct error *err);
int sqlite_get_target_memory(void *self, const char *target, struct target_memory *out,
                             struct error *err);
int sqlite_forget_history(void *self, const struct store_retention *before, size_t limit,
                          struct store_forgotten *out, struct error *err);
int sqlite_get_size(void *self, int64_t *bytes, struct error *err);
int sqlite_backup_start(void *self, struct error *err);
int sqlite_backup_step(void *self, struct store_backup *out, struct error *err);
void sqlite_backup_end(void *self);
int sqlite_add_outcome(void *self, const struct store_outcome_row *o, struct error *err);
int sqlite_list_outcomes(void *self, const char *key,
                         void (*each)(void *context, const struct store_outcome_row *o),
                         void *context, struct error *err);
int sqlite_put_pause(void *self, const struct store_pause *p, struct error *err);
int sqlite_delete_pause(void *self, enum engine_scope scope, const char *name, struct error *err);
int sqlite_load_pauses(void *self, int (*each)(void *context, const struct store_pause *p),
                       void *context, struct error *err);
int sqlite_add_change(void *self, const struct store_change *change, struct error *err);
int sqlite_list_changes(void *self, const char *cursor, size_t limit,
                        bool (*each)(void *context, const struct store_change *change),
                        void *context, char next[static 64], struct error *err);
int sqlite_add_event(void *self, const char *relay_id, const struct store_event *e,
                     struct error *err);
int sqlite_list_events(void *self, const char *relay_id,
                       void (*each)(void *context, const struct store_event *e), void *context,
                       struct error *err);
int sqlite_list_requests(void *self, const char *cursor, size_t limit,
                         bool (*each)(void *context, const struct request *r), void *context,
                         char next[static 64], struct error *err);
int sqlite_list_attempts(void *self, const char *relay_id,
                         void (*each)(void *context, const struct attempt *a), void *context,
                         struct error *err);
int sqlite_list_notifications(void *self, const char *cursor, size_t limit,
                              bool (*each)(void *context, const struct store_notification *n),
                              void *context, char next[static 64], struct error *err);

#endif
