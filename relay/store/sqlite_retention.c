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

/* The last of the oldest that may go: they came in order. 0: none. */
static int find_last(struct sqlite *s, const struct store_retention *before, size_t limit,
                     int64_t *last, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(s, STATEMENT_OLDEST_NOTIFICATIONS, "looking for old history");
    int64_t bytes = 0;
    int rc = 0;
    *last = 0;
    query_bind_int(&q, (int64_t)limit);
    while ((rc = query_next(&q, err)) == 0) {
        int64_t seq = query_int(&q);
        if (query_int(&q) >= before->received || (*last != 0 && bytes >= before->bytes))
            return 0;
        bytes += query_int(&q);
        *last = seq;
    }
    return rc < 0 ? rc : 0;
}

static int forget_notifications(struct sqlite *s, const struct store_retention *before,
                                size_t limit, struct store_forgotten *out, struct error *err)
{
    int64_t last;
    int rc = find_last(s, before, limit, &last, err);
    if (rc < 0 || last == 0)
        return rc < 0 ? rc : sqlite_may_change(s, "forgetting history", err);
    SCOPED(query_end)
    struct query q = query_start(s, STATEMENT_FORGET_NOTIFICATIONS, "forgetting history");
    query_bind_int(&q, last);
    rc = query_change(&q, err);
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
    int rc = forget_notifications(s, before, limit, out, err);
    if (rc == 0)
        rc = forget_requests(s, limit, before->created, out, err);
    if (rc == 0)
        rc = forget_rows(s, STATEMENT_FORGET_OUTCOMES, limit, before->outcome_wall, out, err);
    if (rc == 0)
        rc = forget_rows(s, STATEMENT_FORGET_CHANGES, limit, before->changed_wall, out, err);
    return rc;
}

static int read_one(struct sqlite *s, enum sqlite_statement which, int64_t *out, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(s, which, "measuring it");
    int rc = query_next(&q, err);
    if (rc != 0)
        return rc < 0 ? rc : sqlite_fail_row(s, q.doing, err);
    *out = query_int(&q);
    return query_columns(&q, err);
}

int sqlite_get_size(void *self, int64_t *bytes, struct error *err)
{
    int64_t pages = 0;
    int64_t empty = 0;
    int64_t size = 0;
    int rc = read_one(self, STATEMENT_COUNT_PAGES, &pages, err);
    if (rc == 0)
        rc = read_one(self, STATEMENT_COUNT_FREE_PAGES, &empty, err);
    if (rc == 0)
        rc = read_one(self, STATEMENT_PAGE_SIZE, &size, err);
    if (rc == 0)
        *bytes = (pages - empty) * size; /* SQLite's own limit is far from overflowing it */
    return rc;
}
