/* The chart-JSON form of a series. */
#include "model/series/series.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define DAY_S INT64_C(86400)
#define DEPTH 16

/* The exchange's own date of a moment. */
static int local_day(int64_t *out, const json_t *timestamp, int64_t offset_s)
{
    int64_t seconds;
    if (!json_is_integer(timestamp) ||
        __builtin_add_overflow(json_integer_value(timestamp), offset_s, &seconds) ||
        seconds / DAY_S > INT32_MAX || seconds < 0)
        return -EINVAL;
    *out = seconds / DAY_S;
    return 0;
}

static int read_days(struct series *s, const json_t *times, const json_t *closes, int64_t offset_s,
                     struct error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(times); i++) {
        const json_t *close = json_array_get(closes, i);
        struct series_day day;
        char where[32];
        (void)snprintf(where, sizeof(where), "close[%zu]", i);
        if (json_is_null(close))
            s->n_skipped++;
        else if (!json_is_number(close))
            r = error_set(err, -EINVAL, "%s is no number: ask the source again", where);
        else if (local_day(&day.day, json_array_get(times, i), offset_s) != 0)
            r = error_set(err, -EINVAL, "timestamp[%zu] is no second since 1970: ask again", i);
        else {
            day.close = json_number_value(close);
            r = series_add(s, day, where, err);
        }
    }
    return r;
}

static int read_result(struct series *s, const json_t *root, struct error *err)
{
    const json_t *chart = json_object_get(root, "chart");
    const json_t *fault = json_object_get(chart, "error");
    if (json_is_object(fault)) {
        const char *why = json_string_value(json_object_get(fault, "description"));
        return error_set(err, -EINVAL, "the source refused: %s", why == NULL ? "no reason" : why);
    }
    const json_t *result = json_array_get(json_object_get(chart, "result"), 0);
    const json_t *meta = json_object_get(result, "meta");
    const json_t *quote = json_object_get(json_object_get(result, "indicators"), "quote");
    const json_t *times = json_object_get(result, "timestamp");
    const json_t *closes = json_object_get(json_array_get(quote, 0), "close");
    const char *symbol = json_string_value(json_object_get(meta, "symbol"));
    if (!json_is_array(times) || !json_is_array(closes))
        return error_set(err, -EINVAL,
                         "chart.result[0] lacks timestamp or indicators.quote[0].close: ask for "
                         "daily prices in the chart form");
    if (json_array_size(times) != json_array_size(closes))
        return error_set(err, -EINVAL, "%zu timestamps and %zu closes: ask the source again",
                         json_array_size(times), json_array_size(closes));
    (void)snprintf(s->name, sizeof(s->name), "%s", symbol == NULL ? "close" : symbol);
    s->dated = true;
    return read_days(s, times, closes, json_integer_value(json_object_get(meta, "gmtoffset")), err);
}

int series_read_chart(struct series *out, const char *bytes, size_t len, struct error *err)
{
    *out = (struct series){0};
    if (len > 0 && bytes[0] == '<')
        return error_set(err, -EINVAL,
                         "line 1: a web page came instead of JSON: the source wants a login, or "
                         "refuses this client");
    SCOPED(json_release_p) json_t *root = NULL;
    int r = strict_json_load(&root, bytes, len, DEPTH, err);
    if (r == 0)
        r = read_result(out, root, err);
    if (r == 0 && out->n == 0)
        r = error_set(err, -EINVAL, "chart.result[0] has no prices: ask for a longer range");
    if (r != 0)
        series_free(out);
    return r;
}
