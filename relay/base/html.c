#include "relay/base/html.h"

#include "relay/base/parse.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static const char *reference(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Well-formed, but it would be obeyed instead of shown: C0, DEL, C1, and the embeddings,
 * overrides and isolates of U+202A to U+202E and U+2066 to U+2069. */
static bool is_control(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    if (len == 1)
        return c[0] < 0x20 || c[0] == 0x7f;
    if (len == 2)
        return c[0] == 0xc2 && c[1] < 0xa0;
    return len == 3 && c[0] == 0xe2 &&
           ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
            (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

void html_add_text(struct buf *out, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t len = utf8_char_len(text, left);
        const char *instead = len == 1 ? reference(*text) : NULL;
        if (len == 0 || is_control(text, len))
            instead = REPLACEMENT;
        if (instead != NULL)
            buf_add_text(out, instead);
        else
            buf_add(out, text, len);
        len = len == 0 ? 1 : len;
        text += len;
        left -= len;
    }
}
