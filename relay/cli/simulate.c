/* simulate: a recorded log once more, under another config, through the same core and engine. */
#include "relay/base/buf.h"
#include "relay/base/log.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/offline.h"
#include "relay/cli/simulate_tally.h"
#include "relay/cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RUN_TIME_DEFAULT "20m"
#define RUN_TIME_MAX_MS  (24 * 3600 * 1000)

/* The log's stamps are the wall clock's and timers go by the relay's own time: a request may stand
 * in a log some milliseconds before its hold was over by the log's stamps. */
#define CLOCKS_APART_MS 1000

static const struct cli_option options[] = {
    {"config", "NEW", "the config to try (default: as serve finds it)"},
    {"run-time", "DURATION", "how long a workflow run takes (default: " RUN_TIME_DEFAULT ")"},
    {"utc", NULL, "days and times in UTC instead of local time"},
    {"json", NULL, "print JSON"},
    {0},
};
static const struct cli_usage usage = {
    .command = "simulate",
    .arguments = "LOG [--config NEW] [--run-time DURATION] [--utc] [--json]",
    .purpose = "Replays what export printed under another config, and compares the dispatches of\n"
               "each day and key: then, as recorded, and now.",
    .options = options,
    .notes =
        "LOG may be - for standard input. The same core and engine decide as in a relay, over\n"
        "a clock that follows the log; what is assumed of the world is printed with the\n"
        "result.",
    .operands_min = 1,
    .operands_max = 1,
};

struct simulation {
    struct conf *conf;
    struct offline *offline; /* made with the first line's time */
    int64_t run_ms;
    struct tally tally;
    json_t *seen; /* relay_ids of the log's decisions */
    size_t line, notifications, requests, redelivered, foreign, unreadable;
    struct wall from, to;
};

static void simulation_clear(struct simulation *s)
{
    offline_free(s->offline);
    conf_unref(s->conf);
    tally_clear(&s->tally);
    json_decref(s->seen);
}

