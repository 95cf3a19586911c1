#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"

static int forget(struct sqlite *s, enum sqlite_statement which, size_t limit, int64_t before,
                  size_t *forgotten, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(s, which, "forgetting history");
    query_bind_int(&q, (int64_t)limit);
    query_bind_int(&q, before);
    int rc = query_change(&q, err);
    if (rc == 0)
        *forgotten += (size_t)sqlite3_changes(s->db);
    return rc;
}

int sqlite_forget_history(void *self, const struct store_retention *before, size_t limit,
                          size_t *forgotten, struct error *err)
{
    struct sqlite *s = self;
    *forgotten = 0;
    int rc = forget(s, STATEMENT_FORGET_NOTIFICATIONS, limit, before->received, forgotten, err);
    if (rc == 0)
        rc = forget(s, STATEMENT_FORGET_REQUESTS, limit, before->created, forgotten, err);
    if (rc == 0)
        rc = forget(s, STATEMENT_FORGET_OUTCOMES, limit, before->outcome_wall, forgotten, err);
    return rc;
}
