#include "relay/base/settings.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"
#include "relay/base/settings_private.h"

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- messages ----------------------------------------------------------------------------------
 */

static void add_message(struct messages *list, unsigned line, const char *text)
{
    struct message *grown = realloc(list->items, (list->n + 1) * sizeof(*grown));
    char *copy = strdup(text);
    if (grown == NULL || copy == NULL)
        abort(); /* a config is read at start and on request: without memory there is no going on */
    list->items = grown;
    size_t i = list->n++;
    for (; i > 0 && grown[i - 1].line > line; i--) /* ordered by line, stable */
        grown[i] = grown[i - 1];
    grown[i] = (struct message){line, copy};
}

static void messages_clear(struct messages *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i].text);
    free(list->items);
}

static void say(struct messages *list, const struct settings_group *g, const char *key,
                const char *format, va_list arguments)
{
    config_setting_t *at = g->setting;
    if (at != NULL && key != NULL && config_setting_get_member(at, key) != NULL)
        at = config_setting_get_member(at, key);
    unsigned line = at == NULL ? 0 : (unsigned)config_setting_source_line(at);
    const char *file = at == NULL ? NULL : config_setting_source_file(at);
    char reason[MESSAGE_MAX_BYTES];
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    SCOPED(buf_free) struct buf text = BUF_INIT(4 * MESSAGE_MAX_BYTES);
    buf_addf(&text, "%s:%u: ", file == NULL ? g->settings->name : file, line);
    if (g->path[0] != '\0' || key != NULL)
        buf_addf(&text, "%s%s%s: ", g->path, g->path[0] != '\0' && key != NULL ? "." : "",
                 key == NULL ? "" : key);
    buf_add_text(&text, reason);
    add_message(list, line, buf_text(&text));
}

void settings_fault(const struct settings_group *g, const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(&g->settings->faults, g, key, format, arguments);
    va_end(arguments);
}

void settings_warning(const struct settings_group *g, const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(&g->settings->warnings, g, key, format, arguments);
    va_end(arguments);
}

/* --- reading the file ---------------------------------------------------------------------------
 */

static struct settings *settings_new(const char *name)
{
    struct settings *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    config_init(&s->config);
    s->name = strdup(name);
    if (s->name == NULL) {
        settings_free(s);
        return NULL;
    }
    return s;
}

static void note_syntax(struct settings *s)
{
    char text[MESSAGE_MAX_BYTES];
    const char *file = config_error_file(&s->config);
    int line = config_error_line(&s->config);
    (void)snprintf(text, sizeof(text), "%s:%d: %s", file == NULL ? s->name : file, line,
                   config_error_text(&s->config));
    add_message(&s->faults, (unsigned)line, text);
}

int settings_read_file(struct settings **out, const char *path, struct error *err)
{
    struct settings *s = settings_new(path);
    SCOPED(free_p) char *folder = strdup(path);
    if (s == NULL || folder == NULL) {
        settings_free(s);
        return error_set(err, -ENOMEM, "%s: out of memory", path);
    }
    *out = s;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        char text[MESSAGE_MAX_BYTES];
        (void)snprintf(text, sizeof(text), "%s:0: cannot be read: %s", path, strerror(errno));
        add_message(&s->faults, 0, text);
        return 0;
    }
    config_set_include_dir(&s->config, dirname(folder));
    s->readable = config_read(&s->config, file) == CONFIG_TRUE;
    (void)fclose(file);
    if (!s->readable)
        note_syntax(s);
    return 0;
}

int settings_read_text(struct settings **out, const char *name, const char *text, struct error *err)
{
    struct settings *s = settings_new(name);
    if (s == NULL)
        return error_set(err, -ENOMEM, "%s: out of memory", name);
    s->readable = config_read_string(&s->config, text) == CONFIG_TRUE;
    if (!s->readable)
        note_syntax(s);
    *out = s;
    return 0;
}

void settings_free(struct settings *s)
{
    if (s == NULL)
        return;
    while (s->groups != NULL) {
        struct settings_group *g = s->groups;
        s->groups = g->next;
        free(g);
    }
    messages_clear(&s->faults);
    messages_clear(&s->warnings);
    free(s->asked);
    free(s->name);
    config_destroy(&s->config);
    free(s);
}

void settings_free_p(struct settings **s)
{
    settings_free(*s);
}

/* --- groups and marks ----------------------------------------------------------------------------
 */

