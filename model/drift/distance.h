/* distance.h - how far the current sample lies from the reference, as Evidently 0.4.39 measures it.
 *
 * Natural logarithms throughout. Pure; any thread; both samples have at least one value. Those that
 * bin return 0, or bins_make()'s errors. */
#ifndef MODEL_DRIFT_DISTANCE_H
#define MODEL_DRIFT_DISTANCE_H

#include "model/drift/sample.h"

/* The area between both distribution functions, over the reference's population standard deviation
 * or 0.001, whichever is larger. */
double wasserstein_normed(const struct sample *r, const struct sample *c);

/* Sum of (P - Q) ln(P / Q), empty bins filled. */
__attribute__((warn_unused_result)) int psi_index(double *out, enum drift_type type,
                                                  const struct sample *r, const struct sample *c,
                                                  struct error *err);
/* Sum of P ln(P / Q), P the reference's shares, empty bins filled. */
__attribute__((warn_unused_result)) int kl_divergence(double *out, enum drift_type type,
                                                      const struct sample *r,
                                                      const struct sample *c, struct error *err);
/* sqrt of the Jensen-Shannon divergence. Where rounding carries that below 0 the distance is 0
 * (scipy gives NaN). Endres and Schindelin, IEEE Trans. Inf. Theory 49(7), 2003. */
__attribute__((warn_unused_result)) int jensenshannon_distance(double *out, enum drift_type type,
                                                               const struct sample *r,
                                                               const struct sample *c,
                                                               struct error *err);
/* sqrt(1 - sum of sqrt(P Q)). */
__attribute__((warn_unused_result)) int hellinger_distance(double *out, enum drift_type type,
                                                           const struct sample *r,
                                                           const struct sample *c,
                                                           struct error *err);

#endif
