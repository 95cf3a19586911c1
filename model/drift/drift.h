/* drift.h - has a column drifted? Scores and verdicts by the rules of Evidently 0.4.39.
 *
 * Which test, which threshold and which side of it is drift differ: p-values are small when there
 * is drift, distances are large. With DRIFT_AUTO both flip between 1000 and 1001 reference values;
 * so a score means nothing without the name of its test. Pure; any thread. */
#ifndef MODEL_DRIFT_DRIFT_H
#define MODEL_DRIFT_DRIFT_H

#include "model/drift/sample.h"

enum drift_test {
    DRIFT_AUTO, /* chosen by type, distinct values and number of reference values */
    DRIFT_KS,
    DRIFT_Z,
    DRIFT_CHISQUARE,
    DRIFT_WASSERSTEIN,
    DRIFT_JENSENSHANNON,
    DRIFT_PSI,
    DRIFT_KL_DIV,
    DRIFT_HELLINGER,
    DRIFT_TESTS,
};

struct drift_result {
    enum drift_test test;
    double score; /* NaN = undefined, which is no drift */
    double threshold;
    bool detected;
};

/* By its name at Evidently, or "auto"; -EINVAL with the names there are. */
__attribute__((warn_unused_result)) int drift_test_parse(enum drift_test *out, const char *name,
                                                         struct error *err);
const char *drift_test_name(enum drift_test test);
/* "K-S p_value", "PSI": as reports show it. */
const char *drift_test_title(enum drift_test test);
/* "<=", "<" or ">=": how a score that means drift compares with the threshold. */
const char *drift_test_sign(enum drift_test test);

/* Evidently's own; 0 of DRIFT_AUTO. */
double drift_test_threshold(enum drift_test test);
/* Whether it may be asked for by name for columns of that type. */
bool drift_test_is_for(enum drift_test test, enum drift_type type);

/* What DRIFT_AUTO stands for; never DRIFT_AUTO. */
enum drift_test drift_choose(enum drift_type type, const struct sample *r, const struct sample *c);

/* Both samples are cleaned (sample_clean). threshold NULL = the test's own. -EINVAL when the test
 * is not for columns of that type; -ENOMEM, -ERANGE. */
__attribute__((warn_unused_result)) int drift_score(struct drift_result *out, enum drift_type type,
                                                    const struct sample *r, const struct sample *c,
                                                    enum drift_test test, const double *threshold,
                                                    struct error *err);

/* Of the columns that could be scored; half of them drifted = the dataset did. */
struct drift_verdict {
    size_t columns, drifted;
};
double drift_share(const struct drift_verdict *v); /* 0 without columns */
bool drift_dataset(const struct drift_verdict *v);

#endif
