#include "relay/cli/check_online.h"

#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/text.h"
#include "relay/edge/preflight_run.h"

#include <signal.h>
#include <stdio.h>

#define LINE_BYTES_MAX (16 * 1024)
#define JSON_MAX       (64 * 1024 * 1024)

struct tally {
    size_t found[SEVERITIES];
    bool fault, unreachable;
};

static void print_lines(const struct target *target, const struct preflight *p)
{
    for (size_t i = 0; i < preflight_count(p); i++) {
        const struct finding *f = preflight_finding(p, i);
        SCOPED(buf_free) struct buf line = BUF_INIT(LINE_BYTES_MAX);
        text_add_safe(&line, f->text);
        printf("%-7s  %s: %s: %s\n", severity_text(f->severity), target->name, f->subject,
               buf_text(&line));
    }
    (void)fflush(stdout); /* the next target may take its time */
}

static void add_json(struct buf *out, const struct target *target, const struct preflight *p)
{
    buf_add_text(out, out->len > 0 ? ",{\"target\":" : "{\"target\":");
    buf_add_json_string(out, target->name);
    buf_addf(out, ",\"reachable\":%s,\"findings\":[",
             preflight_is_unreachable(p) ? "false" : "true");
    for (size_t i = 0; i < preflight_count(p); i++) {
        const struct finding *f = preflight_finding(p, i);
        buf_addf(out, "%s{\"severity\":\"%s\",\"subject\":\"%s\",\"text\":", i > 0 ? "," : "",
                 severity_text(f->severity), f->subject);
        buf_add_json_string(out, f->text);
        buf_add_char(out, '}');
    }
    buf_add_text(out, "]}");
}

/* The error of one that was not reached is no fault of its own. */
static void count(struct tally *t, const struct preflight *p)
{
    size_t errors = t->found[SEVERITY_ERROR];
    for (size_t i = 0; i < preflight_count(p); i++)
        t->found[preflight_finding(p, i)->severity]++;
    errors = t->found[SEVERITY_ERROR] - errors;
    t->unreachable = t->unreachable || preflight_is_unreachable(p);
    t->fault = t->fault || errors > (preflight_is_unreachable(p) ? 1 : 0);
}

static void print_end(const struct tally *t, const struct buf *targets, bool as_json)
{
    if (as_json)
        printf("{\"targets\":[%s],\"errors\":%zu,\"warnings\":%zu,\"skipped\":%zu}\n",
               buf_text(targets), t->found[SEVERITY_ERROR], t->found[SEVERITY_WARNING],
               t->found[SEVERITY_SKIPPED]);
    else
        printf("%zu error%s, %zu warning%s, %zu skipped\n", t->found[SEVERITY_ERROR],
               t->found[SEVERITY_ERROR] == 1 ? "" : "s", t->found[SEVERITY_WARNING],
               t->found[SEVERITY_WARNING] == 1 ? "" : "s", t->found[SEVERITY_SKIPPED]);
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
        count(t, p);
        if (as_json)
            add_json(&targets, &conf->targets[i], p);
        else
            print_lines(&conf->targets[i], p);
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
    if (t.fault)
        return EXIT_FAILED;
    return t.unreachable ? EXIT_UNREACHABLE : EXIT_OK;
}
