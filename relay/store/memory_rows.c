/* Notifications, keys and requests of the store in memory. What is stored of a struct is what its
 * columns in SQLite are. */
#include "relay/store/memory_private.h"

#include "relay/base/scope.h"
#include "relay/store/page.h"
#include "relay/store/sqlite_columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct memory_id text_id(const char *text)
{
    return (struct memory_id){text, strlen(text)};
}

static struct memory_id notification_id(const void *row)
{
    return text_id(((const struct store_notification *)row)->id);
}

static struct memory_id key_id(const void *row)
{
    return text_id(((const struct key *)row)->text);
}

static struct memory_id request_id(const void *row)
{
    return text_id(((const struct request *)row)->relay_id);
}

static void free_notification(void *row)
{
    store_notification_clear(row);
    free(row);
}

static void free_key(void *row)
{
    key_free(row);
}

static void free_request(void *row)
{
    request_free(row);
    free(row);
}
const struct memory_table_type memory_notification_type = {notification_id, free_notification};
const struct memory_table_type memory_key_type = {key_id, free_key};
const struct memory_table_type memory_request_type = {request_id, free_request};

/* --- copies -------------------------------------------------------------------------------------
 */

static bool copy_text(char **to, const char *from)
{
    *to = from == NULL ? NULL : strdup(from);
    return from == NULL || *to != NULL;
}

/* clang-format off */
#define COPY_FIXED(name)    memcpy(to->name, from->name, sizeof(to->name));
#define COPY_OWNED(name)    ok = copy_text(&to->name, from->name) && ok;
#define COPY_NULLABLE(name) COPY_OWNED(name)
#define COPY_PLAIN(name)    to->name = from->name;
#define COPY_INT64(name)    COPY_PLAIN(name)
#define COPY_BOOL(name)     COPY_PLAIN(name)
#define COPY_STATE(name)    COPY_PLAIN(name)
#define X(kind, name)       COPY_##kind(name)
/* clang-format on */

/* *to is zeroed memory. False: out of memory, some of it is there. */
static bool copy_request(struct request *to, const struct request *from)
{
    bool ok = true;
    REQUEST_COLUMNS(X)
    return ok;
}

static bool copy_notification(struct store_notification *to, const struct store_notification *from)
{
    bool ok = true;
    NOTIFICATION_COLUMNS(X)
    to->body = malloc(from->body_len + 1);
    if (to->body == NULL)
        return false;
    if (from->body_len > 0)
        memcpy(to->body, from->body, from->body_len);
    to->body[from->body_len] = '\0';
    to->body_len = from->body_len;
    return ok;
}
#undef X

static struct request *new_request(const struct request *from)
{
    struct request *r = calloc(1, sizeof(*r));
    if (r == NULL || copy_request(r, from))
        return r;
    free_request(r);
    return NULL;
}

static struct store_notification *new_notification(const struct store_notification *from)
{
    struct store_notification *n = calloc(1, sizeof(*n));
    if (n == NULL || copy_notification(n, from))
        return n;
    free_notification(n);
    return NULL;
}

static int not_taken(const char *what, int code, struct error *err)
{
    return error_set(err, code, "store %s: %s was read and could not be taken in: %s", MEMORY_NAME,
                     what, strerror(-code));
}

/* --- notifications ------------------------------------------------------------------------------
 */

int memory_put_notification(void *self, const struct store_notification *n, struct error *err)
{
    static const char doing[] = "writing a notification";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    if (memory_named(&m->notifications, n->id) != NULL)
        return memory_fail(m, -EINVAL, doing, err);
    return memory_put(m, &m->notifications, new_notification(n), doing, err);
}

int memory_get_notification(void *self, const char *id, struct store_notification *out,
                            struct error *err)
{
    static const char doing[] = "reading a notification";
    struct memory_store *m = self;
    int r = memory_read(m, doing, err);
    if (r < 0)
        return r;
    const struct store_notification *n = memory_named(&m->notifications, id);
    if (n == NULL)
        return STORE_NONE;
    memset(out, 0, sizeof(*out));
    if (copy_notification(out, n))
        return 0;
    store_notification_clear(out);
    return memory_fail(m, -ENOMEM, doing, err);
}

/* A row's seq is its index + 1: rows of a listing are never taken out, but for the last ones by a
 * rollback. */
static size_t newest_of(const struct memory_table *t, const struct page *page)
{
    return page->before <= (int64_t)t->n ? (size_t)page->before - 1 : t->n;
}

