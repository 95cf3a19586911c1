#include "tests/unit/store_fixture.h"

#include "relay/base/clock.h"
#include "relay/base/scope.h"

#include <errno.h>

#include <sqlite3.h>

struct taken {
    struct key *keys[8];
    size_t n, refuse_at;
};

static int take_key(void *context, struct key *k)
{
    struct taken *t = context;
    if (t->refuse_at != 0 && t->n + 1 == t->refuse_at) {
        key_free(k);
        return -ENOMEM;
    }
    assert_true(t->n < 8);
    t->keys[t->n++] = k;
    return 0;
}

static void taken_clear(struct taken *t)
{
    for (size_t i = 0; i < t->n; i++)
        key_free(t->keys[i]);
    t->n = 0;
}

static struct key *full_key(const char *text)
{
    struct key *k = key_new(text, "kospi");
    assert_non_null(k);
    k->quiet_since = 1;
    k->disarmed_at = 2;
    k->cooldown_from = 3;
    k->retry_from = 4;
    fixture_id(k->relay_id, 'R', 5);
    k->posted_at = 6;
    k->executed = true;
    k->by_operator = true;
    k->hold_began = 7;
    k->hold_from = 8;
    k->deferred_at = 9;
    k->deferred_for = REASON_BUDGET;
    struct member *m = key_add_member(k, "grafana", "\"\\\n\x01 한글");
    assert_non_null(m);
    m->starts_at = INT64_MIN;
    m->heard_at = INT64_MAX;
    m->blind = true;
    fixture_id(m->notification, 'N', 7);
    m->position = UINT32_MAX;
    m = key_add_member(k, "alertmanager", "ab");
    assert_non_null(m);
    m->starts_at = -62135596800000; /* year 1 */
    m->heard_at = 8;
    m->in_request = true;
    m = key_add_member(k, "both", "ab");
    assert_non_null(m);
    m->in_request = true;
    m->waits = true;
    m = key_add_member(k, "waits", "ab");
    assert_non_null(m);
    m->waits = true;
    return k;
}

static void a_key_comes_back_with_its_members(void **state)
{
    struct fixture *f = *state;
    SCOPED(taken_clear) struct taken t = {.n = 0};
    struct key *k = full_key("kospi/a");
    fixture_begin(f);
    OK(f, OPS(f)->put_key(SELF(f), k, &f->err));
    fixture_commit(f);
    key_free(k);
    fixture_reopen(f);
    OK(f, OPS(f)->load_keys(SELF(f), take_key, &t, &f->err));
    assert_int_equal(t.n, 1);
    k = t.keys[0];
    assert_string_equal(k->text, "kospi/a");
    assert_string_equal(k->route, "kospi");
    assert_int_equal(k->quiet_since, 1);
    assert_int_equal(k->disarmed_at, 2);
    assert_int_equal(k->cooldown_from, 3);
    assert_int_equal(k->retry_from, 4);
    assert_string_equal(k->relay_id, "01R00000000000000000000005");
    assert_int_equal(k->posted_at, 6);
    assert_true(k->executed);
    assert_false(k->settled);
    assert_true(k->by_operator);
    assert_int_equal(k->hold_began, 7);
    assert_int_equal(k->hold_from, 8);
    assert_int_equal(k->deferred_at, 9);
    assert_int_equal(k->deferred_for, REASON_BUDGET);
    assert_int_equal(k->n_members, 4);
    const struct member *m = key_member(k, "grafana", "\"\\\n\x01 한글");
    assert_non_null(m);
    assert_true(m->starts_at == INT64_MIN && m->heard_at == INT64_MAX);
    assert_true(m->blind && !m->in_request && !m->waits);
    assert_string_equal(m->notification, "01N00000000000000000000007");
    assert_true(m->position == UINT32_MAX);
    m = key_member(k, "alertmanager", "ab");
    assert_non_null(m);
    assert_true(m->starts_at == -62135596800000 && m->heard_at == 8);
    assert_true(!m->blind && m->in_request && !m->waits);
    assert_string_equal(m->notification, "");
    assert_int_equal(m->position, 0);
    m = key_member(k, "both", "ab");
    assert_true(m != NULL && m->in_request && m->waits);
    m = key_member(k, "waits", "ab");
    assert_true(m != NULL && !m->in_request && m->waits);
}

