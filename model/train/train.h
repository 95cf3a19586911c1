/* train.h - from prices to a model that may be published, or the reason why it may not. Pure.
 *
 * The model is judged on the last fifth of the days, which it has not seen, by its log-loss beside
 * that of two others: always saying the share of rises it saw, and the model in place. More than
 * 2 % above either refuses it: nobody predicts an index from two averages, so the gate only stops
 * what is broken. What passes learns once more, from all days. */
#ifndef MODEL_TRAIN_TRAIN_H
#define MODEL_TRAIN_TRAIN_H

#include "model/features/features.h"
#include "model/model_file/model_file.h"
#include "model/series/series.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define TRAIN_TOLERANCE 1.02
#define TRAIN_ROWS_MIN  100
/* Evidently takes distances instead of p-values past 1000 rows; see the threshold. */
#define TRAIN_REFERENCE_DAYS 1001

enum train_outcome {
    TRAIN_REFUSED = 1, /* by the gate; err says by what, the report has the numbers */
};

struct train_options {
    enum features_kind features;
    enum features_label label;
    size_t reference_days;
};

struct train_report {
    size_t n_days, n_train, n_holdout;
    double rises;                   /* share of rises in what it learnt from */
    double loss, base_loss;         /* nats a day on the hold-out */
    double in_place_loss;           /* NAN when none was compared */
    double accuracy, base_accuracy; /* shares of the hold-out */
    double gain, gain_error;        /* base_loss - loss, and its standard error */
    bool knows;                     /* gain is above two standard errors */
};

/* in_place may be NULL. On 0 the caller frees out; else it is empty. */
__attribute__((warn_unused_result)) int
train_model(struct model_file *out, struct train_report *report, const struct series *s,
            const struct train_options *options, const struct model_file *in_place,
            struct error *err);

#endif
