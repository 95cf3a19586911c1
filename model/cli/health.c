/* drift-model health: for health checks of containers. */
#include "model/cli/cli.h"
#include "relay/base/http_health.h"

#include <getopt.h>
#include <stdio.h>

static const char usage_line[] = "usage: drift-model health [--listen ADDRESS:PORT]\n";

static const char help_text[] = "\nExit 0 when the server that listens there has every model, 1 "
                                "when it has not or is not there.\n\n"
                                "  --listen A:P    as `serve` was told (" CLI_LISTEN_DEFAULT ")\n";

static int mistake(const char *what)
{
    fprintf(stderr, "drift-model health: %s\n%s", what, usage_line);
    return EXIT_USAGE;
}

int cli_health(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"listen", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    const char *listen = CLI_LISTEN_DEFAULT;
    struct address where;
    struct error err = {0};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            printf("%s%s", usage_line, help_text);
            return EXIT_OK;
        }
        if (option != 'l')
            return mistake("a wrong option, or one without its value");
        listen = optarg;
    }
    if (optind < argc)
        return mistake("too many arguments");
    if (parse_address(&where, listen, &err) != 0)
        return mistake(err.text);
    if (http_health(&where, "/v2/health/ready", &err) == 0)
        return EXIT_OK;
    fprintf(stderr, "drift-model health: %s\n", err.text);
    return EXIT_FAILED;
}
