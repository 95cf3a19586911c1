/* settings_private.h - the reader's state, shared by settings.c, settings_text.c and
 * settings_value.c only. */
#ifndef RELAY_BASE_SETTINGS_PRIVATE_H
#define RELAY_BASE_SETTINGS_PRIVATE_H

#include "relay/base/settings.h"

#include <libconfig.h>

#define PATH_MAX_BYTES    512
#define MESSAGE_MAX_BYTES 2048

struct message {
    unsigned line;
    char *text;
};

struct messages {
    struct message *items;
    size_t n;
};

/* A { } that was handed out. libconfig has no place for a mark, so asked keys are remembered here.
 */
struct settings_group {
    struct settings *settings;
    config_setting_t *setting; /* NULL: an empty group (the file could not be read) */
    char path[PATH_MAX_BYTES]; /* "" for the root, "routes[0]" */
    struct settings_group *next;
};

struct settings {
    char *name;
    config_t config;
    bool readable;
    struct settings_group *groups;
    config_setting_t **asked;
    size_t n_asked, cap_asked;
    struct messages faults, warnings;
};

/* The member of that name, marked as asked for; NULL when absent, with a fault when it is required.
 */
config_setting_t *settings_ask(const struct settings_group *g, const char *key, bool required);
struct settings *settings_new(const char *name);
/* A message at a place that no group stands for. */
void settings_note(struct messages *list, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
const char *settings_type_name(const config_setting_t *s);

#endif