static const struct settings_group *group_new(struct settings *s, config_setting_t *setting,
                                              const char *parent, const char *key, long index)
{
    struct settings_group *g = calloc(1, sizeof(*g));
    if (g == NULL)
        abort();
    g->settings = s;
    g->setting = setting;
    const char *dot = parent[0] == '\0' || key[0] == '\0' ? "" : ".";
    if (index < 0)
        (void)snprintf(g->path, sizeof(g->path), "%.200s%s%.200s", parent, dot, key);
    else
        (void)snprintf(g->path, sizeof(g->path), "%.200s%s%.200s[%ld]", parent, dot, key, index);
    g->next = s->groups;
    s->groups = g;
    return g;
}

const struct settings_group *settings_root(struct settings *s)
{
    return group_new(s, s->readable ? config_root_setting(&s->config) : NULL, "", "", -1);
}

static void mark(struct settings *s, config_setting_t *setting)
{
    if (s->n_asked == s->cap_asked) {
        size_t cap = s->cap_asked == 0 ? 64 : s->cap_asked * 2;
        config_setting_t **grown = realloc(s->asked, cap * sizeof(config_setting_t *));
        if (grown == NULL)
            abort();
        s->asked = grown;
        s->cap_asked = cap;
    }
    s->asked[s->n_asked++] = setting;
}

config_setting_t *settings_ask(const struct settings_group *g, const char *key, bool required)
{
    config_setting_t *found =
        g->setting == NULL ? NULL : config_setting_get_member(g->setting, key);
    if (found != NULL)
        mark(g->settings, found);
    else if (required && g->settings->readable)
        settings_fault(g, key, "is required");
    return found;
}

bool settings_has(const struct settings_group *g, const char *key)
{
    return g->setting != NULL && config_setting_get_member(g->setting, key) != NULL;
}

const struct settings_group *settings_group(const struct settings_group *g, const char *key,
                                            bool required)
{
    config_setting_t *s = settings_ask(g, key, required);
    if (s == NULL)
        return NULL;
    if (config_setting_type(s) != CONFIG_TYPE_GROUP) {
        settings_fault(g, key, "a group { } is wanted, this is %s", settings_type_name(s));
        return NULL;
    }
    return group_new(g->settings, s, g->path, key, -1);
}

size_t settings_list(const struct settings_group *g, const char *key, bool required)
{
    config_setting_t *s = settings_ask(g, key, required);
    if (s == NULL)
        return 0;
    if (config_setting_type(s) != CONFIG_TYPE_LIST) {
        settings_fault(g, key, "a list ( {…}, {…} ) is wanted, this is %s", settings_type_name(s));
        return 0;
    }
    int n = config_setting_length(s);
    for (int i = 0; i < n; i++) {
        config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
        if (config_setting_type(element) != CONFIG_TYPE_GROUP) {
            settings_fault(g, key, "element %d is %s, a group { } is wanted", i,
                           settings_type_name(element));
            return 0;
        }
        mark(g->settings, element);
    }
    return (size_t)n;
}

const struct settings_group *settings_list_at(const struct settings_group *g, const char *key,
                                              size_t i)
{
    config_setting_t *s = config_setting_get_member(g->setting, key);
    return group_new(g->settings, config_setting_get_elem(s, (unsigned)i), g->path, key, (long)i);
}

/* --- the end -------------------------------------------------------------------------------------
 */

static bool was_asked(const struct settings *s, const config_setting_t *setting)
{
    for (size_t i = 0; i < s->n_asked; i++) {
        if (s->asked[i] == setting)
            return true;
    }
    return false;
}

/* Every group that was handed out: keys of it that nobody asked for. */
void settings_end(struct settings *s)
{
    for (const struct settings_group *g = s->groups; g != NULL; g = g->next) {
        int n = g->setting == NULL ? 0 : config_setting_length(g->setting);
        for (int i = 0; i < n; i++) {
            config_setting_t *member = config_setting_get_elem(g->setting, (unsigned)i);
            if (!was_asked(s, member))
                settings_fault(g, config_setting_name(member), "unknown key");
        }
    }
}

size_t settings_n_faults(const struct settings *s)
{
    return s->faults.n;
}

size_t settings_n_warnings(const struct settings *s)
{
    return s->warnings.n;
}

const char *settings_fault_text(const struct settings *s, size_t i)
{
    return s->faults.items[i].text;
}

const char *settings_warning_text(const struct settings *s, size_t i)
{
    return s->warnings.items[i].text;
}
