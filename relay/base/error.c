#include "relay/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line, whatever was quoted in it: a file name or a header may hold newlines or escapes. */
static void make_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

/* A format that cannot be printed leaves no words rather than indeterminate ones. */
static void print(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void print(char *out, size_t size, const char *format, va_list arguments)
{
    if (vsnprintf(out, size, format, arguments) < 0)
        out[0] = '\0';
    make_one_line(out);
}

int error_set(struct error *err, int code, const char *format, ...)
{
    if (err == NULL)
        return code;
    char text[sizeof(err->text)]; /* the arguments may point into err->text */
    va_list arguments;
    va_start(arguments, format);
    print(text, sizeof(text), format, arguments);
    va_end(arguments);
    memcpy(err->text, text, sizeof(text));
    err->code = code;
    return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
    if (err == NULL)
        return code;
    char prefix[sizeof(err->text)], whole[2 * sizeof(err->text) + 1];
    va_list arguments;
    va_start(arguments, format);
    print(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    if (snprintf(whole, sizeof(whole), "%s: %s", prefix, err->text) < 0)
        return err->code;
    whole[sizeof(err->text) - 1] = '\0'; /* cut, if need be */
    memcpy(err->text, whole, sizeof(err->text));
    return err->code;
}
