/* model_url.h - MODEL_API_URL: where a model is asked, and what follows from it. */
#ifndef MODEL_APP_MODEL_URL_H
#define MODEL_APP_MODEL_URL_H

#include "relay/base/error.h"

#define MODEL_URL_MAX     1024
#define MODEL_NAME_MAX    128
#define MODEL_URL_DEFAULT "http://127.0.0.1:8080/v2/models/kospi-prediction-model/infer"

struct model_url {
    char infer[MODEL_URL_MAX];   /* as given */
    char metrics[MODEL_URL_MAX]; /* its origin + "/metrics" */
    char name[MODEL_NAME_MAX];   /* of the model, "" when the path does not say */
};

/* http or https, a host, a path, printable ASCII, neither user name nor fragment: else -EINVAL. */
__attribute__((warn_unused_result)) int model_url_parse(struct model_url *out, const char *text,
                                                        struct error *err);

#endif
