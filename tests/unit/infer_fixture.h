/* infer_fixture.h - a small model, and a request carried from its bytes to the answer's. */
#ifndef TESTS_UNIT_INFER_FIXTURE_H
#define TESTS_UNIT_INFER_FIXTURE_H

#include "model/oip/answer.h"
#include "model/oip/fault.h"
#include "model/predict/infer.h"
#include "relay/base/scope.h"

#include <string.h>

/* Knows only ma5 - ma20, and has seen closes of 100. */
static inline struct model_file fixture_model(void)
{
    struct model_file m = {.features = FEATURES_RELATIVE, .bias = 0.5, .weights = {10, -10}};
    for (size_t i = 0; i < MODEL_RECENT_CLOSES; i++)
        m.closes[i] = 100;
    return m;
}

/* 0 and the body, or the fault and its body. */
static inline int fixture_answer(struct buf *out, size_t *json_len, const struct oip_bytes *in)
{
    SCOPED(oip_request_free) struct oip_request q;
    SCOPED(infer_free) struct infer f = {0};
    const struct model_file m = fixture_model();
    struct error err = {0};
    bool binary = false;
    int r = oip_request_parse(&q, in, &err);
    if (r == 0)
        r = oip_request_output(&q, "kospi-prediction-response", &binary, &err);
    if (r == 0)
        r = infer_predict(&f, &m, &q, &err);
    if (r != 0) {
        oip_fault_body(out, r, err.text);
        return r;
    }
    const struct oip_answer a = {.model = "kospi-prediction-model",
                                 .id = q.id != NULL ? q.id : "new",
                                 .output = "kospi-prediction-response",
                                 .binary = binary,
                                 .n = f.n,
                                 .element = infer_element,
                                 .self = &f};
    oip_answer_infer(out, &a, json_len);
    return 0;
}

#endif