static const char *get(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* --- the log -------------------------------------------------------------------------------------
 */

/* Lets the time pass until this line. */
static int move_to(struct simulation *s, const char *when, struct wall *at, struct error *err)
{
    if (when == NULL)
        return error_set(err, -EINVAL, "no time: a line of drift-relay export is wanted");
    int r = parse_rfc3339_ms(&at->ms, when, err);
    if (r != 0)
        return r;
    if (s->offline == NULL) {
        struct offline_options start = {.conf = s->conf, .start = *at, .run_ms = s->run_ms};
        s->from = *at;
        s->to = *at;
        r = offline_open(&s->offline, &start, err);
    }
    if (r == 0 && at->ms < s->to.ms)
        return error_set(err, -EINVAL, "it is older than the line before it");
    s->to = *at;
    if (r == 0)
        offline_advance(s->offline, *at);
    return r;
}

static bool source_is_known(const struct simulation *s, const char *name)
{
    for (size_t i = 0; i < s->conf->n_sources; i++) {
        if (strcmp(s->conf->sources[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The line's notification as it would come in; NULL: it cannot be read (by this config's limits).
 */
static struct intake *make_intake(const struct simulation *s, const json_t *line, struct wall at)
{
    const char *format = get(line, "format");
    bool grafana = format == NULL || strcmp(format, alert_format_text(ALERT_FORMAT_GRAFANA)) == 0;
    SCOPED(buf_free) struct buf body = BUF_INIT(64U * 1024 * 1024);
    buf_add_json(&body, json_object_get(line, "body"));
    struct intake *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return NULL;
    in->source = strdup(get(line, "source"));
    in->format = grafana ? ALERT_FORMAT_GRAFANA : ALERT_FORMAT_ALERTMANAGER;
    in->received_wall = at.ms;
    in->body_len = body.len;
    in->body = buf_give(&body);
    if (in->source == NULL || in->body == NULL ||
        notification_parse(&in->content, in->format, in->body, in->body_len, &s->conf->limits.alert,
                           NULL) != 0) {
        intake_free(in);
        return NULL;
    }
    return in;
}

/* What the log says was dispatched with this notification. */
static void count_decided(struct simulation *s, const json_t *then, struct wall at)
{
    const char *relay_id = get(then, "relay_id");
    const char *verdict = get(then, "verdict");
    const char *key = get(then, "key");
    if (relay_id == NULL || verdict == NULL || key == NULL || strcmp(verdict, "dispatch") != 0 ||
        json_object_get(s->seen, relay_id) != NULL)
        return;
    (void)json_object_set_new(s->seen, relay_id, json_true());
    tally_dispatch(&s->tally, at, key, TALLY_DECIDED);
}

static int replay_notification(struct simulation *s, const json_t *line, struct error *err)
{
    struct wall at;
    int r = move_to(s, get(line, "received_at"), &at, err);
    if (r != 0)
        return r;
    if (get(line, "source") == NULL)
        return error_set(err, -EINVAL, "no source: a line of drift-relay export is wanted");
    SCOPED(json_release_p) json_t *answer = NULL;
    struct intake *in = source_is_known(s, get(line, "source")) ? make_intake(s, line, at) : NULL;
    s->notifications++;
    if (!source_is_known(s, get(line, "source")))
        s->foreign++;
    else if (in == NULL)
        s->unreadable++;
    else if (offline_submit(s->offline, in, &answer, err) != CORE_STORED)
        return err->code == 0 ? error_set(err, -EIO, "it was not taken") : err->code;
    size_t i;
    json_t *then;
    json_array_foreach(json_object_get(line, "alerts"), i, then)
    {
        count_decided(s, then, at);
        tally_compare(&s->tally, at, then, json_array_get(json_object_get(answer, "alerts"), i));
    }
    return 0;
}

static int count_request(struct simulation *s, const json_t *line, struct error *err)
{
    struct wall at;
    const char *cause = get(line, "cause");
    int r = move_to(s, get(line, "created_at"), &at, err);
    if (r != 0 || get(line, "key") == NULL)
        return r;
    s->requests++;
    if (cause != NULL && strcmp(cause, "redeliver") == 0)
        s->redelivered++;
    else
        tally_dispatch(&s->tally, at, get(line, "key"), TALLY_REQUESTED);
    return 0;
}

static int replay_line(struct simulation *s, const char *text, size_t len, struct error *err)
{
    SCOPED(json_release_p) json_t *line = NULL;
    int r = strict_json_load(&line, text, len, 2048, err);
    if (r != 0)
        return r;
    return get(line, "request") != NULL ? count_request(s, line, err)
                                        : replay_notification(s, line, err);
}

static int replay(struct simulation *s, const char *path)
{
    struct error err = {0};
    SCOPED(free_p) char *text = NULL;
    size_t cap = 0;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "drift-relay simulate: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    int r = 0;
    ssize_t len;
    while (r == 0 && (len = getline(&text, &cap, file)) > 0) {
        s->line++;
        if (text[strspn(text, " \t\r\n")] != '\0')
            r = replay_line(s, text, (size_t)len, &err);
    }
    if (r == 0 && s->tally.failed)
        r = error_set(&err, -ENOMEM, "out of memory");
    if (r == 0 && s->offline == NULL)
        r = error_set(&err, -EINVAL, "there is nothing in it");
    if (r == 0)
        offline_advance(s->offline, (struct wall){s->to.ms + CLOCKS_APART_MS});
    else
        fprintf(stderr, "drift-relay simulate: %s:%zu: %s\n", path, s->line, err.text);
    if (file != stdin)
        (void)fclose(file);
    return r == 0 ? EXIT_OK : EXIT_FAILED;
}

/* --- what came of it -----------------------------------------------------------------------------
 */

static void count_item(struct simulation *s, const json_t *item)
{
    struct wall at;
    if (get(item, "key") != NULL && get(item, "created_at") != NULL &&
        parse_rfc3339_ms(&at.ms, get(item, "created_at"), NULL) == 0)
        tally_dispatch(&s->tally, at, get(item, "key"), TALLY_NOW);
}

static int count_simulated(struct simulation *s)
{
    SCOPED(free_p) char *cursor = strdup("");
    while (cursor != NULL) {
        SCOPED(json_release_p) json_t *page = NULL;
        struct error err = {0};
        if (offline_ask(s->offline, QUERY_REQUESTS, cursor, &page, &err) != CORE_FOUND) {
            fprintf(stderr, "drift-relay simulate: %s\n", err.text);
            return EXIT_FAILED;
        }
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(page, "items"), i, item)
        {
            count_item(s, item);
        }
        free(cursor);
        cursor = get(page, "next") == NULL ? NULL : strdup(get(page, "next"));
    }
    return EXIT_OK;
}

static json_t *assumptions(const struct simulation *s)
{
    char run[DURATION_MAX];
    format_duration_ms(run, s->run_ms);
    json_t *list = json_array();
    (void)json_array_append_new(
        list, json_sprintf("GitHub accepts every POST; each run takes %s and succeeds.", run));
    (void)json_array_append_new(
        list, json_string("No operator's command, pause or stop file; the relay never stops."));
    (void)json_array_append_new(
        list, json_string("Notifications come as they came; the relay knows nothing before the "
                          "first, and time ends one second after the log's last line."));
    if (s->requests == 0)
        (void)json_array_append_new(
            list, json_string("The log has no requests: then counts the decisions of "
                              "notifications, not what ended holds and deferrals started."));
    if (s->redelivered > 0)
        (void)json_array_append_new(
            list, json_sprintf("%zu redelivered requests are not counted.", s->redelivered));
    if (s->foreign > 0)
        (void)json_array_append_new(
            list, json_sprintf("%zu notifications come from sources that the config does not "
                               "have: left out.",
                               s->foreign));
    if (s->unreadable > 0)
        (void)json_array_append_new(
            list, json_sprintf("%zu notifications are refused by the config's limits: left out.",
                               s->unreadable));
    return list;
}

static void print_row(const json_t *day)
{
    SCOPED(buf_free) struct buf key = BUF_INIT(65536);
    text_add_safe(&key, get(day, "key"));
    printf("%-10s  %5lld  %5lld  %s\n", get(day, "day"),
           (long long)json_integer_value(json_object_get(day, "then")),
           (long long)json_integer_value(json_object_get(day, "now")), buf_text(&key));
    if (get(day, "why") != NULL)
        text_print("                          ", get(day, "why"));
}

static void print_result(const json_t *result)
{
    const json_t *totals = json_object_get(result, "totals");
    size_t i;
    json_t *item;
    printf("%lld notifications, %s to %s\n\n%-10s  %5s  %5s  %s\n",
           (long long)json_integer_value(json_object_get(result, "notifications")),
           get(result, "from"), get(result, "to"), "DAY", "THEN", "NOW", "KEY");
    json_array_foreach(json_object_get(result, "days"), i, item)
    {
        print_row(item);
    }
    printf("%-10s  %5lld  %5lld\n\nAssumed:\n", "total",
           (long long)json_integer_value(json_object_get(totals, "then")),
           (long long)json_integer_value(json_object_get(totals, "now")));
    json_array_foreach(json_object_get(result, "assumptions"), i, item)
    {
        text_print("- ", json_string_value(item));
    }
}

static int report(struct simulation *s, bool as_json)
{
    char from[RFC3339_MAX], to[RFC3339_MAX];
    format_rfc3339_ms(from, s->from.ms);
    format_rfc3339_ms(to, s->to.ms);
    SCOPED(json_release_p)
    json_t *counted = tally_json(&s->tally, s->requests > 0 ? TALLY_REQUESTED : TALLY_DECIDED);
    SCOPED(json_release_p)
    json_t *result =
        json_pack("{s:s,s:s,s:s,s:I,s:o}", "config", s->conf->origin, "from", from, "to", to,
                  "notifications", (json_int_t)s->notifications, "assumptions", assumptions(s));
    if (counted == NULL || result == NULL || json_object_update(result, counted) != 0) {
        fprintf(stderr, "drift-relay simulate: out of memory\n");
        return EXIT_FAILED;
    }
    if (as_json)
        return client_print_json(result);
    print_result(result);
    return EXIT_OK;
}

static int read_run_time(const struct cli_args *args, int64_t *ms)
{
    const char *given = cli_value(args, "run-time");
    struct error err = {0};
    int r = parse_duration_ms(ms, given == NULL ? RUN_TIME_DEFAULT : given, &err);
    if (r == 0 && *ms > 0 && *ms <= RUN_TIME_MAX_MS)
        return 0;
    fprintf(stderr, "drift-relay simulate: --run-time: %s\n",
            r != 0 ? err.text : "more than 0s, at most 1d");
    return EXIT_USAGE;
}

int cli_simulate(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    SCOPED(simulation_clear) struct simulation s = {.seen = json_object()};
    s.tally.utc = cli_value(&args, "utc") != NULL;
    code = read_run_time(&args, &s.run_ms);
    if (code == 0)
        code = client_load_conf(&args, &s.conf);
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    if (code == 0)
        code = replay(&s, args.operands[0]);
    if (code == 0)
        code = count_simulated(&s);
    return code != 0 ? code : report(&s, cli_value(&args, "json") != NULL);
}
