/* special.h - the tail probabilities behind the p-values. Pure; any thread.
 *
 * Sources: DLMF (NIST Digital Library of Mathematical Functions), by equation. */
#ifndef MODEL_DRIFT_SPECIAL_H
#define MODEL_DRIFT_SPECIAL_H

/* P(|Z| >= |z|) of the standard normal, as 2 (1 - Phi(|z|)): DLMF 7.2.1, 7.2.2 for erf and erfc.
 * The difference is taken on purpose, since the p-values to be matched are made so: exactly 0 from
 * about |z| = 8.3 on, in steps of 2^-52 before. */
double normal_two_sided(double z);

/* Q(a, x) = Gamma(a, x) / Gamma(a), a > 0, x >= 0: the series DLMF 8.7.1 below a + 1, else the
 * continued fraction DLMF 8.9.2, by the modified Lentz method (DLMF 3.10(iii)). */
double gamma_upper(double a, double x);

/* P(X >= x) of chi-square with df degrees of freedom: Q(df/2, x/2). NaN when df = 0. */
double chisquare_survival(double x, double df);

#endif
