#include "relay/store/sqlite_private.h"

#include "relay/store/sqlite_columns.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char *const statement_sql[SQLITE_STATEMENTS] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE", /* a deferred one can fail later, when it has to be upgraded */
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_PUT_TIME] =
        "INSERT INTO clock (id" TIME_COLUMNS(COLUMN_NAME) ") VALUES (1" TIME_COLUMNS(COLUMN_MARK) ")"
        " ON CONFLICT (id) DO UPDATE SET id = 1" TIME_COLUMNS(COLUMN_REPLACE),
    [STATEMENT_GET_TIME] = "SELECT 1" TIME_COLUMNS(COLUMN_NAME) " FROM clock",
    [STATEMENT_COUNT_PROBE] =
        "INSERT INTO meta (name, number) VALUES ('probes', 1) ON CONFLICT (name) DO UPDATE SET number = number + 1",
    [STATEMENT_RAISE_META] =
        "INSERT INTO meta (name, number) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET number = max(number, excluded.number)",
    [STATEMENT_GET_META] = "SELECT number FROM meta WHERE name = ?",

    [STATEMENT_PUT_NOTIFICATION] =
        "INSERT INTO notifications (body" NOTIFICATION_COLUMNS(COLUMN_NAME) ") VALUES (?" NOTIFICATION_COLUMNS(COLUMN_MARK) ")",
    [STATEMENT_GET_NOTIFICATION] =
        "SELECT body" NOTIFICATION_COLUMNS(COLUMN_NAME) " FROM notifications WHERE id = ?",
    [STATEMENT_LIST_NOTIFICATIONS] =
        "SELECT seq" NOTIFICATION_COLUMNS(COLUMN_NAME) " FROM notifications WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    [STATEMENT_PUT_MAC] = "INSERT INTO macs (mac, notification, signed_wall, received_at) VALUES (?, ?, ?, ?)",
    [STATEMENT_GET_MAC] = "SELECT notification, signed_wall, received_at FROM macs WHERE mac = ?",
    [STATEMENT_NEWEST_OLD_MAC] =
        "SELECT count(*), max(signed_wall) FROM (SELECT signed_wall FROM macs WHERE received_at < ?"
        " ORDER BY received_at, mac LIMIT 1000)",
    [STATEMENT_DELETE_OLD_MACS] =
        "DELETE FROM macs WHERE mac IN (SELECT mac FROM macs WHERE received_at < ? ORDER BY received_at, mac LIMIT 1000)",
    [STATEMENT_OLDEST_MAC] =
        "SELECT received_at FROM macs WHERE signed_wall IS NOT NULL ORDER BY received_at LIMIT 1",

    [STATEMENT_PUT_KEY] =
        "INSERT INTO keys (members" KEY_COLUMNS(COLUMN_NAME) ") VALUES (?" KEY_COLUMNS(COLUMN_MARK) ")"
        " ON CONFLICT (text) DO UPDATE SET members = excluded.members" KEY_STATE_COLUMNS(COLUMN_REPLACE),
    [STATEMENT_DELETE_KEY] = "DELETE FROM keys WHERE text = ?",
    [STATEMENT_LOAD_KEYS] = "SELECT members" KEY_COLUMNS(COLUMN_NAME) " FROM keys",

    /* An upsert, not REPLACE: that would give the request a new place in the listing and cost it its attempts. */
    [STATEMENT_PUT_REQUEST] =
        "INSERT INTO requests (open" REQUEST_COLUMNS(COLUMN_NAME) ") VALUES (?" REQUEST_COLUMNS(COLUMN_MARK) ")"
        " ON CONFLICT (relay_id) DO UPDATE SET open = excluded.open" REQUEST_STATE_COLUMNS(COLUMN_REPLACE),
    [STATEMENT_GET_REQUEST] = "SELECT seq" REQUEST_COLUMNS(COLUMN_NAME) " FROM requests WHERE relay_id = ?",
    [STATEMENT_LOAD_OPEN_REQUESTS] =
        "SELECT seq" REQUEST_COLUMNS(COLUMN_NAME) " FROM requests WHERE open = 1 ORDER BY seq",
    [STATEMENT_LOAD_WATCHED_REQUESTS] =
        "SELECT seq" REQUEST_COLUMNS(COLUMN_NAME) " FROM requests WHERE effect = 'watched' ORDER BY seq",
    [STATEMENT_LIST_REQUESTS] =
        "SELECT seq" REQUEST_COLUMNS(COLUMN_NAME) " FROM requests WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    [STATEMENT_COUNT_REQUESTS] = "SELECT state, count(*) FROM requests GROUP BY state",
    [STATEMENT_LOAD_SLOTS] =
        "SELECT route, target, created_at, relay_id FROM requests WHERE slot = 1 AND created_at > ?"
        " ORDER BY created_at, seq",
    [STATEMENT_ADD_ATTEMPT] =
        "INSERT INTO attempts (relay_id" ATTEMPT_COLUMNS(COLUMN_NAME) ") VALUES (?" ATTEMPT_COLUMNS(COLUMN_MARK) ")",
    [STATEMENT_LIST_ATTEMPTS] =
        "SELECT seq" ATTEMPT_COLUMNS(COLUMN_NAME) " FROM attempts WHERE relay_id = ? ORDER BY seq LIMIT ?",

    [STATEMENT_PUT_CREDENTIAL] =
        "INSERT INTO credentials (name" CREDENTIAL_COLUMNS(COLUMN_NAME) ") VALUES (?" CREDENTIAL_COLUMNS(COLUMN_MARK) ")"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name" CREDENTIAL_COLUMNS(COLUMN_REPLACE),
    [STATEMENT_GET_CREDENTIAL] = "SELECT 1" CREDENTIAL_COLUMNS(COLUMN_NAME) " FROM credentials WHERE name = ?",
    [STATEMENT_PUT_TARGET] =
        "INSERT INTO targets (name" TARGET_COLUMNS(COLUMN_NAME) ") VALUES (?" TARGET_COLUMNS(COLUMN_MARK) ")"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name" TARGET_COLUMNS(COLUMN_REPLACE),
    [STATEMENT_GET_TARGET] = "SELECT 1" TARGET_COLUMNS(COLUMN_NAME) " FROM targets WHERE name = ?",

    /* Rows are added in order, so the oldest are the first by seq: never more than LIMIT of them are read. */
    [STATEMENT_OLDEST_NOTIFICATIONS] =
        "SELECT seq, received_at, length(body) FROM notifications ORDER BY seq LIMIT ?",
    [STATEMENT_FORGET_NOTIFICATIONS] = "DELETE FROM notifications WHERE seq <= ?",
    [STATEMENT_FORGET_REQUESTS] =
        "DELETE FROM requests WHERE seq IN (SELECT seq FROM"
        " (SELECT seq, open, created_at FROM requests ORDER BY seq LIMIT ?) WHERE open = 0 AND created_at < ?)"
        " RETURNING state",
    [STATEMENT_FORGET_OUTCOMES] =
        "DELETE FROM outcomes WHERE seq IN (SELECT seq FROM"
        " (SELECT seq, at_wall FROM outcomes ORDER BY seq LIMIT ?) WHERE at_wall < ?)",
    [STATEMENT_ADD_OUTCOME] =
        "INSERT INTO outcomes (seq" OUTCOME_COLUMNS(COLUMN_NAME) ") VALUES (NULL" OUTCOME_COLUMNS(COLUMN_MARK) ")",
    [STATEMENT_LIST_OUTCOMES] =
        "SELECT seq" OUTCOME_COLUMNS(COLUMN_NAME) " FROM outcomes WHERE key = ? ORDER BY seq DESC LIMIT ?",
    [STATEMENT_FORGET_CHANGES] =
        "DELETE FROM changes WHERE seq IN (SELECT seq FROM"
        " (SELECT seq, at_wall FROM changes ORDER BY seq LIMIT ?) WHERE at_wall < ?)",
    [STATEMENT_COUNT_PAGES] = "PRAGMA page_count",
    [STATEMENT_COUNT_FREE_PAGES] = "PRAGMA freelist_count",
    [STATEMENT_PAGE_SIZE] = "PRAGMA page_size",
    [STATEMENT_ADD_CHANGE] =
        "INSERT INTO changes (seq" CHANGE_COLUMNS(COLUMN_NAME) ") VALUES (NULL" CHANGE_COLUMNS(COLUMN_MARK) ")",
    [STATEMENT_LIST_CHANGES] =
        "SELECT seq" CHANGE_COLUMNS(COLUMN_NAME) " FROM changes WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    [STATEMENT_ADD_EVENT] =
        "INSERT INTO events (relay_id" EVENT_COLUMNS(COLUMN_NAME) ") VALUES (?" EVENT_COLUMNS(COLUMN_MARK) ")",
    [STATEMENT_LIST_EVENTS] =
        "SELECT seq" EVENT_COLUMNS(COLUMN_NAME) " FROM events WHERE relay_id = ? ORDER BY seq LIMIT ?",
    [STATEMENT_LIST_ALL_OUTCOMES] =
        "SELECT seq" OUTCOME_COLUMNS(COLUMN_NAME) " FROM outcomes ORDER BY seq DESC LIMIT ?",
    [STATEMENT_PUT_PAUSE] =
        "INSERT INTO pauses (scope, name, since_wall, until, who, why) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (scope, name) DO UPDATE SET until = excluded.until, who = excluded.who, why = excluded.why",
    [STATEMENT_DELETE_PAUSE] = "DELETE FROM pauses WHERE scope = ? AND name = ?",
    [STATEMENT_LOAD_PAUSES] = "SELECT scope, name, since_wall, until, who, why FROM pauses ORDER BY scope, name",
};
/* clang-format on */

