#include "model/drift/kolmogorov.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* t <= n^(1/3) * 1.4^(2/3) < 59 for n <= 100000, and t^2 <= 4 n for n <= 140. */
#define SIDE_MAX 117

struct matrix {
    double at[SIDE_MAX][SIDE_MAX];
    size_t side;
    int exponent; /* of two: the value is at * 2^exponent */
};

/* long double, since the parts of these sums are large and cancel. */
static long double log_factorial(long double n)
{
    int sign;
    return lgammal_r(n + 1, &sign);
}

/* ln(n! / n^n) */
static long double log_factorial_over_power(double n)
{
    long double wide = (long double)n;
    return log_factorial(wide) - wide * logl(wide);
}

/* P(D+ >= d): d * sum of C(n,j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j), all terms positive. */
static double one_sided(double n, double d)
{
    long double wide = (long double)n, sum = 0;
    long double whole = log_factorial(wide);
    size_t last = (size_t)floor(n * (1 - d));
    for (size_t j = 0; j <= last; j++) {
        long double at = (long double)j, p = (long double)d + at / wide, q = 1 - p;
        if (q <= 0)
            break;
        sum += expl(whole - log_factorial(at) - log_factorial(wide - at) + (at - 1) * logl(p) +
                    (wide - at) * logl(q));
    }
    return (double)((long double)d * sum);
}

/* Durbin's matrix for t = k - x. */
static void fill_durbin(struct matrix *h, size_t k, double x)
{
    double factorial[SIDE_MAX + 1] = {1};
    size_t q = 2 * k - 1;
    h->side = q;
    h->exponent = 0;
    for (size_t i = 1; i <= q; i++)
        factorial[i] = factorial[i - 1] * (double)i;
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < q; j++)
            h->at[i][j] = i + 1 >= j ? 1 / factorial[i + 1 - j] : 0;
    for (size_t i = 0; i < q; i++) {
        h->at[i][0] = (1 - pow(x, (double)(i + 1))) / factorial[i + 1];
        h->at[q - 1][q - 1 - i] = h->at[i][0];
    }
    h->at[q - 1][0] =
        (1 - 2 * pow(x, (double)q) + pow(fmax(0, 2 * x - 1), (double)q)) / factorial[q];
}

/* out = a * b, scaled so that the middle stays near 1. */
static void multiply(struct matrix *out, const struct matrix *a, const struct matrix *b)
{
    size_t q = a->side;
    memset(out, 0, sizeof(*out));
    out->side = q;
    for (size_t i = 0; i < q; i++)
        for (size_t l = 0; l < q; l++)
            for (size_t j = 0; j < q; j++)
                out->at[i][j] += a->at[i][l] * b->at[l][j];
    int shift = 0;
    (void)frexp(out->at[q / 2][q / 2], &shift);
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < q; j++)
            out->at[i][j] = ldexp(out->at[i][j], -shift);
    out->exponent = a->exponent + b->exponent + shift;
}

/* P(D < d) for t = n d. */
static double durbin(double n, double t)
{
    size_t k = (size_t)ceil(t);
    struct matrix base, power, next;
    fill_durbin(&base, k, (double)k - t);
    memset(&power, 0, sizeof(power));
    power.side = base.side;
    for (size_t i = 0; i < base.side; i++)
        power.at[i][i] = 1;
    for (size_t left = (size_t)n; left > 0; left /= 2) {
        if (left % 2 == 1) {
            multiply(&next, &power, &base);
            power = next;
        }
        if (left > 1) {
            multiply(&next, &base, &base);
            base = next;
        }
    }
    long double scale = (long double)power.exponent * logl(2.0L) + log_factorial_over_power(n);
    return (double)((long double)power.at[k - 1][k - 1] * expl(scale));
}

/* P(D < d) as K0 + K1/sqrt(n) + K2/n + K3/n^1.5. */
static double pelz_good(double n, double d)
{
    double z = sqrt(n) * d, z2 = z * z, z4 = z2 * z2, z6 = z4 * z2;
    double pi2 = M_PI * M_PI, root = sqrt(2 * M_PI);
    if (pi2 / (8 * z2) > 708)
        return 0;
    double k0 = 0, k1 = 0, k2 = 0, k3 = 0, k2_even = 0, k3_even = 0;
    for (size_t term = (size_t)ceil(16 * z / M_PI); term >= 1; term--) {
        double i = (double)term, w = 2 * i - 1, u = pi2 * w * w / 4;
        double e = exp(-pi2 * w * w / (8 * z2)), e_even = exp(-pi2 * i * i / (2 * z2));
        k0 += e;
        k1 += e * (u - z2);
        k2 += e * (6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * u + (1 - 2 * z2) * u * u);
        k3 += e * (-30 * z6 - 90 * z6 * z2 + (135 * z4 - 96 * z6) * u +
                   (212 * z4 - 60 * z2) * u * u + (5 - 30 * z2) * u * u * u);
        k2_even += i * i * e_even;
        k3_even += (3 * z2 - pi2 * i * i) * i * i * e_even;
    }
    k0 *= root / z;
    k1 *= root / (6 * z4);
    k2 = k2 * root / (72 * z6 * z) - k2_even * pi2 * root / (36 * z2 * z);
    k3 = k3 * root / (6480 * z6 * z4) + k3_even * pi2 * root / (216 * z6);
    return k0 + k1 / sqrt(n) + k2 / n + k3 / (n * sqrt(n));
}

static double between(double n, double d)
{
    double t = n * d, s = t * d;
    if (d >= 0.5)
        return 2 * one_sided(n, d);
    if (n <= 140)
        return s <= 4 ? 1 - durbin(n, t) : 2 * one_sided(n, d);
    if (s >= 370)
        return 0;
    if (s >= 2.2)
        return 2 * one_sided(n, d);
    return 1 - (n <= 100000 && n * d * sqrt(d) <= 1.4 ? durbin(n, t) : pelz_good(n, d));
}

double kolmogorov_survival(double n, double d)
{
    double t = n * d;
    if (d >= 1)
        return 0;
    if (t <= 0.5)
        return 1;
    if (t <= 1)
        return 1 - (double)expl(log_factorial_over_power(n)) * pow(2 * t - 1, n);
    if (t >= n - 1)
        return 2 * pow(1 - d, n);
    return fmin(1, fmax(0, between(n, d)));
}
