#include "relay/store/sqlite_private.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/store/sqlite_columns.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Far above max_members of the longest names an alert may have. */
enum { BELONGS_TO_REQUEST = 1, BELONGS_TO_WAITING = 2 };
#define MEMBERS_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* clang-format off */
static const struct column columns[] = {
#define X(kind, name) COLUMN_OF(struct key, kind, name)
    KEY_COLUMNS(X)
#undef X
};
/* clang-format on */

/* One member is [source, fingerprint, starts_at or null, heard_at, blind, belongs, notification,
 * position], belongs a sum of 1 (to the request) and 2 (to the hold or deferral): an array, because
 * 100,000 keys are read at every start and objects take twice the time. */
static void add_member(struct buf *b, const struct member *m)
{
    buf_add_char(b, '[');
    buf_add_json_string(b, m->source);
    buf_add_char(b, ',');
    buf_add_json_string(b, m->fingerprint);
    if (m->starts_at == INT64_MIN)
        buf_add_text(b, ",null");
    else
        buf_addf(b, ",%" PRId64, m->starts_at);
    buf_addf(b, ",%" PRId64 ",%d,%d,", m->heard_at, m->blind ? 1 : 0,
             (m->in_request ? BELONGS_TO_REQUEST : 0) | (m->waits ? BELONGS_TO_WAITING : 0));
    buf_add_json_string(b, m->notification);
    buf_addf(b, ",%" PRIu32 "]", m->position);
}

int sqlite_put_key(void *self, const struct key *k, struct error *err)
{
    struct sqlite *s = self;
    SCOPED(buf_free) struct buf members = BUF_INIT(MEMBERS_MAX_BYTES);
    buf_add_char(&members, '[');
    for (size_t i = 0; i < k->n_members; i++) {
        if (i > 0)
            buf_add_char(&members, ',');
        add_member(&members, &k->members[i]);
    }
    buf_add_char(&members, ']');
    if (buf_failed(&members)) {
        s->failed = true;
        return error_set(err, -ENOMEM,
                         "store %s: writing key %s: out of memory for its %zu members", s->path,
                         k->text, k->n_members);
    }
    SCOPED(query_end) struct query q = query_start(s, STATEMENT_PUT_KEY, "writing a key");
    query_bind_text(&q, buf_text(&members));
    query_bind_row(&q, columns, COLUMNS(columns), k);
    return query_change(&q, err);
}

int sqlite_delete_key(void *self, const char *text, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_DELETE_KEY, "forgetting a key");
    query_bind_text(&q, text);
    return query_change(&q, err);
}

/* 0, -ENOMEM, or -EBADMSG for what add_member() never wrote. */
static int read_member(struct key *k, json_t *row)
{
    const char *source = json_string_value(json_array_get(row, 0));
    const char *fingerprint = json_string_value(json_array_get(row, 1));
    const json_t *starts_at = json_array_get(row, 2);
    const json_t *heard_at = json_array_get(row, 3);
    const char *notification = json_string_value(json_array_get(row, 6));
    json_int_t position = json_integer_value(json_array_get(row, 7));
    if (json_array_size(row) != 8 || source == NULL || fingerprint == NULL ||
        notification == NULL || !json_is_integer(heard_at) ||
        !(json_is_integer(starts_at) || json_is_null(starts_at)) || position < 0 ||
        position > UINT32_MAX || key_member(k, source, fingerprint) != NULL)
        return -EBADMSG;
    struct member *m = key_add_member(k, source, fingerprint);
    if (m == NULL)
        return -ENOMEM;
    m->starts_at = json_is_null(starts_at) ? INT64_MIN : json_integer_value(starts_at);
    m->heard_at = json_integer_value(heard_at);
    m->blind = json_integer_value(json_array_get(row, 4)) != 0;
    json_int_t belongs = json_integer_value(json_array_get(row, 5));
    m->in_request = (belongs & BELONGS_TO_REQUEST) != 0;
    m->waits = (belongs & BELONGS_TO_WAITING) != 0;
    if (strlen(notification) >= sizeof(m->notification))
        return -EBADMSG;
    memcpy(m->notification, notification, strlen(notification) + 1);
    m->position = (uint32_t)position;
    return 0;
}

