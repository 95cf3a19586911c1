#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const struct column columns[] = {
#define X(kind, name) COLUMN_OF(struct store_notification, kind, name)
    NOTIFICATION_COLUMNS(X)
#undef X
};
/* clang-format on */

int sqlite_put_notification(void *self, const struct store_notification *n, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_PUT_NOTIFICATION, "writing a notification");
    query_bind_bytes(&q, n->body, n->body_len);
    query_bind_row(&q, columns, COLUMNS(columns), n);
    return query_change(&q, err);
}

/* The body is bytes, followed by a NUL that does not count. */
static int read_body(struct query *q, struct store_notification *out, struct error *err)
{
    size_t len = 0;
    const void *bytes = query_bytes(q, &len);
    out->body = malloc(len + 1);
    if (out->body == NULL)
        return error_set(err, -ENOMEM, "store %s: %s: out of memory", q->store->path, q->doing);
    memcpy(out->body, bytes, len);
    out->body[len] = '\0';
    out->body_len = len;
    return 0;
}

int sqlite_get_notification(void *self, const char *id, struct store_notification *out,
                            struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_GET_NOTIFICATION, "reading a notification");
    query_bind_text(&q, id);
    int rc = query_next(&q, err);
    if (rc != 0)
        return rc;
    memset(out, 0, sizeof(*out));
    rc = read_body(&q, out, err);
    if (rc == 0)
        rc = query_read_row(&q, columns, COLUMNS(columns), out, err);
    if (rc < 0)
        store_notification_clear(out);
    return rc;
}

int sqlite_list_notifications(void *self, const char *cursor, size_t limit,
                              bool (*each)(void *context, const struct store_notification *n),
                              void *context, char next[static 64], struct error *err)
{
    struct sqlite *s = self;
    struct page page;
    int rc = page_start(&page, s->path, cursor, limit, err);
    if (rc < 0)
        return rc;
    SCOPED(query_end)
    struct query q = query_start(s, STATEMENT_LIST_NOTIFICATIONS, "listing notifications");
    query_bind_page(&q, &page);
    while ((rc = query_next(&q, err)) == 0 && page_looks(&page, query_int(&q))) {
        struct store_notification n = {.id = ""};
        rc = query_read_row(&q, columns, COLUMNS(columns), &n, err);
        if (rc == 0)
            page_took(&page, each(context, &n));
        store_notification_clear(&n);
        if (rc < 0)
            return rc;
    }
    page_end(&page, next);
    return rc < 0 ? rc : 0;
}

int sqlite_put_mac(void *self, const struct store_mac *m, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_PUT_MAC, "writing a signature");
    query_bind_bytes(&q, m->mac, sizeof(m->mac));
    query_bind_text(&q, m->notification);
    query_bind_int_or_null(&q, m->signed_wall, INT64_MIN);
    query_bind_int(&q, m->received_at);
    return query_change(&q, err);
}

int sqlite_get_mac(void *self, const unsigned char mac[STORE_MAC_SIZE], struct store_mac *out,
                   struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_GET_MAC, "reading a signature");
    query_bind_bytes(&q, mac, STORE_MAC_SIZE);
    int rc = query_next(&q, err);
    if (rc != 0)
        return rc;
    memcpy(out->mac, mac, sizeof(out->mac));
    query_text(&q, out->notification, sizeof(out->notification));
    out->signed_wall = query_int_or(&q, INT64_MIN);
    out->received_at = query_int(&q);
    return query_columns(&q, err);
}

static int find_old(struct sqlite *s, int64_t before, int64_t *count, int64_t *newest_signed,
                    struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(s, STATEMENT_NEWEST_OLD_MAC, "looking for old signatures");
    query_bind_int(&q, before);
    int rc = query_next(&q, err);
    if (rc != 0)
        return rc < 0 ? rc : sqlite_fail_row(s, q.doing, err);
    *count = query_int(&q);
    *newest_signed = query_int_or(&q, INT64_MIN);
    return query_columns(&q, err);
}

static int raise_floor(struct sqlite *s, int64_t newest_signed, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(s, STATEMENT_RAISE_META, "raising the floor of signed times");
    query_bind_text(&q, "floor");
    query_bind_int(&q, newest_signed);
    return query_change(&q, err);
}

int sqlite_forget_macs(void *self, int64_t before, size_t *forgotten, struct error *err)
{
    int64_t count = 0;
    int64_t newest_signed = INT64_MIN;
    *forgotten = 0;
    int rc = sqlite_may_change(self, "forgetting old signatures", err);
    if (rc == 0)
        rc = find_old(self, before, &count, &newest_signed, err);
    if (rc < 0 || count == 0)
        return rc;
    if (newest_signed != INT64_MIN)
        rc = raise_floor(self, newest_signed, err);
    if (rc < 0)
        return rc;
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_DELETE_OLD_MACS, "forgetting old signatures");
    query_bind_int(&q, before);
    rc = query_change(&q, err);
    if (rc == 0)
        *forgotten = (size_t)count;
    return rc;
}

int sqlite_get_floor(void *self, int64_t *out, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_GET_META, "reading the floor of signed times");
    query_bind_text(&q, "floor");
    int rc = query_next(&q, err);
    if (rc < 0)
        return rc;
    *out = rc == STORE_NONE ? INT64_MIN : query_int(&q);
    return 0;
}

int sqlite_oldest_mac(void *self, int64_t *received_at, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_OLDEST_MAC, "looking for the oldest signature");
    int rc = query_next(&q, err);
    if (rc == 0)
        *received_at = query_int(&q);
    return rc;
}
