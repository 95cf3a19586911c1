/* explain: what a notification would come to, row by row, and when it would act. */
#include "relay/base/buf.h"
#include "relay/base/clock.h"
#include "relay/base/log.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/explain_text.h"
#include "relay/cli/offline.h"
#include "relay/cli/payload.h"

#include <stdio.h>
#include <unistd.h>

static const struct cli_option options[] = {
    {"live", NULL, "ask the running relay (the default)"},
    {"db", "COPY", "ask a copy of a relay's database; COPY itself is not changed"},
    {"empty", NULL, "ask a relay that has seen nothing yet"},
    {"at", "TIME", "as of then: RFC 3339, or +DURATION from now (default: now)"},
    {"source", "NAME", "the source it would come from, when several could send it"},
    {"json", NULL, "print the relay's own JSON"},
    {"utc", NULL, "times in UTC instead of local time"},
    CLIENT_ADMIN_OPTIONS,
    {0},
};
static const struct cli_usage usage = {
    .command = "explain",
    .arguments = "[--live|--db COPY|--empty] [--at TIME] [--source NAME] [--json] FILE",
    .purpose = "Shows for each alert of a notification which checks it would pass, what would be\n"
               "decided, and when the same alert would start a run. Nothing is stored or started.",
    .options = options,
    .notes =
        "FILE is a body, a recorded .http.json, or - for standard input. With --live, --at asks\n"
        "as if nothing happened until then; with --db and --empty what falls due by then happens\n"
        "first, and GitHub answers nothing. --db takes relay.db of a stopped relay, or a backup.\n"
        "Exit codes: 0 explained, 1 refused, 2 usage, 3 cannot reach the relay.",
    .operands_min = 1,
    .operands_max = 1,
};

/* *at stays as it is without --at. */
static int read_time(const struct cli_args *args, struct wall *at)
{
    const char *given = cli_value(args, "at");
    struct error err = {0};
    int64_t ms = 0;
    if (given == NULL)
        return 0;
    int r = given[0] == '+' ? parse_duration_ms(&ms, given + 1, &err)
                            : parse_rfc3339_ms(&at->ms, given, &err);
    at->ms += ms; /* ten years at most */
    if (r == 0)
        return 0;
    fprintf(stderr,
            "drift-relay explain: --at: %s\n"
            "Write a time as 2026-11-25T07:00:00Z, or +2h for two hours from now.\n",
            err.text);
    return EXIT_USAGE;
}

static int explain_live(const struct cli_args *args, const struct payload *p, const char *at,
                        json_t **out)
{
    const char *source = cli_value(args, "source");
    SCOPED(free_p) char *name = client_escape(source == NULL ? "" : source);
    SCOPED(free_p) char *time = client_escape(at == NULL ? "" : at);
    SCOPED(buf_free) struct buf path = BUF_INIT(65536);
    buf_add_text(&path, "/api/v1/explain?");
    if (source != NULL)
        buf_addf(&path, "source=%s&", name);
    if (at != NULL)
        buf_addf(&path, "at=%s", time);
    int code = client_post_json(args, buf_text(&path), p->body, p->len, out);
    if (code == EXIT_UNREACHABLE)
        fprintf(stderr, "Without a relay: --empty, or --db with a copy of its relay.db.\n");
    return code;
}

static int explain_offline(const struct cli_args *args, const struct payload *p, struct wall at,
                           json_t **out)
{
    SCOPED(conf_unref_p) struct conf *conf = NULL;
    int code = client_load_conf(args, &conf);
    if (code != 0)
        return code;
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    SCOPED(offline_free_p) struct offline *o = NULL;
    struct offline_options offline = {.conf = conf,
                                      .database = cli_value(args, "db"),
                                      .start = at,
                                      .stop_file = access(conf->stop_file, F_OK) == 0};
    struct core_explanation question = {
        .source = cli_value(args, "source"), .body = p->body, .body_len = p->len};
    struct error err = {0};
    int r = offline_open(&o, &offline, &err);
    if (r == 0 && offline_now(o).ms > at.ms) {
        char text[RFC3339_MAX];
        format_rfc3339_ms(text, offline_now(o).ms);
        r = error_set(&err, -1, "the copy was made later than --at: it knows %s", text);
    }
    if (r == 0) {
        offline_advance(o, at);
        if (offline_explain(o, &question, out, &err) == CORE_DRY)
            return EXIT_OK;
    }
    fprintf(stderr, "drift-relay explain: %s\n", err.text);
    return EXIT_FAILED;
}

int cli_explain(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    bool offline = cli_value(&args, "db") != NULL || cli_value(&args, "empty") != NULL;
    if ((cli_value(&args, "db") != NULL) + (cli_value(&args, "empty") != NULL) +
            (cli_value(&args, "live") != NULL) >
        1) {
        fprintf(stderr, "drift-relay explain: one of --live, --db and --empty is wanted\n");
        return EXIT_USAGE;
    }
    struct wall at = clock_wall(clock_system());
    SCOPED(payload_clear) struct payload payload = {0};
    code = read_time(&args, &at);
    if (code == 0)
        code = payload_read(&payload, "explain", args.operands[0]);
    if (code != 0)
        return code;
    SCOPED(json_release_p) json_t *explanation = NULL;
    char text[RFC3339_MAX];
    format_rfc3339_ms(text, at.ms);
    code = offline ? explain_offline(&args, &payload, at, &explanation)
                   : explain_live(&args, &payload, cli_value(&args, "at") == NULL ? NULL : text,
                                  &explanation);
    if (code != EXIT_OK)
        return code;
    if (cli_value(&args, "json") != NULL)
        return client_print_json(explanation);
    explain_print(explanation, cli_value(&args, "utc") != NULL);
    return EXIT_OK;
}
