#include "relay/edge/admin_commands.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct {
    const char *collection, *verb;
    enum core_command command;
    enum engine_scope scope;
} commands[] = {
    {"requests/", "/redeliver", COMMAND_REDELIVER, ENGINE_ROUTE},
    {"requests/", "/cancel",    COMMAND_CANCEL,    ENGINE_ROUTE},
    {"keys/",     "/rearm",     COMMAND_REARM,     ENGINE_ROUTE},
    {"routes/",   "/pause",     COMMAND_PAUSE,     ENGINE_ROUTE},
    {"routes/",   "/resume",    COMMAND_RESUME,    ENGINE_ROUTE},
    {"targets/",  "/pause",     COMMAND_PAUSE,     ENGINE_TARGET},
    {"targets/",  "/resume",    COMMAND_RESUME,    ENGINE_TARGET},
};
/* clang-format on */

/* A key's text has slashes of its own: the verb is what the path ends with. */
int admin_command_parse(struct admin_command *out, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t before = strlen(commands[i].collection);
        size_t after = strlen(commands[i].verb);
        if (len <= before + after || strncmp(path, commands[i].collection, before) != 0 ||
            strcmp(path + len - after, commands[i].verb) != 0)
            continue;
        out->command = commands[i].command;
        out->scope = commands[i].scope;
        out->id = strndup(path + before, len - before - after);
        return out->id == NULL ? -ENOMEM : 0;
    }
    return 1;
}
