#include "model/series/series.h"

#include "relay/base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

void series_format_day(const struct series *s, int64_t day, char out[static SERIES_DAY_BYTES])
{
    char text[RFC3339_MAX];
    if (s->dated) {
        format_rfc3339_ms(text, day * DAY_MS);
        (void)snprintf(out, SERIES_DAY_BYTES, "%.10s", text);
    } else {
        (void)snprintf(out, SERIES_DAY_BYTES, "day %" PRId64, day);
    }
}

static int make_room(struct series *s, struct error *err)
{
    if (s->n >= SERIES_DAYS_MAX)
        return error_set(err, -E2BIG, "more than %d days", SERIES_DAYS_MAX);
    if (s->n < s->cap)
        return 0;
    size_t cap = s->cap == 0 ? 1024 : 2 * s->cap;
    struct series_day *days = realloc(s->days, cap * sizeof(*days));
    if (days == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    s->days = days;
    s->cap = cap;
    return 0;
}

static int check_order(const struct series *s, int64_t day, const char *where, struct error *err)
{
    int64_t before = s->days[s->n - 1].day, gap;
    char this_day[SERIES_DAY_BYTES], last_day[SERIES_DAY_BYTES];
    series_format_day(s, day, this_day);
    series_format_day(s, before, last_day);
    if (day == before)
        return error_set(err, -EINVAL, "%s: %s is there twice: remove one of the two", where,
                         this_day);
    if (day < before)
        return error_set(err, -EINVAL, "%s: %s stands after %s: sort by day, oldest first", where,
                         this_day, last_day);
    if (__builtin_sub_overflow(day, before, &gap) || gap > (s->dated ? SERIES_GAP_DAYS : 1))
        return error_set(err, -EINVAL,
                         "%s: days are missing between %s and %s: fill the gap, or begin after it",
                         where, last_day, this_day);
    return 0;
}

int series_add(struct series *s, struct series_day day, const char *where, struct error *err)
{
    if (!isfinite(day.close) || day.close <= 0)
        return error_set(err, -EINVAL, "%s: a price is above zero, not %g: correct or remove it",
                         where, day.close);
    int r = s->n == 0 ? 0 : check_order(s, day.day, where, err);
    if (r == 0)
        r = make_room(s, err);
    if (r == 0)
        s->days[s->n++] = day;
    return r;
}

void series_free(struct series *s)
{
    free(s->days);
    *s = (struct series){0};
}
