#include "model/drift/bins.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define EDGES_MAX       128 /* Sturges: log2(N) + 1 bins, and one by rounding */
#define DISTINCT_NO_CUT 20

struct edges {
    double at[EDGES_MAX + 1];
    size_t bins;
};

static int allocate(struct bins *out, size_t n, struct error *err)
{
    out->r = calloc(2 * n, sizeof(*out->r));
    if (out->r == NULL)
        return error_set(err, -ENOMEM, "%zu bins: out of memory", n);
    out->c = out->r + n;
    out->n = n;
    return 0;
}

static int one_a_value(struct bins *out, const struct sample *r, const struct sample *c,
                       struct error *err)
{
    int rc = allocate(out, pooled_distinct(r, c), err);
    struct pooled p = {.r = r, .c = c};
    for (size_t i = 0; rc == 0 && pooled_next(&p); i++) {
        out->r[i] = (double)p.n_r / (double)r->n;
        out->c[i] = (double)p.n_c / (double)c->n;
    }
    return rc;
}

static int sturges(struct edges *e, double low, double high, double n, struct error *err)
{
    if (high <= low) {
        low -= 0.5;
        high += 0.5;
        n = 1;
    }
    double width = (high - low) / (log2(n) + 1.0);
    double bins = width > 0 ? ceil((high - low) / width) : 1;
    if (!(bins >= 1 && bins <= EDGES_MAX))
        return error_set(err, -ERANGE, "values from %g to %g lie too far apart for bins", low,
                         high);
    e->bins = (size_t)bins;
    double step = (high - low) / bins;
    for (size_t i = 0; i < e->bins; i++)
        e->at[i] = low + (double)i * step;
    e->at[e->bins] = high;
    return 0;
}

/* [edge, next edge), the last one closed. */
static void count(double *shares, const struct edges *e, const struct sample *s)
{
    size_t bin = 0;
    for (size_t i = 0; i < s->n; i++) {
        while (bin + 1 < e->bins && s->values[i] >= e->at[bin + 1])
            bin++;
        shares[bin]++;
    }
    for (bin = 0; bin < e->bins; bin++)
        shares[bin] /= (double)s->n;
}

static int cut(struct bins *out, const struct sample *r, const struct sample *c, size_t n,
               struct error *err)
{
    struct edges e = {.bins = 0};
    double low = fmin(r->values[0], c->values[0]);
    double high = fmax(r->values[r->n - 1], c->values[c->n - 1]);
    int rc = sturges(&e, low, high, (double)n, err);
    if (rc == 0)
        rc = allocate(out, e.bins, err);
    if (rc == 0) {
        count(out->r, &e, r);
        count(out->c, &e, c);
    }
    return rc;
}

int bins_make(struct bins *out, enum drift_type type, const struct sample *r,
              const struct sample *c, struct error *err)
{
    if (type == DRIFT_NUM && sample_distinct(r) > DISTINCT_NO_CUT)
        return cut(out, r, c, r->n + c->n, err);
    return one_a_value(out, r, c, err);
}

int bins_make_hellinger(struct bins *out, enum drift_type type, const struct sample *r,
                        const struct sample *c, struct error *err)
{
    if (type == DRIFT_NUM)
        return cut(out, r, c, pooled_distinct(r, c), err);
    return one_a_value(out, r, c, err);
}

static void fill(double *shares, size_t n)
{
    double least = (double)INFINITY;
    for (size_t i = 0; i < n; i++)
        if (shares[i] > 0)
            least = fmin(least, shares[i]);
    for (size_t i = 0; i < n; i++)
        if (shares[i] <= 0)
            shares[i] = least <= 0.0001 ? least / 1e6 : 0.0001;
}

void bins_fill(struct bins *b)
{
    fill(b->r, b->n);
    fill(b->c, b->n);
}

void bins_free(struct bins *b)
{
    free(b->r);
    *b = (struct bins){0};
}
