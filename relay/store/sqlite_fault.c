#include "relay/store/sqlite_private.h"

#include <errno.h>
#include <string.h>

#define DAMAGED                                                                                    \
    "stop drift-relay, move the file aside (keep it for a look) and put a backup in its place, "   \
    "or start with an empty store"

struct fault {
    int primary; /* SQLite's result code without its extension */
    int code;
    const char *remedy;
};

/* clang-format off */
static const struct fault faults[] = {
    { SQLITE_FULL,       -ENOSPC,  "no space is left: free some on its file system" },
    { SQLITE_IOERR,      -EIO,     "the disk failed: look at the kernel's log" },
    { SQLITE_BUSY,       -EBUSY,   "it is in use by another process: stop the other drift-relay (or sqlite3) that has it open" },
    { SQLITE_LOCKED,     -EBUSY,   "it is in use by another process: stop the other drift-relay (or sqlite3) that has it open" },
    { SQLITE_PROTOCOL,   -EBUSY,   "it is in use by another process: stop the other drift-relay (or sqlite3) that has it open" },
    { SQLITE_CORRUPT,    -EBADMSG, "it is damaged: " DAMAGED },
    { SQLITE_NOTADB,     -EBADMSG, "it is not a drift-relay store or is damaged: " DAMAGED },
    { SQLITE_FORMAT,     -EBADMSG, "it is not a drift-relay store or is damaged: " DAMAGED },
    { SQLITE_READONLY,   -EROFS,   "it is read-only: let the user that runs drift-relay write to the file and its folder" },
    { SQLITE_CANTOPEN,   -ENOENT,  "the file or its journal cannot be opened: check that its folder exists and may be written by the user that runs drift-relay" },
    { SQLITE_PERM,       -EACCES,  "permission is missing: let the user that runs drift-relay write to the file and its folder" },
    { SQLITE_AUTH,       -EACCES,  "permission is missing: let the user that runs drift-relay write to the file and its folder" },
    { SQLITE_NOMEM,      -ENOMEM,  "out of memory" },
    { SQLITE_TOOBIG,     -E2BIG,   "a value is too large to be stored" },
    { SQLITE_CONSTRAINT, -EINVAL,  "the row does not fit those that are there: please report this" },
};
/* clang-format on */

static const struct fault unknown = {SQLITE_ERROR, -EIO, "unexpected: please report this"};
static const struct fault no_space = {SQLITE_FULL, -ENOSPC,
                                      "no space or quota is left: free some on its file system"};

static const struct fault *fault_of(struct sqlite *s, int rc)
{
    int primary = rc & 0xff;
    /* SQLite calls only ENOSPC full; a quota or a file size limit is the same to an operator. */
    if (primary == SQLITE_IOERR && s->db != NULL) {
        int cause = sqlite3_system_errno(s->db);
        if (cause == EDQUOT || cause == EFBIG || cause == ENOSPC)
            return &no_space;
    }
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].primary == primary)
            return &faults[i];
    return &unknown;
}

int sqlite_fail(struct sqlite *s, int rc, const char *doing, struct error *err)
{
    const struct fault *fault = fault_of(s, rc);
    s->failed = true;
    if (fault->code == -EBADMSG)
        s->damaged = true;
    return error_set(err, fault->code, "store %s: %s: %s (SQLite %d): %s", s->path, doing,
                     sqlite3_errstr(rc), rc, fault->remedy);
}

int sqlite_fail_row(struct sqlite *s, const char *doing, struct error *err)
{
    s->failed = true;
    s->damaged = true;
    return error_set(err, -EBADMSG,
                     "store %s: %s: a row is not what was written: it is damaged: " DAMAGED,
                     s->path, doing);
}

int sqlite_execute(struct sqlite *s, const char *sql, const char *doing, struct error *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, doing, err);
}
