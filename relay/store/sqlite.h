/* sqlite.h - the store in one SQLite file: one connection, exclusive, WAL, synchronous=FULL.
 *
 * One connection, because SQLite before 3.51.3 can corrupt a WAL database that two connections
 * write and checkpoint (sqlite.org, WAL-reset bug), and because then nothing is ever busy. Every
 * write is BEGIN IMMEDIATE; tables are STRICT; the schema carries a version and is migrated
 * forwards, a newer one is refused. The file is made 0600. After an unclean stop quick_check runs
 * first; a damaged file is refused with its name and what to do, never deleted. The journal is
 * checkpointed as it grows, so that it stays bounded. */
#ifndef RELAY_STORE_SQLITE_H
#define RELAY_STORE_SQLITE_H

#include "relay/store/store.h"

struct sqlite_report {
    bool created;      /* a new file */
    bool unclean;      /* the last owner did not close it: quick_check was run */
    int migrated_from; /* schema version found, when it was older; else 0 */
};

/* Folder must exist. Errors say the remedy: in use by another process, damaged, newer schema, not a
 * database, read-only, no space. store->ops->close() when done. */
__attribute__((warn_unused_result)) int sqlite_store_open(struct store *out, const char *path,
                                                          struct sqlite_report *report,
                                                          struct error *err);

#endif
