#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_columns.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct column columns[] = {
#define X(kind, name) COLUMN_OF(struct request, kind, name)
    REQUEST_COLUMNS(X)
#undef X
};
static const struct column attempt_columns[] = {
#define X(kind, name) COLUMN_OF(struct attempt, kind, name)
    ATTEMPT_COLUMNS(X)
#undef X
};
/* clang-format on */

int sqlite_put_request(void *self, const struct request *r, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_PUT_REQUEST, "writing a request");
    query_bind_int(&q, request_is_open(r->state) ? 1 : 0);
    query_bind_row(&q, columns, COLUMNS(columns), r);
    return query_change(&q, err);
}

/* The columns after seq. What a failed reading owned is freed. */
static int read_request(struct query *q, struct request *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    int rc = query_read_row(q, columns, COLUMNS(columns), out, err);
    if (rc < 0) {
        request_free(out);
        memset(out, 0, sizeof(*out));
    }
    return rc;
}

int sqlite_get_request(void *self, const char *relay_id, struct request *out, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_GET_REQUEST, "reading a request");
    query_bind_text(&q, relay_id);
    int rc = query_next(&q, err);
    if (rc != 0)
        return rc;
    (void)query_int(&q);
    return read_request(&q, out, err);
}

static int load_requests(struct sqlite *s, enum sqlite_statement which, const char *doing,
                         int (*each)(void *context, struct request *r), void *context,
                         struct error *err)
{
    SCOPED(query_end) struct query q = query_start(s, which, doing);
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        SCOPED(free_p) struct request *r = malloc(sizeof(*r));
        if (r == NULL)
            return error_set(err, -ENOMEM, "store %s: %s: out of memory", s->path, q.doing);
        (void)query_int(&q);
        rc = read_request(&q, r, err);
        if (rc < 0)
            return rc;
        rc = each(context, GIVE(r));
        if (rc < 0)
            return error_set(err, rc, "store %s: a request was read and could not be taken in: %s",
                             s->path, strerror(-rc));
    }
    return rc < 0 ? rc : 0;
}

int sqlite_load_open_requests(void *self, int (*each)(void *context, struct request *r),
                              void *context, struct error *err)
{
    return load_requests(self, STATEMENT_LOAD_OPEN_REQUESTS, "reading the open requests", each,
                         context, err);
}

int sqlite_load_watched_requests(void *self, int (*each)(void *context, struct request *r),
                                 void *context, struct error *err)
{
    return load_requests(self, STATEMENT_LOAD_WATCHED_REQUESTS, "reading the watched requests",
                         each, context, err);
}

int sqlite_list_requests(void *self, const char *cursor, size_t limit,
                         bool (*each)(void *context, const struct request *r), void *context,
                         char next[static 64], struct error *err)
{
    struct sqlite *s = self;
    struct page page;
    int rc = page_start(&page, s->path, cursor, limit, err);
    if (rc < 0)
        return rc;
    SCOPED(query_end)
    struct query q = query_start(s, STATEMENT_LIST_REQUESTS, "listing requests");
    query_bind_page(&q, &page);
    while ((rc = query_next(&q, err)) == 0 && page_looks(&page, query_int(&q))) {
        struct request r;
        rc = read_request(&q, &r, err);
        if (rc < 0)
            return rc;
        page_took(&page, each(context, &r));
        request_free(&r);
    }
    page_end(&page, next);
    return rc < 0 ? rc : 0;
}

int sqlite_load_slots(void *self, int64_t since,
                      int (*each)(void *context, const char *route, const char *target, int64_t at,
                                  const char *relay_id),
                      void *context, struct error *err)
{
    struct sqlite *s = self;
    SCOPED(query_end) struct query q = query_start(s, STATEMENT_LOAD_SLOTS, "reading the budgets");
    query_bind_int(&q, since);
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        char relay_id[ULID_SIZE] = "";
        SCOPED(free_p) char *route = query_text_copy(&q);
        SCOPED(free_p) char *target = query_text_copy(&q);
        int64_t at = query_int(&q);
        query_text(&q, relay_id, sizeof(relay_id));
        rc = query_columns(&q, err);
        if (rc < 0)
            return rc;
        if (route == NULL || target == NULL)
            return sqlite_fail_row(s, q.doing, err);
        rc = each(context, route, target, at, relay_id);
        if (rc < 0)
            return error_set(err, rc,
                             "store %s: a budget's slot was read and could not be taken in: %s",
                             s->path, strerror(-rc));
    }
    return rc < 0 ? rc : 0;
}

int sqlite_count_requests(void *self, int64_t counts[static REQUEST_STATES], struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_COUNT_REQUESTS, "counting requests");
    memset(counts, 0, REQUEST_STATES * sizeof(counts[0]));
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        enum request_state state = REQUEST_QUEUED;
        query_state(&q, &state);
        int64_t n = query_int(&q);
        rc = query_columns(&q, err);
        if (rc < 0)
            return rc;
        counts[state] = n;
    }
    return rc < 0 ? rc : 0;
}

int sqlite_add_attempt(void *self, const char *relay_id, const struct attempt *a, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_ADD_ATTEMPT, "writing an attempt");
    query_bind_text(&q, relay_id);
    query_bind_row(&q, attempt_columns, COLUMNS(attempt_columns), a);
    return query_change(&q, err);
}

int sqlite_list_attempts(void *self, const char *relay_id,
                         void (*each)(void *context, const struct attempt *a), void *context,
                         struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_LIST_ATTEMPTS, "listing attempts");
    query_bind_text(&q, relay_id);
    query_bind_int(&q, STORE_LIST_MAX);
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        struct attempt a = {.at_wall = 0};
        (void)query_int(&q);
        rc = query_read_row(&q, attempt_columns, COLUMNS(attempt_columns), &a, err);
        if (rc < 0)
            return rc;
        each(context, &a);
    }
    return rc < 0 ? rc : 0;
}
