#include "model/app/close_input.h"

#include "relay/base/buf.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define DIGITS      "0123456789"
#define LENGTH_MAX  65536 /* of the number; more than a request line has */
#define GROUP_WIDTH 3

/* The digits before the decimal point, without separators; how many characters they take, 0 when
 * they are none. */
static size_t take_whole(struct buf *number, const char *text)
{
    size_t at = strspn(text, DIGITS);
    buf_add(number, text, at);
    if (at == 0 || text[at] != ',')
        return at;
    if (at > GROUP_WIDTH)
        return 0;
    while (text[at] == ',') {
        if (strspn(text + at + 1, DIGITS) != GROUP_WIDTH)
            return 0;
        buf_add(number, text + at + 1, GROUP_WIDTH);
        at += 1 + GROUP_WIDTH;
    }
    return at;
}

enum close_input close_input_parse(double *out, const char *text)
{
    static const char blanks[] = " \t\r\n";
    SCOPED(buf_free) struct buf number = BUF_INIT(LENGTH_MAX);
    struct error err = {0};
    double value = 0;
    text += strspn(text, blanks);
    if (*text == '\0')
        return CLOSE_INPUT_EMPTY;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    size_t len = take_whole(&number, text);
    if (len == 0)
        return CLOSE_INPUT_NO_NUMBER;
    if (text[len] == '.') {
        size_t decimals = strspn(text + len + 1, DIGITS);
        if (decimals == 0)
            return CLOSE_INPUT_NO_NUMBER;
        buf_add(&number, text + len, 1 + decimals);
        len += 1 + decimals;
    }
    if (text[len + strspn(text + len, blanks)] != '\0')
        return CLOSE_INPUT_NO_NUMBER;
    if (negative)
        return CLOSE_INPUT_NOT_POSITIVE;
    int r = buf_failed(&number) ? -ERANGE : parse_double(&value, buf_text(&number), &err);
    if (r == -ERANGE || value > CLOSE_INPUT_MAX)
        return CLOSE_INPUT_TOO_LARGE;
    if (r != 0)
        return CLOSE_INPUT_NO_NUMBER;
    if (value <= 0)
        return CLOSE_INPUT_NOT_POSITIVE;
    *out = value;
    return CLOSE_INPUT_OK;
}
