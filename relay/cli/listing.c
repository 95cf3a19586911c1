/* keys, requests, notifications, changes: tables of what a running relay lists. */
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/answer.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/table.h"

#include <stdio.h>
#include <string.h>

#define ROWS     20
#define ROWS_MAX 1000000
#define PAGE     200

/* One of the listings. */
struct listing {
    const char *collection;
    const struct table_column *columns;
    size_t n_columns;
    void (*add_row)(struct table *t, const json_t *item, struct wall now);
    const char *const *filters; /* options that are arguments of the same name; ended by NULL */
};

/* --- asking --------------------------------------------------------------------------------------
 */

static int add_argument(struct buf *path, const char *name, const char *value)
{
    SCOPED(free_p) char *escaped = client_escape(value);
    if (escaped == NULL)
        return EXIT_USAGE;
    buf_addf(path, "&%s=%s", name, escaped);
    return EXIT_OK;
}

static int get_page(const struct cli_args *args, const struct listing *l, size_t limit,
                    const char *cursor, json_t **page)
{
    SCOPED(buf_free) struct buf path = BUF_INIT(64 * 1024);
    buf_addf(&path, "/api/v1/%s?limit=%zu", l->collection, limit < PAGE ? limit : PAGE);
    int code = cursor == NULL ? EXIT_OK : add_argument(&path, "cursor", cursor);
    for (size_t i = 0; code == EXIT_OK && l->filters[i] != NULL; i++) {
        const char *value = cli_value(args, l->filters[i]);
        if (value != NULL)
            code = add_argument(&path, l->filters[i], value);
    }
    if (code != EXIT_OK || buf_failed(&path)) {
        fprintf(stderr, "drift-relay %s: an argument is too long\n", args->usage->command);
        return EXIT_USAGE;
    }
    return client_get_json(args, buf_text(&path), page);
}

/* Pages until there are enough rows: one may be short, and not the last. */
static int gather(const struct cli_args *args, const struct listing *l, size_t rows, json_t *items,
                  bool *more)
{
    SCOPED(free_p) char *cursor = NULL;
    do {
        SCOPED(json_release_p) json_t *page = NULL;
        int code = get_page(args, l, rows - json_array_size(items), cursor, &page);
        if (code != EXIT_OK)
            return code;
        if (json_array_extend(items, json_object_get(page, "items")) != 0) {
            fprintf(stderr, "drift-relay %s: not an answer of a relay\n", args->usage->command);
            return EXIT_FAILED;
        }
        const char *next = json_string_value(json_object_get(page, "next"));
        free(cursor);
        cursor = next == NULL ? NULL : strdup(next);
    } while (cursor != NULL && json_array_size(items) < rows);
    *more = cursor != NULL;
    return EXIT_OK;
}

static int list(const struct cli_usage *usage, const struct listing *l, int argc, char **argv)
{
    struct cli_args args;
    struct error err = {0};
    int64_t rows = ROWS;
    bool more = false;
    int code = cli_parse(&args, usage, argc, argv);
    if (code >= 0)
        return code;
    const char *given = cli_value(&args, "limit");
    if (given != NULL && parse_int64(&rows, given, 1, ROWS_MAX, &err) != 0) {
        fprintf(stderr, "drift-relay %s: --limit: %s\n", usage->command, err.text);
        return EXIT_USAGE;
    }
    SCOPED(json_release_p) json_t *items = json_array();
    code = gather(&args, l, (size_t)rows, items, &more);
    if (code != EXIT_OK)
        return code;
    if (cli_value(&args, "json") != NULL) {
        SCOPED(json_release_p) json_t *all = json_pack("{s:O,s:b}", "items", items, "more", more);
        return client_print_json(all);
    }
    SCOPED(table_clear) struct table table;
    table_init(&table, l->columns, l->n_columns);
    size_t i;
    const json_t *item;
    json_array_foreach(items, i, item)
    {
        l->add_row(&table, item, clock_wall(clock_system()));
    }
    table_print(&table, 0);
    if (json_array_size(items) == 0)
        printf("none\n");
    if (more)
        printf("… and more: --limit %lld shows twice as many\n", (long long)rows * 2);
    return EXIT_OK;
}

