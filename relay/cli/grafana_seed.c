/* grafana seed: puts alert rules into a Grafana once. */
#include "relay/cli/grafana.h"

#include "relay/base/clock.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/text.h"
#include "relay/grafana/seed.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_MS 10000
#define JSON_MAX    (16 * 1024 * 1024)
#define WHY_MAX     4096

static const struct cli_option options[] = {
    {"url", "URL", "Grafana's, such as http://grafana:3000 (wanted)"},
    GRAFANA_ACCESS_OPTIONS,
    {"folder-title", "TEXT", "title of a folder that has to be made (default: its uid)"},
    {"reset", "UID", "create this rule again, though people deleted it"},
    {"wait", "DURATION", "give up after so long without getting on (default: 5m)"},
    {"dry-run", NULL, "only say what would be done"},
    {"json", NULL, "print what was done as JSON"},
    {0},
};
static const struct cli_usage usage = {
    .command = "grafana seed",
    .arguments = "--url URL [--token-file FILE | --user NAME --password-file FILE] [OPTION…] DIR",
    .purpose = "Creates each alert rule of DIR/*.json that is not in Grafana and never was.",
    .options = options,
    .notes = "A rule that is there is left as people made it, one that they deleted stays away; "
             "nothing is replaced or deleted.\nExit codes: 0 done, 1 a rule was refused, 2 usage, "
             "3 Grafana could not be reached.",
    .operands_min = 1,
    .operands_max = 1,
};

/* What is said while it waits. */
struct progress {
    const char *url;
    char said[512];
    int64_t said_ms;
};

static void tell(struct progress *p, const struct seed *s, int64_t now_ms)
{
    const char *why = seed_waits_for(s);
    if (why[0] == '\0' || (strcmp(why, p->said) == 0 && now_ms - p->said_ms < PROGRESS_MS))
        return;
    SCOPED(buf_free) struct buf line = BUF_INIT(WHY_MAX);
    text_add_safe(&line, why);
    fprintf(stderr, "waiting for Grafana at %s: %s\n", p->url, buf_text(&line));
    (void)snprintf(p->said, sizeof(p->said), "%s", why);
    p->said_ms = now_ms;
}

static int carry_out(struct seed *s, struct grafana_client *client, const char *url,
                     struct error *err)
{
    const struct clock *clock = clock_system();
    struct progress progress = {.url = url};
    for (;;) {
        SCOPED(grafana_call_free_p) struct grafana_call *call = NULL;
        int64_t wait_ms = 0;
        int r = seed_next(s, clock_mono(clock), clock_wall(clock), &call, &wait_ms, err);
        if (r <= 0)
            return r;
        if (r == SEED_WAIT) {
            tell(&progress, s, clock_mono(clock).ms);
            (void)poll(NULL, 0, (int)wait_ms);
            continue;
        }
        struct grafana_answer answer;
        grafana_client_call(client, call, &answer);
        seed_answer(s, &answer, clock_mono(clock));
    }
}

static void print_table(const struct seed *s, const struct grafana_rule *rules, size_t n)
{
    size_t counts[SEED_OUTCOMES] = {0};
    for (size_t i = 0; i < n; i++) {
        const struct seed_result *r = seed_result(s, i);
        SCOPED(buf_free) struct buf lead = BUF_INIT(WHY_MAX);
        SCOPED(buf_free) struct buf why = BUF_INIT(WHY_MAX);
        text_add_safe(&why, r->outcome == SEED_PENDING ? "Grafana was not reached" : r->text);
        buf_addf(&lead, "%-8s %-24s ", seed_outcome_text(r->outcome), rules[i].uid);
        text_print(buf_text(&lead), buf_text(&why));
        counts[r->outcome]++;
    }
    for (int o = 0, first = 1; o < SEED_OUTCOMES; o++) {
        if (counts[o] > 0)
            printf("%s%zu %s", first ? "" : ", ", counts[o],
                   seed_outcome_text((enum seed_outcome)o));
        first = first && counts[o] == 0;
    }
    (void)putchar('\n');
}

