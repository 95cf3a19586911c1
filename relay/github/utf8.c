#include "relay/github/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_char(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t bytes = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

    if (u[0] == 0 || u[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < bytes; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    /* The second byte rules out overlong forms, surrogates and what lies past U+10FFFF. */
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    return bytes;
}

bool utf8_is_valid(const char *s)
{
    while (*s != '\0') {
        size_t bytes = utf8_char(s);
        if (bytes == 0)
            return false;
        s += bytes;
    }
    return true;
}

bool utf8_is_control(const char *s, size_t bytes)
{
    const unsigned char *u = (const unsigned char *)s;

    return (bytes == 1 && (u[0] < 0x20 || u[0] == 0x7f)) ||
           (bytes == 2 && u[0] == 0xc2 && u[1] < 0xa0);
}

void utf8_clean(char *out, size_t size, const char *text)
{
    size_t len = 0;

    while (text != NULL && *text != '\0') {
        size_t bytes = utf8_char(text);
        if (bytes == 0 || utf8_is_control(text, bytes)) {
            text += bytes == 0 ? 1 : bytes;
            continue;
        }
        if (size - len <= bytes)
            break;
        memcpy(out + len, text, bytes);
        len += bytes;
        text += bytes;
    }
    out[len] = '\0';
}
