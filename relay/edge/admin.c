#include "relay/edge/admin.h"

#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/edge/admin_access.h"
#include "relay/edge/admin_commands.h"
#include "relay/edge/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX    (16 * 1024)
#define CONNECTIONS   64
#define DEFAULT_LIMIT 50

struct admin {
    struct core *core;
    struct http_server *tcp, *file;
    char *token_file; /* NULL: none */
};

static const char busy[] = "the relay is busy or shutting down";
static const char explain_path[] = "/api/v1/explain";

static const struct {
    const char *path;
    enum core_query list, one;
} collections[] = {
    {"keys", QUERY_KEYS, QUERY_KEY},
    {"requests", QUERY_REQUESTS, QUERY_REQUEST},
    {"notifications", QUERY_NOTIFICATIONS, QUERY_NOTIFICATION},
    {"changes", QUERY_CHANGES, QUERY_CHANGES},
};

static void text(struct http_request *r, const char *body)
{
    http_request_answer(r, 200, "text/plain; charset=utf-8", body, strlen(body), NULL, 0);
}

static void reply_as(struct http_request *r, const char *type, const struct core_reply *answer)
{
    switch (answer->verdict) {
    case CORE_FOUND:
    case CORE_DRY:
    case CORE_CHANGED:
        http_request_answer(r, 200, type, answer->body, answer->len, NULL, 0);
        return;
    case CORE_NOT_FOUND:
        http_request_problem(r, 404, answer->len == 0 ? "no such id" : answer->body, NULL, 0);
        return;
    case CORE_CONFLICT:
        http_request_problem(r, 409, answer->body, NULL, 0);
        return;
    case CORE_BAD_QUERY:
        http_request_problem(r, 400, answer->body, NULL, 0);
        return;
    case CORE_UNAVAILABLE:
        http_request_problem(r, 503, answer->body, NULL, 0);
        return;
    case CORE_STORED:
    case CORE_DUPLICATE:
    case CORE_STALE:
        break; /* answers to notifications */
    }
    http_request_problem(r, 500, NULL, NULL, 0);
}

static void reply_json(void *context, const struct core_reply *answer)
{
    reply_as(context, "application/json", answer);
}

static void reply_text(void *context, const struct core_reply *answer)
{
    reply_as(context, "text/plain; charset=utf-8", answer);
}

static void reply_metrics(void *context, const struct core_reply *answer)
{
    reply_as(context, "text/plain; version=0.0.4; charset=utf-8", answer);
}

static void ask(struct admin *a, struct http_request *r, enum core_query query, const char *id,
                core_reply_fn *reply)
{
    http_request_later(r);
    if (!core_ask(a->core, query, id, NULL, 1, reply, r))
        http_request_problem(r, 503, busy, NULL, 0);
}

/* False: the limit was refused and the request answered. */
static bool read_limit(struct http_request *r, size_t *limit)
{
    const char *given = http_request_argument(r, "limit");
    int64_t value = DEFAULT_LIMIT;
    struct error err = {0};
    if (given != NULL && parse_int64(&value, given, 1, STORE_LIST_MAX, &err) != 0) {
        http_request_problem(r, 400, err.text, NULL, 0);
        return false;
    }
    *limit = (size_t)value;
    return true;
}

static void list(struct admin *a, struct http_request *r, enum core_query query)
{
    struct core_filter filter = {.values = {NULL}};
    size_t limit;
    if (!read_limit(r, &limit))
        return;
    for (size_t i = 0; i < CORE_FIELDS; i++)
        filter.values[i] = http_request_argument(r, core_field_names[i]);
    const char *cursor = http_request_argument(r, "cursor");
    http_request_later(r);
    if (!core_list(a->core, query, &filter, cursor, limit, reply_json, r))
        http_request_problem(r, 503, busy, NULL, 0);
}

/* A notification, or its body as it was signed. */
static void notification(struct admin *a, struct http_request *r, const char *id)
{
    static const char tail[] = "/body";
    size_t len = strlen(id);
    size_t tail_len = sizeof(tail) - 1;
    if (len <= tail_len || strcmp(id + len - tail_len, tail) != 0) {
        ask(a, r, QUERY_NOTIFICATION, id, reply_json);
        return;
    }
    SCOPED(free_p) char *alone = strndup(id, len - tail_len);
    if (alone == NULL)
        http_request_problem(r, 503, busy, NULL, 0);
    else
        ask(a, r, QUERY_BODY, alone, reply_json);
}

static void api(struct admin *a, struct http_request *r, const char *path)
{
    bool status = strcmp(path, "status") == 0;
    if (status || strcmp(path, "backup") == 0) {
        ask(a, r, status ? QUERY_STATUS : QUERY_BACKUP, NULL, reply_json);
        return;
    }
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
        size_t len = strlen(collections[i].path);
        if (strncmp(path, collections[i].path, len) != 0)
            continue;
        bool one = path[len] == '/' && path[len + 1] != '\0';
        if (one ? collections[i].one == collections[i].list : path[len] != '\0')
            break;
        if (!one)
            list(a, r, collections[i].list);
        else if (collections[i].one == QUERY_NOTIFICATION)
            notification(a, r, path + len + 1);
        else
            ask(a, r, collections[i].one, path + len + 1, reply_json);
        return;
    }
    http_request_problem(r, 404, NULL, NULL, 0);
}

