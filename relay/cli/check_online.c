#include "relay/cli/check_online.h"

#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/findings.h"
#include "relay/edge/preflight_run.h"

#include <signal.h>
#include <stdio.h>

#define JSON_MAX (64 * 1024 * 1024)

static void add_json(struct buf *out, const struct target *target, const struct preflight *p)
{
    buf_add_text(out, out->len > 0 ? ",{\"target\":" : "{\"target\":");
    buf_add_json_string(out, target->name);
    buf_addf(out,
             ",\"reachable\":%s,\"findings\":", preflight_is_unreachable(p) ? "false" : "true");
    findings_add_json(out, preflight_findings(p));
    buf_add_char(out, '}');
}

static void print_end(const struct tally *t, const struct buf *targets, bool as_json)
{
    if (as_json)
        printf("{\"targets\":[%s],\"errors\":%zu,\"warnings\":%zu,\"skipped\":%zu}\n",
               buf_text(targets), t->found[SEVERITY_ERROR], t->found[SEVERITY_WARNING],
               t->found[SEVERITY_SKIPPED]);
    else
        findings_print_sum(t);
}

static int ask_all(const struct conf *conf, bool as_json, struct tally *t, struct error *err)
{
    SCOPED(preflight_runner_free_p) struct preflight_runner *runner = NULL;
    SCOPED(buf_free) struct buf targets = BUF_INIT(JSON_MAX);
    int r = preflight_runner_new(&runner, clock_system(), err);
    for (size_t i = 0; r == 0 && i < conf->n_targets; i++) {
        SCOPED(preflight_free_p) struct preflight *p = NULL;
        r = preflight_runner_ask(runner, &p, conf, &conf->targets[i], err);
        if (r != 0)
            break;
        findings_count(t, preflight_findings(p), preflight_is_unreachable(p));
        if (as_json)
            add_json(&targets, &conf->targets[i], p);
        else
            findings_print(conf->targets[i].name, preflight_findings(p));
    }
    if (r == 0)
        print_end(t, &targets, as_json);
    return r;
}

int check_online(const struct conf *conf, bool as_json)
{
    struct tally t = {0};
    struct error err = {0};
    (void)signal(SIGPIPE, SIG_IGN); /* http_client.h */
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    int r = http_client_setup(&err);
    if (r == 0)
        r = ask_all(conf, as_json, &t, &err);
    if (r != 0) {
        fprintf(stderr, "drift-relay check: %s\n", err.text);
        return EXIT_FAILED;
    }
    return findings_exit_code(&t);
}
