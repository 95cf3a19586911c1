/* status, show, health: ask a running relay. */
#include "relay/base/rng.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "-" : text;
}

/* --- status
 * ---------------------------------------------------------------------------------------- */

static const struct cli_option status_options[] = {
    CLIENT_ADMIN_OPTIONS,
    {"json", NULL, "print the relay's own JSON"},
    {0},
};
static const struct cli_usage status_usage = {
    .command = "status",
    .arguments = "[--admin PATH|URL] [--json]",
    .purpose = "Shows whether the relay is ready, its requests by state, and the last of them.",
    .options = status_options,
};

static void print_requests(json_t *list)
{
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(list, "items"), i, r)
    {
        const json_t *run = json_object_get(r, "run");
        if (i == 0)
            printf("\n%-26s  %-10s %-14s %-24s %s\n", "RELAY_ID", "STATE", "REASON", "KEY", "RUN");
        printf("%-26s  %-10s %-14s %-24s %s\n", text_of(r, "relay_id"), text_of(r, "state"),
               text_of(r, "reason"), text_of(r, "key"),
               json_is_object(run) ? text_of(run, "url") : "-");
    }
}

/* What ops forget: it would explain why nothing starts. */
static void print_blocks(const json_t *status)
{
    size_t i;
    const json_t *p;
    if (json_is_true(json_object_get(status, "stop_file")))
        printf("  the stop file exists: nothing is started\n");
    json_array_foreach(json_object_get(status, "paused"), i, p)
    {
        printf("  paused: %s %s\n", text_of(p, "scope"), text_of(p, "name"));
    }
}

int cli_status(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &status_usage, argc, argv);
    if (code >= 0)
        return code;
    SCOPED(json_release_p) json_t *status = NULL;
    SCOPED(json_release_p) json_t *requests = NULL;
    code = client_get_json(&args, "/api/v1/status", &status);
    if (code != EXIT_OK)
        return code;
    if (cli_value(&args, "json") != NULL)
        return client_print_json(status);
    printf("drift-relay %s: %s, %lld keys\n", text_of(status, "version"),
           json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready",
           (long long)json_integer_value(json_object_get(status, "keys")));
    print_blocks(status);
    const char *state;
    json_t *count;
    json_object_foreach(json_object_get(status, "requests"), state, count)
    {
        if (json_integer_value(count) > 0)
            printf("  %-14s %lld\n", state, (long long)json_integer_value(count));
    }
    code = client_get_json(&args, "/api/v1/requests?limit=10", &requests);
    if (code == EXIT_OK)
        print_requests(requests);
    return code;
}

/* --- show
 * ------------------------------------------------------------------------------------------ */

static const struct cli_option show_options[] = {
    CLIENT_ADMIN_OPTIONS,
    {"json", NULL, "print the relay's own JSON"},
    {0},
};
static const struct cli_usage show_usage = {
    .command = "show",
    .arguments = "[--admin PATH|URL] [--json] ID",
    .purpose =
        "Shows a notification with its decisions, or a request with its attempts and its run.",
    .options = show_options,
    .notes = "ID is the \"notification\" or a \"relay_id\" of an answer.",
    .operands_min = 1,
    .operands_max = 1,
};