int sqlite_prepare_all(struct sqlite *s, struct error *err)
{
    for (size_t i = 0; i < SQLITE_STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &s->statements[i], NULL);
        /* The SQL is right by its test: a plain error means that a table or column is missing. */
        if (rc != SQLITE_OK)
            return sqlite_fail(s, rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc,
                               "comparing its tables with its schema", err);
    }
    return 0;
}

void sqlite_finalize_all(struct sqlite *s)
{
    for (size_t i = 0; i < SQLITE_STATEMENTS; i++) {
        sqlite3_finalize(s->statements[i]);
        s->statements[i] = NULL;
    }
}

struct query query_start(struct sqlite *s, enum sqlite_statement which, const char *doing)
{
    return (struct query){.store = s, .statement = s->statements[which], .doing = doing};
}

void query_end(struct query *q)
{
    /* What reset returns is the failure of the last step, which was reported then. */
    (void)sqlite3_reset(q->statement);
    (void)sqlite3_clear_bindings(q->statement);
}

static void note(struct query *q, int rc)
{
    if (q->rc == SQLITE_OK)
        q->rc = rc;
}

void query_bind_int(struct query *q, int64_t value)
{
    note(q, sqlite3_bind_int64(q->statement, ++q->parameter, value));
}

void query_bind_int_or_null(struct query *q, int64_t value, int64_t null)
{
    if (value == null)
        query_bind_text(q, NULL);
    else
        query_bind_int(q, value);
}

