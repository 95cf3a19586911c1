/* What only the store in memory does: outliving its owner, failing when told to, being fast. What
 * it shares with SQLite is tested in test_store.c, _keys, _pages, _requests and _alike. */
#include "tests/unit/store_fixture.h"

#include "relay/base/clock.h"
#include "relay/store/memory_table.h"

#include <errno.h>

static int put_target(struct fixture *f, bool marked)
{
    const struct target_memory memory = {.marked = marked};
    return OPS(f)->put_target_memory(SELF(f), "retrain", &memory, &f->err);
}

/* Is a memory of the target there, and is it marked? */
static void assert_target(struct fixture *f, int want, bool marked)
{
    struct target_memory memory = {.marked = !marked};
    assert_int_equal(OPS(f)->get_target_memory(SELF(f), "retrain", &memory, &f->err), want);
    if (want == 0)
        assert_int_equal(memory.marked, marked);
}

static void commit_marked(struct fixture *f)
{
    fixture_begin(f);
    OK(f, put_target(f, true));
    fixture_commit(f);
}

static void fail_ops(struct fixture *f, unsigned operations, size_t skip, size_t times)
{
    const struct memory_fault fault = {
        .operations = operations, .skip = skip, .times = times, .code = -EIO};
    memory_store_fail(f->memory, &fault);
}

static void only_one_owner_has_it_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct store second = {.self = NULL};
    assert_int_equal(memory_store_open(f->memory, &second, &f->err), -EBUSY);
    assert_null(second.self);
    fixture_reopen(f);
}

static void a_crash_in_a_transaction_leaves_what_was_committed(void **state)
{
    struct fixture *f = *state;
    commit_marked(f);
    fixture_begin(f);
    OK(f, put_target(f, false));
    assert_target(f, 0, false); /* a transaction sees its own changes */
    fixture_reopen(f);
    assert_target(f, 0, true);
}

static void forgetting_is_undone_with_its_floor(void **state)
{
    struct fixture *f = *state;
    const struct store_mac a = fixture_mac(1, 500, 10);
    const struct store_mac b = fixture_mac(2, 600, 20);
    const struct store_mac late = fixture_mac(3, 700, 5); /* older than what is left */
    struct store_mac got;
    size_t forgotten = 0;
    int64_t floor = 0;
    int64_t oldest = 0;
    fixture_begin(f);
    OK(f, OPS(f)->put_mac(SELF(f), &a, &f->err));
    OK(f, OPS(f)->put_mac(SELF(f), &b, &f->err));
    fixture_commit(f);
    fixture_begin(f);
    OK(f, OPS(f)->forget_macs(SELF(f), 15, &forgotten, &f->err));
    OK(f, OPS(f)->put_mac(SELF(f), &late, &f->err));
    OK(f, OPS(f)->get_floor(SELF(f), &floor, &f->err));
    assert_int_equal(floor, 500);
    OPS(f)->rollback(SELF(f));
    OK(f, OPS(f)->get_floor(SELF(f), &floor, &f->err));
    assert_true(floor == INT64_MIN);
    OK(f, OPS(f)->get_mac(SELF(f), a.mac, &got, &f->err));
    assert_int_equal(OPS(f)->get_mac(SELF(f), late.mac, &got, &f->err), STORE_NONE);
    OK(f, OPS(f)->oldest_mac(SELF(f), &oldest, &f->err));
    assert_int_equal(oldest, 10);
}

/* --- faults -------------------------------------------------------------------------------------
 */

static void each_kind_of_operation_fails_when_told_to(void **state)
{
    struct fixture *f = *state;
    commit_marked(f);
    fail_ops(f, MEMORY_BEGIN, 0, 1);
    assert_int_equal(OPS(f)->begin(SELF(f), &f->err), -EIO);
    fixture_begin(f); /* once, as told */
    fail_ops(f, MEMORY_CHANGE, 1, 1);
    OK(f, put_target(f, false));
    assert_int_equal(put_target(f, false), -EIO);
    assert_int_equal(memory_store_failures(f->memory), 1);
    assert_int_equal(put_target(f, false), -EPROTO); /* after a failure nothing more is taken */
    assert_int_equal(OPS(f)->commit(SELF(f), &fixture_time, &f->err), -EPROTO);
    OPS(f)->rollback(SELF(f));
    assert_target(f, 0, true);
    fail_ops(f, MEMORY_READ, 0, 1);
    assert_target(f, -EIO, true);
    assert_target(f, 0, true);
}

static void a_commit_that_fails_leaves_nothing_of_it(void **state)
{
    struct fixture *f = *state;
    commit_marked(f);
    fail_ops(f, MEMORY_COMMIT, 0, 1);
    fixture_begin(f);
    OK(f, put_target(f, false));
    assert_int_equal(OPS(f)->commit(SELF(f), &fixture_time, &f->err), -EIO);
    OPS(f)->rollback(SELF(f));
    assert_target(f, 0, true);
    OK(f, OPS(f)->probe(SELF(f), &fixture_time, &f->err));
    fixture_reopen(f);
    assert_target(f, 0, true);
}

