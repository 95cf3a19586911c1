/* store_recording_vfs.h - the unix VFS that notes what it was asked to write, in order, so that the
 * disk can be rebuilt as a power cut at any moment may leave it (store_power_cut.h).
 *
 * Notes a file's opening, writes, truncations, syncs and its removal. Its files offer no shared
 * memory, as those of store_faulty_vfs.h. */
#ifndef TESTS_UNIT_STORE_RECORDING_VFS_H
#define TESTS_UNIT_STORE_RECORDING_VFS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define DISK_FILES 3
static const char *const disk_ends[DISK_FILES] = {"", "-wal", "-journal"};

enum disk_op_kind { DISK_OPEN, DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_REMOVE };

struct disk_op {
    enum disk_op_kind kind;
    size_t file;  /* of disk_ends */
    size_t at, n; /* write: offset and length; truncation: at = the new size */
    unsigned char *bytes;
    bool folder; /* sync, removal: the folder is synced too */
};

struct recorded_file {
    sqlite3_file base;
    sqlite3_file *real; /* in the memory right after this struct */
    size_t file;
    bool fresh; /* not synced since it was opened: its first sync is the folder's too, if a journal
                 */
};

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    struct disk_op *ops;
    size_t n_ops;
    bool on;
} recorder;

static inline size_t disk_file_of(const char *name)
{
    for (size_t i = DISK_FILES - 1; i > 0; i--) {
        size_t len = strlen(name), end = strlen(disk_ends[i]);
        if (len > end && strcmp(name + len - end, disk_ends[i]) == 0)
            return i;
    }
    return 0;
}

static inline void record(struct disk_op op, const void *bytes)
{
    if (!recorder.on)
        return;
    struct disk_op *grown = realloc(recorder.ops, (recorder.n_ops + 1) * sizeof(op));
    if (grown == NULL)
        abort();
    recorder.ops = grown;
    if (bytes != NULL) {
        op.bytes = malloc(op.n);
        if (op.bytes == NULL)
            abort();
        memcpy(op.bytes, bytes, op.n);
    }
    recorder.ops[recorder.n_ops++] = op;
}

static inline sqlite3_file *recorded_real(sqlite3_file *file)
{
    return ((struct recorded_file *)file)->real;
}
static inline int recorded_close(sqlite3_file *file)
{
    return recorded_real(file)->pMethods->xClose(recorded_real(file));
}
static inline int recorded_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    return recorded_real(file)->pMethods->xRead(recorded_real(file), out, n, at);
}
static inline int recorded_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    const struct recorded_file *f = (struct recorded_file *)file;
    record((struct disk_op){.kind = DISK_WRITE, .file = f->file, .at = (size_t)at, .n = (size_t)n},
           bytes);
    return f->real->pMethods->xWrite(f->real, bytes, n, at);
}
static inline int recorded_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    const struct recorded_file *f = (struct recorded_file *)file;
    record((struct disk_op){.kind = DISK_TRUNCATE, .file = f->file, .at = (size_t)size}, NULL);
    return f->real->pMethods->xTruncate(f->real, size);
}
static inline int recorded_sync(sqlite3_file *file, int flags)
{
    struct recorded_file *f = (struct recorded_file *)file;
    int rc = f->real->pMethods->xSync(f->real, flags);
    record((struct disk_op){.kind = DISK_SYNC, .file = f->file, .folder = f->fresh && f->file > 0},
           NULL);
    f->fresh = false;
    return rc;
}
static inline int recorded_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return recorded_real(file)->pMethods->xFileSize(recorded_real(file), size);
}
static inline int recorded_lock(sqlite3_file *file, int level)
{
    return recorded_real(file)->pMethods->xLock(recorded_real(file), level);
}
static inline int recorded_unlock(sqlite3_file *file, int level)
{
    return recorded_real(file)->pMethods->xUnlock(recorded_real(file), level);
}
static inline int recorded_reserved(sqlite3_file *file, int *out)
{
    return recorded_real(file)->pMethods->xCheckReservedLock(recorded_real(file), out);
}
static inline int recorded_control(sqlite3_file *file, int op, void *argument)
{
    return recorded_real(file)->pMethods->xFileControl(recorded_real(file), op, argument);
}
static inline int recorded_sector(sqlite3_file *file)
{
    return recorded_real(file)->pMethods->xSectorSize(recorded_real(file));
}
static inline int recorded_device(sqlite3_file *file)
{
    return recorded_real(file)->pMethods->xDeviceCharacteristics(recorded_real(file));
}

static const sqlite3_io_methods recorded_methods = {
    .iVersion = 1,
    .xClose = recorded_close,
    .xRead = recorded_read,
    .xWrite = recorded_write,
    .xTruncate = recorded_truncate,
    .xSync = recorded_sync,
    .xFileSize = recorded_size,
    .xLock = recorded_lock,
    .xUnlock = recorded_unlock,
    .xCheckReservedLock = recorded_reserved,
    .xFileControl = recorded_control,
    .xSectorSize = recorded_sector,
    .xDeviceCharacteristics = recorded_device,
};

static inline int recorded_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                                int *out_flags)
{
    (void)vfs;
    struct recorded_file *f = (struct recorded_file *)file;
    f->real = (sqlite3_file *)(f + 1);
    f->file = name == NULL ? 0 : disk_file_of(name);
    f->fresh = true;
    int rc = recorder.real->xOpen(recorder.real, name, f->real, flags, out_flags);
    f->base.pMethods = f->real->pMethods == NULL ? NULL : &recorded_methods;
    if (rc == SQLITE_OK)
        record((struct disk_op){.kind = DISK_OPEN, .file = f->file}, NULL);
    return rc;
}

static inline int recorded_remove(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    int rc = recorder.real->xDelete(recorder.real, name, sync_folder);
    if (rc == SQLITE_OK)
        record((struct disk_op){.kind = DISK_REMOVE,
                                .file = disk_file_of(name),
                                .folder = sync_folder != 0},
               NULL);
    return rc;
}

/* Becomes the default VFS of this process; notes nothing until it is switched on. */
static inline void recording_vfs_register(void)
{
    recorder.real = sqlite3_vfs_find("unix");
    recorder.vfs = *recorder.real;
    recorder.vfs.zName = "recording";
    recorder.vfs.szOsFile = (int)sizeof(struct recorded_file) + recorder.real->szOsFile;
    recorder.vfs.xOpen = recorded_open;
    recorder.vfs.xDelete = recorded_remove;
    (void)sqlite3_vfs_register(&recorder.vfs, 1);
}

#endif
