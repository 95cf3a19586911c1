/* backup: a running relay copies its store; the copy may be put elsewhere. */
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/answer.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/offline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 100

static const struct cli_option options[] = {
    {"reason", "TEXT", "why: kept with the change (`drift-relay changes`)"},
    {"no-wait", NULL, "do not wait until it is whole"},
    {"json", NULL, "print the relay's own JSON"},
    CLIENT_TOKEN_OPTION,
    CLIENT_ADMIN_OPTIONS,
    {0}};
static const struct cli_usage usage = {
    .command = "backup",
    .arguments = "[OPTION…] [FILE]",
    .purpose = "Has a running relay copy its store, whole and consistent, while it works on.",
    .options = options,
    .notes =
        "The copy lies beside the store, as STORE.backup, in place of the one before; FILE gets\n"
        "another copy of it, where the relay runs on this machine. To restore one: stop the\n"
        "relay, put it in the store's place, remove STORE-wal, start the relay.",
    .operands_max = 1,
};

static int say(const json_t *state, int code)
{
    const char *word = answer_text(state, "state");
    if (strcmp(word, "failed") == 0) {
        fprintf(stderr, "drift-relay backup: %s\n", answer_text(state, "error"));
        return EXIT_FAILED;
    }
    if (strcmp(word, "done") != 0)
        printf("under way: %lld of %lld pages left\n",
               (long long)json_integer_value(json_object_get(state, "left")),
               (long long)json_integer_value(json_object_get(state, "pages")));
    return code;
}

static int wait_for_it(const struct cli_args *args, json_t **state)
{
    while (strcmp(answer_text(*state, "state"), "running") == 0) {
        struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        json_decref(*state);
        *state = NULL;
        int code = client_get_json(args, "/api/v1/backup", state);
        if (code != EXIT_OK)
            return code;
    }
    return EXIT_OK;
}

static int copy_to(const char *path, const char *file)
{
    struct error err = {0};
    int r = database_copy_file(path, file, &err);
    if (r == 0) {
        printf("%s\n", file);
        return EXIT_OK;
    }
    fprintf(stderr, "drift-relay backup: %s\nThe relay's own copy is %s\n", err.text, path);
    return EXIT_FAILED;
}

int cli_backup(int argc, char **argv)
{
    struct cli_args args;
    SCOPED(json_release_p) json_t *state = NULL;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    const char *why = cli_value(&args, "reason");
    SCOPED(json_release_p) json_t *order = json_object();
    if (why != NULL)
        (void)json_object_set_new(order, "reason", json_string(why));
    SCOPED(free_p) char *body = json_dumps(order, JSON_COMPACT);
    code = client_post_json(&args, "/api/v1/backup", body, body == NULL ? 0 : strlen(body), &state);
    if (code == EXIT_OK && cli_value(&args, "no-wait") == NULL)
        code = wait_for_it(&args, &state);
    if (code != EXIT_OK)
        return code;
    if (cli_value(&args, "json") != NULL)
        return client_print_json(state);
    code = say(state, code);
    if (code != EXIT_OK || strcmp(answer_text(state, "state"), "done") != 0)
        return code;
    if (args.n_operands > 0)
        return copy_to(answer_text(state, "path"), args.operands[0]);
    printf("%s\n", answer_text(state, "path"));
    return EXIT_OK;
}
