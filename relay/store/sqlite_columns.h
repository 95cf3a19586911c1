/* sqlite_columns.h - which field of which struct is which column, written once.
 *
 * Each X(KIND, name) names a struct's field and the column of the same name. SQL and tables of
 * struct column are both made of these lists, so that they cannot come to differ. The schema is not
 * made of them: what a version once was must never change (sqlite_schema.c). */
#ifndef RELAY_STORE_SQLITE_COLUMNS_H
#define RELAY_STORE_SQLITE_COLUMNS_H

/* clang-format off */
#define TIME_COLUMNS(X) X(INT64, relay_ms) X(INT64, boot_ms) X(INT64, wall_ms) X(FIXED, boot_id) X(INT64, wait_until)

/* Without what identifies the row, as an update sets them: a column that is set has its index written anew. */
#define KEY_STATE_COLUMNS(X) \
    X(OWNED, route) X(INT64, quiet_since) X(INT64, disarmed_at) X(INT64, cooldown_from) \
    X(INT64, retry_from) X(FIXED, relay_id) X(INT64, posted_at) X(BOOL, executed) X(BOOL, settled) \
    X(BOOL, by_operator) X(INT64, hold_began) X(INT64, hold_from) X(INT64, deferred_at) X(REASON, deferred_for)
#define KEY_COLUMNS(X) X(OWNED, text) KEY_STATE_COLUMNS(X)

#define NOTIFICATION_COLUMNS(X) \
    X(FIXED, id) X(OWNED, source) X(OWNED, format) X(INT64, received_wall) X(INT64, received_at) X(OWNED, alerts)

#define REQUEST_STATE_COLUMNS(X) \
    X(STATE, state) X(FIXED, reason) X(FIXED, detail) X(OWNED, route) X(OWNED, key) \
    X(OWNED, target) X(FIXED, cause) X(FIXED, notification) X(OWNED, inputs) X(INT64, created_at) \
    X(INT64, created_wall) X(INT64, expires_ms) X(BOOL, slot) X(INT64, attempts) X(INT64, posted_at) \
    X(BOOL, executed) X(INT64, next_at) X(INT64, failures) X(INT64, run_id) X(NULLABLE, run_url) \
    X(FIXED, run_status) X(FIXED, conclusion) X(INT64, run_attempt) X(INT64, accepted_at) X(INT64, polls) \
    X(NULLABLE, etag) X(NULLABLE, redirect) X(INT64, hops) X(FIXED, replaces) \
    X(BOOL, correlated) X(NULLABLE, place) X(INT64, look_from) X(INT64, look_wall) X(INT64, grace_until) \
    X(BOOL, lost) X(BOOL, adopted) X(FIXED, duplicates) X(FIXED, effect) X(INT64, effect_until) \
    X(BOOL, effect_doubt) X(INT64, ended_wall) X(FIXED, cancel)
#define REQUEST_COLUMNS(X) X(FIXED, relay_id) REQUEST_STATE_COLUMNS(X)

#define OUTCOME_COLUMNS(X) \
    X(INT64, at_wall) X(OWNED, key) X(NULLABLE, route) X(OWNED, verdict) X(OWNED, reason) X(FIXED, relay_id)

#define CHANGE_COLUMNS(X) \
    X(INT64, at_wall) X(OWNED, who) X(OWNED, action) X(OWNED, scope) X(OWNED, name) X(OWNED, why) X(OWNED, detail)

#define EVENT_COLUMNS(X) X(INT64, at_wall) X(FIXED, event) X(FIXED, detail)

#define ATTEMPT_COLUMNS(X) X(INT64, at_wall) X(FIXED, outcome) X(INT, http_status) X(FIXED, detail)

#define CREDENTIAL_COLUMNS(X) \
    X(INT64, not_before) X(INT64, last_write) X(INT64, blocks) X(INT64, remaining) X(INT64, token_expiry_s) \
    X(FIXED, reason) X(INT64, clock_ms) X(INT64, limited_until)

#define TARGET_COLUMNS(X) X(BOOL, no_run_details) X(BOOL, no_relay_id) X(BOOL, marked)

/* For SQL: each follows something, so that every element may begin with a comma. */
#define COLUMN_NAME(kind, name)     ", " #name
#define COLUMN_MARK(kind, name)     ", ?"
#define COLUMN_REPLACE(kind, name)  ", " #name " = excluded." #name
/* clang-format on */

/* One element of a `static const struct column` table. */
#define COLUMN_OF(of, kind_, name)                                                                 \
    {.kind = COLUMN_##kind_, .offset = offsetof(of, name), .size = sizeof(((of *)NULL)->name)},
#define COLUMNS(table) (sizeof(table) / sizeof((table)[0]))

#endif
