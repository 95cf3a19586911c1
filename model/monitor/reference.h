/* reference.h - what a model learnt from, prepared once: sorted, and counted into its bins.
 *
 * Pure; read only once it is made, then any thread. */
#ifndef MODEL_MONITOR_REFERENCE_H
#define MODEL_MONITOR_REFERENCE_H

#include "model/drift/drift.h"
#include "model/model_file/model_file.h"
#include "model/monitor/drift_window.h"

#define REFERENCE_BINS (MODEL_EDGES_MAX + 1)

struct reference_feature {
    double *sorted;
    double edges[MODEL_EDGES_MAX];
    size_t n_edges;
    double share[REFERENCE_BINS];  /* of the values from an edge up to the next; see below */
    size_t up_to[MODEL_EDGES_MAX]; /* how many values are at most the edge */
    double sum;                    /* of all values */
};

struct reference {
    struct reference_feature features[FEATURES];
    size_t n; /* values of each */
    enum drift_test test;
    double threshold;
    char hash[CHECKSUM_MAX]; /* of the model file */
};

/* An empty bin has the share 0.0001, so that its logarithm exists. -EINVAL when the model names no
 * test; -ENOMEM. */
__attribute__((warn_unused_result)) int
reference_make(struct reference **out, const struct model_file *model, struct error *err);
void reference_free(struct reference *r); /* NULL is fine */
void reference_free_p(struct reference **r);

/* The bin that x is in: how many edges are not above it. And the bucket: how many are below it. */
size_t reference_bin(const struct reference_feature *f, double x);
size_t reference_bucket(const struct reference_feature *f, double x);

/* A feature of the window against its reference; drift_score()'s errors. */
__attribute__((warn_unused_result)) int reference_score(struct drift_result *out,
                                                        const struct reference *r, size_t feature,
                                                        const struct drift_window *w,
                                                        struct error *err);

#endif
