/* check, version: say something about the config or the program, and start nothing. */
#include "relay/base/scope.h"
#include "relay/cli/check_online.h"
#include "relay/cli/cli.h"
#include "relay/cli/options.h"
#include "relay/conf.h"

#include <stdio.h>

static const struct cli_option check_options[] = {
    {"config", "FILE", "check this file (default: " CONF_DEFAULT_FILE ", else the environment)"},
    {"online", NULL, "then ask GitHub about every target, starting nothing"},
    {"json", NULL, "with --online: print what was found as JSON"},
    {0},
};
static const struct cli_usage check_usage = {
    .command = "check",
    .arguments = "[--config FILE] [--online [--json]]",
    .purpose = "Reads the config as serve does and reports every fault (exit 1) and warning.",
    .options = check_options,
    .notes = "With --online exit 1 also means that a dispatch would be refused, exit 3 that GitHub "
             "could not be reached.",
};

int cli_check(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &check_usage, argc, argv);
    if (code >= 0)
        return code;
    bool online = cli_value(&args, "online") != NULL;
    bool as_json = cli_value(&args, "json") != NULL;
    if (as_json && !online) {
        fprintf(stderr, "drift-relay check: --json goes with --online\n");
        return EXIT_USAGE;
    }
    SCOPED(conf_report_clear) struct conf_report report = {0};
    SCOPED(conf_unref_p) struct conf *conf = NULL;
    int r = conf_load(&conf, cli_value(&args, "config"), &report);
    for (size_t i = 0; i < report.n_faults; i++)
        fprintf(stderr, "%s\n", report.faults[i]);
    for (size_t i = 0; i < report.n_warnings; i++)
        fprintf(stderr, "%s (warning)\n", report.warnings[i]);
    if (r != 0) {
        fprintf(stderr, "%zu fault%s\n", report.n_faults, report.n_faults == 1 ? "" : "s");
        return EXIT_FAILED;
    }
    if (as_json)
        return check_online(conf, true);
    printf("ok: %s: %zu source%s, %zu route%s, %zu target%s, %zu warning%s\n", conf->origin,
           conf->n_sources, conf->n_sources == 1 ? "" : "s", conf->n_routes,
           conf->n_routes == 1 ? "" : "s", conf->n_targets, conf->n_targets == 1 ? "" : "s",
           report.n_warnings, report.n_warnings == 1 ? "" : "s");
    return online ? check_online(conf, false) : EXIT_OK;
}

static const struct cli_option no_options[] = {{0}};
static const struct cli_usage version_usage = {
    .command = "version",
    .arguments = "",
    .purpose = "Prints the version.",
    .options = no_options,
};

int cli_version(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &version_usage, argc, argv);
    if (code < 0)
        printf("drift-relay %s\n", DRIFT_RELAY_VERSION);
    return code < 0 ? EXIT_OK : code;
}
