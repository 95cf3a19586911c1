#include "model/monitor/reference.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_SHARE 0.0001

size_t reference_bin(const struct reference_feature *f, double x)
{
    size_t bin = 0;
    while (bin < f->n_edges && x >= f->edges[bin])
        bin++;
    return bin;
}

size_t reference_bucket(const struct reference_feature *f, double x)
{
    size_t bucket = 0;
    while (bucket < f->n_edges && x > f->edges[bucket])
        bucket++;
    return bucket;
}

static void count(struct reference_feature *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        f->share[reference_bin(f, f->sorted[i])] += 1;
        for (size_t k = reference_bucket(f, f->sorted[i]); k < f->n_edges; k++)
            f->up_to[k]++;
        f->sum += f->sorted[i];
    }
    for (size_t k = 0; k <= f->n_edges; k++)
        f->share[k] = f->share[k] > 0 ? f->share[k] / (double)n : EMPTY_SHARE;
}

static int make_feature(struct reference_feature *f, const struct model_file *model, size_t i,
                        struct error *err)
{
    struct sample sorted;
    size_t n = model->n_reference;
    f->sorted = calloc(n, sizeof(double));
    if (f->sorted == NULL)
        return error_set(err, -ENOMEM, "a reference of %zu values: out of memory", n);
    memcpy(f->sorted, model->reference[i], n * sizeof(double));
    int r = sample_clean(&sorted, f->sorted, n, DRIFT_NUM, "reference", err);
    if (r != 0)
        return r;
    f->n_edges = model->n_edges[i];
    memcpy(f->edges, model->edges[i], sizeof(f->edges));
    count(f, n);
    return 0;
}

int reference_make(struct reference **out, const struct model_file *model, struct error *err)
{
    SCOPED(reference_free_p) struct reference *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r->n = model->n_reference;
    r->threshold = model->threshold;
    int rc = drift_test_parse(&r->test, model->stattest, err);
    for (size_t i = 0; rc == 0 && i < FEATURES; i++)
        rc = make_feature(&r->features[i], model, i, err);
    if (rc == 0)
        rc = model_file_checksum(r->hash, model, err);
    if (rc == 0)
        *out = GIVE(r);
    return rc;
}

void reference_free(struct reference *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < FEATURES; i++)
        free(r->features[i].sorted);
    free(r);
}

void reference_free_p(struct reference **r)
{
    reference_free(*r);
}

int reference_score(struct drift_result *out, const struct reference *r, size_t feature,
                    const struct drift_window *w, struct error *err)
{
    const struct sample sample = {r->features[feature].sorted, r->n};
    const struct sample current = drift_window_column(w, feature);
    return drift_score(out, DRIFT_NUM, &sample, &current, r->test, &r->threshold, err);
}
