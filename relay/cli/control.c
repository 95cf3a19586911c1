/* redeliver, cancel, rearm, pause, resume: what operators change, over the relay's own socket. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/answer.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"

#include <stdio.h>
#include <string.h>

#define CONTROL_OPTIONS                                                                            \
    {"reason", "TEXT", "why: kept with the change (`drift-relay changes`)"},                       \
        {"json", NULL, "print the relay's own JSON"}, CLIENT_TOKEN_OPTION, CLIENT_ADMIN_OPTIONS

static const struct cli_option control_options[] = {CONTROL_OPTIONS, {0}};
static const struct cli_option pause_options[] = {
    {"for", "DURATION", "it ends by itself after so long: 2h, 1d12h"}, CONTROL_OPTIONS, {0}};

#define NOTE_WHERE                                                                                 \
    "Changes are taken over the operators' socket (admin.socket), from root and the user that\n"   \
    "the relay runs as, and over TCP with the token of admin.token_file."

/* {"reason": …, "for": …}, as far as they are given. */
static char *make_body(const struct cli_args *args)
{
    SCOPED(json_release_p) json_t *order = json_object();
    static const char *const fields[] = {"reason", "for"};
    for (size_t i = 0; i < 2; i++) {
        const char *value = cli_value(args, fields[i]);
        if (value != NULL && json_object_set_new(order, fields[i], json_string(value)) != 0)
            return NULL; /* no UTF-8 */
    }
    return json_dumps(order, JSON_COMPACT);
}

/* POSTs /api/v1/COLLECTION/ID/VERB; prints what was done to what was named, or the answer. */
static int control(const struct cli_args *args, const char *collection, const char *id,
                   const char *verb, const char *said)
{
    SCOPED(free_p) char *escaped = client_escape(id);
    SCOPED(buf_free) struct buf path = BUF_INIT(64 * 1024);
    SCOPED(json_release_p) json_t *answer = NULL;
    SCOPED(free_p) char *body = make_body(args);
    char until[ANSWER_TIME];
    if (body == NULL) {
        fprintf(stderr, "drift-relay %s: --reason: no UTF-8 text\n", args->usage->command);
        return EXIT_USAGE;
    }
    buf_addf(&path, "/api/v1/%s/%s/%s", collection, escaped == NULL ? "" : escaped, verb);
    if (escaped == NULL || buf_failed(&path)) {
        fprintf(stderr, "drift-relay %s: that name is too long\n", args->usage->command);
        return EXIT_USAGE;
    }
    int code = client_post_json(args, buf_text(&path), body, strlen(body), &answer);
    if (code != EXIT_OK)
        return code;
    if (cli_value(args, "json") != NULL)
        return client_print_json(answer);
    bool at_github = answer_has(answer, "cancel");
    printf("%s: %s", args->operands[0], at_github ? "GitHub is asked to cancel its run" : said);
    if (strcmp(verb, "redeliver") == 0)
        printf(" %s", answer_text(answer, "relay_id"));
    else if (answer_has(answer, "until"))
        printf(" until %s", answer_time(until, answer, "until", clock_wall(clock_system()), false));
    printf("\n");
    return EXIT_OK;
}

static const struct cli_usage redeliver_usage = {
    .command = "redeliver",
    .arguments = "[OPTION…] RELAY_ID",
    .purpose = "Make a new request with the inputs of this one.",
    .options = control_options,
    .notes =
        "It starts whatever blocks its key (cooldown, budget, pause), except the stop file and "
        "an open\nrequest.\n" NOTE_WHERE,
    .operands_min = 1,
    .operands_max = 1,
};

int cli_redeliver(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &redeliver_usage, argc, argv);
    return code >= 0 ? code
                     : control(&args, "requests", args.operands[0], "redeliver", "redelivered as");
}

static const struct cli_usage cancel_usage = {
    .command = "cancel",
    .arguments = "[OPTION…] RELAY_ID",
    .purpose = "Drop a request before its POST; after it, have GitHub cancel its run.",
    .options = control_options,
    .notes =
        "A run that is not known yet is cancelled as soon as it is. What was cancelled by hand\n"
        "is not POSTed again.\n" NOTE_WHERE,
    .operands_min = 1,
    .operands_max = 1,
};

int cli_cancel(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &cancel_usage, argc, argv);
    return code >= 0 ? code : control(&args, "requests", args.operands[0], "cancel", "cancelled");
}

static const struct cli_usage rearm_usage = {
    .command = "rearm",
    .arguments = "[OPTION…] KEY",
    .purpose = "End a key's disarming, cooldown and retry_after.",
    .options = control_options,
    .notes = "KEY as `drift-relay keys` prints it: ROUTE/value.\n" NOTE_WHERE,
    .operands_min = 1,
    .operands_max = 1,
};

int cli_rearm(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &rearm_usage, argc, argv);
    return code >= 0 ? code : control(&args, "keys", args.operands[0], "rearm", "armed");
}

static int set_paused(const struct cli_usage *usage, int argc, char **argv, const char *said)
{
    static const char prefix[] = "target:";
    struct cli_args args;
    int code = cli_parse(&args, usage, argc, argv);
    if (code >= 0)
        return code;
    const char *name = args.operands[0];
    bool target = strncmp(name, prefix, strlen(prefix)) == 0;
    return control(&args, target ? "targets" : "routes", target ? name + strlen(prefix) : name,
                   usage->command, said);
}

static const struct cli_usage pause_usage = {
    .command = "pause",
    .arguments = "[OPTION…] ROUTE|target:NAME",
    .purpose = "Start nothing for a route or target until it is resumed, or for a time.",
    .options = pause_options,
    .notes = "Alerts are still taken: dropped or deferred, as the route's when_blocked says. The "
             "pause outlives\na restart. Pausing again sets its end and reason anew.\n" NOTE_WHERE,
    .operands_min = 1,
    .operands_max = 1,
};

int cli_pause(int argc, char **argv)
{
    return set_paused(&pause_usage, argc, argv, "paused");
}

static const struct cli_usage resume_usage = {
    .command = "resume",
    .arguments = "[OPTION…] ROUTE|target:NAME",
    .purpose = "End a pause; what was deferred is decided now.",
    .options = control_options,
    .notes = NOTE_WHERE,
    .operands_min = 1,
    .operands_max = 1,
};

int cli_resume(int argc, char **argv)
{
    return set_paused(&resume_usage, argc, argv, "resumed");
}
