/* model_file.h - the one file that a trained model is: weights, reference rows, last closes.
 *
 * JSON on one line, which ends with the SHA-256 of all before it; the same model gives the same
 * bytes. Published by rename, so that a reader sees the old file or the new one, also after a loss
 * of power. A file that was cut, edited or made by another version is refused with the reason. */
#ifndef MODEL_MODEL_FILE_MODEL_FILE_H
#define MODEL_MODEL_FILE_MODEL_FILE_H

#include "model/features/features.h"
#include "model/model_file/checksum.h"
#include "relay/base/buf.h"
#include "relay/base/error.h"

#include <stddef.h>

#define MODEL_FORMAT        "drift-model/1"
#define MODEL_FILE_MAX      (4 << 20)
#define MODEL_TEXT_MAX      64
#define MODEL_REFERENCE_MIN 30
#define MODEL_REFERENCE_MAX 10000
#define MODEL_EDGES_MAX     9 /* deciles */
#define MODEL_RECENT_CLOSES (FEATURES_DAYS - 1)
#define MODEL_DRIFT_LIMIT   0.8 /* of the normed Wasserstein distance */

struct model_file {
    char name[MODEL_TEXT_MAX];    /* of the prices it learnt from */
    char through[MODEL_TEXT_MAX]; /* their last day */
    enum features_kind features;
    enum features_label label;
    double bias, weights[FEATURES]; /* P(up) = 1 / (1 + exp(-(bias + sum weights x))) */
    char stattest[MODEL_TEXT_MAX];
    double threshold;
    double *reference[FEATURES]; /* each of n_reference values, oldest first */
    size_t n_reference;
    double edges[FEATURES][MODEL_EDGES_MAX]; /* ascending; a bin is from its edge up to the next */
    size_t n_edges[FEATURES];
    double closes[MODEL_RECENT_CLOSES]; /* the last ones; today's comes with the question */
};

/* The probability that a row's label is up. */
double model_file_predict(const struct model_file *m, const double x[static FEATURES]);

/* Its bytes. A buffer that failed is -ENOMEM. */
__attribute__((warn_unused_result)) int
model_file_format(struct buf *out, const struct model_file *m, struct error *err);
/* The checksum that its file ends with, which tells models apart. -ENOMEM. */
__attribute__((warn_unused_result)) int
model_file_checksum(char out[static CHECKSUM_MAX], const struct model_file *m, struct error *err);
/* -EINVAL names the fault. */
__attribute__((warn_unused_result)) int model_file_parse(struct model_file *out, const char *bytes,
                                                         size_t len, struct error *err);
/* -ENOENT where there is none. */
__attribute__((warn_unused_result)) int model_file_read(struct model_file *out, const char *path,
                                                        struct error *err);
/* Writes beside path, then renames. On failure path is as it was. */
__attribute__((warn_unused_result)) int model_file_write(const struct model_file *m,
                                                         const char *path, struct error *err);
void model_file_free(struct model_file *m);

#endif
