#include "model/model_file/model_file.h"

#include "model/model_file/checksum.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

double model_file_predict(const struct model_file *m, const double x[static FEATURES])
{
    double z = m->bias;
    for (size_t i = 0; i < FEATURES; i++)
        z += m->weights[i] * x[i];
    return 1 / (1 + exp(-z));
}

/* -0 as 0: readers of JSON take it for an integer, which has no sign, and the same model would have
 * two checksums. */
static void add_number(struct buf *b, double value)
{
    buf_add_double(b, value + 0.0);
}

static void add_numbers(struct buf *b, const double *values, size_t n)
{
    buf_add_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        add_number(b, values[i]);
    }
    buf_add_char(b, ']');
}

static void add_text(struct buf *b, const char *key, const char *text)
{
    buf_addf(b, "\"%s\":", key);
    buf_add_json_string(b, text);
    buf_add_char(b, ',');
}

int model_file_format(struct buf *out, const struct model_file *m, struct error *err)
{
    size_t start = out->len;
    buf_add_char(out, '{');
    add_text(out, "format", MODEL_FORMAT);
    add_text(out, "name", m->name);
    add_text(out, "through", m->through);
    add_text(out, "features", features_kind_text(m->features));
    add_text(out, "label", features_label_text(m->label));
    buf_add_text(out, "\"bias\":");
    add_number(out, m->bias);
    buf_add_text(out, ",\"weights\":{");
    for (size_t i = 0; i < FEATURES; i++) {
        buf_addf(out, "%s\"%s\":", i == 0 ? "" : ",", features_names[i]);
        add_number(out, m->weights[i]);
    }
    buf_add_text(out, "},");
    add_text(out, "stattest", m->stattest);
    buf_add_text(out, "\"threshold\":");
    add_number(out, m->threshold);
    for (size_t i = 0; i < FEATURES; i++) {
        buf_addf(out, "%s\"%s\":", i == 0 ? ",\"reference\":{" : ",", features_names[i]);
        add_numbers(out, m->reference[i], m->n_reference);
    }
    for (size_t i = 0; i < FEATURES; i++) {
        buf_addf(out, "%s\"%s\":", i == 0 ? "},\"bin_edges\":{" : ",", features_names[i]);
        add_numbers(out, m->edges[i], m->n_edges[i]);
    }
    buf_add_text(out, "},\"closes\":");
    add_numbers(out, m->closes, MODEL_RECENT_CLOSES);
    checksum_add(out, start);
    return buf_failed(out) ? error_set(err, -ENOMEM, "the model does not fit in memory") : 0;
}

int model_file_checksum(char out[static CHECKSUM_MAX], const struct model_file *m,
                        struct error *err)
{
    SCOPED(buf_free) struct buf bytes = BUF_INIT(MODEL_FILE_MAX);
    int r = model_file_format(&bytes, m, err);
    if (r == 0)
        checksum_copy(out, bytes.data, bytes.len);
    return r;
}

void model_file_free(struct model_file *m)
{
    for (size_t i = 0; i < FEATURES; i++)
        free(m->reference[i]);
    *m = (struct model_file){0};
}
