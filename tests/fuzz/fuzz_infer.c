/* The body of an inference request that is all JSON, as v2 and as v1, up to the answer. */
#include "tests/fuzz/infer.h"

static void answer_v1(const struct oip_bytes *in)
{
    SCOPED(oip_request_free) struct oip_request q;
    SCOPED(infer_free) struct infer f = {0};
    SCOPED(buf_free) struct buf body = BUF_INIT(8 << 20);
    const struct model_file m = fixture_model();
    struct error err = {0};
    int r = oip_request_parse_v1(&q, in, &err);
    if (r == 0)
        r = infer_predict(&f, &m, &q, &err);
    if (r != 0) {
        oip_fault_body(&body, r, err.text);
    } else {
        const struct oip_answer a = {.n = f.n, .element = infer_element, .self = &f};
        oip_answer_v1(&body, &a);
    }
    fuzz_must_be_json(body.data, body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct oip_bytes in = {.body = (const char *)data, .len = size};
    fuzz_answer_v2(&in);
    answer_v1(&in);
    return 0;
}
