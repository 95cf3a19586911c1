#include "relay/base/buf.h"

#include "relay/base/scope.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` bytes and the NUL after them. */
static bool reserve(struct buf *b, size_t more)
{
    size_t need;
    if (b->failed || __builtin_add_overflow(b->len, more, &need) || need > b->max ||
        need == SIZE_MAX) {
        b->failed = true;
        return false;
    }
    need++;
    if (need <= b->cap)
        return true;

    size_t limit = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
    size_t cap = b->cap < limit / 2 ? b->cap * 2 : limit;
    if (cap < 64)
        cap = limit < 64 ? limit : 64;
    if (cap < need)
        cap = need;
    char *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = b->no_memory = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (!reserve(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if (!reserve(b, (size_t)len))
        return;
    va_start(arguments, format);
    int printed = vsnprintf(b->data + b->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    if (printed != len) {
        b->data[b->len] = '\0';
        b->failed = true;
        return;
    }
    b->len += (size_t)len;
}

void buf_add_double(struct buf *b, double value)
{
    /* Up to 2^53 every whole number is exact, and reads better without an exponent. */
    static const double exact_below = 9007199254740992.0;
    if (isnan(value)) {
        buf_add_text(b, "NaN");
    } else if (isinf(value)) {
        buf_add_text(b, value > 0 ? "+Inf" : "-Inf");
    } else if (fabs(value) < exact_below && trunc(value) == value) {
        buf_addf(b, "%.0f", value);
    } else {
        char text[32];
        for (int digits = 15; digits <= 17; digits++) {
            int len = snprintf(text, sizeof(text), "%.*g", digits, value);
            if (len < 0 || (size_t)len >= sizeof(text)) {
                b->failed = true;
                return;
            }
            if (strtod(text, NULL) == value)
                break;
        }
        buf_add_text(b, text);
    }
}

void buf_add_real(struct buf *b, double value)
{
    size_t start = b->len;
    buf_add_double(b, value);
    if (!b->failed && isfinite(value) && strpbrk(b->data + start, ".e") == NULL)
        buf_add_text(b, ".0");
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = b->no_memory = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT(b->max);
}

const char *buf_text(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *buf_give(struct buf *b)
{
    if (!reserve(b, 0))
        return NULL;
    b->data[b->len] = '\0';
    char *text = GIVE(b->data);
    buf_free(b);
    return text;
}
