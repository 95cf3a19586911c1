/* drift-model: the table of subcommands. */
#include "model/cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", cli_serve, "answer inference requests, and show how far they drifted"},
    {"score", cli_score, "compare two CSV files column by column"},
    {"health", cli_health, "exit 0 when a running server has every model"},
};

static void help(FILE *out)
{
    fprintf(out,
            "drift-model %s: serves models, and says whether their data drifted\n\nusage: "
            "drift-model COMMAND [OPTION…]\n\n",
            DRIFT_RELAY_VERSION);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\ndrift-model COMMAND --help explains one, --version prints the version. Exit "
                 "codes: 0 ok, 1 refused or failed, 2 usage.\n");
}

int main(int argc, char **argv)
{
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return EXIT_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("drift-model %s\n", DRIFT_RELAY_VERSION);
        return EXIT_OK;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (name[0] != '\0')
        fprintf(stderr, "drift-model: unknown command \"%s\"\n\n", name);
    help(stderr);
    return EXIT_USAGE;
}
