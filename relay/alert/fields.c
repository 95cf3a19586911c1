#include "relay/alert/fields.h"

#include "relay/base/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* time.Time{} of Go, 0001-01-01T00:00:00Z, in unix ms. */
#define GO_ZERO_TIME_MS INT64_C(-62135596800000)

#define KEY_SHOWN_MAX 64 /* bytes of a key in a message */

/* A key comes from outside: cut between characters, and without control characters. */
static void show_key(char out[static KEY_SHOWN_MAX + 1], const char *key)
{
    size_t len = strnlen(key, KEY_SHOWN_MAX + 1);
    if (len > KEY_SHOWN_MAX) {
        len = KEY_SHOWN_MAX;
        while (len > 0 && ((unsigned char)key[len] & 0xC0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)key[i];
        bool control = c < 0x20 || c == 0x7F;
        out[i] = '?';
        if (!control)
            out[i] = key[i];
    }
    out[len] = '\0';
}

int field_error(struct error *err, const struct place *at, const char *key, const char *format, ...)
{
    char words[256];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    if (written < 0)
        words[0] = '\0';

    char shown[KEY_SHOWN_MAX + 1];
    show_key(shown, key);
    if (at->alert == PLACE_TOP)
        return error_set(err, -EINVAL, "%s: %s", shown, words);
    if (at->map == NULL)
        return error_set(err, -EINVAL, "alerts[%zu].%s: %s", at->alert, shown, words);
    return error_set(err, -EINVAL, "alerts[%zu].%s.%s: %s", at->alert, at->map, shown, words);
}

const char *field_type_text(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "an unknown type";
}

/* *out = the value, or NULL when it is absent and may be. */
static int find(json_t **out, const struct place *at, const char *key, enum presence presence,
                struct error *err)
{
    *out = json_object_get(at->object, key);
    if (*out == NULL && presence == FIELD_REQUIRED)
        return field_error(err, at, key, "is missing");
    return 0;
}

int field_text(const char **out, const struct place *at, const char *key, enum presence presence,
               struct error *err)
{
    json_t *value;
    int rc = find(&value, at, key, presence, err);
    if (rc != 0 || value == NULL)
        return rc;
    if (!json_is_string(value))
        return field_error(err, at, key, "a string is wanted, not %s", field_type_text(value));
    *out = json_string_value(value);
    return 0;
}

int field_count(int64_t *out, const struct place *at, const char *key, struct error *err)
{
    const json_t *value = json_object_get(at->object, key);
    if (value == NULL)
        return 0;
    if (!json_is_integer(value))
        return field_error(err, at, key, "an integer is wanted, not %s",
                           json_is_real(value) ? "a fraction" : field_type_text(value));
    if (json_integer_value(value) < 0)
        return field_error(err, at, key, "must not be negative");
    *out = json_integer_value(value);
    return 0;
}

int field_time(int64_t *out, const struct place *at, const char *key, struct error *err)
{
    const char *text = NULL;
    int rc = field_text(&text, at, key, FIELD_OPTIONAL, err);
    if (rc != 0 || text == NULL)
        return rc;
    int64_t ms;
    if (parse_rfc3339_ms(&ms, text, NULL) != 0)
        return field_error(err, at, key, "an RFC 3339 time is wanted, as 2026-11-23T05:29:24Z");
    *out = ms == GO_ZERO_TIME_MS ? TIME_NONE : ms;
    return 0;
}

int field_object(json_t **out, const struct place *at, const char *key, enum presence presence,
                 struct error *err)
{
    json_t *value;
    int rc = find(&value, at, key, presence, err);
    if (rc != 0 || value == NULL)
        return rc;
    if (!json_is_object(value))
        return field_error(err, at, key, "an object is wanted, not %s", field_type_text(value));
    *out = value;
    return 0;
}
