#include "relay/base/settings.h"

#include "relay/base/buf.h"
#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/base/settings_private.h"

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
        must_end(); /* a config is read at start and on request: without memory there is no going on
                     */
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

void settings_note(struct messages *list, const char *file, unsigned line, const char *format, ...)
{
    char reason[MESSAGE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    SCOPED(buf_free) struct buf text = BUF_INIT(8 * MESSAGE_MAX_BYTES);
    buf_addf(&text, "%.4096s:%u: %s", file, line, reason);
    add_message(list, line, buf_text(&text));
}

__attribute__((format(printf, 4, 0))) static void say(struct messages *list,
                                                      const struct settings_group *g,
                                                      const char *key, const char *format,
                                                      va_list arguments)
{
    config_setting_t *at = g->setting;
    if (at != NULL && key != NULL && config_setting_get_member(at, key) != NULL)
        at = config_setting_get_member(at, key);
    unsigned line = at == NULL ? 0 : (unsigned)config_setting_source_line(at);
    const char *file = at == NULL ? NULL : config_setting_source_file(at);
    char reason[MESSAGE_MAX_BYTES];
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    bool named = g->path[0] != '\0' || key != NULL;
    settings_note(list, file == NULL ? g->settings->name : file, line, "%s%s%s%s%s", g->path,
                  g->path[0] != '\0' && key != NULL ? "." : "", key == NULL ? "" : key,
                  named ? ": " : "", reason);
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

/* --- its life ---------------------------------------------------------------------------
 */

struct settings *settings_new(const char *name)
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
    struct settings_group *g = must_alloc(1, sizeof(*g));
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
        s->asked = must_grow(s->asked, cap, sizeof(config_setting_t *));
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

bool settings_is_empty(const struct settings_group *g, const char *key)
{
    const config_setting_t *s =
        g->setting == NULL ? NULL : config_setting_get_member(g->setting, key);
    return s != NULL && config_setting_type(s) == CONFIG_TYPE_LIST && config_setting_length(s) == 0;
}

/* Only groups that were handed out are looked through at the end: this one is not. */
void settings_ask_any(const struct settings_group *g, const char *key)
{
    (void)settings_ask(g, key, false);
}

void settings_ignore(const struct settings_group *g)
{
    int n = g->setting == NULL ? 0 : config_setting_length(g->setting);
    for (int i = 0; i < n; i++)
        mark(g->settings, config_setting_get_elem(g->setting, (unsigned)i));
}

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
            if (was_asked(s, member))
                continue;
            settings_fault(g, config_setting_name(member), "unknown key");
            mark(s, member); /* once, though its group was handed out twice */
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
