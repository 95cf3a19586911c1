/* cli.h - the subcommands of drift-model. Each gets argv from its own name on and returns the exit
 * code. */
#ifndef MODEL_CLI_CLI_H
#define MODEL_CLI_CLI_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* refused, or something went wrong */
    EXIT_USAGE = 2,  /* the command line is wrong */
};

#define CLI_LISTEN_DEFAULT "0.0.0.0:8080"

int cli_health(int argc, char **argv);
int cli_score(int argc, char **argv);
int cli_serve(int argc, char **argv);

#endif
