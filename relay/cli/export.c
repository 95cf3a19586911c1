/* export: the recorded notifications, one JSON line each, oldest first: what simulate reads.
 *
 * Requests that no notification made (a hold or deferral that ended, a redelivery) are lines of
 * their own, so that all dispatches are in the log. */
#include "relay/base/buf.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/offline.h"
#include "relay/store/sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option options[] = {
    {"db", "COPY", "read a copy of a relay's database instead of asking the running relay"},
    {"since", "TIME", "only what came then or later (RFC 3339)"},
    {"until", "TIME", "only what came before then"},
    CLIENT_ADMIN_OPTIONS,
    {0},
};
static const struct cli_usage usage = {
    .command = "export",
    .arguments = "[--db COPY] [--since TIME] [--until TIME] [--admin PATH|URL]",
    .purpose =
        "Prints what came in and what was decided as JSON lines, oldest first, for simulate.",
    .options = options,
    .notes = "A line is a notification {notification,source,format,received_at,body,alerts}, or\n"
             "a request {request,route,key,target,cause,created_at,state,reason}. Bodies hold\n"
             "what your alerts say: treat the log as you treat them.",
};

/* One line to be: where it stands in time, and where its content comes from. */
struct entry {
    int64_t at;
    size_t listed;      /* its place in the listings, which are newest first */
    char id[ULID_SIZE]; /* of a notification whose body is still to be read … */
    json_t *request;    /* … else the whole line */
};

struct export
{
    const struct cli_args *args;
    struct store store; /* ops NULL: the running relay is asked */
    int64_t since, until;
    struct entry *entries; /* newest first, notifications before requests */
    size_t n, cap;
    bool failed; /* out of memory */
};

static void export_clear(struct export *e)
{
    for (size_t i = 0; i < e->n; i++)
        json_decref(e->entries[i].request);
    free(e->entries);
}

/* Takes request. */
static void add(struct export *e, int64_t at, const char *id, json_t *request)
{
    if (at < e->since || at >= e->until) {
        json_decref(request);
        return;
    }
    if (e->n == e->cap) {
        size_t cap = e->cap == 0 ? 256 : e->cap * 2;
        struct entry *grown = reallocarray(e->entries, cap, sizeof(*grown));
        if (grown == NULL) {
            json_decref(request);
            e->failed = true;
            return;
        }
        e->entries = grown;
        e->cap = cap;
    }
    struct entry *entry = &e->entries[e->n++];
    *entry = (struct entry){.at = at, .listed = e->n, .request = request};
    (void)snprintf(entry->id, sizeof(entry->id), "%s", id);
}

static json_t *request_line(const char *id, const char *route, const char *key, const char *target,
                            const char *cause, const char *created_at, const char *state,
                            const char *reason)
{
    return json_pack("{s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?}", "request", id, "route", route,
                     "key", key, "target", target, "cause", cause, "created_at", created_at,
                     "state", state, "reason", reason);
}

/* --- from the running relay ----------------------------------------------------------------------
 */

static const char *field(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void add_item(struct export *e, const json_t *item, bool notification)
{
    int64_t at;
    const char *when = field(item, notification ? "received_at" : "created_at");
    const char *id = field(item, notification ? "notification" : "relay_id");
    if (when == NULL || id == NULL || parse_rfc3339_ms(&at, when, NULL) != 0)
        return;
    add(e, at, id,
        notification ? NULL
                     : request_line(id, field(item, "route"), field(item, "key"),
                                    field(item, "target"), field(item, "cause"), when,
                                    field(item, "state"), field(item, "reason")));
}

static int list_live(struct export *e, bool notifications)
{
    SCOPED(free_p) char *cursor = strdup("");
    while (cursor != NULL) {
        SCOPED(buf_free) struct buf path = BUF_INIT(4096);
        SCOPED(free_p) char *escaped = client_escape(cursor);
        SCOPED(json_release_p) json_t *page = NULL;
        buf_addf(&path, "/api/v1/%s?limit=200", notifications ? "notifications" : "requests");
        if (cursor[0] != '\0')
            buf_addf(&path, "&cursor=%s", escaped);
        int code = client_get_json(e->args, buf_text(&path), &page);
        if (code != EXIT_OK)
            return code;
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(page, "items"), i, item)
        {
            add_item(e, item, notifications);
        }
        free(cursor);
        cursor = NULL;
        if (field(page, "next") != NULL)
            cursor = strdup(field(page, "next"));
    }
    return EXIT_OK;
}

static int read_live(const struct export *e, const char *id, json_t **line)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/api/v1/notifications/%s", id);
    return client_get_json(e->args, path, line);
}

/* --- from a copy ---------------------------------------------------------------------------------
 */

static bool add_stored(void *context, const struct store_notification *n)
{
    add(context, n->received_wall, n->id, NULL);
    return true;
}

