/* infer.h - an inference request carried to its answer, which is held against the protocol. */
#ifndef TESTS_FUZZ_INFER_H
#define TESTS_FUZZ_INFER_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/infer_fixture.h"

/* BYTES: a length of 4 bytes before each element, which is JSON here. */
static inline void fuzz_must_be_elements(const char *bytes, size_t len)
{
    while (len > 0) {
        uint32_t size;
        assert(len >= sizeof(size));
        memcpy(&size, bytes, sizeof(size)); /* little-endian, as the machines that we fuzz on */
        bytes += sizeof(size);
        len -= sizeof(size);
        assert(size <= len);
        fuzz_must_be_json(bytes, size);
        bytes += size;
        len -= size;
    }
}

static inline void fuzz_answer_v2(const struct oip_bytes *in)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(8 << 20);
    size_t json_len = 0;
    int fault = fixture_answer(&body, &json_len, in);
    assert(!buf_failed(&body));
    if (fault != 0) {
        assert(fault > 0 && oip_fault_status(fault) >= 400);
        json_len = body.len;
    }
    fuzz_must_be_json(body.data, json_len);
    fuzz_must_be_elements(body.data + json_len, body.len - json_len);
}

#endif
