#include "model/drift/ks.h"

#include "model/drift/kolmogorov.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>

#define EXACT_MAX 10000

struct statistic {
    int64_t h, lcm; /* D = h / lcm, in whole steps */
    double d;       /* D as the difference of two shares */
};

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static struct statistic measure(const struct sample *r, const struct sample *c)
{
    int64_t n = (int64_t)r->n, m = (int64_t)c->n, g = greatest_common_divisor(n, m);
    struct statistic s = {.lcm = n / g * m};
    struct pooled p = {.r = r, .c = c};
    while (pooled_next(&p)) {
        int64_t i = (int64_t)p.up_to_r, j = (int64_t)p.up_to_c;
        int64_t h = i * (m / g) - j * (n / g);
        if (h < 0)
            h = -h;
        if (h > s.h)
            s.h = h;
        s.d = fmax(s.d, fabs((double)i / (double)n - (double)j / (double)m));
    }
    return s;
}

/* Equal sizes: D = h / n. */
static double exact_equal(int64_t n, int64_t h)
{
    double p = 0;
    for (int64_t k = n / h; k >= 0; k--) {
        double term = 1;
        for (int64_t j = 0; j < h; j++)
            term = (double)(n - k * h - j) * term / (double)(n + k * h + j + 1);
        p = term * (1 - p);
    }
    return 2 * p;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* n > m: walks the lattice column by column; share[j] is the part of the paths to (i, j) that
 * touched the border |b i - a j| = h, so nothing overflows. `share` has m + 2 places. */
static double exact_unequal(double *share, int64_t n, int64_t m, int64_t g, int64_t h)
{
    int64_t a = n / g, b = m / g;
    int64_t low = 0, high = clamp(-floor_div(-h, a), 0, m + 1);
    for (int64_t j = 0; j < m + 2; j++)
        share[j] = j < high ? 0 : 1;
    for (int64_t i = 1; i <= n; i++) {
        int64_t new_low = clamp(floor_div(b * i - h, a) + 1, 0, m);
        int64_t new_high = clamp(-floor_div(-(b * i + h), a), 0, m + 1);
        if (new_high <= new_low)
            return 1;
        for (int64_t j = low; j < new_low; j++)
            share[j] = 1;
        double left = new_low == 0 ? 0 : 1;
        for (int64_t j = new_low; j < new_high; j++) {
            left = (share[j] * (double)i + left * (double)j) / (double)(i + j);
            share[j] = left;
        }
        for (int64_t j = new_high; j < high; j++)
            share[j] = 1;
        low = new_low;
        high = new_high;
    }
    return share[high - 1];
}

static double asymptotic(double n, double m, double d)
{
    return kolmogorov_survival(rint(n * m / (n + m)), d);
}

static int exact(double *out, int64_t n, int64_t m, const struct statistic *s, struct error *err)
{
    if (s->h == 0) {
        *out = 1;
        return 0;
    }
    if (n == m) {
        *out = exact_equal(n, s->h);
        return 0;
    }
    int64_t big = n > m ? n : m, small = n > m ? m : n;
    SCOPED(free_p) double *share = calloc((size_t)small + 2, sizeof(*share));
    if (share == NULL)
        return error_set(err, -ENOMEM, "K-S: out of memory");
    *out = exact_unequal(share, big, small, greatest_common_divisor(big, small), s->h);
    return 0;
}

int ks_p_value(double *out, const struct sample *r, const struct sample *c, struct error *err)
{
    struct statistic s = measure(r, c);
    double n = (double)r->n, m = (double)c->n;
    if (r->n > EXACT_MAX || c->n > EXACT_MAX) {
        *out = asymptotic(n, m, s.d);
        return 0;
    }
    int rc = exact(out, (int64_t)r->n, (int64_t)c->n, &s, err);
    if (rc == 0 && !(*out >= 0 && *out <= 1))
        *out = asymptotic(n, m, (double)s.h / (double)s.lcm);
    return rc;
}