static void print_json(const struct seed *s, const struct grafana_rule *rules, size_t n)
{
    SCOPED(buf_free) struct buf out = BUF_INIT(JSON_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct seed_result *r = seed_result(s, i);
        buf_addf(&out, "%s{\"uid\":", i == 0 ? "" : ",");
        buf_add_json_string(&out, rules[i].uid);
        buf_add_text(&out, ",\"title\":");
        buf_add_json_string(&out, rules[i].title);
        buf_addf(&out, ",\"outcome\":\"%s\",\"why\":", seed_outcome_text(r->outcome));
        buf_add_json_string(&out, r->text);
        buf_add_char(&out, '}');
    }
    printf("{\"reachable\":%s,\"rules\":[%s]}\n", seed_is_unreachable(s) ? "false" : "true",
           buf_text(&out));
}

static int seed_all(const struct cli_args *args, struct grafana_client *client,
                    const struct grafana_rule *rules, size_t n, struct seed_options *o)
{
    SCOPED(seed_free_p) struct seed *s = NULL;
    struct error err = {0};
    const char *url = cli_value(args, "url");
    int r = seed_new(&s, rules, n, o, clock_mono(clock_system()), &err);
    if (r == 0)
        r = carry_out(s, client, url, &err);
    if (r != 0) {
        fprintf(stderr, "drift-relay grafana seed: %s\n", err.text);
        return EXIT_FAILED;
    }
    if (cli_value(args, "json") != NULL)
        print_json(s, rules, n);
    else
        print_table(s, rules, n);
    if (seed_is_unreachable(s)) {
        fprintf(stderr, "drift-relay grafana seed: cannot reach Grafana at %s: %s\n", url,
                seed_waits_for(s));
        return EXIT_UNREACHABLE;
    }
    for (size_t i = 0; i < n; i++) {
        if (seed_result(s, i)->outcome == SEED_FAILED)
            return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int read_options(const struct cli_args *args, const struct grafana_rule *rules, size_t n,
                        struct seed_options *out)
{
    struct error err = {0};
    const char *wait = cli_value(args, "wait");
    *out = (struct seed_options){.dry_run = cli_value(args, "dry-run") != NULL,
                                 .reset = cli_value(args, "reset"),
                                 .folder_name = cli_value(args, "folder-title"),
                                 .patience_ms = 5 * 60 * 1000};
    if (wait != NULL && parse_duration_ms(&out->patience_ms, wait, &err) != 0) {
        fprintf(stderr, "drift-relay grafana seed: --wait: %s\n", err.text);
        return EXIT_USAGE;
    }
    bool known = out->reset == NULL;
    for (size_t i = 0; i < n && !known; i++)
        known = strcmp(rules[i].uid, out->reset) == 0;
    if (!known) {
        fprintf(stderr, "drift-relay grafana seed: --reset: no rule here has the uid %s\n",
                out->reset);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

int cli_grafana_seed(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    const char *url = cli_value(&args, "url");
    if (url == NULL) {
        fprintf(stderr, "drift-relay grafana seed: --url URL is wanted\n");
        return EXIT_USAGE;
    }
    SCOPED(grafana_client_free_p) struct grafana_client *client = NULL;
    struct grafana_rule *rules = NULL;
    size_t n = 0;
    struct seed_options o;
    code = grafana_cli_read_rules(&args, args.operands[0], &rules, &n);
    if (code == EXIT_OK)
        code = read_options(&args, rules, n, &o);
    if (code == EXIT_OK)
        code = grafana_cli_connect(&args, (struct grafana_access){.url = url}, &client);
    if (code == EXIT_OK)
        code = seed_all(&args, client, rules, n, &o);
    grafana_cli_free_rules(rules, n);
    return code;
}
