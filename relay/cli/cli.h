/* cli.h - the subcommands. Each gets argv from its own name on and returns the exit code. */
#ifndef RELAY_CLI_CLI_H
#define RELAY_CLI_CLI_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,      /* refused, or something went wrong */
    EXIT_USAGE = 2,       /* the command line is wrong */
    EXIT_UNREACHABLE = 3, /* the relay could not be reached */
};

int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_simulate(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_sign(int argc, char **argv);
int cli_send(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_show(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_requests(int argc, char **argv);
int cli_notifications(int argc, char **argv);
int cli_changes(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_complete(int argc, char **argv);
int cli_redeliver(int argc, char **argv);
int cli_cancel(int argc, char **argv);
int cli_rearm(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_resume(int argc, char **argv);
int cli_grafana(int argc, char **argv);
int cli_health(int argc, char **argv);
int cli_sandbox_selftest(int argc, char **argv);
int cli_version(int argc, char **argv);

#endif
