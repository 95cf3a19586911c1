/* sqlite.h - the store in one SQLite file: one connection, exclusive, WAL, synchronous=FULL.
 *
 * One connection, because SQLite before 3.51.3 can corrupt a WAL database that two connections
 * write and checkpoint (sqlite.org, WAL-reset bug), and because then nothing is ever busy. Every
 * write is BEGIN IMMEDIATE; tables are STRICT; the schema carries a version and is migrated
 * forwards, a newer one is refused. The file is made 0600. After an unclean stop quick_check runs
 * first; a damaged file is refused with its name and what to do, never deleted. The journal is
 * checkpointed when the owner asks for it (store_ops.checkpoint), and at 16 MiB by itself. */
#ifndef RELAY_STORE_SQLITE_H
#define RELAY_STORE_SQLITE_H

#include "relay/store/store.h"

struct sqlite_report {
    bool created;      /* a new file */
    bool unclean;      /* the last owner did not close it: quick_check was run */
    int migrated_from; /* schema version found, when it was older; else 0 */
};

/* Folder must exist (links to it are followed, as systemd's DynamicUser= makes one) and be
 * writable, because the journal is kept beside the file; the file itself must not be a link. report
 * may be NULL. Errors name the path and the remedy: -EBUSY in use by another process (after 1 s),
 * -EBADMSG damaged or not ours, -EPROTONOSUPPORT newer schema, -EROFS/-EACCES not writable,
 * -ENOSPC, -EIO, -ENOENT. store->ops->close() when done; the connection may be used by another
 * thread than the opening one, but by one at a time. A process must not open the same file twice.
 */
__attribute__((warn_unused_result)) int sqlite_store_open(struct store *out, const char *path,
                                                          struct sqlite_report *report,
                                                          struct error *err);

#endif
