/* What operators changed, and the steps of a request. */
#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_columns.h"

/* clang-format off */
static const struct column columns[] = {
#define X(kind, name) COLUMN_OF(struct store_change, kind, name)
    CHANGE_COLUMNS(X)
#undef X
};
static const struct column event_columns[] = {
#define X(kind, name) COLUMN_OF(struct store_event, kind, name)
    EVENT_COLUMNS(X)
#undef X
};
/* clang-format on */

static void change_clear(struct store_change *c)
{
    free(c->who);
    free(c->action);
    free(c->scope);
    free(c->name);
    free(c->why);
    free(c->detail);
}

int sqlite_add_change(void *self, const struct store_change *change, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_ADD_CHANGE, "writing a change");
    query_bind_row(&q, columns, COLUMNS(columns), change);
    return query_change(&q, err);
}

int sqlite_list_changes(void *self, const char *cursor, size_t limit,
                        bool (*each)(void *context, const struct store_change *change),
                        void *context, char next[static 64], struct error *err)
{
    struct sqlite *s = self;
    struct page page;
    int rc = page_start(&page, s->path, cursor, limit, err);
    if (rc < 0)
        return rc;
    SCOPED(query_end) struct query q = query_start(s, STATEMENT_LIST_CHANGES, "listing changes");
    query_bind_page(&q, &page);
    while ((rc = query_next(&q, err)) == 0 && page_looks(&page, query_int(&q))) {
        SCOPED(change_clear) struct store_change c = {.at_wall = 0};
        rc = query_read_row(&q, columns, COLUMNS(columns), &c, err);
        if (rc < 0)
            return rc;
        page_took(&page, each(context, &c));
    }
    page_end(&page, next);
    return rc < 0 ? rc : 0;
}

int sqlite_add_event(void *self, const char *relay_id, const struct store_event *e,
                     struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_ADD_EVENT, "writing an event");
    query_bind_text(&q, relay_id);
    query_bind_row(&q, event_columns, COLUMNS(event_columns), e);
    return query_change(&q, err);
}

int sqlite_list_events(void *self, const char *relay_id,
                       void (*each)(void *context, const struct store_event *e), void *context,
                       struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_LIST_EVENTS, "listing events");
    query_bind_text(&q, relay_id);
    query_bind_int(&q, STORE_LIST_MAX);
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        struct store_event e = {.at_wall = 0};
        (void)query_int(&q);
        rc = query_read_row(&q, event_columns, COLUMNS(event_columns), &e, err);
        if (rc < 0)
            return rc;
        each(context, &e);
    }
    return rc < 0 ? rc : 0;
}
