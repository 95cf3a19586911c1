/* A model file. Chance does not find a SHA-256: the bytes are read as they are, and once more with
 * the right checksum after them. What is accepted and written again is accepted alike. */
#include "model/model_file/model_file.h"
#include "model/predict/predict.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

static void ask(const struct model_file *m)
{
    struct prediction p;
    if (predict_close(&p, m, m->closes[MODEL_RECENT_CLOSES - 1], NULL) != 0)
        return;
    assert(p.up >= 0 && p.up <= 1);
    for (size_t i = 0; i < FEATURES; i++)
        assert(isfinite(p.features[i]));
}

static void read_and_write(const char *bytes, size_t len)
{
    SCOPED(model_file_free) struct model_file m = {0}, again = {0};
    SCOPED(buf_free) struct buf first = BUF_INIT(MODEL_FILE_MAX), second = BUF_INIT(MODEL_FILE_MAX);
    struct error err = {0};
    if (model_file_parse(&m, bytes, len, &err) != 0) {
        assert(err.text[0] != '\0');
        return;
    }
    assert(model_file_format(&first, &m, &err) == 0);
    assert(model_file_parse(&again, first.data, first.len, &err) == 0);
    assert(model_file_format(&second, &again, &err) == 0);
    assert(strcmp(buf_text(&first), buf_text(&second)) == 0);
    ask(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_free) struct buf whole = BUF_INIT(MODEL_FILE_MAX);
    read_and_write((const char *)data, size);
    if (size == 0)
        return 0;
    buf_add(&whole, data, size);
    checksum_add(&whole, 0);
    read_and_write(whole.data, whole.len);
    return 0;
}
