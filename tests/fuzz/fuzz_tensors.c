/* An inference request with binary tensors: a line with Inference-Header-Content-Length, then the
 * body. */
#include "tests/fuzz/infer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_p) char *header_length = fuzz_take_line(&data, &size);
    /* A block of its own, so that reading before the body is seen, too. */
    SCOPED(free_p) char *body = fuzz_text(data, size);
    const struct oip_bytes in = {
        .body = body,
        .len = size,
        .content_type = "application/octet-stream",
        .header_length = header_length,
    };
    fuzz_answer_v2(&in);
    return 0;
}