static void command(struct admin *a, struct http_request *r, const char *path)
{
    SCOPED(admin_command_clear) struct admin_command c = {.id = NULL};
    char who[ADMIN_WHO_MAX];
    struct error err = {0};
    size_t len;
    const char *body = http_request_body(r, &len);
    int parsed = admin_command_parse(&c, path);
    if (parsed != 0) {
        http_request_problem(r, parsed < 0 ? 503 : 404, NULL, NULL, 0);
        return;
    }
    if (!admin_may_change(r, a->token_file, who)) /* the token may be another one by now */
        return;
    if (admin_command_read(&c, body, len, &err) < 0) {
        http_request_problem(r, 400, err.text, NULL, 0);
        return;
    }
    log_warn("admin", "command", LOG_STR("path", path), LOG_STR("who", who), LOG_STR("why", c.why));
    http_request_later(r);
    const struct core_order order = {.command = c.command,
                                     .scope = c.scope,
                                     .id = c.id,
                                     .who = who,
                                     .why = c.why,
                                     .for_ms = c.for_ms};
    if (!core_command(a->core, &order, reply_json, r))
        http_request_problem(r, 503, busy, NULL, 0);
}

/* It changes nothing, so it needs no more than looking does. */
static void explain(struct admin *a, struct http_request *r)
{
    struct core_explanation question = {.source = http_request_argument(r, "source"),
                                        .at = http_request_argument(r, "at")};
    question.body = http_request_body(r, &question.body_len);
    http_request_later(r);
    if (!core_explain(a->core, &question, reply_json, r))
        http_request_problem(r, 503, busy, NULL, 0);
}

static void complete(void *self, struct http_request *r)
{
    static const char prefix[] = "/api/v1/";
    struct admin *a = self;
    const char *path = http_request_path(r);
    if (strcmp(path, explain_path) == 0)
        explain(a, r);
    else if (strcmp(http_request_method(r), "POST") == 0)
        command(a, r, path + strlen(prefix));
    else if (page_serve(a->core, r))
        return;
    else if (strcmp(path, "/healthz") == 0)
        text(r, "ok\n");
    else if (strcmp(path, "/readyz") == 0)
        ask(a, r, QUERY_READY, NULL, reply_text);
    else if (strcmp(path, "/metrics") == 0)
        ask(a, r, QUERY_METRICS, NULL, reply_metrics);
    else if (strncmp(path, prefix, strlen(prefix)) == 0)
        api(a, r, path + strlen(prefix));
    else
        http_request_problem(r, 404, NULL, NULL, 0);
}

/* A POST under /api/v1/: its body is read once it is known that its sender may. */
static void begin_command(const struct admin *a, struct http_request *r)
{
    static const char prefix[] = "/api/v1/";
    static const struct http_header looks[] = {{"Allow", "GET, HEAD"}};
    SCOPED(admin_command_clear) struct admin_command c = {.id = NULL};
    const char *path = http_request_path(r);
    char who[ADMIN_WHO_MAX];
    bool known = strncmp(path, prefix, strlen(prefix)) == 0 &&
                 admin_command_parse(&c, path + strlen(prefix)) == 0;
    if (!known)
        http_request_problem(r, 405, "this only shows", looks, 1);
    else
        (void)admin_may_change(r, a->token_file, who); /* else it was answered */
}

/* Refused before a byte of its body is read. */
static void begin(void *self, struct http_request *r)
{
    static const struct http_header looks[] = {{"Allow", "GET, HEAD"}};
    static const struct http_header posts[] = {{"Allow", "POST"}};
    const char *method = http_request_method(r);
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (strcmp(http_request_path(r), explain_path) == 0) {
        if (strcmp(method, "POST") != 0)
            http_request_problem(r, 405, "a notification is posted", posts, 1);
    } else if (strcmp(method, "POST") == 0) {
        begin_command(self, r);
    } else if (!get) {
        http_request_problem(r, 405, "this listener only shows", looks, 1);
    }
}

int admin_start(struct admin **out, const struct conf *conf, struct core *core,
                const struct clock *clock, struct error *err)
{
    struct admin *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return error_set(err, -ENOMEM, "admin: out of memory");
    a->core = core;
    a->token_file = conf->admin_token_file == NULL ? NULL : strdup(conf->admin_token_file);
    struct http_server_options options = {
        .name = "admin",
        .host = conf->admin.host,
        .port = conf->admin.port,
        .tls = conf->admin_tls,
        .threads = 1,
        .body_max = conf->limits.body,
        .header_max = HEADER_MAX,
        .header_time_ms = conf->limits.header_time_ms,
        .body_time_ms = conf->limits.body_time_ms,
        .connections = CONNECTIONS,
        .handler = {.self = a, .begin = begin, .complete = complete},
        .clock = clock,
    };
    int r = conf->admin_token_file != NULL && a->token_file == NULL
                ? error_set(err, -ENOMEM, "admin: out of memory")
                : http_server_start(&a->tcp, &options, err);
    if (r == 0 && conf->admin_socket != NULL) {
        options.host = NULL;
        options.unix_path = conf->admin_socket;
        options.tls = NULL;
        r = http_server_start(&a->file, &options, err);
    }
    if (r != 0) {
        admin_stop(a);
        return r;
    }
    *out = a;
    return 0;
}

void admin_reload(struct admin *a, const struct conf *conf)
{
    if (conf->admin_tls != NULL)
        http_server_set_tls(a->tcp, conf->admin_tls);
}

void admin_drain(struct admin *a)
{
    http_server_drain(a->tcp);
    if (a->file != NULL)
        http_server_drain(a->file);
}

void admin_stop(struct admin *a)
{
    if (a == NULL)
        return;
    http_server_stop(a->tcp, 1000);
    http_server_stop(a->file, 1000);
    free(a->token_file);
    free(a);
}
