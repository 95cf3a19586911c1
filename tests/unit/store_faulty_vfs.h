/* store_faulty_vfs.h - the unix VFS with a disk that fails when told to.
 *
 * Counts xWrite (for each 4 KiB of it), xSync and xTruncate of every file together. Its files offer
 * no shared memory (io methods version 1), so that a WAL database opens at all only in exclusive
 * locking mode. */
#ifndef TESTS_UNIT_STORE_FAULTY_VFS_H
#define TESTS_UNIT_STORE_FAULTY_VFS_H

#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_ONCE, /* the n-th call fails: a write as if full, a sync or truncation as if broken */
    FAULT_TORN, /* the n-th call fails; of a write, half was done */
    FAULT_FROM_THEN_ON, /* the n-th and every later call fails */
    FAULT_FULL,         /* every write from the n-th on */
    FAULT_SYNC,         /* every sync from the n-th on */
};

#define FAULTY_PIECE (24 + 4096) /* a frame of SQLite's write-ahead log */

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; /* in the memory right after this struct */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    enum fault_kind kind;
    long nth, calls;
    bool hit;
} faulty;

static inline bool faulty_now(enum fault_kind only)
{
    if (faulty.kind == FAULT_NONE ||
        ((faulty.kind == FAULT_FULL || faulty.kind == FAULT_SYNC) && faulty.kind != only))
        return false;
    long call = ++faulty.calls;
    bool once = faulty.kind == FAULT_ONCE || faulty.kind == FAULT_TORN;
    bool now = once ? call == faulty.nth : call >= faulty.nth;
    faulty.hit = faulty.hit || now;
    return now;
}

static inline sqlite3_file *faulty_real(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->real;
}

static inline int faulty_close(sqlite3_file *file)
{
    return faulty_real(file)->pMethods->xClose(faulty_real(file));
}
static inline int faulty_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    return faulty_real(file)->pMethods->xRead(faulty_real(file), out, n, at);
}
/* A long write counts once for each piece: the disk takes what comes before the one that fails. */
static inline int faulty_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    sqlite3_file *real = faulty_real(file);
    for (int done = 0; done < n; done += FAULTY_PIECE) {
        if (!faulty_now(FAULT_FULL))
            continue;
        int left = n - done < FAULTY_PIECE ? n - done : FAULTY_PIECE;
        int taken = done + (faulty.kind == FAULT_TORN ? left / 2 : 0);
        if (taken > 0)
            (void)real->pMethods->xWrite(real, bytes, taken, at);
        return faulty.kind == FAULT_TORN ? SQLITE_IOERR_WRITE : SQLITE_FULL;
    }
    return real->pMethods->xWrite(real, bytes, n, at);
}
static inline int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return faulty_now(FAULT_NONE) ? SQLITE_IOERR_TRUNCATE
                                  : faulty_real(file)->pMethods->xTruncate(faulty_real(file), size);
}
static inline int faulty_sync(sqlite3_file *file, int flags)
{
    return faulty_now(FAULT_SYNC) ? SQLITE_IOERR_FSYNC
                                  : faulty_real(file)->pMethods->xSync(faulty_real(file), flags);
}
static inline int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return faulty_real(file)->pMethods->xFileSize(faulty_real(file), size);
}
static inline int faulty_lock(sqlite3_file *file, int level)
{
    return faulty_real(file)->pMethods->xLock(faulty_real(file), level);
}
static inline int faulty_unlock(sqlite3_file *file, int level)
{
    return faulty_real(file)->pMethods->xUnlock(faulty_real(file), level);
}
static inline int faulty_reserved(sqlite3_file *file, int *out)
{
    return faulty_real(file)->pMethods->xCheckReservedLock(faulty_real(file), out);
}
static inline int faulty_control(sqlite3_file *file, int op, void *argument)
{
    return faulty_real(file)->pMethods->xFileControl(faulty_real(file), op, argument);
}
static inline int faulty_sector(sqlite3_file *file)
{
    return faulty_real(file)->pMethods->xSectorSize(faulty_real(file));
}
static inline int faulty_device(sqlite3_file *file)
{
    return faulty_real(file)->pMethods->xDeviceCharacteristics(faulty_real(file));
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 1,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_device,
};

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                              int *out_flags)
{
    (void)vfs;
    struct faulty_file *f = (struct faulty_file *)file;
    f->real = (sqlite3_file *)(f + 1);
    int rc = faulty.real->xOpen(faulty.real, name, f->real, flags, out_flags);
    f->base.pMethods = f->real->pMethods == NULL ? NULL : &faulty_methods;
    return rc;
}

/* Becomes the default VFS of this process; without a fault until it is armed. */
static inline void faulty_vfs_register(void)
{
    faulty.real = sqlite3_vfs_find("unix");
    faulty.vfs = *faulty.real;
    faulty.vfs.zName = "faulty";
    faulty.vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty.real->szOsFile;
    faulty.vfs.xOpen = faulty_open;
    (void)sqlite3_vfs_register(&faulty.vfs, 1);
}

static inline void faulty_vfs_arm(enum fault_kind kind, long nth)
{
    faulty.kind = kind;
    faulty.nth = nth;
    faulty.calls = 0;
    faulty.hit = false;
}

static inline void faulty_vfs_disarm(void)
{
    faulty.kind = FAULT_NONE;
}

/* Did the fault come since it was armed? */
static inline bool faulty_vfs_hit(void)
{
    return faulty.hit;
}

#endif