static int read_members_by_jansson(struct key *k, const char *text)
{
    SCOPED(json_release_p) json_t *rows = json_loads(text, 0, NULL);
    if (!json_is_array(rows))
        return -EBADMSG;
    size_t n = json_array_size(rows);
    for (size_t i = 0; i < n; i++) {
        int rc = read_member(k, json_array_get(rows, i));
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- the same, where no text has an escape or is other than ASCII: nearly always, and 100,000 keys
 * are read at a start ------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
    while (*text >= ' ' && *text < 0x7f && *text != '\\')
        text++;
    return *text == '\0';
}

/* Past c; NULL stays NULL, and comes of everything that is not as add_member() writes it. */
static char *past(char *at, char c)
{
    return at != NULL && *at == c ? at + 1 : NULL;
}

static char *past_text(char *at, char **out)
{
    at = past(at, '"');
    char *end = at == NULL ? NULL : strchr(at, '"');
    if (end == NULL)
        return NULL;
    *end = '\0';
    *out = at;
    return end + 1;
}

static char *past_number(char *at, int64_t *out)
{
    char *end = at == NULL ? NULL : at + strspn(at, "-0123456789");
    if (end == NULL)
        return NULL;
    char next = *end;
    *end = '\0';
    int rc = parse_int64(out, at, INT64_MIN, INT64_MAX, NULL);
    *end = next;
    return rc == 0 ? end : NULL;
}

static int add_read(struct key *k, const struct member *m)
{
    if (key_member(k, m->source, m->fingerprint) != NULL)
        return -EBADMSG;
    struct member *made = key_add_member(k, m->source, m->fingerprint);
    if (made == NULL)
        return -ENOMEM;
    char *source = made->source, *fingerprint = made->fingerprint;
    *made = *m;
    made->source = source;
    made->fingerprint = fingerprint;
    return 0;
}

/* *at: after '['. */
static int read_plain_member(struct key *k, char **at)
{
    struct member m = {.starts_at = INT64_MIN};
    char *notification = NULL;
    int64_t blind = 0, belongs = 0, position = 0;
    char *p = past_text(*at, &m.source);
    p = past_text(past(p, ','), &m.fingerprint);
    p = past(p, ',');
    p = p != NULL && strncmp(p, "null", 4) == 0 ? p + 4 : past_number(p, &m.starts_at);
    p = past_number(past(p, ','), &m.heard_at);
    p = past_number(past(p, ','), &blind);
    p = past_number(past(p, ','), &belongs);
    p = past_text(past(p, ','), &notification);
    p = past(past_number(past(p, ','), &position), ']');
    if (p == NULL || position < 0 || position > UINT32_MAX ||
        strlen(notification) >= sizeof(m.notification))
        return -EBADMSG;
    *at = p;
    m.blind = blind != 0;
    m.in_request = (belongs & BELONGS_TO_REQUEST) != 0;
    m.waits = (belongs & BELONGS_TO_WAITING) != 0;
    memcpy(m.notification, notification, strlen(notification) + 1);
    m.position = (uint32_t)position;
    return add_read(k, &m);
}

static int read_members(struct key *k, char *text)
{
    if (!is_plain(text))
        return read_members_by_jansson(k, text);
    char *at = past(text, '[');
    if (at != NULL && *at == ']')
        return at[1] == '\0' ? 0 : -EBADMSG;
    for (char *next = at; next != NULL; next = *at == ',' ? at + 1 : NULL) {
        at = past(next, '[');
        int rc = at == NULL ? -EBADMSG : read_plain_member(k, &at);
        if (rc < 0)
            return rc;
    }
    return at != NULL && strcmp(at, "]") == 0 ? 0 : -EBADMSG;
}

static void key_free_p(struct key **k)
{
    key_free(*k);
}

static int read_key(struct query *q, struct key **out, struct error *err)
{
    SCOPED(key_free_p) struct key *k = calloc(1, sizeof(*k));
    SCOPED(free_p) char *members = query_text_copy(q);
    if (k == NULL)
        return error_set(err, -ENOMEM, "store %s: %s: out of memory", q->store->path, q->doing);
    int rc = query_read_row(q, columns, COLUMNS(columns), k, err);
    if (rc < 0)
        return rc;
    rc = members == NULL ? -EBADMSG : read_members(k, members);
    if (rc == -EBADMSG)
        return sqlite_fail_row(q->store, q->doing, err);
    if (rc < 0)
        return error_set(err, rc, "store %s: %s: out of memory", q->store->path, q->doing);
    *out = GIVE(k);
    return 0;
}

int sqlite_load_keys(void *self, int (*each)(void *context, struct key *k), void *context,
                     struct error *err)
{
    struct sqlite *s = self;
    SCOPED(query_end) struct query q = query_start(s, STATEMENT_LOAD_KEYS, "reading the keys");
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        struct key *k = NULL;
        rc = read_key(&q, &k, err);
        if (rc < 0)
            return rc;
        rc = each(context, k);
        if (rc < 0)
            return error_set(err, rc, "store %s: a key was read and could not be taken in: %s",
                             s->path, strerror(-rc));
    }
    return rc < 0 ? rc : 0;
}
