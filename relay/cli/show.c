/* show: all there is about one notification or request. */
#include "relay/base/rng.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/answer.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/table.h"
#include "relay/cli/text.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 65536

static const struct cli_option options[] = {
    {"utc", NULL, "times in UTC instead of local time"},
    {"body", NULL, "print a notification's body, byte for byte as it was signed"},
    {"json", NULL, "print the relay's own JSON"},
    CLIENT_ADMIN_OPTIONS,
    {0},
};
static const struct cli_usage usage = {
    .command = "show",
    .arguments = "[OPTION…] ID",
    .purpose = "Shows a notification with its decisions, or a request with its timeline.",
    .options = options,
    .notes = "ID is the \"notification\" or a \"relay_id\" of an answer, or stands in a listing.",
    .operands_min = 1,
    .operands_max = 1,
};

/* "  NAME          text" */
static void print_field(const char *name, const char *text)
{
    char lead[32];
    SCOPED(buf_free) struct buf safe = BUF_INIT(LINE_MAX_BYTES);
    (void)snprintf(lead, sizeof(lead), "  %-13s ", name);
    text_add_safe(&safe, text);
    text_print(lead, buf_text(&safe));
}

/* Where there is one. */
static void print_if(const json_t *object, const char *name)
{
    if (answer_has(object, name))
        print_field(name, answer_text(object, name));
}

static void print_time(const json_t *r, const char *name, const char *shown, bool utc)
{
    char text[ANSWER_TIME];
    if (answer_has(r, name))
        print_field(shown, answer_time(text, r, name, clock_wall(clock_system()), utc));
}

static void print_timeline(const json_t *r, bool utc)
{
    size_t i;
    const json_t *step;
    json_array_foreach(json_object_get(r, "timeline"), i, step)
    {
        char at[ANSWER_TIME];
        char lead[160];
        SCOPED(buf_free) struct buf safe = BUF_INIT(LINE_MAX_BYTES);
        if (i == 0)
            printf("\n");
        (void)snprintf(lead, sizeof(lead), "  %s  %-11s ", answer_clock(at, step, "at", utc),
                       answer_text(step, "event"));
        text_add_safe(&safe, answer_has(step, "detail") ? answer_text(step, "detail") : "");
        text_print(lead, buf_text(&safe));
    }
}

static void print_run(const json_t *r)
{
    const json_t *run = json_object_get(r, "run");
    SCOPED(buf_free) struct buf text = BUF_INIT(LINE_MAX_BYTES);
    if (!json_is_object(run))
        return;
    buf_addf(&text, "%s %s", answer_text(run, "url"), answer_text(run, "status"));
    if (answer_has(run, "conclusion"))
        buf_addf(&text, " (%s)", answer_text(run, "conclusion"));
    print_field("run", buf_text(&text));
}

static int show_request(const json_t *r, bool utc)
{
    SCOPED(free_p) char *inputs = json_dumps(json_object_get(r, "inputs"), JSON_COMPACT);
    size_t i;
    const json_t *a;
    printf("request %s: ", answer_text(r, "relay_id"));
    table_print_coloured(answer_text(r, "state"), table_colour_of(answer_text(r, "state")));
    printf(" (%s)\n", answer_text(r, "reason"));
    print_if(r, "detail");
    print_field("key", answer_text(r, "key"));
    print_field("target", answer_text(r, "target"));
    print_if(r, "notification");
    print_if(r, "replaces");
    print_time(r, "created_at", "created", utc);
    if (!answer_has(r, "ended_at"))
        print_time(r, "expires_at", "expires", utc);
    print_field("inputs", inputs == NULL ? "-" : inputs);
    print_run(r);
    print_if(r, "effect");
    print_if(r, "cancel");
    json_array_foreach(json_object_get(r, "duplicate_runs"), i, a)
    {
        printf("  %-13s run %lld shows the same relay_id\n", "duplicate",
               (long long)json_integer_value(a));
    }
    print_timeline(r, utc);
    return EXIT_OK;
}

static int show_notification(const json_t *n, bool utc)
{
    static const struct table_column columns[] = {
        {"ALERT", false}, {"DECISION", false}, {"KEY", true}, {"REQUEST", false}, {"UNTIL", false}};
    struct wall now = clock_wall(clock_system());
    char at[ANSWER_TIME];
    SCOPED(table_clear) struct table table;
    size_t i;
    const json_t *a;
    printf("notification %s: %s (%s), received %s\n\n", answer_text(n, "notification"),
           answer_text(n, "source"), answer_text(n, "format"),
           answer_time(at, n, "received_at", now, utc));
    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    json_array_foreach(json_object_get(n, "alerts"), i, a)
    {
        char decision[96];
        (void)snprintf(decision, sizeof(decision), "%.40s/%.40s", answer_text(a, "verdict"),
                       answer_text(a, "reason"));
        table_add(&table, answer_text(a, "fingerprint"), TABLE_PLAIN);
        table_add(&table, decision, table_colour_of(answer_text(a, "verdict")));
        table_add(&table, answer_text(a, "key"), TABLE_PLAIN);
        table_add(&table, answer_text(a, "relay_id"), TABLE_PLAIN);
        table_add(&table, answer_distance(at, a, "until", now), TABLE_PLAIN);
    }
    table_print(&table, 0);
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

static int not_found(const char *what, const char *id)
{
    fprintf(stderr,
            "drift-relay show: %s has the id %s\n`drift-relay requests` and `drift-relay "
            "notifications` list what there is; history ends with store.retain\n",
            what, id);
    return EXIT_FAILED;
}

static int show_body(const struct cli_args *args, const char *id)
{
    char path[128];
    struct http_result result;
    (void)snprintf(path, sizeof(path), "/api/v1/notifications/%s/body", id);
    int code = client_get(args, path, &result);
    if (code != 0)
        return code;
    if (result.status != 200)
        code = not_found("no notification", id);
    else if (fwrite(result.body, 1, result.body_len, stdout) != result.body_len)
        code = EXIT_FAILED;
    http_result_free(&result);
    return code;
}

int cli_show(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    const char *id = args.operands[0];
    if (!ulid_is_valid(id)) {
        fprintf(stderr,
                "drift-relay show: \"%s\" is no id: 26 capital letters and digits, as `drift-relay "
                "requests` lists them\n",
                id);
        return EXIT_USAGE;
    }
    if (cli_value(&args, "body") != NULL)
        return show_body(&args, id);
    SCOPED(json_release_p) json_t *found = NULL;
    bool utc = cli_value(&args, "utc") != NULL;
    bool request = true;
    code = look_up(&args, "requests", id, &found);
    if (code == EXIT_FAILED) {
        request = false;
        code = look_up(&args, "notifications", id, &found);
    }
    if (code == EXIT_FAILED)
        return not_found("nothing", id);
    if (code != EXIT_OK)
        return code;
    if (cli_value(&args, "json") != NULL)
        return client_print_json(found);
    return request ? show_request(found, utc) : show_notification(found, utc);
}
