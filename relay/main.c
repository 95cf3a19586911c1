/* drift-relay: the table of subcommands. */
#include "relay/cli/cli.h"

#include "relay/base/rng.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", cli_serve, "run the relay"},
    {"check", cli_check, "read the config, report every fault, start nothing"},
    {"explain", cli_explain,
     "what a notification would come to, row by row, and when it would act"},
    {"simulate", cli_simulate, "replay what came in under another config, and compare"},
    {"export", cli_export, "print what came in as JSON lines"},
    {"sign", cli_sign, "print the signature headers for a file"},
    {"send", cli_send, "post a signed notification: a file, or one made from options"},
    {"status", cli_status, "what a running relay is doing"},
    {"keys", cli_keys, "what is debounced: each key, its state, and until when"},
    {"requests", cli_requests, "each run that was asked for, and what became of it"},
    {"notifications", cli_notifications, "what came in, and what was decided"},
    {"changes", cli_changes, "what operators did, who and why"},
    {"show", cli_show, "one notification or request, by its id, with all that happened to it"},
    {"redeliver", cli_redeliver, "make a new request with the inputs of an old one"},
    {"cancel", cli_cancel, "drop a request before its POST, else cancel its run at GitHub"},
    {"rearm", cli_rearm, "end a key's disarming and cooldown"},
    {"pause", cli_pause, "start nothing for a route or target, until resumed or for a time"},
    {"resume", cli_resume, "end a pause"},
    {"backup", cli_backup, "copy the store of a running relay"},
    {"grafana", cli_grafana, "seed alert rules into a Grafana, or check it against the config"},
    {"health", cli_health, "exit 0 when a running relay accepts notifications"},
    {"version", cli_version, "print the version"},
    {"complete", cli_complete, NULL},
    {"sandbox-selftest", cli_sandbox_selftest, NULL},
};

static void help(FILE *out)
{
    fprintf(out,
            "drift-relay %s: Grafana alerts in, GitHub Actions runs out, each for a reason.\n\n"
            "usage: drift-relay COMMAND [OPTION…]\n\n",
            DRIFT_RELAY_VERSION);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].help != NULL) /* the others are for programs */
            fprintf(out, "  %-13s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out,
            "\ndrift-relay COMMAND --help explains one. Exit codes: 0 ok, 1 refused or failed, "
            "2 usage, 3 cannot reach the relay.\n");
}

int main(int argc, char **argv)
{
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return EXIT_OK;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    if (sodium_init() < 0) {
        fprintf(stderr, "drift-relay: libsodium cannot start: no source of randomness\n");
        return EXIT_FAILED;
    }
    unsigned seed = 0;
    rng_system()->bytes(NULL, &seed, sizeof(seed));
    json_object_seed(seed == 0 ? 1 : seed); /* before any thread */
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (name[0] != '\0')
        fprintf(stderr, "drift-relay: unknown command \"%s\"\n\n", name);
    help(stderr);
    return EXIT_USAGE;
}
