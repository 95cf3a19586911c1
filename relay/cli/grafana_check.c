/* grafana check: is the Grafana as the relay's config counts on? */
#include "relay/cli/grafana.h"

#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/findings.h"
#include "relay/edge/rule_routes.h"
#include "relay/grafana/review.h"
#include "relay/grafana/seed.h"

#include <stdio.h>
#include <string.h>

#define JSON_MAX         (16 * 1024 * 1024)
#define DATA_SOURCES_MAX 64

static const struct cli_option options[] = {
    {"config", "FILE", "the relay's config (default: as serve reads it)"},
    {"url", "URL", "Grafana's (default: grafana.url of the config)"},
    GRAFANA_ACCESS_OPTIONS,
    {"no-test", NULL, "have Grafana send no test of its contact points"},
    {"json", NULL, "print what was found as JSON"},
    {0},
};
static const struct cli_usage usage = {
    .command = "grafana check",
    .arguments = "[--config FILE] [--url URL] [OPTION…] [DIR]",
    .purpose = "Asks Grafana for contact points, alert rules and data sources, and compares them "
               "with the config, and the rules with the seeds in DIR.",
    .options = options,
    .notes = "It changes nothing. Each contact point that is as a source wants it sends its test, "
             "which the relay\ndecides as ignored/test.\nExit codes: 0 no error (warnings aside), "
             "1 an error, 2 usage, "
             "3 Grafana could not be reached.",
    .operands_max = 1,
};

struct check {
    struct grafana_client *client;
    const struct conf *conf;
    struct grafana_rule *seeds;
    size_t n_seeds;
    struct review_source *sources;
    size_t n_sources;
    json_t *rules, *points, *policies;
    struct findings found;
    bool unreachable;
};

static void check_clear(struct check *c)
{
    grafana_client_free(c->client);
    grafana_cli_free_rules(c->seeds, c->n_seeds);
    free(c->sources);
    json_decref(c->rules);
    json_decref(c->points);
    json_decref(c->policies);
    findings_clear(&c->found);
}

/* --- asking
 * -------------------------------------------------------------------------------------- */

/* The answer's JSON; NULL: a finding says why there is none. */
static json_t *get(struct check *c, struct grafana_call *call, const char *what)
{
    struct grafana_answer answer;
    char words[400];
    grafana_client_call(c->client, call, &answer);
    grafana_call_free(call);
    json_t *json = answer.status == 200 ? grafana_answer_json(&answer) : NULL;
    if (json != NULL)
        return json;
    grafana_answer_words(&answer, words, sizeof(words));
    if (grafana_answer_is_passing(&answer)) {
        c->unreachable = true;
        findings_add(&c->found, SEVERITY_ERROR, "reachable",
                     "%s: look at the URL, and whether Grafana runs", words);
    } else if (answer.status == 401) {
        findings_add(&c->found, SEVERITY_ERROR, "credential", "%s: give a service account's token",
                     words);
    } else {
        findings_add(&c->found, SEVERITY_SKIPPED, what, "cannot be read: %s%s", words,
                     answer.status == 403 ? ": the account needs the role Editor" : "");
    }
    return NULL;
}

/* False: nothing more can be asked. */
static bool ask(struct check *c)
{
    SCOPED(json_release_p) json_t *health = get(c, grafana_call_health(), "reachable");
    if (health == NULL)
        return false;
    findings_add(&c->found, SEVERITY_OK, "reachable", "Grafana %.40s answers",
                 json_is_string(json_object_get(health, "version"))
                     ? json_string_value(json_object_get(health, "version"))
                     : "of an unknown version");
    c->rules = get(c, grafana_call_rules(), "rule");
    if (c->rules == NULL && c->found.items[c->found.n - 1].severity == SEVERITY_ERROR)
        return false;
    c->points = get(c, grafana_call_contact_points(), "contact-point");
    if (!c->unreachable)
        c->policies = get(c, grafana_call_policies(), "policies");
    return !c->unreachable;
}

