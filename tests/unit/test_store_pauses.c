#include "tests/unit/store_fixture.h"

#include <errno.h>

/* The pauses as text, "route NAME since" or "target …" each, in the order of loading. */
struct loaded {
    char lines[8][64];
    size_t n;
    int refuse; /* what taking one returns */
};

static int take(void *context, const struct store_pause *p)
{
    struct loaded *l = context;
    assert_true(l->n < 8);
    (void)snprintf(l->lines[l->n++], sizeof(l->lines[0]), "%s %s %lld%s%s%s",
                   p->scope == ENGINE_ROUTE ? "route" : "target", p->name, (long long)p->since_wall,
                   p->who, p->until == 0 ? "" : " ends ", p->why);
    return l->refuse;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* want: the lines in order, ended by NULL. */
static void assert_pauses(struct fixture *f, const char *const *want)
{
    struct loaded l = {.n = 0};
    size_t n = 0;
    OK(f, OPS(f)->load_pauses(SELF(f), take, &l, &f->err));
    qsort(l.lines, l.n, sizeof(l.lines[0]), compare);
    for (; want[n] != NULL; n++) {
        assert_true(n < l.n);
        assert_string_equal(l.lines[n], want[n]);
    }
    assert_int_equal(l.n, n);
}
#define ASSERT_PAUSES(f, ...) assert_pauses(f, (const char *const[]){__VA_ARGS__, NULL})

static int put_pause(struct fixture *f, enum engine_scope scope, const char *name, int64_t since)
{
    const struct store_pause p = {
        .scope = scope, .name = name, .since_wall = since, .who = "", .why = ""};
    return OPS(f)->put_pause(SELF(f), &p, &f->err);
}

static int delete_pause(struct fixture *f, enum engine_scope scope, const char *name)
{
    return OPS(f)->delete_pause(SELF(f), scope, name, &f->err);
}

static void a_pause_that_is_put_again_keeps_its_time(void **state)
{
    struct fixture *f = *state;
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1764000000001));
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1764000000002));
    fixture_commit(f);
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1764000000003));
    fixture_commit(f);
    fixture_reopen(f);
    ASSERT_PAUSES(f, "route kospi 1764000000001");
}

static void a_pause_that_is_put_again_has_its_new_end_and_reason(void **state)
{
    struct fixture *f = *state;
    const struct store_pause p = {.scope = ENGINE_ROUTE,
                                  .name = "kospi",
                                  .since_wall = 5,
                                  .until = 77,
                                  .who = " uid 7",
                                  .why = "upgrade"};
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1));
    OK(f, OPS(f)->put_pause(SELF(f), &p, &f->err));
    fixture_commit(f);
    fixture_reopen(f);
    ASSERT_PAUSES(f, "route kospi 1 uid 7 ends upgrade");
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 9));
    fixture_commit(f);
    ASSERT_PAUSES(f, "route kospi 1");
}

static void a_route_and_a_target_of_one_name_are_two(void **state)
{
    struct fixture *f = *state;
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1));
    OK(f, put_pause(f, ENGINE_TARGET, "kospi", 2));
    OK(f, put_pause(f, ENGINE_TARGET, "kosdaq", 3));
    fixture_commit(f);
    ASSERT_PAUSES(f, "route kospi 1", "target kosdaq 3", "target kospi 2");
    fixture_begin(f);
    OK(f, delete_pause(f, ENGINE_ROUTE, "kospi"));
    fixture_commit(f);
    ASSERT_PAUSES(f, "target kosdaq 3", "target kospi 2");
}

static void a_deleted_pause_is_gone_and_counts_from_anew(void **state)
{
    struct fixture *f = *state;
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1));
    OK(f, delete_pause(f, ENGINE_ROUTE, "kospi"));
    OK(f, delete_pause(f, ENGINE_ROUTE, "never")); /* it is gone, which is what counts */
    fixture_commit(f);
    fixture_reopen(f);
    assert_pauses(f, (const char *const[]){NULL});
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 9));
    fixture_commit(f);
    ASSERT_PAUSES(f, "route kospi 9");
}

static void a_rollback_leaves_the_pauses_as_they_were(void **state)
{
    struct fixture *f = *state;
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 1));
    fixture_commit(f);
    fixture_begin(f);
    OK(f, delete_pause(f, ENGINE_ROUTE, "kospi"));
    OK(f, put_pause(f, ENGINE_ROUTE, "kospi", 2));
    OK(f, put_pause(f, ENGINE_TARGET, "retrain", 3));
    ASSERT_PAUSES(f, "route kospi 2", "target retrain 3"); /* the transaction sees its own */
    OPS(f)->rollback(SELF(f));
    ASSERT_PAUSES(f, "route kospi 1");
}

static void changes_outside_of_a_transaction_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_pause(f, ENGINE_ROUTE, "kospi", 1), -EPROTO);
    assert_int_equal(delete_pause(f, ENGINE_ROUTE, "kospi"), -EPROTO);
    assert_pauses(f, (const char *const[]){NULL});
}

static void loading_stops_where_a_pause_cannot_be_taken(void **state)
{
    struct fixture *f = *state;
    struct loaded l = {.refuse = -ENOMEM};
    fixture_begin(f);
    OK(f, put_pause(f, ENGINE_ROUTE, "a", 1));
    OK(f, put_pause(f, ENGINE_ROUTE, "b", 2));
    fixture_commit(f);
    assert_int_equal(OPS(f)->load_pauses(SELF(f), take, &l, &f->err), -ENOMEM);
    assert_int_equal(l.n, 1);
    fixture_begin(f); /* the statement that was left half-way holds nothing */
    fixture_commit(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_pause_that_is_put_again_keeps_its_time),
        ON_BOTH(a_pause_that_is_put_again_has_its_new_end_and_reason),
        ON_BOTH(a_route_and_a_target_of_one_name_are_two),
        ON_BOTH(a_deleted_pause_is_gone_and_counts_from_anew),
        ON_BOTH(a_rollback_leaves_the_pauses_as_they_were),
        ON_BOTH(changes_outside_of_a_transaction_are_refused),
        ON_BOTH(loading_stops_where_a_pause_cannot_be_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
