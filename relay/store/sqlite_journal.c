/* The journal's writes, put together. SQLite writes each frame of its write-ahead log in two
 * pieces, a head of 24 bytes and a page: some twenty calls for a commit of one notification,
 * hundreds for a full batch. Here pieces that follow each other become one write, which leaves
 * before whatever looks at the file or has to know that it is there: a sync, a read, its size, its
 * end.
 *
 * A write that fails is told with the call that made it leave, at the latest the sync of the
 * commit. What left before in the same transaction is lost with it: such a transaction must be
 * rolled back, as every one is in which something failed (sqlite_fail). */
#include "relay/store/sqlite_private.h"

#include <stdlib.h>
#include <string.h>

/* Below 128 KiB: of a longer write SQLite's unix VFS takes the length modulo that (os_unix.c,
 * seekAndWriteFd). */
#define ROOM_MAX (120 * 1024)

struct journal {
    sqlite3_file base; /* SQLite's part: first */
    sqlite3_int64 at;  /* where in the file `room` belongs */
    int len;
    char *room; /* NULL: none yet */
    /* the real file follows */
};

static sqlite3_vfs *beneath; /* whose files they are */

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)((struct journal *)file + 1);
}

static int flush(sqlite3_file *file)
{
    struct journal *j = (struct journal *)file;
    int len = j->len;
    j->len = 0;
    return len == 0 ? SQLITE_OK : real(file)->pMethods->xWrite(real(file), j->room, len, j->at);
}

static int journal_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    struct journal *j = (struct journal *)file;
    int rc = SQLITE_OK;
    if (at != j->at + j->len || len > ROOM_MAX - j->len)
        rc = flush(file);
    if (rc != SQLITE_OK)
        return rc;
    if (j->room == NULL)
        j->room = malloc(ROOM_MAX);
    if (j->room == NULL || len > ROOM_MAX)
        return real(file)->pMethods->xWrite(real(file), data, len, at);
    if (j->len == 0)
        j->at = at;
    memcpy(j->room + j->len, data, (size_t)len);
    j->len += len;
    return SQLITE_OK;
}

static int journal_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    int rc = flush(file);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xRead(real(file), out, len, at);
}

static int journal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = flush(file);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xTruncate(real(file), size);
}

static int journal_sync(sqlite3_file *file, int flags)
{
    int rc = flush(file);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xSync(real(file), flags);
}

static int journal_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int rc = flush(file);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xFileSize(real(file), size);
}

static int journal_close(sqlite3_file *file)
{
    int rc = flush(file);
    int closed = real(file)->pMethods->xClose(real(file));
    free(((struct journal *)file)->room);
    return rc != SQLITE_OK ? rc : closed;
}

/* --- as they are --------------------------------------------------------------------------------
 */

static int journal_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int journal_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int journal_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int journal_control(sqlite3_file *file, int operation, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}

static int journal_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int journal_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = journal_close,
    .xRead = journal_read,
    .xWrite = journal_write,
    .xTruncate = journal_truncate,
    .xSync = journal_sync,
    .xFileSize = journal_size,
    .xLock = journal_lock,
    .xUnlock = journal_unlock,
    .xCheckReservedLock = journal_reserved,
    .xFileControl = journal_control,
    .xSectorSize = journal_sector,
    .xDeviceCharacteristics = journal_device,
};

/* Every other file is the real one, in the first part of the memory that is there. */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *flags_out)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return beneath->xOpen(beneath, name, file, flags, flags_out);
    *(struct journal *)file = (struct journal){.at = 0};
    int rc = beneath->xOpen(beneath, name, real(file), flags, flags_out);
    if (rc == SQLITE_OK)
        file->pMethods = &methods;
    return rc;
}

const char *sqlite_journal_vfs(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *now = sqlite3_vfs_find(NULL);
    if (now == NULL)
        return NULL;
    if (now == beneath || now == &vfs)
        return vfs.zName;
    if (beneath != NULL)
        (void)sqlite3_vfs_unregister(&vfs);
    beneath = now;
    vfs = *beneath;
    vfs.pNext = NULL;
    vfs.zName = "drift-relay";
    vfs.szOsFile = (int)sizeof(struct journal) + beneath->szOsFile;
    vfs.xOpen = open_file;
    if (sqlite3_vfs_register(&vfs, 0) == SQLITE_OK)
        return vfs.zName;
    beneath = NULL;
    return NULL;
}
