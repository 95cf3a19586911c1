/* A backup is the whole store as of its last step, whatever is written between its steps. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <sys/stat.h>

#define BODY_SIZE 40000 /* ten pages: some rows fill a slice */

static void put_notification(struct fixture *f, unsigned n)
{
    static char body[BODY_SIZE];
    memset(body, 'x', sizeof(body));
    const struct store_notification row = fixture_notification(n, body, sizeof(body));
    OK(f, OPS(f)->put_notification(SELF(f), &row, &f->err));
}

static void put_notifications(struct fixture *f, unsigned from, unsigned to)
{
    fixture_begin(f);
    for (unsigned n = from; n < to; n++)
        put_notification(f, n);
    fixture_commit(f);
}

static void name_backup(const struct fixture *f, char out[static 192], const char *end)
{
    (void)snprintf(out, 192, "%s%s", f->path, end);
}

static bool is_there(const struct fixture *f, const char *end)
{
    char name[192];
    name_backup(f, name, end);
    return access(name, F_OK) == 0;
}

static struct store_backup step(struct fixture *f)
{
    struct store_backup progress;
    OK(f, OPS(f)->backup_step(SELF(f), &progress, &f->err));
    return progress;
}

static void finish(struct fixture *f)
{
    for (int i = 0; i < 1000; i++) {
        if (step(f).done)
            return;
    }
    fail_msg("it does not end");
}

/* The backup is opened as a store of its own, in place of the other. */
static void restore(struct fixture *f)
{
    char name[192];
    fixture_close(f);
    name_backup(f, name, ".backup");
    assert_int_equal(rename(name, f->path), 0);
    fixture_open(f);
    assert_true(f->report.unclean); /* it was copied from one that was open: it is checked */
}

static bool holds(struct fixture *f, unsigned n)
{
    struct store_notification row = {.id = ""};
    char id[ULID_SIZE];
    fixture_id(id, 'N', n);
    int r = OPS(f)->get_notification(SELF(f), id, &row, &f->err);
    assert_true(r != 0 || row.body_len == BODY_SIZE);
    store_notification_clear(&row);
    return r == 0;
}

static void it_holds_what_is_written_before_its_last_step(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char name[192];
    put_notifications(f, 0, 40);
    OK(f, OPS(f)->backup_start(SELF(f), &f->err));
    assert_int_equal(OPS(f)->backup_start(SELF(f), &f->err), -EBUSY);
    for (unsigned i = 0; i < 3; i++) {
        const struct store_backup progress = step(f);
        assert_true(!progress.done && progress.left > 0 && progress.left < progress.pages);
        assert_true(is_there(f, ".backup.new") && !is_there(f, ".backup"));
        put_notifications(f, 40 + i, 41 + i); /* behind and before what was copied */
    }
    fixture_begin(f); /* what is taken back was never there */
    put_notification(f, 90);
    OPS(f)->rollback(SELF(f));
    finish(f);
    assert_true(is_there(f, ".backup") && !is_there(f, ".backup.new"));
    name_backup(f, name, ".backup");
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    put_notifications(f, 60, 61);
    restore(f);
    for (unsigned n = 0; n < 43; n++)
        assert_true(holds(f, n));
    assert_false(holds(f, 60));
    assert_false(holds(f, 90));
}

static void it_takes_the_place_of_the_one_before(void **state)
{
    struct fixture *f = *state;
    char name[192];
    for (unsigned i = 0; i < 2; i++) {
        put_notifications(f, i, i + 1);
        OK(f, OPS(f)->backup_start(SELF(f), &f->err));
        finish(f);
    }
    restore(f);
    assert_true(holds(f, 0) && holds(f, 1));
    name_backup(f, name, ".backup");
    assert_int_equal(access(name, F_OK), -1);
}

static void one_that_is_given_up_leaves_nothing_and_keeps_the_one_before(void **state)
{
    struct fixture *f = *state;
    char name[192];
    put_notifications(f, 0, 40);
    OK(f, OPS(f)->backup_start(SELF(f), &f->err));
    finish(f);
    OK(f, OPS(f)->backup_start(SELF(f), &f->err));
    assert_false(step(f).done);
    OPS(f)->backup_end(SELF(f));
    OPS(f)->backup_end(SELF(f)); /* there is none any more */
    assert_true(is_there(f, ".backup") && !is_there(f, ".backup.new"));
    struct store_backup progress;
    assert_int_equal(OPS(f)->backup_step(SELF(f), &progress, &f->err), -EPROTO);
    OK(f, OPS(f)->backup_start(SELF(f), &f->err));
    assert_false(step(f).done);
    fixture_close(f); /* as does the end of the store */
    assert_true(is_there(f, ".backup") && !is_there(f, ".backup.new"));
    fixture_open(f);
    name_backup(f, name, ".backup");
    assert_int_equal(unlink(name), 0);
}

static void one_that_a_crash_left_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char name[192];
    put_notifications(f, 0, 3);
    name_backup(f, name, ".backup.new");
    FILE *left = fopen(name, "we");
    assert_non_null(left);
    assert_true(fputs("half of another", left) >= 0);
    assert_int_equal(fclose(left), 0);
    OK(f, OPS(f)->backup_start(SELF(f), &f->err));
    finish(f);
    restore(f);
    assert_true(holds(f, 2));
}

static void there_must_be_a_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(OPS(f)->backup_start(SELF(f), &f->err), -ENOTSUP);
}

static void the_size_is_that_of_what_is_kept(void **state)
{
    struct fixture *f = *state;
    int64_t empty;
    int64_t full;
    int64_t after;
    struct store_forgotten forgotten;
    const struct store_retention all = {.received = INT64_MAX, .bytes = BODY_SIZE + 1};
    OK(f, OPS(f)->get_size(SELF(f), &empty, &f->err));
    put_notifications(f, 0, 20);
    OK(f, OPS(f)->get_size(SELF(f), &full, &f->err));
    assert_true(full > empty + 20 * BODY_SIZE && full < empty + 25 * BODY_SIZE);
    fixture_begin(f); /* so many as reach the bytes */
    OK(f, OPS(f)->forget_history(SELF(f), &all, 50, &forgotten, &f->err));
    fixture_commit(f);
    assert_int_equal(forgotten.rows, 2);
    OK(f, OPS(f)->get_size(SELF(f), &after, &f->err));
    assert_true(after < full - BODY_SIZE && after > full - 3 * BODY_SIZE);
    assert_true(!holds(f, 0) && !holds(f, 1) && holds(f, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(it_holds_what_is_written_before_its_last_step),
        ON_SQLITE(it_takes_the_place_of_the_one_before),
        ON_SQLITE(one_that_is_given_up_leaves_nothing_and_keeps_the_one_before),
        ON_SQLITE(one_that_a_crash_left_is_made_anew),
        ON_MEMORY(there_must_be_a_file),
        ON_SQLITE(the_size_is_that_of_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
