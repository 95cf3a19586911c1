/* features.h - what the model sees of a day: two moving averages, as levels or relative to them.
 *
 * Relative: close / MA5 - 1 and close / MA20 - 1. Levels: MA5 and MA20 themselves, which drift on
 * any index with a trend. Both are called ma5 and ma20. Pure. */
#ifndef MODEL_FEATURES_FEATURES_H
#define MODEL_FEATURES_FEATURES_H

#include "model/series/series.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define FEATURES      2
#define FEATURES_DAYS 20 /* closes that one row is made of, its own day's the last */

enum features_kind {
    FEATURES_RELATIVE,
    FEATURES_LEVELS,
};

enum features_label {
    LABEL_NEXT_DAY, /* the next close is higher: can be asked before it is known */
    LABEL_SAME_DAY, /* this close is higher than the one before: known when asked */
};

struct features_row {
    double x[FEATURES]; /* ma5, ma20 */
    bool up;
    bool labelled; /* not the last row with LABEL_NEXT_DAY */
};

struct features {
    struct features_row *rows; /* rows[i] is of the series' day i + FEATURES_DAYS - 1 */
    size_t n;
};

extern const char *const features_names[FEATURES];

/* "relative", "levels", and back: -EINVAL for another text. */
const char *features_kind_text(enum features_kind kind);
__attribute__((warn_unused_result)) int features_kind_parse(enum features_kind *out,
                                                            const char *text, struct error *err);
/* "next-day", "same-day", and back. */
const char *features_label_text(enum features_label label);
__attribute__((warn_unused_result)) int features_label_parse(enum features_label *out,
                                                             const char *text, struct error *err);
/* The row of the last of FEATURES_DAYS closes. */
void features_of_closes(double out[static FEATURES], enum features_kind kind,
                        const double closes[static FEATURES_DAYS]);
/* -EINVAL when there are fewer than FEATURES_DAYS days. */
__attribute__((warn_unused_result)) int features_make(struct features *out, const struct series *s,
                                                      enum features_kind kind,
                                                      enum features_label label, struct error *err);
void features_free(struct features *f);

#endif
