#include "tests/unit/store_fixture.h"

#include <errno.h>

static bool see_notification(void *context, const struct store_notification *n)
{
    assert_null(n->body);
    assert_string_equal(n->source, "grafana");
    assert_non_null(n->alerts);
    see(context, n->id);
    return true;
}

static void requests_are_paged_newest_first_without_gap_or_repeat(void **state)
{
    struct fixture *f = *state;
    struct seen s = {.n = 0};
    char cursor[64] = "";
    char next[64];
    unsigned pages = 0;
    put_many(f, 25, REQUEST_DONE);
    do {
        OK(f, OPS(f)->list_requests(SELF(f), cursor, 10, see_listed, &s, next, &f->err));
        if (pages++ == 0) { /* what comes in meanwhile moves nothing */
            const struct request late = fixture_request(26, REQUEST_QUEUED);
            fixture_begin(f);
            put(f, &late);
            fixture_commit(f);
        }
        memcpy(cursor, next, sizeof(cursor));
    } while (next[0] != '\0');
    assert_int_equal(pages, 3);
    assert_int_equal(s.n, 25);
    for (unsigned i = 0; i < 25; i++) {
        char id[ULID_SIZE];
        fixture_id(id, 'R', 25 - i);
        assert_string_equal(s.ids[i], id);
    }
}

static void a_page_that_ends_with_the_list_has_no_next(void **state)
{
    struct fixture *f = *state;
    struct seen s = {.n = 0};
    char next[64] = "unset";
    OK(f, OPS(f)->list_requests(SELF(f), "", 10, see_listed, &s, next, &f->err));
    assert_string_equal(next, "");
    put_many(f, 200, REQUEST_DONE);
    OK(f, OPS(f)->list_requests(SELF(f), "", STORE_LIST_MAX, see_listed, &s, next, &f->err));
    assert_int_equal(s.n, 200);
    assert_string_equal(next, "");
    OK(f, OPS(f)->list_requests(SELF(f), "1", 10, see_listed, &s, next, &f->err));
    assert_int_equal(s.n, 200);
    assert_string_equal(next, "");
}

static void notifications_are_paged_without_their_bodies(void **state)
{
    struct fixture *f = *state;
    static const unsigned want[] = {3, 2, 1};
    struct seen s = {.n = 0};
    char body[] = "{}";
    char next[64];
    fixture_begin(f);
    for (unsigned i = 1; i <= 3; i++) {
        const struct store_notification n = fixture_notification(i, body, 2);
        OK(f, OPS(f)->put_notification(SELF(f), &n, &f->err));
    }
    fixture_commit(f);
    OK(f, OPS(f)->list_notifications(SELF(f), "", 2, see_notification, &s, next, &f->err));
    assert_int_equal(s.n, 2);
    OK(f, OPS(f)->list_notifications(SELF(f), next, 2, see_notification, &s, next, &f->err));
    assert_ids(&s, 'N', want, 3);
    assert_string_equal(next, "");
}

static void cursors_and_limits_that_are_none_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const cursors[] = {
        "x", "-1", "0", " 1", "1 ", "1;DROP TABLE requests", "99999999999999999999"};
    static const size_t limits[] = {0, STORE_LIST_MAX + 1, SIZE_MAX};
    struct seen s = {.n = 0};
    char next[64];
    put_many(f, 3, REQUEST_DONE);
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        assert_int_equal(
            OPS(f)->list_requests(SELF(f), cursors[i], 10, see_listed, &s, next, &f->err), -EINVAL);
        assert_non_null(strstr(f->err.text, cursors[i]));
        assert_int_equal(OPS(f)->list_notifications(SELF(f), cursors[i], 10, see_notification, &s,
                                                    next, &f->err),
                         -EINVAL);
    }
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        assert_int_equal(
            OPS(f)->list_requests(SELF(f), "", limits[i], see_listed, &s, next, &f->err), -EINVAL);
    assert_int_equal(s.n, 0);
}

/* Wants the row with the number 0 only, which is the oldest. */
static bool see_oldest(void *context, const struct request *r)
{
    char oldest[ULID_SIZE];
    fixture_id(oldest, 'R', 0);
    bool wanted = strcmp(r->relay_id, oldest) == 0;
    if (wanted)
        see(context, r->relay_id);
    return wanted;
}

/* Or one that looks for what is not there would keep everybody waiting. */
static void a_page_looks_at_so_many_rows_only(void **state)
{
    struct fixture *f = *state;
    struct seen s = {.n = 0};
    char cursor[64] = "";
    char next[64];
    unsigned pages = 0;
    fixture_begin(f);
    for (unsigned n = 0; n <= 2 * STORE_SCAN_MAX; n++) {
        const struct request r = fixture_request(n, REQUEST_DONE);
        put(f, &r);
    }
    fixture_commit(f);
    do {
        assert_int_equal(s.n, 0);
        OK(f, OPS(f)->list_requests(SELF(f), cursor, 10, see_oldest, &s, next, &f->err));
        memcpy(cursor, next, sizeof(cursor));
        pages++;
    } while (next[0] != '\0');
    assert_int_equal(pages, 3);
    assert_ids(&s, 'R', (const unsigned[]){0}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_page_looks_at_so_many_rows_only),
        ON_BOTH(requests_are_paged_newest_first_without_gap_or_repeat),
        ON_BOTH(a_page_that_ends_with_the_list_has_no_next),
        ON_BOTH(notifications_are_paged_without_their_bodies),
        ON_BOTH(cursors_and_limits_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
