#include "relay/cli/grafana.h"

#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/secret.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RULES_MAX 1000

int grafana_cli_connect(const struct cli_args *args, struct grafana_access access,
                        struct grafana_client **out)
{
    const char *token = cli_value(args, "token-file");
    const char *user = cli_value(args, "user");
    const char *password = cli_value(args, "password-file");
    if ((user == NULL) != (password == NULL) || (token != NULL && user != NULL)) {
        fprintf(stderr,
                "drift-relay %s: --token-file FILE, or --user NAME and --password-file "
                "FILE\n",
                args->usage->command);
        return EXIT_USAGE;
    }
    if (token != NULL || user != NULL) {
        access.secret_file = token != NULL ? token : password;
        access.user = user;
    }
    if (strncmp(access.url, "http://", 7) != 0 && strncmp(access.url, "https://", 8) != 0) {
        fprintf(stderr,
                "drift-relay %s: %s: a URL that begins with http:// or https:// is wanted\n",
                args->usage->command, access.url);
        return EXIT_USAGE;
    }
    SCOPED(secret_free_p) struct secret *probe = NULL;
    struct error err = {0};
    if (access.secret_file != NULL && secret_read_file(&probe, access.secret_file, 1, &err) != 0) {
        fprintf(stderr, "drift-relay %s: %s\n", args->usage->command, err.text);
        return EXIT_FAILED;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* http_client.h */
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    int r = http_client_setup(&err);
    if (r == 0)
        r = grafana_client_new(out, &access, &err);
    if (r != 0)
        fprintf(stderr, "drift-relay %s: %s\n", args->usage->command, err.text);
    return r == 0 ? EXIT_OK : EXIT_FAILED;
}

/* --- rule files
 * -------------------------------------------------------------------------------------- */

static int read_rule(const char *path, struct grafana_rule *out)
{
    SCOPED(free_p) char *bytes = NULL;
    size_t len = 0;
    struct error err = {0};
    int code = client_read_file(path, &bytes, &len);
    if (code == EXIT_OK && grafana_rule_read(out, bytes, len, &err) != 0) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        code = EXIT_FAILED;
    }
    return code;
}

/* Hidden files are none of ours: a mounted ConfigMap has some. */
static int is_rule_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static void free_entries(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

static int read_folder(const char *path, struct grafana_rule *rules, size_t *n)
{
    struct dirent **entries = NULL;
    int found = scandir(path, &entries, is_rule_file, alphasort);
    int code = EXIT_OK;
    if (found <= 0 || found > RULES_MAX) {
        fprintf(stderr, "drift-relay: %s: %s\n", path,
                found < 0    ? strerror(errno)
                : found == 0 ? "has no .json file: one rule in each is wanted"
                             : "has more than 1000 rules");
        code = EXIT_FAILED;
    }
    for (int i = 0; i < found && found <= RULES_MAX; i++) {
        SCOPED(buf_free) struct buf file = BUF_INIT(8192);
        buf_addf(&file, "%s/%s", path, entries[i]->d_name);
        int read = read_rule(buf_text(&file), &rules[*n]);
        if (read == EXIT_OK)
            ++*n;
        else
            code = read; /* and on, so that every fault is told */
    }
    free_entries(entries, found);
    return code;
}

static int find_twins(const struct grafana_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(rules[i].uid, rules[k].uid) == 0) {
                fprintf(stderr, "drift-relay: uid %s is in two files\n", rules[i].uid);
                return EXIT_FAILED;
            }
        }
    }
    return EXIT_OK;
}

int grafana_cli_read_rules(const struct cli_args *args, const char *path,
                           struct grafana_rule **rules, size_t *n)
{
    struct stat s;
    *n = 0;
    if (stat(path, &s) != 0) {
        fprintf(stderr, "drift-relay %s: %s: %s\n", args->usage->command, path, strerror(errno));
        return EXIT_FAILED;
    }
    *rules = calloc(RULES_MAX, sizeof(**rules));
    if (*rules == NULL)
        return EXIT_FAILED;
    int code = S_ISDIR(s.st_mode) ? read_folder(path, *rules, n) : read_rule(path, *rules);
    if (!S_ISDIR(s.st_mode) && code == EXIT_OK)
        *n = 1;
    return code == EXIT_OK ? find_twins(*rules, *n) : code;
}

void grafana_cli_free_rules(struct grafana_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        grafana_rule_clear(&rules[i]);
    free(rules);
}

/* --- the command
 * -------------------------------------------------------------------------------------- */

int cli_grafana(int argc, char **argv)
{
    static const char usage[] = "usage: drift-relay grafana seed|check (--help explains each)\n";
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "seed") == 0)
        return cli_grafana_seed(argc - 1, argv + 1);
    if (strcmp(name, "check") == 0)
        return cli_grafana_check(argc - 1, argv + 1);
    bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    (void)fputs(usage, help ? stdout : stderr);
    return help ? EXIT_OK : EXIT_USAGE;
}
