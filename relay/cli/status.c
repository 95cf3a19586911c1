/* status, health: how a running relay is. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/answer.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/table.h"
#include "relay/cli/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WATCH_S 2

/* --- status --------------------------------------------------------------------------------------
 */

static const struct cli_option status_options[] = {
    {"watch", NULL, "show it anew every two seconds, until it is interrupted"},
    {"utc", NULL, "times in UTC instead of local time"},
    {"json", NULL, "print the relay's own JSON"},
    CLIENT_ADMIN_OPTIONS,
    {0},
};
static const struct cli_usage status_usage = {
    .command = "status",
    .arguments = "[OPTION…]",
    .purpose = "Shows whether the relay is ready, what is paused, what is under way, and the last "
               "requests.",
    .options = status_options,
};

static void print_safe(const char *lead, const char *text)
{
    SCOPED(buf_free) struct buf safe = BUF_INIT(8192);
    text_add_safe(&safe, text);
    text_print(lead, buf_text(&safe));
}

static void print_pause(const json_t *p, bool utc)
{
    static const char below[] = "          ";
    struct wall now = clock_wall(clock_system());
    char when[ANSWER_TIME];
    char text[1024];
    (void)snprintf(text, sizeof(text), "%.40s %.400s since %s", answer_text(p, "scope"),
                   answer_text(p, "name"), answer_time(when, p, "since", now, utc));
    print_safe("  paused: ", text);
    if (answer_has(p, "until"))
        printf("%suntil %s\n", below, answer_time(when, p, "until", now, utc));
    if (!answer_has(p, "who"))
        return;
    (void)snprintf(text, sizeof(text), "by %.60s%s%.500s", answer_text(p, "who"),
                   answer_has(p, "why") ? ": " : "",
                   answer_has(p, "why") ? answer_text(p, "why") : "");
    print_safe(below, text);
}

/* What ops forget: it would explain why nothing starts. */
static void print_blocks(const json_t *status, bool utc)
{
    size_t i;
    const json_t *p;
    if (json_is_true(json_object_get(status, "stop_file")))
        printf("  the stop file exists: nothing is started until it is removed\n");
    json_array_foreach(json_object_get(status, "paused"), i, p)
    {
        print_pause(p, utc);
    }
}

static void print_counts(json_t *status)
{
    const char *state;
    json_t *count;
    json_object_foreach(json_object_get(status, "requests"), state, count)
    {
        if (json_integer_value(count) > 0)
            printf("  %-14s %lld\n", state, (long long)json_integer_value(count));
    }
}

static void print_requests(const json_t *list)
{
    static const struct table_column columns[] = {{"RELAY_ID", false}, {"STATE", false},
                                                  {"REASON", false},   {"KEY", true},
                                                  {"AGE", false},      {"RUN", true}};
    SCOPED(table_clear) struct table table;
    size_t i;
    const json_t *r;
    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    json_array_foreach(json_object_get(list, "items"), i, r)
    {
        char age[ANSWER_TIME];
        table_add(&table, answer_text(r, "relay_id"), TABLE_PLAIN);
        table_add(&table, answer_text(r, "state"), table_colour_of(answer_text(r, "state")));
        table_add(&table, answer_text(r, "reason"), table_colour_of(answer_text(r, "reason")));
        table_add(&table, answer_text(r, "key"), TABLE_PLAIN);
        table_add(&table, answer_distance(age, r, "created_at", clock_wall(clock_system())),
                  TABLE_PLAIN);
        table_add(&table, answer_text(json_object_get(r, "run"), "url"), TABLE_PLAIN);
    }
    if (i > 0)
        printf("\n");
    table_print(&table, 0);
}

static int show_status(const struct cli_args *args)
{
    SCOPED(json_release_p) json_t *status = NULL;
    SCOPED(json_release_p) json_t *requests = NULL;
    int code = client_get_json(args, "/api/v1/status", &status);
    if (code != EXIT_OK)
        return code;
    if (cli_value(args, "json") != NULL)
        return client_print_json(status);
    const char *ready = json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready";
    printf("drift-relay %s: ", answer_text(status, "version"));
    table_print_coloured(ready, table_colour_of(ready));
    printf(", %lld keys\n", (long long)json_integer_value(json_object_get(status, "keys")));
    print_blocks(status, cli_value(args, "utc") != NULL);
    print_counts(status);
    code = client_get_json(args, "/api/v1/requests?limit=10", &requests);
    if (code == EXIT_OK)
        print_requests(requests);
    return code;
}

/* A relay that is away for a while, since it is restarted, comes back. */
static int watch(const struct cli_args *args)
{
    bool terminal = isatty(STDOUT_FILENO) != 0;
    for (;;) {
        char shown[64];
        struct tm parts;
        time_t seconds = (time_t)(clock_wall(clock_system()).ms / 1000);
        bool utc = cli_value(args, "utc") != NULL;
        if ((utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)) == NULL ||
            strftime(shown, sizeof(shown), utc ? "%H:%M:%SZ" : "%H:%M:%S", &parts) == 0)
            shown[0] = '\0';
        printf("%s%s\n", terminal ? "\033[H\033[J" : "", shown);
        int code = show_status(args);
        if (code == EXIT_USAGE || fflush(stdout) != 0 || ferror(stdout) != 0)
            return code == EXIT_USAGE ? code : EXIT_FAILED; /* nobody looks any more */
        struct timespec pause = {.tv_sec = WATCH_S};
        (void)nanosleep(&pause, NULL);
    }
}

int cli_status(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &status_usage, argc, argv);
    if (code >= 0)
        return code;
    return cli_value(&args, "watch") != NULL ? watch(&args) : show_status(&args);
}

/* --- health --------------------------------------------------------------------------------------
 */

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
    code = result.status == 200 ? EXIT_OK : EXIT_FAILED;
    printf("%s\n", code == EXIT_OK ? "ready" : "not ready");
    http_result_free(&result);
    return code;
}