static int show_request(json_t *r)
{
    const json_t *run = json_object_get(r, "run");
    printf("request %s: %s (%s)\n", text_of(r, "relay_id"), text_of(r, "state"),
           text_of(r, "reason"));
    if (json_is_string(json_object_get(r, "detail")))
        printf("  detail        %s\n", text_of(r, "detail"));
    printf("  key           %s\n  target        %s\n  notification  %s\n  created       %s\n  "
           "expires       %s\n",
           text_of(r, "key"), text_of(r, "target"), text_of(r, "notification"),
           text_of(r, "created_at"), text_of(r, "expires_at"));
    SCOPED(free_p) char *inputs = json_dumps(json_object_get(r, "inputs"), JSON_COMPACT);
    printf("  inputs        %s\n", inputs == NULL ? "-" : inputs);
    if (json_is_object(run))
        printf("  run           %s  %s %s\n", text_of(run, "url"), text_of(run, "status"),
               text_of(run, "conclusion"));
    if (json_is_string(json_object_get(r, "effect")))
        printf("  effect        %s\n", text_of(r, "effect"));
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(r, "duplicate_runs"), i, a)
    {
        printf("  duplicate     run %lld shows the same relay_id\n",
               (long long)json_integer_value(a));
    }
    json_array_foreach(json_object_get(r, "attempts"), i, a)
    {
        printf("  attempt       %s  %s %lld  %s\n", text_of(a, "at"), text_of(a, "outcome"),
               (long long)json_integer_value(json_object_get(a, "http_status")),
               text_of(a, "detail"));
    }
    return EXIT_OK;
}

static int show_notification(json_t *n)
{
    printf("notification %s: %s (%s), received %s\n", text_of(n, "notification"),
           text_of(n, "source"), text_of(n, "format"), text_of(n, "received_at"));
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(n, "alerts"), i, a)
    {
        printf("  %-16s  %s/%-12s  %s", text_of(a, "fingerprint"), text_of(a, "verdict"),
               text_of(a, "reason"), text_of(a, "key"));
        if (json_is_string(json_object_get(a, "relay_id")))
            printf("  request %s", text_of(a, "relay_id"));
        if (json_is_string(json_object_get(a, "until")))
            printf("  until %s", text_of(a, "until"));
        printf("\n");
    }
    return EXIT_OK;
}

/* 0 and *out; EXIT_FAILED without a word when there is no such thing. */
static int look_up(const struct cli_args *args, const char *kind, const char *id, json_t **out)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "/api/v1/%s/%s", kind, id);
    struct http_result result;
    int code = client_get(args, path, &result);
    if (code != 0)
        return code;
    code =
        result.status == 200 && strict_json_load(out, result.body, result.body_len, 64, NULL) == 0
            ? EXIT_OK
            : EXIT_FAILED;
    http_result_free(&result);
    return code;
}

int cli_show(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &show_usage, argc, argv);
    if (code >= 0)
        return code;
    const char *id = args.operands[0];
    if (!ulid_is_valid(id)) {
        fprintf(stderr, "drift-relay show: \"%s\" is no id: 26 capital letters and digits\n", id);
        return EXIT_USAGE;
    }
    SCOPED(json_release_p) json_t *found = NULL;
    bool request = true;
    code = look_up(&args, "requests", id, &found);
    if (code == EXIT_FAILED) {
        request = false;
        code = look_up(&args, "notifications", id, &found);
    }
    if (code == EXIT_FAILED)
        fprintf(stderr, "drift-relay show: nothing has the id %s\n", id);
    if (code != EXIT_OK)
        return code;
    if (cli_value(&args, "json") != NULL)
        return client_print_json(found);
    return request ? show_request(found) : show_notification(found);
}

/* --- health
 * ---------------------------------------------------------------------------------------- */

static const struct cli_option health_options[] = {CLIENT_ADMIN_OPTIONS, {0}};
static const struct cli_usage health_usage = {
    .command = "health",
    .arguments = "[--admin PATH|URL]",
    .purpose =
        "Exit 0 when the relay accepts notifications, 1 when it does not, 3 when it is not there.",
    .options = health_options,
};

int cli_health(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &health_usage, argc, argv);
    if (code >= 0)
        return code;
    struct http_result result;
    code = client_get(&args, "/readyz", &result);
    if (code != 0)
        return code;
    if (result.status != 200 && result.status != 404) {
        fprintf(stderr, "drift-relay show: the relay answered %d: %s\n", result.status,
                result.body);
        http_result_free(&result);
        return EXIT_UNREACHABLE;
    }
    code = result.status == 200 ? EXIT_OK : EXIT_FAILED;
    printf("%s\n", code == EXIT_OK ? "ready" : "not ready");
    http_result_free(&result);
    return code;
}
