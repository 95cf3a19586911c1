/* train.h - from prices to a model that may be published, or the reason why it may not. Pure.
 *
 * The model is judged on the last fifth of the days, which it has not seen, by its log-loss beside
 * that of two others: always saying the share of rises it saw; and the model in place, on those of
 * the days that this one has not seen either. More than 2 % above either refuses it: nobody
 * predicts an index from two averages, so the gate only stops what is broken. What passes learns
 * once more, from all days. */
#ifndef MODEL_TRAIN_TRAIN_H
#define MODEL_TRAIN_TRAIN_H

#include "model/drift/drift.h"
#include "model/features/features.h"
#include "model/model_file/model_file.h"
#include "model/series/series.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define TRAIN_TOLERANCE 1.02
#define TRAIN_ROWS_MIN  100
#define TRAIN_PARTS     5 /* of the hold-out, by what was said, for the calibration */
/* Fewer days that are new to both models tell nothing: 2 % of the log-loss would be chance. */
#define TRAIN_COMPARED_MIN 60
/* Evidently takes distances instead of p-values past 1000 rows; see the threshold. */
#define TRAIN_REFERENCE_DAYS 1001

enum train_outcome {
    TRAIN_REFUSED = 1, /* by the gate; err says by what, the report has the numbers */
};

struct train_options {
    enum features_kind features;
    enum features_label label;
    size_t reference_days;
    enum drift_test stattest; /* for numbers; DRIFT_AUTO is settled by the reference's rows */
    double threshold;         /* 0 = MODEL_DRIFT_LIMIT, or the test's own where it is another one */
};

struct train_score {
    double loss;     /* log-loss: nats a day */
    double accuracy; /* share of the days whose likelier side came */
};

enum train_compared {
    TRAIN_NO_MODEL,
    TRAIN_COMPARED,
    TRAIN_OTHER_LABEL,  /* the model in place answers another question */
    TRAIN_OTHER_PRICES, /* its last closes are not among these: who knows what it has seen */
    TRAIN_TOO_FEW_DAYS, /* that are new to it */
};

struct train_comparison {
    enum train_compared outcome;
    size_t n;                               /* days that neither has learnt from */
    struct train_score candidate, in_place; /* on these; with TRAIN_COMPARED */
};

/* The days of one part of the hold-out: how likely rises were said to be, and how many came. */
struct train_part {
    size_t n;
    double said, rose; /* mean probability, share */
};

struct train_report {
    enum drift_test stattest; /* never DRIFT_AUTO */
    double threshold;
    size_t n_days, n_train, n_holdout;
    double rises;                         /* share of rises in what it learnt from */
    struct train_score holdout, base;     /* on the hold-out */
    double gain, gain_error;              /* base.loss - holdout.loss, and its standard error */
    bool knows;                           /* gain is above two standard errors */
    struct train_part parts[TRAIN_PARTS]; /* from the lowest probabilities to the highest */
    double calibration_error;             /* mean distance of said and rose */
    struct train_comparison comparison;
};

/* in_place may be NULL. On 0 the caller frees out; else it is empty. */
__attribute__((warn_unused_result)) int
train_model(struct model_file *out, struct train_report *report, const struct series *s,
            const struct train_options *options, const struct model_file *in_place,
            struct error *err);

#endif
