#include "relay/base/digits.h"
#include "relay/base/parse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_DAY (INT64_C(24) * 60 * 60 * 1000)

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    /* clang-format off */
    { "w",  7 * MS_PER_DAY },
    { "d",  MS_PER_DAY },
    { "h",  INT64_C(60) * 60 * 1000 },
    { "m",  INT64_C(60) * 1000 },
    { "s",  1000 },
    { "ms", 1 },
    /* clang-format on */
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* The unit at *text, from `first` on; N_UNITS when there is none. */
static size_t take_unit(const char **text, size_t first)
{
    size_t len = 0;
    while ((*text)[len] >= 'a' && (*text)[len] <= 'z')
        len++;
    for (size_t i = first; i < N_UNITS; i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, *text, len) == 0) {
            *text += len;
            return i;
        }
    }
    return N_UNITS;
}

int parse_duration_ms(int64_t *out, const char *text, struct error *err)
{
    static const int64_t max_ms = 3653 * MS_PER_DAY; /* 10 years with three leap days */
    int64_t sum = 0;
    size_t next = 0; /* units only get smaller */
    bool fits = true;
    const char *p = strcmp(text, "0") == 0 ? "0s" : text;
    do {
        int64_t n = 0;
        int rc = take_number(&p, &n);
        size_t unit = rc == -EINVAL ? N_UNITS : take_unit(&p, next);
        if (unit == N_UNITS)
            return error_set(err, -EINVAL,
                             "\"%.64s\" is not a duration such as \"30s\", \"1h30m\" or \"500ms\"",
                             text);
        fits = fits && rc == 0 && !__builtin_mul_overflow(n, units[unit].ms, &n) &&
               !__builtin_add_overflow(sum, n, &sum) && sum <= max_ms;
        next = unit + 1;
    } while (*p != '\0');
    if (!fits)
        return error_set(err, -ERANGE, "\"%.64s\" is longer than 10 years", text);
    *out = sum;
    return 0;
}

void format_duration_ms(char out[static DURATION_MAX], int64_t ms)
{
    /* Unsigned, because INT64_MIN has no positive twin. */
    uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    size_t len = 0;
    if (ms < 0)
        out[len++] = '-';
    for (size_t i = 0; i < N_UNITS && left > 0; i++) {
        uint64_t unit = (uint64_t)units[i].ms;
        if (left < unit || (i == 0 && left % unit != 0))
            continue;
        /* The longest is "-106751991167d7h12m55s808ms", 26 characters. */
        int n = snprintf(out + len, DURATION_MAX - len, "%llu%s", (unsigned long long)(left / unit),
                         units[i].name);
        len += n > 0 ? (size_t)n : 0;
        left %= unit;
    }
    if (ms == 0)
        memcpy(out, "0s", sizeof("0s"));
}

/* --- RFC 3339 -----------------------------------------------------------------------------------
 */

/* Exactly n digits. */
static bool take_digits(const char **text, int n, int *out)
{
    int value = 0;
    for (int i = 0; i < n; i++, ++*text) {
        if (!is_digit(**text))
            return false;
        value = value * 10 + (**text - '0');
    }
    *out = value;
    return true;
}

static bool is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap_year(year) ? 1 : 0);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; year >= 1. */
static int64_t days_since_epoch(int year, int month, int day)
{
    static const int64_t epoch = 719162; /* days from 0001-01-01 to 1970-01-01 */
    int before = year - 1;
    int64_t days = INT64_C(365) * before + before / 4 - before / 100 + before / 400;
    for (int m = 1; m < month; m++)
        days += days_in_month(year, m);
    return days + day - 1 - epoch;
}

static bool take_date(const char **text, int64_t *days)
{
    int year, month, day;
    if (!take_digits(text, 4, &year) || !take_char(text, '-') || !take_digits(text, 2, &month) ||
        !take_char(text, '-') || !take_digits(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_since_epoch(year, month, day);
    return true;
}

static bool take_time(const char **text, int64_t *ms)
{
    int hour, minute, second;
    if (!take_digits(text, 2, &hour) || !take_char(text, ':') || !take_digits(text, 2, &minute) ||
        !take_char(text, ':') || !take_digits(text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    if (second == 60)
        second = 59;
    int fraction = 0;
    if (take_char(text, '.')) {
        if (!is_digit(**text))
            return false;
        for (int scale = 100; is_digit(**text); ++*text, scale /= 10)
            fraction += (**text - '0') * scale;
    }
    *ms = ((INT64_C(60) * hour + minute) * 60 + second) * 1000 + fraction;
    return true;
}

static bool take_offset(const char **text, int64_t *ms)
{
    *ms = 0;
    if (take_char(text, 'Z') || take_char(text, 'z'))
        return true;
    bool west = **text == '-';
    int hour, minute;
    if ((!take_char(text, '+') && !take_char(text, '-')) || !take_digits(text, 2, &hour) ||
        !take_char(text, ':') || !take_digits(text, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ms = (INT64_C(60) * hour + minute) * 60000 * (west ? -1 : 1);
    return true;
}

int parse_rfc3339_ms(int64_t *out, const char *text, struct error *err)
{
    int64_t days, ms, offset_ms;
    const char *p = text;
    if (!take_date(&p, &days) || (!take_char(&p, 'T') && !take_char(&p, 't')) ||
        !take_time(&p, &ms) || !take_offset(&p, &offset_ms) || *p != '\0')
        return error_set(err, -EINVAL,
                         "\"%.64s\" is not an RFC 3339 time such as 2026-11-25T14:30:00Z", text);
    *out = days * MS_PER_DAY + ms - offset_ms;
    return 0;
}

void format_rfc3339_ms(char out[static RFC3339_MAX], int64_t unix_ms)
{
    int64_t seconds = unix_ms / 1000, fraction = unix_ms % 1000;
    if (fraction < 0) { /* times before 1970 count up within their second, too */
        fraction += 1000;
        seconds--;
    }
    struct tm tm;
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) == NULL) { /* not within int64 milliseconds */
        out[0] = '\0';
        return;
    }
    int len = snprintf(out, RFC3339_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", 1900LL + tm.tm_year,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (len < 0 || len >= RFC3339_MAX)
        return;
    if (fraction != 0)
        (void)snprintf(out + len, RFC3339_MAX - (size_t)len, ".%03dZ", (int)fraction);
    else
        (void)snprintf(out + len, RFC3339_MAX - (size_t)len, "Z");
}
