#include "model/predict/predict.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int predict_features(struct prediction *out, const struct model_file *m,
                     const double x[static FEATURES], struct error *err)
{
    for (size_t i = 0; i < FEATURES; i++)
        if (!isfinite(x[i]))
            return error_set(err, -EINVAL, "%s is not a finite number", features_names[i]);
    double up = model_file_predict(m, x);
    if (isnan(up)) /* weighted values that overflowed in both directions */
        return error_set(err, -EINVAL, "the features are too large");
    memcpy(out->features, x, sizeof(out->features));
    out->up = up;
    return 0;
}

int predict_close(struct prediction *out, const struct model_file *m, double close,
                  struct error *err)
{
    if (!isfinite(close) || close <= 0)
        return error_set(err, -EINVAL, "bad close: must be > 0 and finite");
    double closes[FEATURES_DAYS], x[FEATURES];
    memcpy(closes, m->closes, sizeof(m->closes));
    closes[FEATURES_DAYS - 1] = close;
    features_of_closes(x, m->features, closes);
    return predict_features(out, m, x, err);
}