static void add(struct table *t, const json_t *item, const char *name)
{
    table_add(t, answer_text(item, name), TABLE_PLAIN);
}

static void add_word(struct table *t, const json_t *item, const char *name)
{
    const char *word = answer_text(item, name);
    table_add(t, word, table_colour_of(word));
}

static void add_distance(struct table *t, const json_t *item, const char *name, struct wall now)
{
    char text[ANSWER_TIME];
    table_add(t, answer_distance(text, item, name, now), TABLE_PLAIN);
}

#define LIMIT_AND_JSON                                                                             \
    {"limit", "N", "rows at most; 20 unless given"},                                               \
    {                                                                                              \
        "json", NULL, "print {\"items\",\"more\"}, the items as the relay has them"                \
    }

/* --- keys ----------------------------------------------------------------------------------------
 */

static const struct table_column key_columns[] = {
    {"KEY", true}, {"STATE", false}, {"ALERTS", false}, {"UNTIL", false}, {"REQUEST", false}};

static void add_key(struct table *t, const json_t *k, struct wall now)
{
    char alerts[32];
    add(t, k, "key");
    add_word(t, k, "state");
    (void)snprintf(alerts, sizeof(alerts), "%zu", json_array_size(json_object_get(k, "members")));
    table_add(t, alerts, TABLE_PLAIN);
    add_distance(t, k, "until", now);
    add(t, k, "relay_id");
}

static const struct cli_option key_options[] = {
    {"state", "STATE", "open, held, deferred, disarmed, cooldown, firing or quiet"},
    {"route", "ROUTE", "of this route"},
    LIMIT_AND_JSON,
    CLIENT_ADMIN_OPTIONS,
    {0}};
static const struct cli_usage keys_usage = {
    .command = "keys",
    .arguments = "[OPTION…]",
    .purpose = "Lists what is debounced: each key, its state, and until when that lasts.",
    .options = key_options,
};

