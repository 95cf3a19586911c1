/* options.h - command lines: long options only, --name VALUE or --name=VALUE, --help everywhere. */
#ifndef RELAY_CLI_OPTIONS_H
#define RELAY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct cli_option {
    const char *name;  /* without dashes; NULL ends the table */
    const char *value; /* what its value is called; NULL = a switch */
    const char *help;
};

struct cli_usage {
    const char *command, *arguments, *purpose;
    const struct cli_option *options;
    const char *notes; /* NULL = none */
    size_t operands_min, operands_max;
};

#define CLI_OPTIONS_MAX  24
#define CLI_OPERANDS_MAX 4

struct cli_args {
    const struct cli_usage *usage;
    const char *values[CLI_OPTIONS_MAX]; /* in the table's order; the last one given counts … */
    const char *lists[CLI_OPTIONS_MAX][16];
    size_t n_given[CLI_OPTIONS_MAX]; /* … lists has all of them, up to 16 */
    const char *operands[CLI_OPERANDS_MAX];
    size_t n_operands;
};

/* -1: go on. Else the exit code to end with: help was printed (stdout), or the mistake was
 * (stderr). */
int cli_parse(struct cli_args *out, const struct cli_usage *usage, int argc, char **argv);
/* Value of an option, "" for a switch that is on, NULL when it was not given. */
const char *cli_value(const struct cli_args *args, const char *name);
/* All values of an option that may be repeated. */
size_t cli_list(const struct cli_args *args, const char *name, const char *const **out);

#endif