int memory_list_notifications(void *self, const char *cursor, size_t limit,
                              bool (*each)(void *context, const struct store_notification *n),
                              void *context, char next[static 64], struct error *err)
{
    struct memory_store *m = self;
    struct page page;
    int r = page_start(&page, MEMORY_NAME, cursor, limit, err);
    if (r == 0)
        r = memory_read(m, "listing notifications", err);
    if (r < 0)
        return r;
    for (size_t seq = newest_of(&m->notifications, &page); seq > 0; seq--) {
        if (!page_looks(&page, (int64_t)seq))
            break;
        struct store_notification n =
            *(const struct store_notification *)m->notifications.rows[seq - 1];
        n.body = NULL;
        n.body_len = 0;
        page_took(&page, each(context, &n));
    }
    page_end(&page, next);
    return 0;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

int memory_put_key(void *self, const struct key *k, struct error *err)
{
    static const char doing[] = "writing a key";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    return r < 0 ? r : memory_put(m, &m->keys, key_clone(k), doing, err);
}

int memory_delete_key(void *self, const char *text, struct error *err)
{
    static const char doing[] = "forgetting a key";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    size_t at = memory_table_find(&m->keys, text_id(text));
    return r < 0 || at == MEMORY_NO_ROW ? r : memory_take(m, &m->keys, at, doing, err);
}

int memory_load_keys(void *self, int (*each)(void *context, struct key *k), void *context,
                     struct error *err)
{
    static const char doing[] = "reading the keys";
    struct memory_store *m = self;
    int r = memory_read(m, doing, err);
    for (size_t i = 0; r == 0 && i < m->keys.n; i++) {
        struct key *k = key_clone(m->keys.rows[i]);
        if (k == NULL)
            return memory_fail(m, -ENOMEM, doing, err);
        r = each(context, k);
        if (r < 0)
            return not_taken("a key", r, err);
    }
    return r;
}

/* --- requests -----------------------------------------------------------------------------------
 */

int memory_put_request(void *self, const struct request *request, struct error *err)
{
    static const char doing[] = "writing a request";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    return r < 0 ? r : memory_put(m, &m->requests, new_request(request), doing, err);
}

int memory_get_request(void *self, const char *relay_id, struct request *out, struct error *err)
{
    static const char doing[] = "reading a request";
    struct memory_store *m = self;
    int r = memory_read(m, doing, err);
    if (r < 0)
        return r;
    const struct request *found = memory_named(&m->requests, relay_id);
    if (found == NULL)
        return STORE_NONE;
    memset(out, 0, sizeof(*out));
    if (copy_request(out, found))
        return 0;
    request_free(out);
    memset(out, 0, sizeof(*out));
    return memory_fail(m, -ENOMEM, doing, err);
}

static int load_requests(struct memory_store *m, bool (*wanted)(const struct request *r),
                         const char *doing, int (*each)(void *context, struct request *r),
                         void *context, struct error *err)
{
    int r = memory_read(m, doing, err);
    for (size_t i = 0; r == 0 && i < m->requests.n; i++) {
        const struct request *row = m->requests.rows[i];
        if (!wanted(row))
            continue;
        struct request *copy = new_request(row);
        if (copy == NULL)
            return memory_fail(m, -ENOMEM, doing, err);
        r = each(context, copy);
        if (r < 0)
            return not_taken("a request", r, err);
    }
    return r;
}

static bool is_open(const struct request *r)
{
    return request_is_open(r->state);
}

int memory_load_open_requests(void *self, int (*each)(void *context, struct request *r),
                              void *context, struct error *err)
{
    return load_requests(self, is_open, "reading the open requests", each, context, err);
}

static bool is_watched(const struct request *r)
{
    return strcmp(r->effect, "watched") == 0;
}

int memory_load_watched_requests(void *self, int (*each)(void *context, struct request *r),
                                 void *context, struct error *err)
{
    return load_requests(self, is_watched, "reading the watched requests", each, context, err);
}

struct slot {
    const struct request *request;
    size_t seq;
};

static int compare_slots(const void *left, const void *right)
{
    const struct slot *a = left;
    const struct slot *b = right;
    if (a->request->created_at != b->request->created_at)
        return a->request->created_at < b->request->created_at ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

int memory_load_slots(void *self, int64_t since,
                      int (*each)(void *context, const char *route, const char *target, int64_t at,
                                  const char *relay_id),
                      void *context, struct error *err)
{
    static const char doing[] = "reading the budgets";
    struct memory_store *m = self;
    int r = memory_read(m, doing, err);
    if (r < 0)
        return r;
    SCOPED(free_p) struct slot *slots = calloc(m->requests.n + 1, sizeof(*slots));
    if (slots == NULL)
        return memory_fail(m, -ENOMEM, doing, err);
    size_t n = 0;
    for (size_t i = 0; i < m->requests.n; i++) {
        const struct request *row = m->requests.rows[i];
        if (row->slot && row->created_at > since)
            slots[n++] = (struct slot){row, i};
    }
    qsort(slots, n, sizeof(*slots), compare_slots);
    for (size_t i = 0; i < n; i++) {
        const struct request *row = slots[i].request;
        r = each(context, row->route, row->target, row->created_at, row->relay_id);
        if (r < 0)
            return not_taken("a budget's slot", r, err);
    }
    return 0;
}

int memory_count_requests(void *self, int64_t counts[static REQUEST_STATES], struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "counting requests", err);
    if (r < 0)
        return r;
    memset(counts, 0, REQUEST_STATES * sizeof(counts[0]));
    for (size_t i = 0; i < m->requests.n; i++)
        counts[((const struct request *)m->requests.rows[i])->state]++;
    return 0;
}

int memory_list_requests(void *self, const char *cursor, size_t limit,
                         bool (*each)(void *context, const struct request *r), void *context,
                         char next[static 64], struct error *err)
{
    struct memory_store *m = self;
    struct page page;
    int r = page_start(&page, MEMORY_NAME, cursor, limit, err);
    if (r == 0)
        r = memory_read(m, "listing requests", err);
    if (r < 0)
        return r;
    for (size_t seq = newest_of(&m->requests, &page); seq > 0; seq--) {
        if (!page_looks(&page, (int64_t)seq))
            break;
        page_took(&page, each(context, m->requests.rows[seq - 1]));
    }
    page_end(&page, next);
    return 0;
}
