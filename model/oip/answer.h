/* answer.h - the bodies that a model server answers with, byte for byte as KServe 0.14 orders and
 * spells them, but with the shape the protocol wants. Pure. */
#ifndef MODEL_OIP_ANSWER_H
#define MODEL_OIP_ANSWER_H

#include "relay/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* One output of n texts. */
struct oip_answer {
    const char *model, *id, *output;
    bool binary;
    size_t n;
    /* Adds element i, any bytes without NUL. */
    void (*element)(const void *self, size_t i, struct buf *out);
    const void *self;
};

/* Adds the body; *json_len is the part of it before the binary tensor. A buffer that failed is to
 * be looked for by the caller. */
void oip_answer_infer(struct buf *out, const struct oip_answer *a, size_t *json_len);
/* {"predictions": […]} of elements that are JSON themselves. */
void oip_answer_v1(struct buf *out, const struct oip_answer *a);

void oip_answer_server(struct buf *out, const char *name, const char *version);
void oip_answer_models(struct buf *out, const char *const *names, size_t n);
void oip_answer_metadata(struct buf *out, const char *model);
void oip_answer_ready(struct buf *out, const char *model, bool ready);

/* A version 4 UUID (RFC 9562) of 16 random bytes. */
#define OIP_UUID_SIZE 37
void oip_uuid(char out[static OIP_UUID_SIZE], const unsigned char random[static 16]);

#endif
