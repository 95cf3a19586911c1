/* drift_status.h - what the model server's /metrics says about drift (Prometheus text format). */
#ifndef MODEL_APP_DRIFT_STATUS_H
#define MODEL_APP_DRIFT_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#define DRIFT_STATUS_FEATURES 16 /* more are left out */
#define DRIFT_STATUS_TEXT     128

enum drift_state {
    DRIFT_UNKNOWN, /* no metrics, or none of drift */
    DRIFT_TOO_FEW, /* predictions are counted, but no verdict is given yet */
    DRIFT_NONE,
    DRIFT_DETECTED, /* in at least one feature */
};

struct drift_feature {
    char name[DRIFT_STATUS_TEXT];
    /* NaN: the server does not say */
    double score, threshold, detected, samples;
};

struct drift_status {
    struct drift_feature features[DRIFT_STATUS_FEATURES]; /* in the order of their first series */
    size_t n_features;
    char hash[DRIFT_STATUS_TEXT]; /* the model file's checksum, "" unknown */
};

/* Series of other models are skipped; model "" takes them all. Lines that are no samples, and
 * values that are no numbers, count for nothing. */
void drift_status_read(struct drift_status *out, const char *text, size_t len, const char *model);
/* The verdict is the server's (model_drift_detected): whether a large or a small score means drift
 * depends on its test. */
enum drift_state drift_status_state(const struct drift_status *s);

#endif
