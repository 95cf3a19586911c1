/* infer.h - which questions an inference request puts, and the texts that answer them.
 *
 * - inputs named like the features (ma5 and ma20): a row for each of their elements;
 * - else the first input, when its shape is [n, 1] a close for each row, when it is [n, 2] the
 *   features of each row;
 * - else the first element of the first input is today's close: one row, whatever comes after it.
 *   So does the lesson's model, and its client counts on it.
 * An answer is {"상승": p, "하락": 1 - p} as Python's json.dumps() spells it. Pure. */
#ifndef MODEL_PREDICT_INFER_H
#define MODEL_PREDICT_INFER_H

#include "model/oip/request.h"
#include "model/predict/predict.h"
#include "relay/base/buf.h"

#define INFER_ROWS_MAX 10000

struct infer {
    struct prediction *rows;
    size_t n;
};

/* 0, an enum oip_fault, or -ENOMEM. Free out in every case. */
__attribute__((warn_unused_result)) int infer_predict(struct infer *out, const struct model_file *m,
                                                      const struct oip_request *q,
                                                      struct error *err);
/* self is a struct infer. */
void infer_element(const void *self, size_t i, struct buf *out);
void infer_free(struct infer *f);

#endif
