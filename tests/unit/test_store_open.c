#include "tests/unit/store_fixture.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* SQL on the file as anybody could run it, with the store closed. */
static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void fill(struct fixture *f)
{
    fixture_open(f);
    fixture_begin(f);
    for (unsigned i = 1; i <= 500; i++) {
        const struct request r = fixture_request(i, REQUEST_DONE);
        OK(f, OPS(f)->put_request(SELF(f), &r, &f->err));
    }
    fixture_commit(f);
}

/* Opens the store in a process that never closes it. */
static void leave_open(struct fixture *f)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(sqlite_store_open(&f->store, f->path, &f->report, &f->err) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- refusals -----------------------------------------------------------------------------------
 */

static void make_missing_folder(struct fixture *f)
{
    (void)snprintf(f->path, sizeof(f->path), "%s/missing/relay.db", f->folder);
}

static void make_folder_name(struct fixture *f)
{
    (void)snprintf(f->path, sizeof(f->path), "%s/", f->folder);
}

static void make_folder(struct fixture *f)
{
    assert_int_equal(mkdir(f->path, 0700), 0);
}

static void make_link(struct fixture *f)
{
    assert_int_equal(symlink("elsewhere.db", f->path), 0);
}

static void make_fifo(struct fixture *f)
{
    assert_int_equal(mkfifo(f->path, 0600), 0);
}

static void make_garbage(struct fixture *f)
{
    char garbage[8192];
    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (char)(i * 31U + 7U);
    write_file(f->path, garbage, sizeof(garbage));
}

static void make_text(struct fixture *f)
{
    write_file(f->path, "listen = 1;\n", 12);
}

static void make_other_program(struct fixture *f)
{
    run_sql(f->path, "PRAGMA application_id = 252006673; CREATE TABLE t (a)");
}

static void make_unnamed_program(struct fixture *f)
{
    run_sql(f->path, "CREATE TABLE meta (name, number)");
}

static void make_newer(struct fixture *f)
{
    fixture_open(f);
    fixture_close(f);
    run_sql(f->path, "PRAGMA user_version = 99");
}

static void make_without_version(struct fixture *f)
{
    fixture_open(f);
    fixture_close(f);
    run_sql(f->path, "PRAGMA user_version = 0");
}

static void make_without_table(struct fixture *f)
{
    fixture_open(f);
    fixture_close(f);
    run_sql(f->path, "DROP TABLE keys");
}

static void make_truncated(struct fixture *f)
{
    struct stat st;
    fill(f);
    fixture_close(f);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(truncate(f->path, st.st_size / 2), 0);
}

static void make_damaged(struct fixture *f)
{
    struct stat st;
    char page[4096];
    fill(f);
    fixture_close(f);
    leave_open(f);
    memset(page, 0x5a, sizeof(page));
    assert_int_equal(stat(f->path, &st), 0);
    int fd = open(f->path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, page, sizeof(page), st.st_size / 8192 * 4096), sizeof(page));
    assert_int_equal(close(fd), 0);
}

static const struct {
    const char *name;
    void (*make)(struct fixture *f);
    int code;
    const char *remedy;
} refusals[] = {
    {"a missing folder", make_missing_folder, -ENOENT, "create it"},
    {"a folder's name", make_folder_name, -EISDIR, "add the file's name"},
    {"a folder in the file's place", make_folder, -EISDIR, "set store.path to a file's name"},
    {"a symbolic link", make_link, -ELOOP, "set store.path to the file itself"},
    {"a pipe", make_fifo, -EINVAL, "set store.path to a file's name"},
    {"garbage", make_garbage, -EBADMSG, "move the file aside"},
    {"a text file", make_text, -EBADMSG, "move the file aside"},
    {"another program's database", make_other_program, -EBADMSG,
     "set store.path to a file of its own"},
    {"a database without a name", make_unnamed_program, -EBADMSG,
     "set store.path to a file of its own"},
    {"a newer schema", make_newer, -EPROTONOSUPPORT, "run the newer release"},
    {"our name without a version", make_without_version, -EBADMSG, "move the file aside"},
    {"a table that is missing", make_without_table, -EBADMSG, "move the file aside"},
    {"a truncated file", make_truncated, -EBADMSG, "move the file aside"},
    {"a damaged page after an unclean stop", make_damaged, -EBADMSG, "put a backup in its place"},
};

static void what_is_no_usable_store_is_refused_with_its_name_and_a_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct fixture f;
        struct stat before = {0};
        struct stat after = {0};
        fixture_folder(&f);
        refusals[i].make(&f);
        (void)lstat(f.path, &before);
        int rc = sqlite_store_open(&f.store, f.path, &f.report, &f.err);
        if (rc != refusals[i].code || strstr(f.err.text, f.path) == NULL ||
            strstr(f.err.text, refusals[i].remedy) == NULL)
            fail_msg("%s: %d, wanted %d: %s", refusals[i].name, rc, refusals[i].code, f.err.text);
        assert_int_equal(f.err.code, rc);
        assert_null(f.store.ops);
        assert_null(strchr(f.err.text, '\n'));
        (void)lstat(f.path, &after);
        assert_int_equal(before.st_ino, after.st_ino); /* never deleted or replaced */
        assert_int_equal(before.st_size, after.st_size);
        (void)snprintf(f.path, sizeof(f.path), "%s/relay.db", f.folder);
        (void)rmdir(f.path);
        fixture_remove(&f);
    }
}

/* --- permissions --------------------------------------------------------------------------------
 */

#define NOBODY 65534

