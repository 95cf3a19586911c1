#include "model/drift/sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool any_missing(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i]))
            return true;
    return false;
}

int sample_clean(struct sample *out, double *values, size_t n, enum drift_type type,
                 const char *which, struct error *err)
{
    size_t kept = n;
    if (any_missing(values, n)) {
        kept = 0;
        for (size_t i = 0; i < n; i++)
            if (isfinite(values[i]))
                values[kept++] = values[i];
    }
    if (kept == 0)
        return error_set(err, -EINVAL, "the %s column is empty: it needs at least one value",
                         which);
    qsort(values, kept, sizeof(*values), ascending);
    if (type == DRIFT_NUM && (isinf(values[0]) || isinf(values[kept - 1])))
        return error_set(err, -EINVAL,
                         "the %s column has an infinite value: leave its cell empty, so that it "
                         "counts as missing",
                         which);
    *out = (struct sample){values, kept};
    return 0;
}

/* Equal comparison is meant: these are the same values, not results of sums. */
static size_t run_length(const struct sample *s, size_t from, double value)
{
    size_t end = from;
    while (end < s->n && s->values[end] <= value)
        end++;
    return end - from;
}

bool pooled_next(struct pooled *p)
{
    if (p->up_to_r >= p->r->n && p->up_to_c >= p->c->n)
        return false;
    if (p->up_to_c >= p->c->n)
        p->value = p->r->values[p->up_to_r];
    else if (p->up_to_r >= p->r->n)
        p->value = p->c->values[p->up_to_c];
    else
        p->value = fmin(p->r->values[p->up_to_r], p->c->values[p->up_to_c]);
    p->n_r = run_length(p->r, p->up_to_r, p->value);
    p->n_c = run_length(p->c, p->up_to_c, p->value);
    p->up_to_r += p->n_r;
    p->up_to_c += p->n_c;
    return true;
}

size_t pooled_distinct(const struct sample *r, const struct sample *c)
{
    size_t distinct = 0;
    struct pooled p = {.r = r, .c = c};
    while (pooled_next(&p))
        distinct++;
    return distinct;
}

size_t sample_distinct(const struct sample *s)
{
    static const struct sample nothing = {NULL, 0};
    return pooled_distinct(s, &nothing);
}
