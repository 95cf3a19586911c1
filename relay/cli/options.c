#include "relay/cli/options.h"

#include "relay/cli/cli.h"

#include <stdio.h>
#include <string.h>

static void print_help(const struct cli_usage *u)
{
    printf("usage: drift-relay %s %s\n\n%s\n", u->command, u->arguments, u->purpose);
    if (u->options[0].name != NULL)
        printf("\n");
    for (const struct cli_option *o = u->options; o->name != NULL; o++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value == NULL ? "" : " ",
                       o->value == NULL ? "" : o->value);
        printf("  %-26s %s\n", left, o->help);
    }
    if (u->notes != NULL)
        printf("\n%s\n", u->notes);
}

static int mistake(const struct cli_usage *u, const char *what, const char *which)
{
    fprintf(stderr, "drift-relay %s: %s%s\nusage: drift-relay %s %s (--help explains)\n",
            u->command, what, which, u->command, u->arguments);
    return EXIT_USAGE;
}

static size_t find(const struct cli_usage *u, const char *name, size_t len)
{
    size_t i = 0;
    while (u->options[i].name != NULL &&
           (strlen(u->options[i].name) != len || strncmp(u->options[i].name, name, len) != 0))
        i++;
    return i;
}

static void keep(struct cli_args *a, size_t i, const char *value)
{
    a->values[i] = value;
    if (a->n_given[i] < sizeof(a->lists[i]) / sizeof(a->lists[i][0]))
        a->lists[i][a->n_given[i]++] = value;
}

/* Reads the option at argv[*at]; -1 or an exit code. */
static int read_option(struct cli_args *a, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2;
    size_t len = strcspn(name, "=");
    size_t i = find(a->usage, name, len);
    const struct cli_option *o = &a->usage->options[i];
    if (o->name == NULL)
        return mistake(a->usage, "unknown option ", argv[*at]);
    if (o->value == NULL) {
        if (name[len] == '=')
            return mistake(a->usage, "no value is wanted: ", argv[*at]);
        keep(a, i, "");
    } else if (name[len] == '=') {
        keep(a, i, name + len + 1);
    } else if (*at + 1 < argc) {
        keep(a, i, argv[++*at]);
    } else {
        return mistake(a->usage, "a value is missing after ", argv[*at]);
    }
    return -1;
}

int cli_parse(struct cli_args *out, const struct cli_usage *usage, int argc, char **argv)
{
    *out = (struct cli_args){.usage = usage};
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!only_operands && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(usage);
            return EXIT_OK;
        }
        if (!only_operands && strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strncmp(word, "--", 2) == 0) {
            int code = read_option(out, argc, argv, &i);
            if (code >= 0)
                return code;
        } else if (!only_operands && word[0] == '-' && word[1] != '\0') {
            return mistake(usage, "unknown option ", word);
        } else if (out->n_operands >= usage->operands_max) {
            return mistake(usage, "too many arguments: ", word);
        } else {
            out->operands[out->n_operands++] = word;
        }
    }
    if (out->n_operands < usage->operands_min)
        return mistake(usage, "an argument is missing", "");
    return -1;
}

const char *cli_value(const struct cli_args *args, const char *name)
{
    return args->values[find(args->usage, name, strlen(name))];
}

size_t cli_list(const struct cli_args *args, const char *name, const char *const **out)
{
    size_t i = find(args->usage, name, strlen(name));
    *out = args->lists[i];
    return args->n_given[i];
}