/* Opens as a user for whom modes count, in a process of its own. */
static int open_as_nobody(struct fixture *f)
{
    int ends[2];
    f->err = (struct error){.code = 0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool ready =
            getuid() != 0 || (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                              setresuid(NOBODY, NOBODY, NOBODY) == 0);
        if (ready && sqlite_store_open(&f->store, f->path, &f->report, &f->err) == 0)
            OPS(f)->close(SELF(f));
        struct error told;
        memset(&told, 0, sizeof(told)); /* all of it goes through the pipe */
        told.code = f->err.code;
        (void)snprintf(told.text, sizeof(told.text), "%s", f->err.text);
        _exit(ready && write(ends[1], &told, sizeof(told)) == (ssize_t)sizeof(told) ? 0 : 1);
    }
    int status = 0;
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &f->err, sizeof(f->err)), sizeof(f->err));
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return f->err.code;
}

static void give(const char *path, mode_t mode)
{
    if (getuid() == 0)
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_folder_or_file_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_folder(&f);
    give(f.folder, 0500);
    assert_int_equal(open_as_nobody(&f), -EACCES);
    assert_non_null(strstr(f.err.text, f.path));
    assert_non_null(strstr(f.err.text, "its folder is not writable"));
    assert_int_equal(access(f.path, F_OK), -1);
    give(f.folder, 0700);
    assert_int_equal(open_as_nobody(&f), 0);
    give(f.path, 0400);
    assert_int_equal(open_as_nobody(&f), -EACCES);
    assert_non_null(strstr(f.err.text, "give the file to the user that runs drift-relay"));
    give(f.path, 0600);
    give(f.folder, 0500);
    assert_int_equal(open_as_nobody(&f), -EACCES);
    give(f.folder, 0000);
    assert_int_equal(open_as_nobody(&f), -EACCES);
    assert_non_null(strstr(f.err.text, f.path));
    give(f.folder, 0700);
    assert_int_equal(open_as_nobody(&f), 0);
    fixture_remove(&f);
}

static void assert_private(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void file_and_journal_are_private_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        struct fixture f;
        char journal[192];
        char index[192];
        fixture_folder(&f);
        mode_t before = umask(masks[i]);
        fixture_open(&f);
        fixture_begin(&f);
        fixture_commit(&f);
        (void)umask(before);
        (void)snprintf(journal, sizeof(journal), "%s-wal", f.path);
        (void)snprintf(index, sizeof(index), "%s-shm", f.path);
        assert_private(f.path);
        assert_private(journal);
        assert_int_equal(access(index, F_OK), -1); /* exclusive: there is no third file */
        fixture_remove(&f);
    }
}

/* --- what is accepted ---------------------------------------------------------------------------
 */

static void a_folder_that_is_a_link_is_followed(void **state)
{
    (void)state;
    struct fixture f;
    char link[96];
    fixture_folder(&f);
    (void)snprintf(link, sizeof(link), "%s-link", f.folder);
    assert_int_equal(symlink(f.folder, link), 0);
    char real[128];
    memcpy(real, f.path, sizeof(real));
    (void)snprintf(f.path, sizeof(f.path), "%s/relay.db", link);
    fixture_open(&f);
    assert_int_equal(access(real, F_OK), 0);
    fixture_close(&f);
    assert_int_equal(unlink(link), 0);
    memcpy(f.path, real, sizeof(real));
    fixture_remove(&f);
}

static void a_name_without_a_folder_is_in_the_working_folder(void **state)
{
    (void)state;
    struct fixture f;
    char before[512];
    fixture_folder(&f);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(f.folder), 0);
    OK(&f, sqlite_store_open(&f.store, "relay.db", NULL, &f.err));
    fixture_close(&f);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(access(f.path, F_OK), 0);
    fixture_remove(&f);
}

static void an_unclean_stop_is_noticed_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_folder(&f);
    fill(&f);
    fixture_close(&f);
    leave_open(&f);
    fixture_open(&f);
    assert_true(f.report.unclean);
    fixture_reopen(&f);
    assert_false(f.report.unclean);
    fixture_remove(&f);
}

static void another_process_cannot_open_it_meanwhile(void **state)
{
    (void)state;
    struct fixture f;
    int up[2];
    int down[2];
    char byte = 0;
    int status = 0;
    fixture_folder(&f);
    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(down[1]);
        bool opened = sqlite_store_open(&f.store, f.path, &f.report, &f.err) == 0;
        opened = write(up[1], &byte, 1) == 1 && opened;
        (void)!read(down[0], &byte, 1); /* until the parent closes its end */
        if (opened)
            OPS(&f)->close(SELF(&f));
        _exit(opened ? 0 : 1);
    }
    assert_int_equal(read(up[0], &byte, 1), 1);
    assert_int_equal(sqlite_store_open(&f.store, f.path, &f.report, &f.err), -EBUSY);
    assert_non_null(strstr(f.err.text, f.path));
    assert_non_null(strstr(f.err.text, "in use by another process"));
    for (size_t i = 0; i < 2; i++)
        (void)close(down[i]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(up[0]);
    (void)close(up[1]);
    fixture_open(&f);
    assert_false(f.report.unclean);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_usable_store_is_refused_with_its_name_and_a_remedy),
        cmocka_unit_test(a_folder_or_file_that_cannot_be_written_is_refused),
        cmocka_unit_test(file_and_journal_are_private_whatever_the_umask),
        cmocka_unit_test(a_folder_that_is_a_link_is_followed),
        cmocka_unit_test(a_name_without_a_folder_is_in_the_working_folder),
        cmocka_unit_test(an_unclean_stop_is_noticed_once),
        cmocka_unit_test(another_process_cannot_open_it_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
