/* logistic.h - logistic regression by liblinear, the only file that includes it. */
#ifndef MODEL_TRAIN_LOGISTIC_H
#define MODEL_TRAIN_LOGISTIC_H

#include "model/features/features.h"
#include "relay/base/error.h"

#include <stddef.h>

struct logistic {
    double bias, weights[FEATURES];
};

/* Learns from n labelled rows, in which both labels and different values of each feature occur:
 * -EINVAL else. Deterministic. */
__attribute__((warn_unused_result)) int
logistic_fit(struct logistic *out, const struct features_row *rows, size_t n, struct error *err);

#endif
