/* What was learnt about credentials and targets. */
#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_columns.h"

#include <string.h>

/* clang-format off */
static const struct column credential_columns[] = {
#define X(kind, name) COLUMN_OF(struct credential, kind, name)
    CREDENTIAL_COLUMNS(X)
#undef X
};
static const struct column target_columns[] = {
#define X(kind, name) COLUMN_OF(struct target_memory, kind, name)
    TARGET_COLUMNS(X)
#undef X
};
/* clang-format on */

static int put(struct query *q, const char *name, const struct column *columns, size_t n,
               const void *row, struct error *err)
{
    query_bind_text(q, name);
    query_bind_row(q, columns, n, row);
    return query_change(q, err);
}

static int get(struct query *q, const char *name, const struct column *columns, size_t n, void *row,
               struct error *err)
{
    query_bind_text(q, name);
    int rc = query_next(q, err);
    if (rc != 0)
        return rc;
    (void)query_int(q);
    return query_read_row(q, columns, n, row, err);
}

int sqlite_put_credential(void *self, const struct credential *c, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_PUT_CREDENTIAL, "writing a credential's limits");
    return put(&q, c->name, credential_columns, COLUMNS(credential_columns), c, err);
}

int sqlite_get_credential(void *self, const char *name, struct credential *out, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_GET_CREDENTIAL, "reading a credential's limits");
    return get(&q, name, credential_columns, COLUMNS(credential_columns), out, err);
}

int sqlite_put_target_memory(void *self, const char *target, const struct target_memory *m,
                             struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_PUT_TARGET, "writing what a target taught");
    return put(&q, target, target_columns, COLUMNS(target_columns), m, err);
}

int sqlite_get_target_memory(void *self, const char *target, struct target_memory *out,
                             struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_GET_TARGET, "reading what a target taught");
    return get(&q, target, target_columns, COLUMNS(target_columns), out, err);
}
