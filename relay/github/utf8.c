#include "relay/github/utf8.h"

#include <stdint.h>
#include <string.h>

/* The second byte rules out overlong forms, surrogates and what lies past U+10FFFF. */
static bool may_follow(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return second >= 0x80 && second <= 0xbf;
    }
}

static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return first != 0;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_char(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t bytes = length_of(u[0]);

    if (bytes < 2)
        return bytes;
    if (!may_follow(u[0], u[1]))
        return 0;
    for (size_t i = 2; i < bytes; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
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
