/* digits.h - decimal digits for parse.c and parse_time.c; nobody else includes it.
 *
 * ASCII only: isdigit() asks a locale and must not see a negative char. */
#ifndef RELAY_BASE_DIGITS_H
#define RELAY_BASE_DIGITS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    ++*text;
    return true;
}

/* The digits at *text as a number, leaving *text behind all of them. -EINVAL without a digit,
 * -ERANGE past INT64_MAX; *out is set only with 0. */
static inline int take_number(const char **text, int64_t *out)
{
    int64_t value = 0;
    bool fits = true;
    if (!is_digit(**text))
        return -EINVAL;
    for (; is_digit(**text); ++*text)
        fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_add_overflow(value, **text - '0', &value);
    if (!fits)
        return -ERANGE;
    *out = value;
    return 0;
}

#endif
