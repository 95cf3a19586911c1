#include "model/drift/distance.h"

#include "model/drift/bins.h"
#include "relay/base/scope.h"

#include <math.h>

#define STANDARD_DEVIATION_MIN 0.001

static double standard_deviation(const struct sample *s)
{
    double sum = 0, squares = 0, n = (double)s->n;
    for (size_t i = 0; i < s->n; i++)
        sum += s->values[i];
    double mean = sum / n;
    for (size_t i = 0; i < s->n; i++)
        squares += (s->values[i] - mean) * (s->values[i] - mean);
    return sqrt(squares / n);
}

double wasserstein_normed(const struct sample *r, const struct sample *c)
{
    double area = 0, gap = 0, before = 0;
    struct pooled p = {.r = r, .c = c};
    while (pooled_next(&p)) {
        if (gap > 0)
            area += gap * (p.value - before);
        gap = fabs((double)p.up_to_r / (double)r->n - (double)p.up_to_c / (double)c->n);
        before = p.value;
    }
    return area / fmax(standard_deviation(r), STANDARD_DEVIATION_MIN);
}

int psi_index(double *out, enum drift_type type, const struct sample *r, const struct sample *c,
              struct error *err)
{
    SCOPED(bins_free) struct bins b = {0};
    int rc = bins_make(&b, type, r, c, err);
    if (rc != 0)
        return rc;
    bins_fill(&b);
    *out = 0;
    for (size_t i = 0; i < b.n; i++)
        *out += (b.r[i] - b.c[i]) * log(b.r[i] / b.c[i]);
    return 0;
}

static double sum_of(const double *shares, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += shares[i];
    return sum;
}

int kl_divergence(double *out, enum drift_type type, const struct sample *r, const struct sample *c,
                  struct error *err)
{
    SCOPED(bins_free) struct bins b = {0};
    int rc = bins_make(&b, type, r, c, err);
    if (rc != 0)
        return rc;
    bins_fill(&b);
    double sum_r = sum_of(b.r, b.n), sum_c = sum_of(b.c, b.n);
    *out = 0;
    for (size_t i = 0; i < b.n; i++) {
        double p = b.r[i] / sum_r, q = b.c[i] / sum_c;
        *out += p * log(p / q);
    }
    return 0;
}

/* p ln(p / m), 0 where p is. */
static double relative_entropy(double p, double m)
{
    return p > 0 ? p * log(p / m) : 0;
}

int jensenshannon_distance(double *out, enum drift_type type, const struct sample *r,
                           const struct sample *c, struct error *err)
{
    SCOPED(bins_free) struct bins b = {0};
    int rc = bins_make(&b, type, r, c, err);
    if (rc != 0)
        return rc;
    double sum_r = sum_of(b.r, b.n), sum_c = sum_of(b.c, b.n), from_r = 0, from_c = 0;
    for (size_t i = 0; i < b.n; i++) {
        double p = b.r[i] / sum_r, q = b.c[i] / sum_c, middle = (p + q) / 2;
        from_r += relative_entropy(p, middle);
        from_c += relative_entropy(q, middle);
    }
    *out = sqrt(fmax(0, (from_r + from_c) / 2));
    return 0;
}

int hellinger_distance(double *out, enum drift_type type, const struct sample *r,
                       const struct sample *c, struct error *err)
{
    SCOPED(bins_free) struct bins b = {0};
    int rc = bins_make_hellinger(&b, type, r, c, err);
    if (rc != 0)
        return rc;
    double shared = 0;
    for (size_t i = 0; i < b.n; i++)
        shared += sqrt(b.r[i] * b.c[i]);
    *out = sqrt(1 - fmin(1, fmax(0, shared)));
    return 0;
}
