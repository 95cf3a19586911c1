/* ks.h - the two-sample, two-sided Kolmogorov-Smirnov test, as scipy's ks_2samp in mode "auto".
 *
 * Up to 10000 values in either sample the p-value is exact: for equal sizes the alternating sum of
 * Gnedenko and Korolyuk (1951), else the inside count of Hodges, "The Significance Probability of
 * the Smirnov Two-Sample Test" (Ark. Mat. 3, 1958), in Viehmann's scaled recursion
 * (arXiv:2102.08037). Above, and where rounding carries the exact sum out of [0, 1], it is the
 * one-sample law at n m / (n + m), rounded half to even. Pure; any thread. */
#ifndef MODEL_DRIFT_KS_H
#define MODEL_DRIFT_KS_H

#include "model/drift/sample.h"

/* Both samples have at least one value. 0, or -ENOMEM with err. */
__attribute__((warn_unused_result)) int ks_p_value(double *out, const struct sample *r,
                                                   const struct sample *c, struct error *err);

#endif
