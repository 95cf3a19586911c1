/* infer_answer.h - the model's question and answer, in Open Inference Protocol v2.
 *
 * The answer's one output holds BYTES, which are JSON again: {"상승": p, "하락": p}. */
#ifndef MODEL_APP_INFER_ANSWER_H
#define MODEL_APP_INFER_ANSWER_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

#include <stddef.h>

#define INFER_NAME_MAX   128
#define INFER_REASON_MAX 256

struct forecast {
    double up, down;              /* 0 to 1, together 1 */
    char name[INFER_NAME_MAX];    /* of the model */
    char version[INFER_NAME_MAX]; /* "" when the model does not say */
};

/* The body that asks for the close of today. */
void infer_question(struct buf *out, double close);
/* The body of a 200. -EINVAL: it does not say what it should; err says how. */
__attribute__((warn_unused_result)) int infer_answer_read(struct forecast *out, const char *body,
                                                          size_t len, struct error *err);
/* What the body of another status gives as reason, "" when it gives none: the text below "error"
 * or "detail". */
void infer_error_read(char reason[static INFER_REASON_MAX], const char *body, size_t len);

#endif
