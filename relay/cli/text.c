#include "relay/cli/text.h"

#include "relay/base/parse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS 80

static unsigned decode(const unsigned char *at, size_t len)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = at[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (at[i] & 0x3fU);
    return code;
}

/* C0, DEL, C1; LRM, RLM, ALM, embeddings, overrides and isolates (Unicode UAX 9); line and
 * paragraph separators. */
static bool is_harmful(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

void text_add_safe(struct buf *out, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t len = utf8_char_len(text, left);
        if (len == 0) {
            buf_add_text(out, "\xef\xbf\xbd");
            len = 1;
        } else if (is_harmful(decode((const unsigned char *)text, len))) {
            buf_addf(out, "\\u%04x", decode((const unsigned char *)text, len));
        } else {
            buf_add(out, text, len);
        }
        text += len;
        left -= len;
    }
}

void text_add_time(struct buf *out, struct wall t, bool utc)
{
    time_t seconds = (time_t)(t.ms / 1000);
    struct tm parts;
    char shown[64];
    if ((utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)) == NULL ||
        strftime(shown, sizeof(shown), utc ? "%Y-%m-%d %H:%M:%SZ" : "%Y-%m-%d %H:%M:%S", &parts) ==
            0)
        return;
    buf_add_text(out, shown);
}

void text_add_distance(struct buf *out, struct wall t, struct wall now)
{
    int64_t far = t.ms - now.ms;
    int64_t length = far < 0 ? -far : far;
    char duration[DURATION_MAX];
    /* Seconds are of no use to somebody who waits for hours. */
    length -= length % (length >= 3600000 ? 60000 : 1000);
    format_duration_ms(duration, length);
    if (length == 0)
        buf_add_text(out, "now");
    else
        buf_addf(out, far < 0 ? "%s ago" : "in %s", duration);
}

void text_add_time_from(struct buf *out, struct wall t, struct wall now, bool utc)
{
    text_add_time(out, t, utc);
    buf_add_text(out, " (");
    text_add_distance(out, t, now);
    buf_add_char(out, ')');
}

size_t text_width(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

void text_print(const char *lead, const char *text)
{
    size_t indent = text_width(lead, strlen(lead));
    size_t column = indent;
    (void)fputs(lead, stdout);
    for (bool first = true; *text != '\0'; first = false) {
        size_t len = strcspn(text, " ");
        size_t width = text_width(text, len);
        if (!first && column + 1 + width > COLUMNS) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            (void)putchar(' ');
            column++;
        }
        (void)fwrite(text, 1, len, stdout);
        column += width;
        text += len;
        text += *text == ' ';
    }
    (void)putchar('\n');
}
