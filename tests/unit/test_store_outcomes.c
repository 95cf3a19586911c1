#include "tests/unit/store_fixture.h"

#include "relay/base/scope.h"

#include <errno.h>

/* Copies of what a listing gave: its rows are borrowed. */
struct rows {
    struct store_outcome_row items[STORE_LIST_MAX + 1];
    size_t n;
};

static void take(void *context, const struct store_outcome_row *o)
{
    struct rows *rows = context;
    assert_true(rows->n <= STORE_LIST_MAX);
    struct store_outcome_row *copy = &rows->items[rows->n++];
    *copy = *o;
    copy->key = strdup(o->key);
    copy->route = o->route == NULL ? NULL : strdup(o->route);
    copy->verdict = strdup(o->verdict);
    copy->reason = strdup(o->reason);
}

static void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].key);
        free(rows->items[i].route);
        free(rows->items[i].verdict);
        free(rows->items[i].reason);
    }
    rows->n = 0;
}

static void list(struct fixture *f, const char *key, struct rows *rows)
{
    rows_clear(rows);
    OK(f, OPS(f)->list_outcomes(SELF(f), key, take, rows, &f->err));
}

static struct store_outcome_row row_of(char *key, int64_t at_wall)
{
    static char route[] = "kospi";
    static char verdict[] = "dispatch";
    static char reason[] = "first";
    struct store_outcome_row o = {
        .at_wall = at_wall, .key = key, .route = route, .verdict = verdict, .reason = reason};
    fixture_id(o.relay_id, 'R', 7);
    return o;
}

static int add(struct fixture *f, char *key, int64_t at_wall)
{
    const struct store_outcome_row o = row_of(key, at_wall);
    return OPS(f)->add_outcome(SELF(f), &o, &f->err);
}

static char key_a[] = "kospi/a%2Fb";
static char key_b[] = "kospi/b";

static void an_outcome_comes_back_with_every_field(void **state)
{
    struct fixture *f = *state;
    SCOPED(rows_clear) struct rows rows = {.n = 0};
    struct store_outcome_row bare = row_of(key_a, INT64_MAX);
    bare.route = NULL; /* it left the config */
    bare.relay_id[0] = '\0';
    fixture_begin(f);
    OK(f, add(f, key_a, 1764000000001));
    OK(f, OPS(f)->add_outcome(SELF(f), &bare, &f->err));
    fixture_commit(f);
    fixture_reopen(f);
    list(f, key_a, &rows);
    assert_int_equal(rows.n, 2);
    assert_true(rows.items[0].at_wall == INT64_MAX);
    assert_null(rows.items[0].route);
    assert_string_equal(rows.items[0].relay_id, "");
    assert_true(rows.items[1].at_wall == 1764000000001);
    assert_string_equal(rows.items[1].key, key_a);
    assert_string_equal(rows.items[1].route, "kospi");
    assert_string_equal(rows.items[1].verdict, "dispatch");
    assert_string_equal(rows.items[1].reason, "first");
    assert_string_equal(rows.items[1].relay_id, "01R00000000000000000000007");
}

/* Newest is what was added last, whatever the wall clock said. */
static void a_key_lists_its_own_outcomes_newest_first_and_at_most_200(void **state)
{
    struct fixture *f = *state;
    SCOPED(rows_clear) struct rows rows = {.n = 0};
    fixture_begin(f);
    for (int64_t i = 0; i < STORE_LIST_MAX + 5; i++) {
        OK(f, add(f, key_a, 10000 - i));
        if (i % 100 == 0)
            OK(f, add(f, key_b, i));
    }
    fixture_commit(f);
    list(f, key_a, &rows);
    assert_int_equal(rows.n, STORE_LIST_MAX);
    for (size_t i = 0; i < rows.n; i++) {
        assert_string_equal(rows.items[i].key, key_a);
        assert_int_equal(rows.items[i].at_wall, 10000 - (STORE_LIST_MAX + 4) + (int64_t)i);
    }
    list(f, key_b, &rows);
    assert_int_equal(rows.n, 3);
    assert_int_equal(rows.items[0].at_wall, 200);
    assert_int_equal(rows.items[2].at_wall, 0);
    list(f, "kospi/none", &rows);
    assert_int_equal(rows.n, 0);
    list(f, NULL, &rows); /* of all, in the order in which they were added */
    assert_int_equal(rows.n, STORE_LIST_MAX);
    assert_string_equal(rows.items[0].key, key_a);
    assert_int_equal(rows.items[0].at_wall, 10000 - (STORE_LIST_MAX + 4));
    assert_string_equal(rows.items[4].key, key_b);
    assert_int_equal(rows.items[4].at_wall, STORE_LIST_MAX);
    assert_string_equal(rows.items[5].key, key_a);
}

static void what_was_rolled_back_is_no_outcome(void **state)
{
    struct fixture *f = *state;
    SCOPED(rows_clear) struct rows rows = {.n = 0};
    fixture_begin(f);
    OK(f, add(f, key_a, 1));
    fixture_commit(f);
    fixture_begin(f);
    OK(f, add(f, key_a, 2));
    OK(f, add(f, key_b, 2));
    list(f, key_a, &rows);
    assert_int_equal(rows.n, 2); /* the transaction sees its own */
    OPS(f)->rollback(SELF(f));
    fixture_begin(f);
    OK(f, add(f, key_a, 3));
    fixture_commit(f);
    list(f, key_a, &rows);
    assert_int_equal(rows.n, 2);
    assert_int_equal(rows.items[0].at_wall, 3);
    assert_int_equal(rows.items[1].at_wall, 1);
    list(f, key_b, &rows);
    assert_int_equal(rows.n, 0);
}

static void one_outside_of_a_transaction_is_refused(void **state)
{
    struct fixture *f = *state;
    SCOPED(rows_clear) struct rows rows = {.n = 0};
    assert_int_equal(add(f, key_a, 1), -EPROTO);
    list(f, key_a, &rows);
    assert_int_equal(rows.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(an_outcome_comes_back_with_every_field),
        ON_BOTH(a_key_lists_its_own_outcomes_newest_first_and_at_most_200),
        ON_BOTH(what_was_rolled_back_is_no_outcome),
        ON_BOTH(one_outside_of_a_transaction_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
