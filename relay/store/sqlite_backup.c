/* A copy of the store while it is in use, in slices between its transactions.
 *
 * SQLite's own backup reads a few pages a step; what this connection changes meanwhile it carries
 * over by itself, so the copy is the store as of its last step. There is only this connection, so
 * nothing else can change it. The copy lies beside the store under another name until it is whole
 * and synced. */
#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_PAGES 64 /* 256 KiB: about a millisecond */

struct sqlite_backup {
    sqlite3 *db;
    sqlite3_backup *handle;
    char *path, *unfinished;
    int fd; /* of the unfinished one */
};

static int fault(const struct sqlite_backup *b, int code, const char *what, struct error *err)
{
    return error_set(err, code, "backup %s: %s", b->path, what);
}

static int fault_of_sqlite(const struct sqlite_backup *b, int rc, struct error *err)
{
    int primary = rc & 0xff;
    return fault(b,
                 primary == SQLITE_FULL    ? -ENOSPC
                 : primary == SQLITE_NOMEM ? -ENOMEM
                                           : -EIO,
                 sqlite3_errstr(rc), err);
}

static void backup_free(struct sqlite_backup *b)
{
    if (b == NULL)
        return;
    (void)sqlite3_backup_finish(b->handle);
    (void)sqlite3_close(b->db);
    if (b->fd >= 0) {
        (void)close(b->fd);
        (void)unlink(b->unfinished);
    }
    free(b->path);
    free(b->unfinished);
    free(b);
}

static void backup_free_p(struct sqlite_backup **b)
{
    backup_free(*b);
}

void sqlite_backup_end(void *self)
{
    struct sqlite *s = self;
    backup_free(s->backup);
    s->backup = NULL;
}

/* Ours alone, and empty: one that a crash left is not gone on with. */
static int make_file(struct sqlite_backup *b, struct error *err)
{
    if (unlink(b->unfinished) != 0 && errno != ENOENT)
        return fault(b, -errno, strerror(errno), err);
    b->fd = open(b->unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return b->fd < 0 ? fault(b, -errno, strerror(errno), err) : 0;
}

/* No journal and no sync: one that is not whole is thrown away. */
static int open_copy(struct sqlite_backup *b, struct sqlite *s, struct error *err)
{
    int rc = sqlite3_open_v2(b->unfinished, &b->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW |
                                 SQLITE_OPEN_NOMUTEX,
                             NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->db,
                          "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                          "PRAGMA cache_size = -1024; PRAGMA locking_mode = EXCLUSIVE",
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return fault_of_sqlite(b, rc, err);
    b->handle = sqlite3_backup_init(b->db, "main", s->db, "main");
    return b->handle == NULL ? fault_of_sqlite(b, sqlite3_extended_errcode(b->db), err) : 0;
}

int sqlite_backup_start(void *self, struct error *err)
{
    struct sqlite *s = self;
    if (s->backup != NULL)
        return error_set(err, -EBUSY, "a backup is under way");
    SCOPED(backup_free_p) struct sqlite_backup *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return error_set(err, -ENOMEM, "store %s: out of memory", s->path);
    b->fd = -1;
    if (asprintf(&b->path, "%s.backup", s->path) < 0 ||
        asprintf(&b->unfinished, "%s.backup.new", s->path) < 0)
        return error_set(err, -ENOMEM, "store %s: out of memory", s->path);
    int r = make_file(b, err);
    if (r == 0)
        r = open_copy(b, s, err);
    if (r < 0)
        return r;
    s->backup = GIVE(b);
    return 0;
}

static int sync_folder_of(const struct sqlite_backup *b)
{
    SCOPED(free_p) char *folder = strndup(b->path, (size_t)(strrchr(b->path, '/') - b->path) + 1);
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) != 0 ? -errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return r;
}

/* It is whole: on disk, and under its name in place of the one before. */
static int finish(struct sqlite_backup *b, struct error *err)
{
    int rc = sqlite3_backup_finish(b->handle);
    b->handle = NULL;
    if (rc == SQLITE_OK) {
        rc = sqlite3_close(b->db);
        b->db = NULL;
    }
    if (rc != SQLITE_OK)
        return fault_of_sqlite(b, rc, err);
    int r = fsync(b->fd) != 0 || rename(b->unfinished, b->path) != 0 ? -errno : sync_folder_of(b);
    if (r < 0)
        return fault(b, r, strerror(-r), err);
    (void)close(b->fd);
    b->fd = -1;
    return 0;
}

int sqlite_backup_step(void *self, struct store_backup *out, struct error *err)
{
    struct sqlite *s = self;
    struct sqlite_backup *b = s->backup;
    if (b == NULL)
        return error_set(err, -EPROTO, "store %s: no backup is under way", s->path);
    int rc = sqlite3_backup_step(b->handle, SLICE_PAGES);
    *out = (struct store_backup){.pages = sqlite3_backup_pagecount(b->handle),
                                 .left = sqlite3_backup_remaining(b->handle)};
    (void)snprintf(out->path, sizeof(out->path), "%s", b->path);
    int r = 0;
    if (rc == SQLITE_DONE)
        r = finish(b, err);
    else if (rc != SQLITE_OK)
        r = fault_of_sqlite(b, rc, err);
    else
        /* So that the last sync, for which everybody waits, has little left to do. */
        (void)sync_file_range(b->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    out->done = r == 0 && rc == SQLITE_DONE;
    if (r < 0 || out->done)
        sqlite_backup_end(s);
    return r;
}
