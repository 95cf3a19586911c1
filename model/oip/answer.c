#include "model/oip/answer.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <stdint.h>
#include <stdio.h>

/* Adds one element to a buffer of its own; false when that failed, and so out is failed, too. */
static bool make_element(struct buf *element, const struct oip_answer *a, size_t i, struct buf *out)
{
    buf_clear(element);
    a->element(a->self, i, element);
    out->failed |= buf_failed(element);
    return !buf_failed(element);
}

static void add_json_elements(struct buf *out, const struct oip_answer *a, struct buf *element)
{
    for (size_t i = 0; i < a->n; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        if (make_element(element, a, i, out))
            buf_add_json_string(out, buf_text(element));
    }
}

/* BYTES: each element after its length. */
static void add_binary_elements(struct buf *out, const struct oip_answer *a, struct buf *element)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!make_element(element, a, i, out))
            return;
        uint32_t len = (uint32_t)element->len;
        const unsigned char size[4] = {(unsigned char)len, (unsigned char)(len >> 8),
                                       (unsigned char)(len >> 16), (unsigned char)(len >> 24)};
        buf_add(out, size, sizeof(size));
        buf_add(out, element->data, element->len);
    }
}

static void add_output_head(struct buf *out, const struct oip_answer *a)
{
    buf_add_text(out, "\"outputs\":[{\"name\":");
    buf_add_json_string(out, a->output);
    buf_addf(out, ",\"shape\":[%zu],\"datatype\":\"BYTES\",\"parameters\":", a->n);
}

static void add_names(struct buf *out, const struct oip_answer *a)
{
    buf_add_text(out, "\"model_name\":");
    buf_add_json_string(out, a->model);
    buf_add_text(out, ",\"model_version\":null,");
}

static void add_id(struct buf *out, const struct oip_answer *a)
{
    buf_add_text(out, "\"id\":");
    buf_add_json_string(out, a->id);
    buf_add_char(out, ',');
}

static void answer_json(struct buf *out, const struct oip_answer *a, struct buf *element)
{
    buf_add_char(out, '{');
    add_names(out, a);
    add_id(out, a);
    buf_add_text(out, "\"parameters\":null,");
    add_output_head(out, a);
    buf_add_text(out, "null,\"data\":[");
    add_json_elements(out, a, element);
    buf_add_text(out, "]}]}");
}

void oip_answer_infer(struct buf *out, const struct oip_answer *a, size_t *json_len)
{
    SCOPED(buf_free) struct buf element = BUF_INIT(4096);
    size_t start = out->len;
    if (!a->binary) {
        answer_json(out, a, &element);
        *json_len = out->len - start;
        return;
    }
    SCOPED(buf_free) struct buf tensor = BUF_INIT(out->max);
    add_binary_elements(&tensor, a, &element);
    buf_add_char(out, '{');
    add_id(out, a);
    add_names(out, a);
    add_output_head(out, a);
    buf_addf(out, "{\"binary_data_size\":%zu}}]}", tensor.len);
    *json_len = out->len - start;
    buf_add(out, tensor.data, tensor.len);
    out->failed |= buf_failed(&tensor);
}

void oip_answer_v1(struct buf *out, const struct oip_answer *a)
{
    buf_add_text(out, "{\"predictions\":[");
    for (size_t i = 0; i < a->n; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        a->element(a->self, i, out);
    }
    buf_add_text(out, "]}");
}

void oip_answer_server(struct buf *out, const char *name, const char *version)
{
    buf_add_text(out, "{\"name\":");
    buf_add_json_string(out, name);
    buf_add_text(out, ",\"version\":");
    buf_add_json_string(out, version);
    buf_add_text(out, ",\"extensions\":[\"binary_tensor_data\"]}");
}

void oip_answer_models(struct buf *out, const char *const *names, size_t n)
{
    buf_add_text(out, "{\"models\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        buf_add_json_string(out, names[i]);
    }
    buf_add_text(out, "]}");
}

/* The inputs stay empty, as KServe's own Model has them: clients that fill them in are not
 * surprised by a check. */
void oip_answer_metadata(struct buf *out, const char *model)
{
    buf_add_text(out, "{\"name\":");
    buf_add_json_string(out, model);
    buf_add_text(out, ",\"versions\":null,\"platform\":\"\",\"inputs\":[],\"outputs\":[]}");
}

void oip_answer_ready(struct buf *out, const char *model, bool ready)
{
    buf_add_text(out, "{\"name\":");
    buf_add_json_string(out, model);
    buf_addf(out, ",\"ready\":%s}", ready ? "true" : "false");
}

void oip_uuid(char out[static OIP_UUID_SIZE], const unsigned char random[static 16])
{
    unsigned char b[16];
    for (size_t i = 0; i < sizeof(b); i++)
        b[i] = random[i];
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    static const char digits[] = "0123456789abcdef";
    char *p = out;
    for (size_t i = 0; i < sizeof(b); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[b[i] >> 4];
        *p++ = digits[b[i] & 0x0f];
    }
    *p = '\0';
}