void query_bind_text(struct query *q, const char *text)
{
    note(q, text == NULL
                ? sqlite3_bind_null(q->statement, ++q->parameter)
                : sqlite3_bind_text(q->statement, ++q->parameter, text, -1, SQLITE_STATIC));
}

void query_bind_bytes(struct query *q, const void *bytes, size_t len)
{
    /* A null pointer would bind NULL, not an empty value. */
    note(q, sqlite3_bind_blob64(q->statement, ++q->parameter, bytes == NULL ? "" : bytes, len,
                                SQLITE_STATIC));
}

void query_bind_page(struct query *q, const struct page *p)
{
    query_bind_int(q, p->before);
    query_bind_int(q, STORE_SCAN_MAX + 1); /* one more tells whether there is a next page */
}

int query_next(struct query *q, struct error *err)
{
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_step(q->statement);
    int rc = q->rc;
    q->rc = SQLITE_OK;
    q->column = 0;
    if (rc == SQLITE_ROW)
        return 0;
    return rc == SQLITE_DONE ? STORE_NONE : sqlite_fail(q->store, rc, q->doing, err);
}

int query_run(struct query *q, struct error *err)
{
    int rc = query_next(q, err);
    return rc == STORE_NONE ? 0 : rc;
}

int sqlite_may_change(struct sqlite *s, const char *doing, struct error *err)
{
    /* SQLite ends a transaction by itself after some failures; what came then would be committed
     * alone. */
    if (!s->in_transaction || s->failed || sqlite3_get_autocommit(s->db) != 0)
        return error_set(err, -EPROTO,
                         "store %s: %s: outside of a transaction, or after a failure in it",
                         s->path, doing);
    return 0;
}

int query_change(struct query *q, struct error *err)
{
    int rc = sqlite_may_change(q->store, q->doing, err);
    return rc < 0 ? rc : query_run(q, err);
}

int64_t query_int_or(struct query *q, int64_t if_null)
{
    int column = q->column++;
    return sqlite3_column_type(q->statement, column) == SQLITE_NULL
               ? if_null
               : sqlite3_column_int64(q->statement, column);
}

