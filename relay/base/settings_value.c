/* Values of keys: typed, ranged, copied. */
#include "relay/base/buf.h"
#include "relay/base/must.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/settings_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *settings_type_name(const config_setting_t *s)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "an integer";
    case CONFIG_TYPE_FLOAT:
        return "a float";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_ARRAY:
        return "an array [ ]";
    case CONFIG_TYPE_LIST:
        return "a list ( )";
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    default:
        return "something else";
    }
}

static const char *ask_text(const struct settings_group *g, const char *key, bool required,
                            const char *wanted)
{
    config_setting_t *s = settings_ask(g, key, required);
    if (s == NULL)
        return NULL;
    if (config_setting_type(s) != CONFIG_TYPE_STRING) {
        settings_fault(g, key, "%s is wanted, this is %s", wanted, settings_type_name(s));
        return NULL;
    }
    return config_setting_get_string(s);
}

bool settings_string(const struct settings_group *g, const char *key, bool required, char **out)
{
    const char *text = ask_text(g, key, required, "a string");
    if (text == NULL)
        return false;
    char *copy = must_copy(text);
    free(*out);
    *out = copy;
    return true;
}

bool settings_text_or_int(const struct settings_group *g, const char *key, bool required,
                          char **out)
{
    config_setting_t *s = settings_ask(g, key, required);
    int type = s == NULL ? CONFIG_TYPE_NONE : config_setting_type(s);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return s != NULL && settings_string(g, key, required, out);
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%lld", config_setting_get_int64(s));
    char *copy = must_copy(digits);
    free(*out);
    *out = copy;
    return true;
}

bool settings_int(const struct settings_group *g, const char *key, bool required, int64_t min,
                  int64_t max, int64_t *out)
{
    config_setting_t *s = settings_ask(g, key, required);
    if (s == NULL)
        return false;
    int type = config_setting_type(s);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        settings_fault(g, key, "an integer is wanted, this is %s", settings_type_name(s));
        return false;
    }
    int64_t value = config_setting_get_int64(s);
    if (value < min || value > max) {
        settings_fault(g, key, "%lld is out of range: %lld to %lld", (long long)value,
                       (long long)min, (long long)max);
        return false;
    }
    *out = value;
    return true;
}

bool settings_bool(const struct settings_group *g, const char *key, bool required, bool *out)
{
    config_setting_t *s = settings_ask(g, key, required);
    if (s == NULL)
        return false;
    if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
        settings_fault(g, key, "true or false is wanted, this is %s", settings_type_name(s));
        return false;
    }
    *out = config_setting_get_bool(s) != 0;
    return true;
}

bool settings_duration_ms(const struct settings_group *g, const char *key, bool required,
                          int64_t min, int64_t max, int64_t *out)
{
    const char *text = ask_text(g, key, required, "a duration such as \"30s\"");
    int64_t value;
    struct error err = {0};
    if (text == NULL)
        return false;
    if (parse_duration_ms(&value, text, &err) != 0) {
        settings_fault(g, key, "%s", err.text);
        return false;
    }
    if (value < min || value > max) {
        char low[DURATION_MAX];
        char high[DURATION_MAX];
        format_duration_ms(low, min);
        format_duration_ms(high, max);
        settings_fault(g, key, "%s is out of range: %s to %s", text, low, high);
        return false;
    }
    *out = value;
    return true;
}

bool settings_size_bytes(const struct settings_group *g, const char *key, bool required,
                         uint64_t min, uint64_t max, uint64_t *out)
{
    const char *text = ask_text(g, key, required, "a size such as \"1MiB\"");
    uint64_t value;
    struct error err = {0};
    if (text == NULL)
        return false;
    if (parse_size_bytes(&value, text, &err) != 0) {
        settings_fault(g, key, "%s", err.text);
        return false;
    }
    if (value < min || value > max) {
        settings_fault(g, key, "%s is out of range: %llu to %llu bytes", text,
                       (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *out = value;
    return true;
}

bool settings_choice(const struct settings_group *g, const char *key, bool required,
                     const char *const *words, int *out)
{
    const char *text = ask_text(g, key, required, "a word");
    if (text == NULL)
        return false;
    SCOPED(buf_free) struct buf known = BUF_INIT(MESSAGE_MAX_BYTES);
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
        buf_addf(&known, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    settings_fault(g, key, "\"%.80s\" is unknown: one of %s is wanted", text, buf_text(&known));
    return false;
}

bool settings_strings(const struct settings_group *g, const char *key, bool required, char ***out,
                      size_t *n)
{
    config_setting_t *s = settings_ask(g, key, required);
    if (s == NULL)
        return false;
    int type = config_setting_type(s);
    if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY) {
        settings_fault(g, key, "a list of strings ( \"…\", \"…\" ) is wanted, this is %s",
                       settings_type_name(s));
        return false;
    }
    size_t count = (size_t)config_setting_length(s);
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
        if (config_setting_type(element) != CONFIG_TYPE_STRING) {
            settings_fault(g, key, "element %zu is %s, a string is wanted", i,
                           settings_type_name(element));
            return false;
        }
    }
    char **texts = must_alloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        texts[i] = must_copy(config_setting_get_string_elem(s, (int)i));
    *out = texts;
    *n = count;
    return true;
}
