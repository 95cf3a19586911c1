/* bins.h - the shares of two samples in the same bins, by Evidently 0.4.39's rules.
 *
 * Numeric columns are cut by Sturges's rule (J. Am. Stat. Assoc. 21, 1926) as numpy's histogram
 * edges make it; the order of operations matters, since at N = 64 rounding may give one bin more.
 * Pure; any thread. */
#ifndef MODEL_DRIFT_BINS_H
#define MODEL_DRIFT_BINS_H

#include "model/drift/sample.h"

struct bins {
    double *r, *c; /* shares of the bins in each sample; c is in r's memory */
    size_t n;
};

/* PSI, Kullback-Leibler and Jensen-Shannon: numbers with more than 20 distinct reference values are
 * cut over both samples, anything else has one bin a value. 0 (bins_free), -ENOMEM, or -ERANGE when
 * the values lie too far apart to be cut. */
__attribute__((warn_unused_result)) int bins_make(struct bins *out, enum drift_type type,
                                                  const struct sample *r, const struct sample *c,
                                                  struct error *err);
/* Hellinger: numbers are always cut, by the number of their distinct values; a single value sits in
 * the middle of a bin of width 1. */
__attribute__((warn_unused_result)) int bins_make_hellinger(struct bins *out, enum drift_type type,
                                                            const struct sample *r,
                                                            const struct sample *c,
                                                            struct error *err);
/* Empty bins get a millionth of the sample's smallest share when that is at most 0.0001, else
 * 0.0001. The shares are not made to add up to 1 again. */
void bins_fill(struct bins *b);
void bins_free(struct bins *b);

#endif