int64_t query_int(struct query *q)
{
    return query_int_or(q, 0);
}

void query_text(struct query *q, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(q->statement, q->column);
    size_t len = (size_t)sqlite3_column_bytes(q->statement, q->column++);
    if (text == NULL || len >= size) {
        note(q, SQLITE_CORRUPT);
        return;
    }
    memcpy(out, text, len + 1);
}

char *query_text_copy(struct query *q)
{
    if (sqlite3_column_type(q->statement, q->column) == SQLITE_NULL) {
        q->column++;
        return NULL;
    }
    const unsigned char *text = sqlite3_column_text(q->statement, q->column++);
    char *copy = text == NULL ? NULL : strdup((const char *)text);
    if (copy == NULL)
        note(q, SQLITE_NOMEM);
    return copy;
}

const void *query_bytes(struct query *q, size_t *len)
{
    const void *bytes = sqlite3_column_blob(q->statement, q->column);
    *len = (size_t)sqlite3_column_bytes(q->statement, q->column++);
    return bytes == NULL ? "" : bytes;
}

int query_columns(struct query *q, struct error *err)
{
    if (q->rc == SQLITE_OK)
        return 0;
    return q->rc == SQLITE_CORRUPT ? sqlite_fail_row(q->store, q->doing, err)
                                   : sqlite_fail(q->store, q->rc, q->doing, err);
}

static void bind_column(struct query *q, const struct column *c, const void *field)
{
    switch (c->kind) {
    case COLUMN_FIXED:
        query_bind_text(q, field);
        break;
    case COLUMN_OWNED:
    case COLUMN_NULLABLE:
        query_bind_text(q, *(char *const *)field);
        break;
    case COLUMN_INT64:
        query_bind_int(q, *(const int64_t *)field);
        break;
    case COLUMN_INT:
        query_bind_int(q, *(const int *)field);
        break;
    case COLUMN_BOOL:
        query_bind_int(q, *(const bool *)field ? 1 : 0);
        break;
    case COLUMN_REASON:
        query_bind_text(q, reason_text(*(const enum reason *)field));
        break;
    case COLUMN_STATE:
        query_bind_text(q, request_state_text(*(const enum request_state *)field));
        break;
    }
}

void query_bind_row(struct query *q, const struct column *columns, size_t n, const void *row)
{
    for (size_t i = 0; i < n; i++)
        bind_column(q, &columns[i], (const char *)row + columns[i].offset);
}

static void read_int(struct query *q, int *out)
{
    int64_t value = query_int(q);
    if (value < INT_MIN || value > INT_MAX)
        note(q, SQLITE_CORRUPT);
    else
        *out = (int)value;
}

static void read_owned(struct query *q, char **out)
{
    *out = query_text_copy(q);
    if (*out == NULL)
        note(q, SQLITE_CORRUPT); /* the schema says NOT NULL */
}

/* "" is what a migrated row has: no deferral is on. */
static void read_reason(struct query *q, enum reason *out)
{
    char word[32] = "";
    query_text(q, word, sizeof(word));
    *out = REASON_PAUSED;
    if (word[0] != '\0' && !reason_parse(out, word))
        note(q, SQLITE_CORRUPT);
}

void query_state(struct query *q, enum request_state *out)
{
    char word[32] = "";
    query_text(q, word, sizeof(word));
    if (!request_state_parse(out, word))
        note(q, SQLITE_CORRUPT);
}

static void read_column(struct query *q, const struct column *c, void *field)
{
    switch (c->kind) {
    case COLUMN_FIXED:
        query_text(q, field, c->size);
        break;
    case COLUMN_OWNED:
        read_owned(q, field);
        break;
    case COLUMN_NULLABLE:
        *(char **)field = query_text_copy(q);
        break;
    case COLUMN_INT64:
        *(int64_t *)field = query_int(q);
        break;
    case COLUMN_INT:
        read_int(q, field);
        break;
    case COLUMN_BOOL:
        *(bool *)field = query_int(q) != 0;
        break;
    case COLUMN_REASON:
        read_reason(q, field);
        break;
    case COLUMN_STATE:
        query_state(q, field);
        break;
    }
}

int query_read_row(struct query *q, const struct column *columns, size_t n, void *row,
                   struct error *err)
{
    for (size_t i = 0; i < n; i++)
        read_column(q, &columns[i], (char *)row + columns[i].offset);
    return query_columns(q, err);
}