/* Every block that a deferral may wait for. */
static void a_deferral_comes_back_with_what_it_waits_for(void **state)
{
    struct fixture *f = *state;
    static const enum reason reasons[] = {REASON_PAUSED, REASON_RUNNING, REASON_NOT_REARMED,
                                          REASON_COOLDOWN, REASON_BUDGET};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        SCOPED(taken_clear) struct taken t = {.n = 0};
        struct key *k = key_new("kospi/a", "kospi");
        assert_non_null(k);
        k->deferred_at = 1;
        k->deferred_for = reasons[i];
        fixture_begin(f);
        OK(f, OPS(f)->put_key(SELF(f), k, &f->err));
        fixture_commit(f);
        key_free(k);
        OK(f, OPS(f)->load_keys(SELF(f), take_key, &t, &f->err));
        assert_int_equal(t.n, 1);
        assert_int_equal(t.keys[0]->deferred_at, 1);
        assert_int_equal(t.keys[0]->deferred_for, reasons[i]);
    }
}

static void a_key_put_again_replaces_all_of_it_and_a_deleted_one_is_gone(void **state)
{
    struct fixture *f = *state;
    SCOPED(taken_clear) struct taken t = {.n = 0};
    struct key *full = full_key("kospi/a");
    struct key *bare = key_new("kospi/a", "other");
    struct key *second = key_new("kospi/b", "kospi");
    fixture_begin(f);
    OK(f, OPS(f)->put_key(SELF(f), full, &f->err));
    OK(f, OPS(f)->put_key(SELF(f), second, &f->err));
    OK(f, OPS(f)->put_key(SELF(f), bare, &f->err));
    OK(f, OPS(f)->delete_key(SELF(f), "kospi/b", &f->err));
    OK(f,
       OPS(f)->delete_key(SELF(f), "kospi/none", &f->err)); /* it is gone, which is what counts */
    fixture_commit(f);
    key_free(full);
    key_free(bare);
    key_free(second);
    OK(f, OPS(f)->load_keys(SELF(f), take_key, &t, &f->err));
    assert_int_equal(t.n, 1);
    assert_string_equal(t.keys[0]->route, "other");
    assert_int_equal(t.keys[0]->n_members, 0);
    assert_int_equal(t.keys[0]->disarmed_at, 0);
    assert_string_equal(t.keys[0]->relay_id, "");
    assert_false(t.keys[0]->by_operator);
    assert_int_equal(t.keys[0]->hold_began, 0);
    assert_int_equal(t.keys[0]->hold_from, 0);
    assert_int_equal(t.keys[0]->deferred_at, 0);
}

static void loading_stops_where_a_key_cannot_be_taken(void **state)
{
    struct fixture *f = *state;
    SCOPED(taken_clear) struct taken t = {.refuse_at = 2};
    fixture_begin(f);
    for (char c = 'a'; c < 'e'; c++) {
        const char text[] = {'k', '/', c, '\0'};
        struct key *k = key_new(text, "k");
        OK(f, OPS(f)->put_key(SELF(f), k, &f->err));
        key_free(k);
    }
    fixture_commit(f);
    assert_int_equal(OPS(f)->load_keys(SELF(f), take_key, &t, &f->err), -ENOMEM);
    assert_int_equal(t.n, 1);
    fixture_begin(f); /* the statement that was left half-way holds nothing */
    fixture_commit(f);
}

/* --- what stands in the file --------------------------------------------------------------------
 */

#define ID  "01N00000000000000000000007"
#define ROW "[\"grafana\",\"f1\",5,6,0,1,\"" ID "\",2]"

static void load_text(struct fixture *f, const char *members, struct taken *t, int want)
{
    sqlite3 *db = NULL;
    char *sql = sqlite3_mprintf(
        "DELETE FROM keys; INSERT INTO keys (text, route, quiet_since, disarmed_at, "
        "cooldown_from, retry_from, relay_id, posted_at, executed, settled, members) "
        "VALUES ('k/a', 'k', 0, 0, 0, 0, '', 0, 0, 0, %Q)",
        members);
    fixture_close(f);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    sqlite3_free(sql);
    fixture_open(f);
    int r = OPS(f)->load_keys(SELF(f), take_key, t, &f->err);
    if (r != want)
        fail_msg("%s: %d, not %d", members, r, want);
}

