/* grafana.h - `drift-relay grafana seed|check`, and what the two share. */
#ifndef RELAY_CLI_GRAFANA_H
#define RELAY_CLI_GRAFANA_H

#include "relay/cli/options.h"
#include "relay/edge/grafana_http.h"
#include "relay/grafana/rule.h"

#define GRAFANA_ACCESS_OPTIONS                                                                     \
    {"token-file", "FILE", "a service account's token (role Editor)"},                             \
        {"user", "NAME", "instead: a user, admin on a fresh Grafana, …"},                          \
    {                                                                                              \
        "password-file", "FILE", "… and the file with the password"                              \
    }

int cli_grafana_seed(int argc, char **argv);
int cli_grafana_check(int argc, char **argv);

/* For each of them: 0, or the exit code to end with, the reason being on stderr. */

/* A client for --token-file, or --user and --password-file, or what access says where none of them
 * is given. Prepares the process for HTTP. */
int grafana_cli_connect(const struct cli_args *args, struct grafana_access access,
                        struct grafana_client **out);
/* The rules of a folder's *.json files, or of one file, in the order of their names; an uid that
 * comes twice is a fault. Caller frees with grafana_cli_free_rules(). */
int grafana_cli_read_rules(const struct cli_args *args, const char *path,
                           struct grafana_rule **rules, size_t *n);
void grafana_cli_free_rules(struct grafana_rule *rules, size_t n);

#endif
