/* prices.h - what is true of every series of prices that was accepted. */
#ifndef TESTS_FUZZ_PRICES_H
#define TESTS_FUZZ_PRICES_H

#include "model/features/features.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

static inline void fuzz_check_series(const struct series *s)
{
    char text[SERIES_DAY_BYTES];
    for (size_t i = 0; i < s->n; i++) {
        assert(isfinite(s->days[i].close) && s->days[i].close > 0);
        assert(i == 0 || s->days[i].day > s->days[i - 1].day);
        series_format_day(s, s->days[i].day, text);
    }
    for (int kind = FEATURES_RELATIVE; kind <= FEATURES_LEVELS; kind++) {
        SCOPED(features_free) struct features f = {0};
        if (features_make(&f, s, (enum features_kind)kind, LABEL_NEXT_DAY, NULL) != 0)
            continue;
        assert(f.n == s->n - (FEATURES_DAYS - 1));
        for (size_t i = 0; i < f.n; i++)
            for (size_t k = 0; k < FEATURES; k++)
                assert(isfinite(f.rows[i].x[k]));
    }
}

#endif
