#include "model/model_file/model_file.h"

#include "model/model_file/checksum.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH   4
#define MEMBERS 13 /* checksum included */

static int read_text(char out[static MODEL_TEXT_MAX], const json_t *root, const char *key,
                     struct error *err)
{
    const char *text = json_string_value(json_object_get(root, key));
    if (text == NULL || text[0] == '\0' || strlen(text) >= MODEL_TEXT_MAX)
        return error_set(err, -EINVAL, "%s: a text of 1 to %d bytes is wanted", key,
                         MODEL_TEXT_MAX - 1);
    (void)snprintf(out, MODEL_TEXT_MAX, "%s", text);
    return 0;
}

static int read_number(double *out, const json_t *value, const char *key, struct error *err)
{
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        return error_set(err, -EINVAL, "%s: a number is wanted", key);
    *out = json_number_value(value);
    return 0;
}

static int read_numbers(double *out, const json_t *array, const char *key, struct error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(array); i++)
        r = read_number(&out[i], json_array_get(array, i), key, err);
    return r;
}

static int read_words(struct model_file *m, const json_t *root, struct error *err)
{
    char format[MODEL_TEXT_MAX], features[MODEL_TEXT_MAX], label[MODEL_TEXT_MAX];
    int r = read_text(format, root, "format", err);
    if (r == 0 && strcmp(format, MODEL_FORMAT) != 0)
        r = error_set(err, -EINVAL, "format: %s is wanted, not %s", MODEL_FORMAT, format);
    if (r == 0)
        r = read_text(m->name, root, "name", err);
    if (r == 0)
        r = read_text(m->through, root, "through", err);
    if (r == 0)
        r = read_text(m->stattest, root, "stattest", err);
    if (r == 0)
        r = read_text(features, root, "features", err);
    if (r == 0)
        r = features_kind_parse(&m->features, features, err);
    if (r == 0)
        r = read_text(label, root, "label", err);
    if (r == 0)
        r = features_label_parse(&m->label, label, err);
    return r;
}

static int read_reference(struct model_file *m, size_t feature, const json_t *array,
                          struct error *err)
{
    size_t n = json_array_size(array);
    if (n < MODEL_REFERENCE_MIN || n > MODEL_REFERENCE_MAX || (feature > 0 && n != m->n_reference))
        return error_set(err, -EINVAL, "reference: %d to %d values are wanted, as many of each",
                         MODEL_REFERENCE_MIN, MODEL_REFERENCE_MAX);
    m->n_reference = n;
    m->reference[feature] = calloc(n, sizeof(double));
    if (m->reference[feature] == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    return read_numbers(m->reference[feature], array, "reference", err);
}

static int read_edges(struct model_file *m, size_t feature, const json_t *array, struct error *err)
{
    double *edges = m->edges[feature];
    size_t n = json_array_size(array);
    if (n < 1 || n > MODEL_EDGES_MAX)
        return error_set(err, -EINVAL, "bin_edges: 1 to %d values are wanted", MODEL_EDGES_MAX);
    m->n_edges[feature] = n;
    int r = read_numbers(edges, array, "bin_edges", err);
    for (size_t i = 1; r == 0 && i < n; i++)
        if (edges[i] <= edges[i - 1])
            r = error_set(err, -EINVAL, "bin_edges: they do not ascend");
    return r;
}

static int read_features(struct model_file *m, const json_t *root, struct error *err)
{
    const json_t *weights = json_object_get(root, "weights");
    const json_t *reference = json_object_get(root, "reference");
    const json_t *edges = json_object_get(root, "bin_edges");
    if (json_object_size(weights) != FEATURES || json_object_size(reference) != FEATURES ||
        json_object_size(edges) != FEATURES)
        return error_set(err, -EINVAL, "weights, reference, bin_edges: ma5 and ma20 are wanted");
    int r = read_number(&m->bias, json_object_get(root, "bias"), "bias", err);
    for (size_t i = 0; r == 0 && i < FEATURES; i++) {
        const char *name = features_names[i];
        r = read_number(&m->weights[i], json_object_get(weights, name), "weights", err);
        if (r == 0)
            r = read_reference(m, i, json_object_get(reference, name), err);
        if (r == 0)
            r = read_edges(m, i, json_object_get(edges, name), err);
    }
    return r;
}

static int read_closes(struct model_file *m, const json_t *array, struct error *err)
{
    if (json_array_size(array) != MODEL_RECENT_CLOSES)
        return error_set(err, -EINVAL, "closes: %d are wanted", MODEL_RECENT_CLOSES);
    int r = read_numbers(m->closes, array, "closes", err);
    for (size_t i = 0; r == 0 && i < MODEL_RECENT_CLOSES; i++)
        if (m->closes[i] <= 0)
            r = error_set(err, -EINVAL, "closes: a price is above zero");
    return r;
}

static int read_root(struct model_file *m, const json_t *root, struct error *err)
{
    int r = read_words(m, root, err);
    if (r == 0 && json_object_size(root) != MEMBERS)
        r = error_set(err, -EINVAL, "%zu members, not %d: another program's file",
                      json_object_size(root), MEMBERS);
    if (r == 0)
        r = read_number(&m->threshold, json_object_get(root, "threshold"), "threshold", err);
    if (r == 0)
        r = read_features(m, root, err);
    if (r == 0)
        r = read_closes(m, json_object_get(root, "closes"), err);
    return r;
}

int model_file_parse(struct model_file *out, const char *bytes, size_t len, struct error *err)
{
    *out = (struct model_file){0};
    int r = checksum_check(bytes, len, err);
    SCOPED(json_release_p) json_t *root = NULL;
    if (r == 0)
        r = strict_json_load(&root, bytes, len, DEPTH, err);
    if (r == 0)
        r = read_root(out, root, err);
    if (r != 0)
        model_file_free(out);
    return r;
}
