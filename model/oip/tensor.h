/* tensor.h - one input of a request: its shape and its elements as numbers.
 *
 * Elements come as JSON, nested or flat, or as bytes: little-endian numbers, or for BYTES a length
 * of 4 bytes before each (binary tensor extension of the Open Inference Protocol). Only what is
 * used has to be a number: the model of one input does not read the strings of another. Pure. */
#ifndef MODEL_OIP_TENSOR_H
#define MODEL_OIP_TENSOR_H

#include "relay/base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum oip_datatype {
    OIP_BOOL,
    OIP_INT8,
    OIP_INT16,
    OIP_INT32,
    OIP_INT64,
    OIP_UINT8,
    OIP_UINT16,
    OIP_UINT32,
    OIP_UINT64,
    OIP_FP16,
    OIP_FP32,
    OIP_FP64,
    OIP_BYTES,
    OIP_OTHER, /* any word will do for JSON: the lesson's client says "integer" */
};

struct oip_tensor {
    const char *name; /* of the request's tree */
    enum oip_datatype datatype;
    int64_t *shape; /* as it was said: nothing is sure to agree with it */
    size_t n_shape;
    double *values; /* row-major; integers from 2^53 on are rounded */
    size_t n;
    size_t n_numbers; /* how many of the first are numbers; the values after them mean nothing */
};

/* Upper or lower case. */
enum oip_datatype oip_datatype_parse(const char *text);
/* OIP_SCHEMA for what cannot be read as an integer: 1, "1", 1.0 and true are all 1. */
__attribute__((warn_unused_result)) int oip_tensor_shape(struct oip_tensor *t, const json_t *shape,
                                                         struct error *err);
__attribute__((warn_unused_result)) int oip_tensor_json(struct oip_tensor *t, const json_t *data,
                                                        struct error *err);
/* OIP_BAD_INPUT for bytes that the datatype or the shape does not fit. */
__attribute__((warn_unused_result)) int oip_tensor_binary(struct oip_tensor *t, const void *bytes,
                                                          size_t len, struct error *err);
/* -1 when an extent is negative or the product too large. */
int64_t oip_tensor_elements(const struct oip_tensor *t);
void oip_tensor_free(struct oip_tensor *t);

#endif
