#include "model/drift/special.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

double normal_two_sided(double z)
{
    double t = fabs(z) * M_SQRT1_2;
    double phi = t < 1 ? 0.5 + 0.5 * erf(t) : 1 - 0.5 * erfc(t);
    return 2 * (1 - phi);
}

/* x^a e^-x / Gamma(a) */
static double prefactor(double a, double x)
{
    int sign;
    return exp(a * log(x) - x - lgamma_r(a, &sign));
}

/* Both converge slowest around x = a, where some 10 sqrt(a) terms are needed. */
static size_t terms_at_most(double a)
{
    return 1000 + (size_t)(20 * sqrt(a));
}

static double lower_series(double a, double x)
{
    double term = 1 / a, sum = term;
    size_t most = terms_at_most(a);
    for (size_t n = 1; n < most && term > sum * DBL_EPSILON / 8; n++) {
        term *= x / (a + (double)n);
        sum += term;
    }
    return sum * prefactor(a, x);
}

static double upper_fraction(double a, double x)
{
    size_t most = terms_at_most(a);
    double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, fraction = d;
    for (size_t n = 1; n < most; n++) {
        double numerator = -(double)n * ((double)n - a);
        b += 2;
        d = numerator * d + b;
        c = b + numerator / c;
        d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
        c = fabs(c) < DBL_MIN ? DBL_MIN : c;
        fraction *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return fraction * prefactor(a, x);
}

double gamma_upper(double a, double x)
{
    if (x <= 0)
        return 1;
    if (isinf(x))
        return 0;
    return x < a + 1 ? 1 - lower_series(a, x) : upper_fraction(a, x);
}

double chisquare_survival(double x, double df)
{
    return df > 0 ? gamma_upper(df / 2, x / 2) : (double)NAN;
}
