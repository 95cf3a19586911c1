#include "model/features/features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_DAYS 5

const char *const features_names[FEATURES] = {"ma5", "ma20"};
static const char *const kinds[] = {"relative", "levels"};
static const char *const labels[] = {"next-day", "same-day"};

const char *features_kind_text(enum features_kind kind)
{
    return kinds[kind];
}

const char *features_label_text(enum features_label label)
{
    return labels[label];
}

int features_kind_parse(enum features_kind *out, const char *text, struct error *err)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(text, kinds[i]) == 0) {
            *out = (enum features_kind)i;
            return 0;
        }
    return error_set(err, -EINVAL, "features are relative or levels, not \"%s\"", text);
}

int features_label_parse(enum features_label *out, const char *text, struct error *err)
{
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (strcmp(text, labels[i]) == 0) {
            *out = (enum features_label)i;
            return 0;
        }
    return error_set(err, -EINVAL, "a label is next-day or same-day, not \"%s\"", text);
}

/* Summed anew for each day: a running sum would carry rounding along the series, and the server,
 * which has only the last days, would compute other bits. */
static double mean(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

void features_of_closes(double out[static FEATURES], enum features_kind kind,
                        const double closes[static FEATURES_DAYS])
{
    out[0] = mean(&closes[FEATURES_DAYS - SHORT_DAYS], SHORT_DAYS);
    out[1] = mean(closes, FEATURES_DAYS);
    for (size_t i = 0; kind == FEATURES_RELATIVE && i < FEATURES; i++)
        out[i] = closes[FEATURES_DAYS - 1] / out[i] - 1;
}

int features_make(struct features *out, const struct series *s, enum features_kind kind,
                  enum features_label label, struct error *err)
{
    *out = (struct features){0};
    if (s->n < FEATURES_DAYS)
        return error_set(err, -EINVAL, "%zu days are too few: a row is made of %d", s->n,
                         FEATURES_DAYS);
    size_t n = s->n - FEATURES_DAYS + 1;
    out->rows = calloc(n, sizeof(*out->rows));
    if (out->rows == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        struct features_row *row = &out->rows[i];
        double closes[FEATURES_DAYS];
        for (size_t k = 0; k < FEATURES_DAYS; k++)
            closes[k] = s->days[i + k].close;
        features_of_closes(row->x, kind, closes);
        size_t later = i + FEATURES_DAYS - (label == LABEL_SAME_DAY ? 1 : 0);
        row->labelled = later < s->n;
        row->up = row->labelled && s->days[later].close > s->days[later - 1].close;
    }
    return 0;
}

void features_free(struct features *f)
{
    free(f->rows);
    *f = (struct features){0};
}