static void members_are_read_as_any_release_wrote_them(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        size_t n;
    } rows[] = {
        {"[]", 0},
        {"[" ROW "]", 1},
        {"[" ROW ",[\"grafana\",\"f0\",null,6,0,1,\"" ID "\",2]]", 2},
        {"[[\"grafana\",\"f\\u00311\",5,6,0,1,\"" ID "\",2]]", 1},
        {"[[\"한글\",\"f1\",5,6,0,1,\"" ID "\",2]]", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SCOPED(taken_clear) struct taken t = {.n = 0};
        load_text(f, rows[i].text, &t, 0);
        assert_int_equal(t.n, 1);
        assert_int_equal(t.keys[0]->n_members, rows[i].n);
        const struct member *m = key_member(t.keys[0], "grafana", "f1");
        if (m != NULL)
            assert_true(m->starts_at == 5 && m->heard_at == 6 && !m->blind && m->in_request &&
                        !m->waits && strcmp(m->notification, ID) == 0 && m->position == 2);
    }
}

static void members_that_nobody_wrote_are_damage(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "",
        "{}",
        "[",
        "[" ROW,
        "[" ROW ",]",
        "[" ROW "]]",
        "[" ROW "][",
        "[" ROW "," ROW "]",
        "[[]]",
        "[ " ROW " ]",
        "[[\"grafana\",\"f1\",5,6,0,1,\"" ID "\"]]",
        "[[\"grafana\",\"f1\",5,6,0,1,\"" ID "\",2,3]]",
        "[[\"grafana\",\"f1\",5,6,0,1,\"" ID "0\",2]]",
        "[[\"grafana\",\"f1\",5,6,0,1,\"" ID "\",-1]]",
        "[[\"grafana\",\"f1\",5,6,0,1,\"" ID "\",4294967296]]",
        "[[\"grafana\",\"f1\",5,99999999999999999999,0,1,\"" ID "\",2]]",
        "[[\"grafana\",\"f1\",nul,6,0,1,\"" ID "\",2]]",
        "[[\"grafana\",f1,5,6,0,1,\"" ID "\",2]]",
        "[[\"grafana\",\"f1,5,6,0,1,2]]",
        "[[\"\\u0067rafana\",\"f1\",5,6,0,1,\"" ID "\"]]",
        "[[\"\\u0067rafana\",\"f1\",5,6,0,1,\"" ID "\",2],[\"grafana\",\"f1\",5,6,0,1,\"" ID
        "\",2]]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        SCOPED(taken_clear) struct taken t = {.n = 0};
        load_text(f, texts[i], &t, -EBADMSG);
        assert_int_equal(t.n, 0);
    }
}

static int drop_key(void *context, struct key *k)
{
    ++*(size_t *)context;
    key_free(k);
    return 0;
}

/* The bound is what a start may take; it is loose, so that a loaded machine or a sanitizer passes.
 */
static void many_keys_load_fast(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    fixture_begin(f);
    for (unsigned i = 0; i < 20000; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "kospi/model-%u", i);
        struct key *k = full_key(text);
        OK(f, OPS(f)->put_key(SELF(f), k, &f->err));
        key_free(k);
    }
    fixture_commit(f);
    const struct mono start = clock_mono(clock_system());
    OK(f, OPS(f)->load_keys(SELF(f), drop_key, &n, &f->err));
    const int64_t took_ms = clock_mono(clock_system()).ms - start.ms;
    assert_int_equal(n, 20000);
    print_message("20000 keys of 4 members: %lld ms\n", (long long)took_ms);
    assert_true(took_ms < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_key_comes_back_with_its_members),
        ON_BOTH(a_deferral_comes_back_with_what_it_waits_for),
        ON_BOTH(a_key_put_again_replaces_all_of_it_and_a_deleted_one_is_gone),
        ON_BOTH(loading_stops_where_a_key_cannot_be_taken),
        ON_SQLITE(members_are_read_as_any_release_wrote_them),
        ON_SQLITE(members_that_nobody_wrote_are_damage),
        ON_BOTH(many_keys_load_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
