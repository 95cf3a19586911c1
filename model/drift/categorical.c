#include "model/drift/categorical.h"

#include "model/drift/special.h"

#include <math.h>

double proportion_p_value(const struct sample *r, const struct sample *c)
{
    if (pooled_distinct(r, c) < 2)
        return 1;
    struct pooled smallest = {.r = r, .c = c};
    (void)pooled_next(&smallest);
    double n = (double)r->n, m = (double)c->n;
    double p1 = (double)(r->n - smallest.n_r) / n, p2 = (double)(c->n - smallest.n_c) / m;
    double p = (p1 * n + p2 * m) / (n + m);
    return normal_two_sided((p1 - p2) / sqrt(p * (1 - p) * (1 / n + 1 / m)));
}

double chisquare_p_value(const struct sample *r, const struct sample *c)
{
    double ratio = (double)c->n / (double)r->n, x = 0, values = 0;
    struct pooled p = {.r = r, .c = c};
    while (pooled_next(&p)) {
        double expected = (double)p.n_r * ratio, off = (double)p.n_c - expected;
        x += expected > 0 ? off * off / expected : (double)INFINITY;
        values++;
    }
    return chisquare_survival(x, values - 1);
}