static bool add_stored_request(void *context, const struct request *r)
{
    char created[RFC3339_MAX];
    format_rfc3339_ms(created, r->created_wall);
    add(context, r->created_wall, r->relay_id,
        request_line(r->relay_id, r->route, r->key, r->target, r->cause, created,
                     request_state_text(r->state), r->reason[0] == '\0' ? NULL : r->reason));
    return true;
}

static int failed(const struct export *e, const struct error *err)
{
    fprintf(stderr, "drift-relay %s: %s\n", e->args->usage->command, err->text);
    return EXIT_FAILED;
}

static int list_stored(struct export *e, bool notifications)
{
    const struct store_ops *ops = e->store.ops;
    struct error err = {0};
    char cursor[64] = "", next[64] = "";
    do {
        int r = notifications ? ops->list_notifications(e->store.self, cursor, STORE_LIST_MAX,
                                                        add_stored, e, next, &err)
                              : ops->list_requests(e->store.self, cursor, STORE_LIST_MAX,
                                                   add_stored_request, e, next, &err);
        if (r < 0)
            return failed(e, &err);
        memcpy(cursor, next, sizeof(cursor));
    } while (cursor[0] != '\0');
    return EXIT_OK;
}

static int read_stored(const struct export *e, const char *id, json_t **line)
{
    SCOPED(store_notification_clear) struct store_notification n = {0};
    struct error err = {0};
    SCOPED(json_release_p) json_t *body = NULL;
    SCOPED(json_release_p) json_t *alerts = NULL;
    int r = e->store.ops->get_notification(e->store.self, id, &n, &err);
    if (r == 0)
        r = strict_json_load(&body, n.body, n.body_len, 2048, &err);
    if (r == 0)
        r = strict_json_load(&alerts, n.alerts, strlen(n.alerts), 64, &err);
    if (r != 0)
        return failed(e, &err);
    char received[RFC3339_MAX];
    format_rfc3339_ms(received, n.received_wall);
    *line = json_pack("{s:s,s:s,s:s,s:s,s:O,s:O}", "notification", id, "source", n.source, "format",
                      n.format, "received_at", received, "body", body, "alerts", alerts);
    return EXIT_OK;
}

/* --- writing -------------------------------------------------------------------------------------
 */

static int compare(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if ((a->request != NULL) != (b->request != NULL))
        return a->request != NULL ? 1 : -1; /* a request comes after its cause */
    return a->listed > b->listed ? -1 : 1;
}

static int write_line(const struct export *e, const struct entry *entry)
{
    SCOPED(json_release_p) json_t *line = json_incref(entry->request);
    int code = EXIT_OK;
    if (line == NULL)
        code = e->store.ops != NULL ? read_stored(e, entry->id, &line)
                                    : read_live(e, entry->id, &line);
    if (code != EXIT_OK)
        return code;
    SCOPED(buf_free) struct buf text = BUF_INIT(64U * 1024 * 1024);
    buf_add_json(&text, line);
    if (line == NULL || buf_failed(&text) || puts(buf_text(&text)) < 0) {
        fprintf(stderr, "drift-relay export: %s cannot be written\n", entry->id);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int export_all(struct export *e)
{
    int (*list)(struct export *, bool) = e->store.ops != NULL ? list_stored : list_live;
    int code = list(e, true);
    if (code == EXIT_OK)
        code = list(e, false);
    if (code == EXIT_OK && e->failed) {
        fprintf(stderr, "drift-relay export: out of memory\n");
        return EXIT_FAILED;
    }
    if (code == EXIT_OK && e->n > 0)
        qsort(e->entries, e->n, sizeof(*e->entries), compare);
    for (size_t i = 0; code == EXIT_OK && i < e->n; i++)
        code = write_line(e, &e->entries[i]);
    return code;
}

static int read_limit(const struct cli_args *args, const char *name, int64_t *out)
{
    const char *given = cli_value(args, name);
    struct error err = {0};
    if (given == NULL || parse_rfc3339_ms(out, given, &err) == 0)
        return 0;
    fprintf(stderr, "drift-relay export: --%s: %s\n", name, err.text);
    return EXIT_USAGE;
}

static int export_copy(struct export *e, const char *path)
{
    struct error err = {0};
    SCOPED(free_p) char *folder = NULL;
    int r = database_copy(&folder, path, &err);
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof(copy), "%s/relay.db", folder == NULL ? "" : folder);
    if (r == 0)
        r = sqlite_store_open(&e->store, copy, NULL, &err);
    int code = r == 0 ? export_all(e) : failed(e, &err);
    if (r == 0)
        e->store.ops->close(e->store.self);
    e->store.ops = NULL;
    database_copy_remove(folder);
    return code;
}

int cli_export(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    SCOPED(export_clear)
    struct export e = {.args = &args, .since = INT64_MIN, .until = INT64_MAX};
    code = read_limit(&args, "since", &e.since);
    if (code == 0)
        code = read_limit(&args, "until", &e.until);
    if (code != 0)
        return code;
    const char *copy = cli_value(&args, "db");
    return copy != NULL ? export_copy(&e, copy) : export_all(&e);
}
