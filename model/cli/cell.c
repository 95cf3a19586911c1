#include "model/cli/cell.h"

#include "relay/base/parse.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

static bool special(const char *text, size_t len, double *out)
{
    if (len == 0 || is_word(text, len, "nan"))
        *out = (double)NAN;
    else if (is_word(text, len, "inf") || is_word(text, len, "infinity"))
        *out = (double)INFINITY;
    else
        return false;
    return true;
}

/* parse_double() wants a digit on both sides of the point. */
static bool decimal(const char *text, size_t len, double *out)
{
    char digits[400];
    int n = snprintf(digits, sizeof(digits), "%s%.*s%s", text[0] == '.' ? "0" : "", (int)len, text,
                     len > 1 && text[len - 1] == '.' ? "0" : "");
    if (n < 0 || (size_t)n >= sizeof(digits) || text[0] == '-' || text[0] == '+')
        return false;
    int rc = parse_double(out, digits, NULL);
    if (rc == -ERANGE)
        *out = (double)INFINITY;
    return rc == 0 || rc == -ERANGE;
}

bool cell_number(const char *cell, double *out, bool *whole)
{
    const char *text = cell + strspn(cell, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    bool negative = text[0] == '-';
    if (len > 1 && (negative || text[0] == '+')) {
        text++;
        len--;
    }
    *whole = len > 0 && strspn(text, "0123456789") == len;
    if (len > 300 || (!special(text, len, out) && !decimal(text, len, out)))
        return false;
    if (negative)
        *out = -*out;
    return true;
}
