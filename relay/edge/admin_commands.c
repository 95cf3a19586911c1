#include "relay/edge/admin_commands.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 400 /* bytes */
#define PAUSE_MAX  (365 * 24 * 3600 * 1000LL)

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
    if (strcmp(path, "backup") == 0) {
        *out = (struct admin_command){.command = COMMAND_BACKUP, .id = strdup("")};
        return out->id == NULL ? -ENOMEM : 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t before = strlen(commands[i].collection);
        size_t after = strlen(commands[i].verb);
        if (len <= before + after || strncmp(path, commands[i].collection, before) != 0 ||
            strcmp(path + len - after, commands[i].verb) != 0)
            continue;
        *out = (struct admin_command){.command = commands[i].command, .scope = commands[i].scope};
        out->id = strndup(path + before, len - before - after);
        return out->id == NULL ? -ENOMEM : 0;
    }
    return 1;
}

void admin_command_clear(struct admin_command *c)
{
    free(c->id);
    free(c->why);
}

static int read_reason(struct admin_command *c, const json_t *value, struct error *err)
{
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) > REASON_MAX)
        return error_set(err, -EINVAL, "reason: a text of at most %d bytes is wanted", REASON_MAX);
    free(c->why);
    c->why = strdup(text);
    return c->why == NULL ? error_set(err, -ENOMEM, "out of memory") : 0;
}

static int read_for(struct admin_command *c, const json_t *value, struct error *err)
{
    const char *text = json_string_value(value);
    if (c->command != COMMAND_PAUSE)
        return error_set(err, -EINVAL, "for: only a pause ends by itself");
    if (text == NULL)
        return error_set(err, -EINVAL, "for: a duration such as \"2h\" is wanted");
    int r = parse_duration_ms(&c->for_ms, text, err);
    if (r < 0)
        return error_prefix(err, r, "for");
    if (c->for_ms < 1000 || c->for_ms > PAUSE_MAX)
        return error_set(err, -EINVAL, "for: from 1s to 365d");
    return 0;
}

int admin_command_read(struct admin_command *c, const char *body, size_t len, struct error *err)
{
    SCOPED(json_release_p) json_t *given = NULL;
    const char *name;
    json_t *value;
    if (len == 0)
        return 0;
    int r = strict_json_load(&given, body, len, 1, err);
    if (r < 0)
        return error_prefix(err, r, "body");
    if (!json_is_object(given))
        return error_set(err, -EINVAL, "body: an object is wanted");
    json_object_foreach(given, name, value)
    {
        if (strcmp(name, "reason") == 0)
            r = read_reason(c, value, err);
        else if (strcmp(name, "for") == 0)
            r = read_for(c, value, err);
        else
            r = error_set(err, -EINVAL, "body: \"%.40s\" is no field: reason, for", name);
        if (r < 0)
            return r;
    }
    return 0;
}
