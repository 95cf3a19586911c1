/* store_transaction.h - one transaction with a row of each kind, and how much of it is there. */
#ifndef TESTS_UNIT_STORE_TRANSACTION_H
#define TESTS_UNIT_STORE_TRANSACTION_H

#include "tests/unit/store_fixture.h"

#include "relay/base/scope.h"

#include <sqlite3.h>

static inline int put_all(struct fixture *f, unsigned n, size_t body_len)
{
    SCOPED(free_p) char *body = malloc(body_len);
    assert_non_null(body);
    memset(body, 'a' + (int)(n % 26), body_len);
    const struct store_notification notification = fixture_notification(n, body, body_len);
    const struct store_mac mac = fixture_mac(n, 1764000000000, 100 + n);
    const struct request request = fixture_request(n, REQUEST_QUEUED);
    const struct attempt attempt = {.at_wall = n, .outcome = "not_sent"};
    char text[32];
    (void)snprintf(text, sizeof(text), "kospi/%u", n);
    struct key *key = key_new(text, "kospi");
    int rc = OPS(f)->begin(SELF(f), &f->err);
    if (rc == 0)
        rc = OPS(f)->put_notification(SELF(f), &notification, &f->err);
    if (rc == 0)
        rc = OPS(f)->put_mac(SELF(f), &mac, &f->err);
    if (rc == 0)
        rc = OPS(f)->put_key(SELF(f), key, &f->err);
    if (rc == 0)
        rc = OPS(f)->put_request(SELF(f), &request, &f->err);
    if (rc == 0)
        rc = OPS(f)->add_attempt(SELF(f), request.relay_id, &attempt, &f->err);
    if (rc == 0)
        rc = OPS(f)->commit(SELF(f), &fixture_time, &f->err);
    if (rc != 0)
        OPS(f)->rollback(SELF(f));
    key_free(key);
    return rc;
}

struct wanted_key {
    char text[32];
    bool found;
};

static inline int look_for_key(void *context, struct key *k)
{
    struct wanted_key *wanted = context;
    wanted->found = wanted->found || strcmp(k->text, wanted->text) == 0;
    key_free(k);
    return 0;
}

static inline void count_attempt(void *context, const struct attempt *a)
{
    (void)a;
    ++*(int *)context;
}

/* How many of the five rows of put_all(n) are there. */
static inline int rows_of(struct fixture *f, unsigned n)
{
    int rows = 0;
    const struct request want = fixture_request(n, REQUEST_QUEUED);
    const struct store_mac mac = fixture_mac(n, 0, 0);
    SCOPED(store_notification_clear) struct store_notification notification = {.body = NULL};
    SCOPED(request_free) struct request request = {.route = NULL};
    struct store_mac got;
    struct wanted_key key = {.found = false};
    (void)snprintf(key.text, sizeof(key.text), "kospi/%u", n);
    rows += OPS(f)->get_notification(SELF(f), mac.notification, &notification, &f->err) == 0;
    rows += OPS(f)->get_mac(SELF(f), mac.mac, &got, &f->err) == 0;
    rows += OPS(f)->get_request(SELF(f), want.relay_id, &request, &f->err) == 0;
    OK(f, OPS(f)->load_keys(SELF(f), look_for_key, &key, &f->err));
    rows += key.found;
    OK(f, OPS(f)->list_attempts(SELF(f), want.relay_id, count_attempt, &rows, &f->err));
    return rows;
}

static inline void assert_sound(const struct fixture *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *check = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#endif