static void a_probe_says_whether_the_disk_is_well_again(void **state)
{
    struct fixture *f = *state;
    static const unsigned kinds[] = {MEMORY_BEGIN, MEMORY_CHANGE, MEMORY_COMMIT};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fail_ops(f, kinds[i], 0, 2);
        assert_int_equal(OPS(f)->probe(SELF(f), &fixture_time, &f->err), -EIO);
        assert_int_equal(OPS(f)->probe(SELF(f), &fixture_time, &f->err), -EIO);
        OK(f, OPS(f)->probe(SELF(f), &fixture_time, &f->err));
    }
    fixture_begin(f);
    fixture_commit(f);
}

static void doubt(struct fixture *f)
{
    const struct memory_fault fault = {.operations = MEMORY_BEGIN | MEMORY_COMMIT,
                                       .times = SIZE_MAX,
                                       .code = -EIO,
                                       .doubtful = true};
    commit_marked(f);
    fixture_begin(f);
    OK(f, put_target(f, false));
    memory_store_fail(f->memory, &fault);
    assert_int_equal(OPS(f)->commit(SELF(f), &fixture_time, &f->err), -EIO);
    OPS(f)->rollback(SELF(f));
    assert_target(f, 0, true); /* its owner sees nothing of it */
    assert_int_equal(OPS(f)->probe(SELF(f), &fixture_time, &f->err), -EIO);
}

static void a_commit_in_doubt_is_there_after_a_crash(void **state)
{
    struct fixture *f = *state;
    doubt(f);
    fixture_reopen(f);
    assert_target(f, 0, false);
}

static void a_commit_in_doubt_is_gone_once_the_disk_is_well(void **state)
{
    struct fixture *f = *state;
    doubt(f);
    fail_ops(f, 0, 0, 0);
    OK(f, OPS(f)->probe(SELF(f), &fixture_time, &f->err));
    fixture_reopen(f);
    assert_target(f, 0, true);
}

/* --- the table ----------------------------------------------------------------------------------
 */

struct row {
    unsigned number;
};

static struct memory_id row_id(const void *row)
{
    return (struct memory_id){row, sizeof(struct row)};
}

static const struct memory_table_type rows = {.id = row_id, .free = free};

static void put_row(struct memory_table *t, unsigned number)
{
    struct row *row = malloc(sizeof(*row));
    void *before = t;
    assert_non_null(row);
    row->number = number;
    assert_true(memory_table_put(t, row, &before));
    assert_null(before);
}

/* Every third row goes, from anywhere: what is left is found, what went is not. */
static void rows_are_found_however_others_came_and_went(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct memory_table t = {.type = &rows};
    for (unsigned i = 0; i < N; i++)
        put_row(&t, i);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = round; i < N; i += 3)
            free(memory_table_take(
                &t, memory_table_find(&t, (struct memory_id){&i, sizeof(struct row)})));
        for (unsigned i = 0; i < N; i++) {
            size_t at = memory_table_find(&t, (struct memory_id){&i, sizeof(struct row)});
            assert_int_equal(at == MEMORY_NO_ROW, i % 3 == round);
            if (at != MEMORY_NO_ROW)
                assert_int_equal(((struct row *)t.rows[at])->number, i);
        }
        for (unsigned i = round; i < N; i += 3)
            put_row(&t, i);
    }
    assert_int_equal(t.n, N);
    memory_table_free(&t);
}

/* --- speed --------------------------------------------------------------------------------------
 */

/* The bound is loose, so that a loaded machine or a sanitizer passes; a commit that costs what the
 * store holds would take minutes. */
static void a_commit_costs_what_it_changes(void **state)
{
    struct fixture *f = *state;
    const struct mono start = clock_mono(clock_system());
    for (unsigned i = 0; i < 50000; i++) {
        const struct request r = fixture_request(i, REQUEST_QUEUED);
        const struct store_mac m = fixture_mac(i, i, i);
        size_t forgotten;
        fixture_begin(f);
        put(f, &r);
        OK(f, OPS(f)->put_mac(SELF(f), &m, &f->err));
        OK(f, OPS(f)->forget_macs(SELF(f), (int64_t)i - 1000, &forgotten, &f->err));
        if (i % 10 == 0)
            OPS(f)->rollback(SELF(f));
        else
            fixture_commit(f);
    }
    const int64_t took_ms = clock_mono(clock_system()).ms - start.ms;
    print_message("50000 transactions: %lld ms\n", (long long)took_ms);
    assert_true(took_ms < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MEMORY(only_one_owner_has_it_at_a_time),
        ON_MEMORY(a_crash_in_a_transaction_leaves_what_was_committed),
        ON_MEMORY(forgetting_is_undone_with_its_floor),
        ON_MEMORY(each_kind_of_operation_fails_when_told_to),
        ON_MEMORY(a_commit_that_fails_leaves_nothing_of_it),
        ON_MEMORY(a_probe_says_whether_the_disk_is_well_again),
        ON_MEMORY(a_commit_in_doubt_is_there_after_a_crash),
        ON_MEMORY(a_commit_in_doubt_is_gone_once_the_disk_is_well),
        cmocka_unit_test(rows_are_found_however_others_came_and_went),
        ON_MEMORY(a_commit_costs_what_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
