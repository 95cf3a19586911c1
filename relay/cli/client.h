/* client.h - calls of the command line to a relay: its webhook, or its operators' listener. */
#ifndef RELAY_CLI_CLIENT_H
#define RELAY_CLI_CLIENT_H

#include "relay/base/error.h"
#include "relay/base/http_client.h"
#include "relay/cli/options.h"
#include "relay/conf.h"

#include <jansson.h>

/* GETs path ("/api/v1/status") from where --admin says (a socket's path or an http:// URL), else
 * where the config does. 0 and *result (http_result_free), or the exit code to end with, the reason
 * being on stderr. */
int client_get(const struct cli_args *args, const char *path, struct http_result *result);
/* The same, and the answer's JSON; a status of 400 and more is printed as the relay put it (exit
 * 1). */
int client_get_json(const struct cli_args *args, const char *path, json_t **out);
/* POSTs a JSON body likewise; the answer's JSON. */
int client_post_json(const struct cli_args *args, const char *path, const char *body, size_t len,
                     json_t **out);
/* A whole file ("-" = standard input), at most 64 MiB; caller frees. Prints the reason on failure.
 */
int client_read_file(const char *path, char **bytes, size_t *len);
/* Prints it indented to stdout; the exit code. */
int client_print_json(const json_t *value);
/* Escapes one path segment; caller frees. */
char *client_escape(const char *segment);

/* Loads the config that --config names, else the default one; prints its faults. */
int client_load_conf(const struct cli_args *args, struct conf **out);

/* For commands that change something: over TCP they need a token. */
#define CLIENT_TOKEN_OPTION                                                                        \
    {                                                                                              \
        "token-file", "FILE", "the token for changes over TCP (the config's admin.token_file)"     \
    }

#define CLIENT_ADMIN_OPTIONS                                                                       \
    {"admin", "PATH|URL", "socket file or http:// URL of the operators' listener"},                \
    {                                                                                              \
        "config", "FILE", "take it from this config"                                               \
    }

#endif
