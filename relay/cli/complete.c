/* complete: names for a shell that completes them; for programs, so it is not in the help. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/answer.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cli_option options[] = {CLIENT_ADMIN_OPTIONS, {0}};
static const struct cli_usage usage = {
    .command = "complete",
    .arguments = "[--admin PATH|URL] KIND [PREFIX]",
    .purpose =
        "Prints the names that begin with PREFIX, one a line; nothing when the relay is away.",
    .options = options,
    .notes =
        "KIND: routes, targets, pausable (ROUTE or target:NAME), paused, keys, requests, open\n"
        "(requests that have not ended), ids (requests and notifications).",
    .operands_min = 1,
    .operands_max = 2,
};

struct kind {
    const char *name;
    const char *path;   /* of the answer */
    const char *list;   /* in it: an array of names, or of objects … */
    const char *field;  /* … with this one; NULL: names */
    const char *before; /* what stands before each */
};

/* clang-format off */
static const struct kind kinds[] = {
    {"routes",   "/api/v1/status",                        "routes",  NULL,           ""},
    {"targets",  "/api/v1/status",                        "targets", NULL,           ""},
    {"pausable", "/api/v1/status",                        "routes",  NULL,           ""},
    {"pausable", "/api/v1/status",                        "targets", NULL,           "target:"},
    {"keys",     "/api/v1/keys?limit=200",                "items",   "key",          ""},
    {"requests", "/api/v1/requests?limit=100",            "items",   "relay_id",     ""},
    {"open",     "/api/v1/requests?limit=100&state=open", "items",   "relay_id",     ""},
    {"ids",      "/api/v1/requests?limit=100",            "items",   "relay_id",     ""},
    {"ids",      "/api/v1/notifications?limit=100",       "items",   "notification", ""},
};
/* clang-format on */

static void print_one(const char *before, const char *name, const char *prefix)
{
    char whole[4096];
    (void)snprintf(whole, sizeof(whole), "%s%s", before, name);
    if (strncmp(whole, prefix, strlen(prefix)) == 0)
        puts(whole);
}

static void print_kind(const struct kind *k, const json_t *answer, const char *prefix)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(answer, k->list), i, item)
    {
        const char *name = k->field == NULL ? json_string_value(item) : answer_text(item, k->field);
        if (name != NULL)
            print_one(k->before, name, prefix);
    }
}

static void print_paused(const json_t *status, const char *prefix)
{
    size_t i;
    const json_t *p;
    json_array_foreach(json_object_get(status, "paused"), i, p)
    {
        bool target = strcmp(answer_text(p, "scope"), "target") == 0;
        print_one(target ? "target:" : "", answer_text(p, "name"), prefix);
    }
}

int cli_complete(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    const char *prefix = args.n_operands > 1 ? args.operands[1] : "";
    bool paused = strcmp(args.operands[0], "paused") == 0;
    if (freopen("/dev/null", "we", stderr) == NULL) /* nobody wants to read why, in a prompt */
        return EXIT_FAILED;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        SCOPED(json_release_p) json_t *answer = NULL;
        bool wanted = strcmp(kinds[i].name, args.operands[0]) == 0 || (paused && i == 0);
        if (!wanted || client_get_json(&args, kinds[i].path, &answer) != EXIT_OK)
            continue;
        if (paused)
            print_paused(answer, prefix);
        else
            print_kind(&kinds[i], answer, prefix);
    }
    return EXIT_OK;
}