/* --- judging
 * -------------------------------------------------------------------------------------- */

static void collect_sources(struct check *c)
{
    c->sources = must_alloc(c->conf->n_sources + 1, sizeof(*c->sources));
    for (size_t i = 0; i < c->conf->n_sources; i++) {
        const struct conf_source *s = &c->conf->sources[i];
        if (s->format != ALERT_FORMAT_GRAFANA)
            continue;
        bool is_signed = s->auth.scheme == AUTH_GRAFANA_HMAC;
        c->sources[c->n_sources++] =
            (struct review_source){.name = s->name,
                                   .path = s->path,
                                   .is_signed = is_signed,
                                   .signature_header = is_signed ? s->auth.signature_header : "",
                                   .timestamp_header = is_signed ? s->auth.timestamp_header : ""};
    }
}

static const json_t *find_rule(const struct check *c, const char *uid)
{
    for (size_t i = 0; i < json_array_size(c->rules); i++) {
        const json_t *rule = json_array_get(c->rules, i);
        const char *found = json_string_value(json_object_get(rule, "uid"));
        if (found != NULL && strcmp(found, uid) == 0)
            return rule;
    }
    return NULL;
}

static const json_t *find_seed(const struct check *c, const json_t *rule)
{
    const char *uid = json_string_value(json_object_get(rule, "uid"));
    for (size_t i = 0; i < c->n_seeds; i++) {
        if (uid != NULL && strcmp(c->seeds[i].uid, uid) == 0)
            return c->seeds[i].json;
    }
    return NULL;
}

static void judge_points(struct check *c, const struct review_source *source, bool test)
{
    SCOPED(json_release_p) json_t *good = review_contact_points(&c->found, c->points, source);
    for (size_t i = 0; i < json_array_size(good); i++) {
        const json_t *point = json_array_get(good, i);
        struct grafana_answer answer;
        SCOPED(grafana_call_free_p)
        struct grafana_call *call = test ? grafana_call_test_contact_point(point) : NULL;
        if (call != NULL)
            grafana_client_call(c->client, call, &answer);
        review_test(&c->found, point, source, call != NULL ? &answer : NULL);
    }
}

static void judge_rules(struct check *c)
{
    SCOPED(free_p) size_t *taken = must_alloc(c->conf->n_routes + 1, sizeof(*taken));
    struct review_paths paths = {.points = c->points,
                                 .policies = c->policies,
                                 .sources = c->sources,
                                 .n_sources = c->n_sources};
    for (size_t i = 0; i < json_array_size(c->rules); i++) {
        const json_t *rule = json_array_get(c->rules, i);
        const struct conf_route *route = rule_route(c->conf, rule);
        if (route == NULL)
            continue;
        const struct policy *policy = &route->route.policy;
        taken[route - c->conf->routes]++;
        struct review_route counts = {.name = route->route.name,
                                      .settles = policy->rearm == REARM_RESOLVED,
                                      .settle_ms = policy->settle_ms,
                                      .stale_after_ms = policy->stale_after_ms};
        review_rule(&c->found, rule, &counts, &paths, find_seed(c, rule));
    }
    for (size_t i = 0; i < c->conf->n_routes && c->rules != NULL; i++) {
        if (taken[i] == 0)
            findings_add(&c->found, SEVERITY_WARNING, "route",
                         "no rule leads to route %s: it starts nothing for this Grafana",
                         c->conf->routes[i].route.name);
    }
}

static void judge_seeds(struct check *c)
{
    for (size_t i = 0; i < c->n_seeds && c->rules != NULL && !c->unreachable; i++) {
        const struct grafana_rule *seed = &c->seeds[i];
        char tag[GRAFANA_UID_MAX + 8];
        if (find_rule(c, seed->uid) != NULL) {
            if (rule_route(c->conf, find_rule(c, seed->uid)) == NULL)
                findings_add(&c->found, SEVERITY_OK, "rule", "%s is there, and starts nothing",
                             seed->uid);
            continue;
        }
        (void)snprintf(tag, sizeof(tag), "rule:%s", seed->uid);
        const char *const tags[] = {GRAFANA_LEDGER_TAG, tag, NULL};
        SCOPED(json_release_p) json_t *list = get(c, grafana_call_annotations(tags), "rule");
        if (list != NULL)
            review_absent(&c->found, seed, grafana_find_annotation(list, tags));
    }
}

