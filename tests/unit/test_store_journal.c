/* The journal's file: pieces that follow each other leave in one write, and nobody sees the
 * difference.
 */
#include "tests/unit/store_fixture.h"

#include "relay/store/sqlite_private.h"

#include <sys/stat.h>

#define ROOM (120 * 1024)

struct journal_file {
    struct fixture f;
    char path[192];
    sqlite3_file *file;
    const sqlite3_io_methods *io;
};

static void open_journal(struct journal_file *j)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(sqlite_journal_vfs());
    int flags = SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_non_null(vfs);
    fixture_folder(&j->f);
    (void)snprintf(j->path, sizeof(j->path), "%s-wal", j->f.path);
    FILE *store = fopen(j->f.path, "we"); /* whose mode the journal takes over */
    assert_non_null(store);
    (void)fclose(store);
    j->file = calloc(1, (size_t)vfs->szOsFile);
    assert_non_null(j->file);
    assert_int_equal(vfs->xOpen(vfs, j->path, j->file, flags, &flags), SQLITE_OK);
    j->io = j->file->pMethods;
}

static void close_journal(struct journal_file *j)
{
    assert_int_equal(j->io->xClose(j->file), SQLITE_OK);
    free(j->file);
    fixture_remove(&j->f);
}

static int64_t on_disk(const struct journal_file *j)
{
    struct stat st;
    return stat(j->path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void put_piece(struct journal_file *j, char byte, int len, int64_t at)
{
    static char piece[2 * ROOM];
    memset(piece, byte, (size_t)len);
    assert_int_equal(j->io->xWrite(j->file, piece, len, at), SQLITE_OK);
}

static void pieces_leave_together_before_a_sync(void **state)
{
    (void)state;
    struct journal_file j;
    open_journal(&j);
    for (int i = 0; i < 4; i++) {
        put_piece(&j, 'h', 24, i * 4120L);
        put_piece(&j, 'p', 4096, i * 4120L + 24);
    }
    assert_int_equal(on_disk(&j), 0);
    assert_int_equal(j.io->xSync(j.file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_int_equal(on_disk(&j), 4 * 4120);
    close_journal(&j);
}

static void what_was_written_is_read_wherever_it_is(void **state)
{
    (void)state;
    struct journal_file j;
    char got[8];
    sqlite3_int64 size = 0;
    open_journal(&j);
    put_piece(&j, 'a', 1000, 0);
    put_piece(&j, 'b', 10, 500); /* into what waits */
    put_piece(&j, 'c', 10, 5000);
    assert_int_equal(j.io->xRead(j.file, got, 1, 499), SQLITE_OK);
    assert_int_equal(j.io->xRead(j.file, got + 1, 1, 500), SQLITE_OK);
    assert_int_equal(j.io->xRead(j.file, got + 2, 1, 5000), SQLITE_OK);
    assert_memory_equal(got, "abc", 3);
    put_piece(&j, 'd', 10, 5010);
    assert_int_equal(j.io->xFileSize(j.file, &size), SQLITE_OK);
    assert_int_equal(size, 5020);
    put_piece(&j, 'e', 10, 5020);
    assert_int_equal(j.io->xTruncate(j.file, 5025), SQLITE_OK);
    assert_int_equal(on_disk(&j), 5025);
    close_journal(&j);
}

static void more_than_there_is_room_for_leaves_in_order(void **state)
{
    (void)state;
    struct journal_file j;
    open_journal(&j);
    put_piece(&j, 'a', ROOM - 10, 0);
    assert_int_equal(on_disk(&j), 0);
    put_piece(&j, 'b', 20, ROOM - 10);
    assert_int_equal(on_disk(&j), ROOM - 10);
    put_piece(&j, 'c', ROOM + 1, ROOM + 10); /* no room would hold it */
    assert_int_equal(on_disk(&j), 2 * ROOM + 11);
    put_piece(&j, 'd', 5, 2 * ROOM + 11);
    assert_int_equal(j.io->xClose(j.file), SQLITE_OK);
    assert_int_equal(on_disk(&j), 2 * ROOM + 16); /* its end is written, too */
    free(j.file);
    fixture_remove(&j.f);
}

static void all_else_is_the_files_own(void **state)
{
    (void)state;
    struct journal_file j;
    int reserved = 1;
    int chunk = 0;
    open_journal(&j);
    assert_int_equal(j.io->xLock(j.file, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(j.io->xCheckReservedLock(j.file, &reserved), SQLITE_OK);
    assert_int_equal(reserved, 0);
    assert_int_equal(j.io->xUnlock(j.file, SQLITE_LOCK_NONE), SQLITE_OK);
    assert_int_equal(j.io->xFileControl(j.file, SQLITE_FCNTL_CHUNK_SIZE, &chunk), SQLITE_OK);
    assert_true(j.io->xSectorSize(j.file) >= 512);
    assert_true((j.io->xDeviceCharacteristics(j.file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0);
    close_journal(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_leave_together_before_a_sync),
        cmocka_unit_test(what_was_written_is_read_wherever_it_is),
        cmocka_unit_test(more_than_there_is_room_for_leaves_in_order),
        cmocka_unit_test(all_else_is_the_files_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
