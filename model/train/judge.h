/* judge.h - how good a model is on days that it has not learnt from. Pure.
 *
 * rows[i] is of the series' day i + FEATURES_DAYS - 1, as in struct features. */
#ifndef MODEL_TRAIN_JUDGE_H
#define MODEL_TRAIN_JUDGE_H

#include "model/train/train.h"

/* The hold-out; report->n_train, n_holdout and rises are known. -ENOMEM. */
__attribute__((warn_unused_result)) int judge_holdout(struct train_report *report,
                                                      const struct model_file *m,
                                                      const struct features_row *rows,
                                                      struct error *err);

/* Both models on the days of the hold-out whose labels the one in place has not seen either. It
 * learnt from all its days, and its last closes tell where among these they end. in_place may be
 * NULL; it need not see the same features. */
__attribute__((warn_unused_result)) int
judge_in_place(struct train_report *report, const struct model_file *m,
               const struct features_row *rows, const struct model_file *in_place,
               const struct series *s, enum features_label label, struct error *err);

#endif
