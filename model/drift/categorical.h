/* categorical.h - tests on how often each value occurs, as Evidently 0.4.39 makes them.
 * Pure; any thread; both samples have at least one value. */
#ifndef MODEL_DRIFT_CATEGORICAL_H
#define MODEL_DRIFT_CATEGORICAL_H

#include "model/drift/sample.h"

/* Two-sided z-test with pooled variance for the share of all values but the smallest; 1 when only
 * one value occurs. */
double proportion_p_value(const struct sample *r, const struct sample *c);

/* Pearson's chi-square against the reference's shares, taken as exact. A value that the reference
 * does not have gives 0; one value in all gives NaN. */
double chisquare_p_value(const struct sample *r, const struct sample *c);

#endif
