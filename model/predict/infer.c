#include "model/predict/infer.h"

#include "model/oip/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the numbers of a row stand: row i, column k is columns[k]->values[i * stride + offsets[k]].
 */
struct table {
    const struct oip_tensor *columns[FEATURES];
    size_t offsets[FEATURES];
    size_t n_columns; /* 1: closes; FEATURES: features */
    size_t stride, n;
};

static const struct oip_tensor *input_named(const struct oip_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_inputs; i++)
        if (strcmp(q->inputs[i].name, name) == 0)
            return &q->inputs[i];
    return NULL;
}

static int not_numbers(const struct oip_tensor *t, struct error *err)
{
    if (t->n == 0)
        return error_set(err, OIP_FAILED, "input '%s' has no data", t->name);
    return error_set(err, OIP_FAILED, "input '%s': element %zu is no number", t->name,
                     t->n_numbers);
}

static int by_features(struct table *out, const struct oip_request *q, struct error *err)
{
    *out = (struct table){.n_columns = FEATURES, .stride = 1};
    for (size_t i = 0; i < FEATURES; i++) {
        const struct oip_tensor *t = input_named(q, features_names[i]);
        if (t == NULL)
            return error_set(err, OIP_BAD_INPUT, "input '%s' is missing", features_names[i]);
        if (t->n == 0 || t->n_numbers < t->n)
            return not_numbers(t, err);
        if (i > 0 && t->n != out->n)
            return error_set(err, OIP_BAD_INPUT, "inputs '%s' and '%s' have not the same length",
                             features_names[0], features_names[i]);
        out->columns[i] = t;
        out->n = t->n;
    }
    return 0;
}

static int by_rows(struct table *out, const struct oip_tensor *t, struct error *err)
{
    int64_t width = t->shape[1], n = oip_tensor_elements(t);
    if (n < 0 || (uint64_t)n != t->n)
        return error_set(err, OIP_FAILED, "input '%s': %zu elements do not fit shape [%lld,%lld]",
                         t->name, t->n, (long long)t->shape[0], (long long)width);
    if (t->n == 0 || t->n_numbers < t->n)
        return not_numbers(t, err);
    if (width != 1 && width != FEATURES)
        return error_set(err, OIP_BAD_INPUT,
                         "input '%s': a row is one close or %d features, not %lld numbers", t->name,
                         FEATURES, (long long)width);
    *out = (struct table){.n_columns = (size_t)width, .stride = (size_t)width};
    out->n = (size_t)t->shape[0];
    for (size_t i = 0; i < out->n_columns; i++) {
        out->columns[i] = t;
        out->offsets[i] = i;
    }
    return 0;
}

static int find_table(struct table *out, const struct oip_request *q, struct error *err)
{
    if (q->n_inputs == 0)
        return error_set(err, OIP_FAILED, "there is no input");
    for (size_t i = 0; i < FEATURES; i++)
        if (input_named(q, features_names[i]) != NULL)
            return by_features(out, q, err);
    const struct oip_tensor *t = &q->inputs[0];
    if (t->n_shape == 2)
        return by_rows(out, t, err);
    if (t->n_numbers == 0)
        return not_numbers(t, err);
    *out = (struct table){.columns = {t}, .n_columns = 1, .stride = 1, .n = 1};
    return 0;
}

static int predict_row(struct prediction *out, const struct model_file *m, const struct table *t,
                       size_t row, struct error *err)
{
    double x[FEATURES];
    for (size_t i = 0; i < t->n_columns; i++)
        x[i] = t->columns[i]->values[row * t->stride + t->offsets[i]];
    int r = t->n_columns == 1 ? predict_close(out, m, x[0], err) : predict_features(out, m, x, err);
    return r == 0 ? 0 : OIP_BAD_INPUT;
}

int infer_predict(struct infer *out, const struct model_file *m, const struct oip_request *q,
                  struct error *err)
{
    *out = (struct infer){0};
    struct table t;
    int r = find_table(&t, q, err);
    if (r != 0)
        return r;
    if (t.n > INFER_ROWS_MAX)
        return error_set(err, OIP_BAD_INPUT, "%zu rows: at most %d are answered at once", t.n,
                         INFER_ROWS_MAX);
    out->rows = calloc(t.n, sizeof(*out->rows));
    if (out->rows == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (out->n = 0; out->n < t.n; out->n++) {
        r = predict_row(&out->rows[out->n], m, &t, out->n, err);
        if (r != 0 && t.n > 1)
            (void)error_prefix(err, r, "row %zu", out->n);
        if (r != 0)
            return r;
    }
    return 0;
}

void infer_element(const void *self, size_t i, struct buf *out)
{
    const struct infer *f = self;
    buf_add_text(out, "{\"\\uc0c1\\uc2b9\": "); /* 상승, a rise */
    buf_add_real(out, f->rows[i].up);
    buf_add_text(out, ", \"\\ud558\\ub77d\": "); /* 하락, a fall */
    buf_add_real(out, 1 - f->rows[i].up);
    buf_add_char(out, '}');
}

void infer_free(struct infer *f)
{
    free(f->rows);
    *f = (struct infer){0};
}
