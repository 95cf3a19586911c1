#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"

static struct query forget(struct sqlite *s, enum sqlite_statement which, size_t limit,
                           int64_t before)
{
    struct query q = query_start(s, which, "forgetting history");
    query_bind_int(&q, (int64_t)limit);
    query_bind_int(&q, before);
    return q;
}

static int forget_rows(struct sqlite *s, enum sqlite_statement which, size_t limit, int64_t before,
                       struct store_forgotten *out, struct error *err)
{
    SCOPED(query_end) struct query q = forget(s, which, limit, before);
    int rc = query_change(&q, err);
    if (rc == 0)
        out->rows += (size_t)sqlite3_changes(s->db);
    return rc;
}

/* Each gives its state back. */
static int forget_requests(struct sqlite *s, size_t limit, int64_t before,
                           struct store_forgotten *out, struct error *err)
{
    SCOPED(query_end) struct query q = forget(s, STATEMENT_FORGET_REQUESTS, limit, before);
    int rc = sqlite_may_change(s, q.doing, err);
    while (rc == 0 && (rc = query_next(&q, err)) == 0) {
        enum request_state state = REQUEST_QUEUED;
        query_state(&q, &state);
        rc = query_columns(&q, err);
        if (rc != 0)
            return rc;
        out->requests[state]++;
        out->rows++;
    }
    return rc < 0 ? rc : 0;
}

int sqlite_forget_history(void *self, const struct store_retention *before, size_t limit,
                          struct store_forgotten *out, struct error *err)
{
    struct sqlite *s = self;
    *out = (struct store_forgotten){0};
    int rc = forget_rows(s, STATEMENT_FORGET_NOTIFICATIONS, limit, before->received, out, err);
    if (rc == 0)
        rc = forget_requests(s, limit, before->created, out, err);
    if (rc == 0)
        rc = forget_rows(s, STATEMENT_FORGET_OUTCOMES, limit, before->outcome_wall, out, err);
    if (rc == 0)
        rc = forget_rows(s, STATEMENT_FORGET_CHANGES, limit, before->outcome_wall, out, err);
    return rc;
}