static bool is_among(const char *const *uids, size_t n, const char *uid)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(uids[i], uid) == 0)
            return true;
    }
    return false;
}

static void judge_data_sources(struct check *c)
{
    const char *uids[DATA_SOURCES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(c->rules); i++) {
        const json_t *rule = json_array_get(c->rules, i);
        const json_t *data = json_object_get(rule, "data");
        for (size_t k = 0; k < json_array_size(data) && rule_route(c->conf, rule) != NULL; k++) {
            const char *uid =
                json_string_value(json_object_get(json_array_get(data, k), "datasourceUid"));
            /* "-100": expressions, as they were called once */
            if (uid != NULL && strcmp(uid, "__expr__") != 0 && strcmp(uid, "-100") != 0 &&
                n < DATA_SOURCES_MAX && !is_among(uids, n, uid))
                uids[n++] = uid;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct grafana_answer answer;
        SCOPED(grafana_call_free_p)
        struct grafana_call *call = grafana_call_data_source_health(uids[i]);
        grafana_client_call(c->client, call, &answer);
        review_data_source(&c->found, uids[i], &answer);
    }
}

static int finish(const struct check *c, bool as_json)
{
    struct tally t = {.fault = false};
    findings_count(&t, &c->found, c->unreachable);
    if (!as_json) {
        findings_print("grafana", &c->found);
        findings_print_sum(&t);
        return findings_exit_code(&t);
    }
    SCOPED(buf_free) struct buf out = BUF_INIT(JSON_MAX);
    findings_add_json(&out, &c->found);
    printf("{\"reachable\":%s,\"findings\":%s,\"errors\":%zu,\"warnings\":%zu,\"skipped\":%zu}\n",
           c->unreachable ? "false" : "true", buf_text(&out), t.found[SEVERITY_ERROR],
           t.found[SEVERITY_WARNING], t.found[SEVERITY_SKIPPED]);
    return findings_exit_code(&t);
}

static int prepare(const struct cli_args *args, struct check *c)
{
    const char *url = cli_value(args, "url");
    bool own = url == NULL; /* the config's token is for the config's Grafana only */
    struct grafana_access access = {.url = own ? c->conf->grafana.url : url,
                                    .secret_file = own ? c->conf->grafana.token_file : NULL};
    if (access.url == NULL) {
        fprintf(stderr, "drift-relay grafana check: --url URL is wanted: the config has no group "
                        "grafana\n");
        return EXIT_USAGE;
    }
    int code = EXIT_OK;
    if (args->n_operands > 0)
        code = grafana_cli_read_rules(args, args->operands[0], &c->seeds, &c->n_seeds);
    return code == EXIT_OK ? grafana_cli_connect(args, access, &c->client) : code;
}

int cli_grafana_check(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    SCOPED(conf_unref_p) struct conf *conf = NULL;
    SCOPED(check_clear) struct check c = {.client = NULL};
    code = client_load_conf(&args, &conf);
    c.conf = conf;
    if (code == EXIT_OK)
        code = prepare(&args, &c);
    if (code != EXIT_OK)
        return code;
    collect_sources(&c);
    if (ask(&c)) {
        for (size_t i = 0; i < c.n_sources && c.points != NULL; i++)
            judge_points(&c, &c.sources[i], cli_value(&args, "no-test") == NULL);
        judge_rules(&c);
        judge_seeds(&c);
        judge_data_sources(&c);
    }
    return finish(&c, cli_value(&args, "json") != NULL);
}
