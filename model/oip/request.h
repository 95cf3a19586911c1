/* request.h - an inference request as it came: Open Inference Protocol v2 over HTTP, as KServe 0.14
 * reads it, and the older v1 form.
 *
 * Unknown keys are ignored and shapes coerced; whether a shape agrees with its data is asked where
 * it matters. JSON has no NaN here and no key twice. Pure; the bytes may be anything. */
#ifndef MODEL_OIP_REQUEST_H
#define MODEL_OIP_REQUEST_H

#include "model/oip/tensor.h"

#include <stdbool.h>

struct oip_bytes {
    const char *body;
    size_t len;
    const char *content_type;  /* NULL or "": absent, which is read as JSON */
    const char *header_length; /* Inference-Header-Content-Length: bytes of JSON before the binary
                                * tensors; NULL: absent, all is JSON */
};

struct oip_wanted {
    const char *name;
    bool binary;
};

struct oip_request {
    json_t *tree;   /* the texts below are in it */
    const char *id; /* NULL: none was given */
    struct oip_tensor *inputs;
    size_t n_inputs;
    struct oip_wanted *outputs; /* none: all */
    size_t n_outputs;
    bool binary; /* the outputs that were not named shall be binary */
};

/* 0, an enum oip_fault, or -ENOMEM. Free out in every case. */
__attribute__((warn_unused_result)) int
oip_request_parse(struct oip_request *out, const struct oip_bytes *in, struct error *err);
/* v1: {"instances": [[1, 2], …]} or [1, 2, …], as one input of a row for each instance. */
__attribute__((warn_unused_result)) int
oip_request_parse_v1(struct oip_request *out, const struct oip_bytes *in, struct error *err);
void oip_request_free(struct oip_request *q);

/* Whether an output of that name is wanted, and in which form: OIP_BAD_INPUT when the request names
 * one that there is not. */
__attribute__((warn_unused_result)) int
oip_request_output(const struct oip_request *q, const char *name, bool *binary, struct error *err);

#endif
