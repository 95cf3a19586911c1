/* series.h - daily closing prices out of the bytes of a CSV file or a chart-JSON answer. Pure.
 *
 * What is wrong is refused with its place and the remedy, never repaired: a model that learnt from
 * a misread file looks like any other. Days ascend, prices are finite and above zero. A day is a
 * date, or the number of a row where the file has none. */
#ifndef MODEL_SERIES_SERIES_H
#define MODEL_SERIES_SERIES_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_DAYS_MAX  100000
#define SERIES_GAP_DAYS  31 /* exchanges close for two weeks at most, save in wars */
#define SERIES_NAME_MAX  64
#define SERIES_DAY_BYTES 24

struct series_day {
    int64_t day; /* since 1970-01-01, or the row's number */
    double close;
};

struct series {
    char name[SERIES_NAME_MAX]; /* the CSV's column, or the chart's symbol */
    struct series_day *days;
    size_t n, cap;
    bool dated;
    size_t n_skipped; /* days of a chart without a price: no trading */
};

/* CSV with a header line. The day is in the column called day or date. The price is in `column`;
 * NULL = in the one called close, or in the only other one. out is zeroed before. */
__attribute__((warn_unused_result)) int series_read_csv(struct series *out, const char *bytes,
                                                        size_t len, const char *column,
                                                        struct error *err);
/* {"chart":{"result":[{"meta":{"symbol","gmtoffset"},"timestamp":[…],
 * "indicators":{"quote":[{"close":[…]}]}}],"error":null}}; a null close is a day without trading.
 */
__attribute__((warn_unused_result)) int series_read_chart(struct series *out, const char *bytes,
                                                          size_t len, struct error *err);
/* Appends a day, if it and its price may follow what is there. where is its place in the source. */
__attribute__((warn_unused_result)) int series_add(struct series *s, struct series_day day,
                                                   const char *where, struct error *err);
/* "1998-12-31", or "day 17". */
void series_format_day(const struct series *s, int64_t day, char out[static SERIES_DAY_BYTES]);
void series_free(struct series *s);

#endif
