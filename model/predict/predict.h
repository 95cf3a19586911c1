/* predict.h - one question to a model, as numbers: how likely is a rise?
 *
 * The question is today's close, which the file's last closes complete to a row of features, or
 * such a row itself. Pure. */
#ifndef MODEL_PREDICT_PREDICT_H
#define MODEL_PREDICT_PREDICT_H

#include "model/model_file/model_file.h"

struct prediction {
    double features[FEATURES]; /* what the model saw: finite */
    double up;                 /* 0 to 1 */
};

/* -EINVAL for a close that is no price: infinite, not a number, 0 or less. */
__attribute__((warn_unused_result)) int
predict_close(struct prediction *out, const struct model_file *m, double close, struct error *err);
/* -EINVAL for values that are not finite. */
__attribute__((warn_unused_result)) int predict_features(struct prediction *out,
                                                         const struct model_file *m,
                                                         const double x[static FEATURES],
                                                         struct error *err);

#endif