int cli_keys(int argc, char **argv)
{
    static const char *const filters[] = {"state", "route", NULL};
    static const struct listing listing = {
        "keys", key_columns, sizeof(key_columns) / sizeof(key_columns[0]), add_key, filters};
    return list(&keys_usage, &listing, argc, argv);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static const struct table_column request_columns[] = {
    {"RELAY_ID", false}, {"STATE", false}, {"REASON", false}, {"EFFECT", false},
    {"KEY", true},       {"AGE", false},   {"RUN", true}};

static void add_request(struct table *t, const json_t *r, struct wall now)
{
    const json_t *run = json_object_get(r, "run");
    add(t, r, "relay_id");
    add_word(t, r, "state");
    add_word(t, r, "reason");
    add_word(t, r, "effect");
    add(t, r, "key");
    add_distance(t, r, "created_at", now);
    add(t, run, "url");
}

static const struct cli_option request_options[] = {
    {"state", "STATE", "open (all that have not ended), queued, running, done, dead, …"},
    {"route", "ROUTE", "of this route"},
    {"key", "KEY", "of this key"},
    {"target", "NAME", "of this target"},
    {"cause", "CAUSE", "alert, timer or redeliver"},
    {"reason", "REASON", "with this reason: success, expired, resolved, …"},
    {"conclusion", "WORD", "whose run ended so"},
    {"effect", "WORD", "watched, effective, not_effective or unknown"},
    LIMIT_AND_JSON,
    CLIENT_ADMIN_OPTIONS,
    {0}};
static const struct cli_usage requests_usage = {
    .command = "requests",
    .arguments = "[OPTION…]",
    .purpose = "Lists each run that was asked for and what became of it, newest first.",
    .options = request_options,
};

int cli_requests(int argc, char **argv)
{
    static const char *const filters[] = {"state",  "route",      "key",    "target", "cause",
                                          "reason", "conclusion", "effect", NULL};
    static const struct listing listing = {"requests", request_columns,
                                           sizeof(request_columns) / sizeof(request_columns[0]),
                                           add_request, filters};
    return list(&requests_usage, &listing, argc, argv);
}

/* --- notifications -------------------------------------------------------------------------------
 */

static const struct table_column notification_columns[] = {
    {"NOTIFICATION", false}, {"AGE", false}, {"SOURCE", true}, {"DECISIONS", true}};

/* "dispatch/first, 3 suppressed/duplicate" */
static void add_decisions(struct table *t, const json_t *alerts)
{
    SCOPED(json_release_p) json_t *counts = json_object();
    SCOPED(buf_free) struct buf text = BUF_INIT(2048);
    size_t i;
    const json_t *alert;
    const char *decision;
    json_t *count;
    json_array_foreach(alerts, i, alert)
    {
        char name[96];
        (void)snprintf(name, sizeof(name), "%.40s/%.40s", answer_text(alert, "verdict"),
                       answer_text(alert, "reason"));
        json_int_t n = json_integer_value(json_object_get(counts, name));
        (void)json_object_set_new(counts, name, json_integer(n + 1));
    }
    json_object_foreach(counts, decision, count)
    {
        if (text.len > 0)
            buf_add_text(&text, ", ");
        if (json_integer_value(count) > 1)
            buf_addf(&text, "%lld ", (long long)json_integer_value(count));
        buf_add_text(&text, decision);
    }
    bool acts = strstr(buf_text(&text), "dispatch/") != NULL;
    table_add(t, buf_text(&text), acts ? TABLE_BUSY : TABLE_PLAIN);
}

static void add_notification(struct table *t, const json_t *n, struct wall now)
{
    add(t, n, "notification");
    add_distance(t, n, "received_at", now);
    add(t, n, "source");
    add_decisions(t, json_object_get(n, "alerts"));
}

static const struct cli_option notification_options[] = {
    {"source", "NAME", "of this source"},
    {"route", "ROUTE", "one of whose alerts has this route …"},
    {"key", "KEY", "… and this key …"},
    {"verdict", "WORD",
     "… and this verdict: dispatch, held, deferred, suppressed, ignored, resolved …"},
    {"reason", "REASON", "… and this reason"},
    LIMIT_AND_JSON,
    CLIENT_ADMIN_OPTIONS,
    {0}};
static const struct cli_usage notifications_usage = {
    .command = "notifications",
    .arguments = "[OPTION…]",
    .purpose = "Lists what came in and what was decided, newest first.",
    .options = notification_options,
};

int cli_notifications(int argc, char **argv)
{
    static const char *const filters[] = {"source", "route", "key", "verdict", "reason", NULL};
    static const struct listing listing = {
        "notifications", notification_columns,
        sizeof(notification_columns) / sizeof(notification_columns[0]), add_notification, filters};
    return list(&notifications_usage, &listing, argc, argv);
}

/* --- changes -------------------------------------------------------------------------------------
 */

static const struct table_column change_columns[] = {{"AGE", false}, {"WHO", false},
                                                     {"DID", false}, {"TO", true},
                                                     {"WHY", true},  {"WHAT CAME OF IT", true}};

static void add_change(struct table *t, const json_t *c, struct wall now)
{
    char to[512];
    (void)snprintf(to, sizeof(to), "%.40s %.400s", answer_text(c, "scope"), answer_text(c, "name"));
    add_distance(t, c, "at", now);
    add(t, c, "who");
    add(t, c, "action");
    table_add(t, to, TABLE_PLAIN);
    add(t, c, "why");
    add(t, c, "detail");
}

static const struct cli_option change_options[] = {
    {"action", "WORD", "pause, resume, rearm, cancel, redeliver or backup"},
    {"who", "WHO", "\"uid 1000\", token, or relay (a pause that ended by itself)"},
    {"name", "NAME", "of the route, target, key or request that was changed"},
    LIMIT_AND_JSON,
    CLIENT_ADMIN_OPTIONS,
    {0}};
static const struct cli_usage changes_usage = {
    .command = "changes",
    .arguments = "[OPTION…]",
    .purpose = "Lists what operators changed, who and why, newest first.",
    .options = change_options,
};

int cli_changes(int argc, char **argv)
{
    static const char *const filters[] = {"action", "who", "name", NULL};
    static const struct listing listing = {"changes", change_columns,
                                           sizeof(change_columns) / sizeof(change_columns[0]),
                                           add_change, filters};
    return list(&changes_usage, &listing, argc, argv);
}
