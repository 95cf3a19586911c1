#include "model/drift/drift.h"

#include "model/drift/categorical.h"
#include "model/drift/distance.h"
#include "model/drift/ks.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define SMALL_REFERENCE 1000
#define DATASET_SHARE   0.5

enum side { AT_MOST, BELOW, AT_LEAST };

static const struct {
    const char *name, *title;
    double threshold;
    enum side drift;
    bool num, cat; /* may be asked for; DRIFT_AUTO takes z and chi-square for numbers too */
} tests[DRIFT_TESTS] = {
    /* clang-format off */
    [DRIFT_AUTO]          = { "auto",          "",                              0,    BELOW,    true,  true  },
    [DRIFT_KS]            = { "ks",            "K-S p_value",                   0.05, AT_MOST,  true,  false },
    [DRIFT_Z]             = { "z",             "Z-test p_value",                0.05, BELOW,    false, true  },
    [DRIFT_CHISQUARE]     = { "chisquare",     "chi-square p_value",            0.05, BELOW,    false, true  },
    [DRIFT_WASSERSTEIN]   = { "wasserstein",   "Wasserstein distance (normed)", 0.1,  AT_LEAST, true,  false },
    [DRIFT_JENSENSHANNON] = { "jensenshannon", "Jensen-Shannon distance",       0.1,  AT_LEAST, true,  true  },
    [DRIFT_PSI]           = { "psi",           "PSI",                           0.1,  AT_LEAST, true,  true  },
    [DRIFT_KL_DIV]        = { "kl_div",        "Kullback-Leibler divergence",   0.1,  AT_LEAST, true,  true  },
    [DRIFT_HELLINGER]     = { "hellinger",     "Hellinger distance",            0.1,  AT_LEAST, true,  true  },
    /* clang-format on */
};

int drift_test_parse(enum drift_test *out, const char *name, struct error *err)
{
    for (enum drift_test t = DRIFT_AUTO; t < DRIFT_TESTS; t++) {
        if (strcmp(tests[t].name, name) == 0) {
            *out = t;
            return 0;
        }
    }
    return error_set(err, -EINVAL,
                     "no test is called \"%s\": take auto, ks, z, chisquare, wasserstein, "
                     "jensenshannon, psi, kl_div or hellinger",
                     name);
}

const char *drift_test_name(enum drift_test test)
{
    return tests[test].name;
}

const char *drift_test_title(enum drift_test test)
{
    return tests[test].title;
}

const char *drift_test_sign(enum drift_test test)
{
    static const char *const signs[] = {[AT_MOST] = "<=", [BELOW] = "<", [AT_LEAST] = ">="};
    return signs[tests[test].drift];
}

double drift_test_threshold(enum drift_test test)
{
    return tests[test].threshold;
}

bool drift_test_is_for(enum drift_test test, enum drift_type type)
{
    return type == DRIFT_NUM ? tests[test].num : tests[test].cat;
}

enum drift_test drift_choose(enum drift_type type, const struct sample *r, const struct sample *c)
{
    size_t distinct = pooled_distinct(r, c);
    bool small = r->n <= SMALL_REFERENCE;
    if (type == DRIFT_NUM && distinct > 5)
        return small ? DRIFT_KS : DRIFT_WASSERSTEIN;
    if (!small)
        return DRIFT_JENSENSHANNON;
    return distinct > 2 ? DRIFT_CHISQUARE : DRIFT_Z;
}

static int compute(double *out, enum drift_test test, enum drift_type type, const struct sample *r,
                   const struct sample *c, struct error *err)
{
    switch (test) {
    case DRIFT_KS:
        return ks_p_value(out, r, c, err);
    case DRIFT_Z:
        *out = proportion_p_value(r, c);
        return 0;
    case DRIFT_CHISQUARE:
        *out = chisquare_p_value(r, c);
        return 0;
    case DRIFT_WASSERSTEIN:
        *out = wasserstein_normed(r, c);
        return 0;
    case DRIFT_JENSENSHANNON:
        return jensenshannon_distance(out, type, r, c, err);
    case DRIFT_PSI:
        return psi_index(out, type, r, c, err);
    case DRIFT_KL_DIV:
        return kl_divergence(out, type, r, c, err);
    case DRIFT_HELLINGER:
        return hellinger_distance(out, type, r, c, err);
    case DRIFT_AUTO:
    case DRIFT_TESTS:
        break;
    }
    return error_set(err, -EINVAL, "test %d computes nothing", (int)test);
}

static bool is_drift(enum side side, double score, double threshold)
{
    switch (side) {
    case AT_MOST:
        return score <= threshold;
    case BELOW:
        return score < threshold;
    case AT_LEAST:
        return score >= threshold;
    }
    return false;
}

int drift_score(struct drift_result *out, enum drift_type type, const struct sample *r,
                const struct sample *c, enum drift_test test, const double *threshold,
                struct error *err)
{
    if (!drift_test_is_for(test, type))
        return error_set(err, -EINVAL, "%s is no test for %s columns: take auto, or another one",
                         tests[test].name, type == DRIFT_NUM ? "numeric" : "categorical");
    if (test == DRIFT_AUTO)
        test = drift_choose(type, r, c);
    double score = (double)NAN;
    int rc = compute(&score, test, type, r, c, err);
    if (rc != 0)
        return rc;
    double limit = threshold == NULL ? tests[test].threshold : *threshold;
    *out = (struct drift_result){test, score, limit, is_drift(tests[test].drift, score, limit)};
    return 0;
}

double drift_share(const struct drift_verdict *v)
{
    return v->columns == 0 ? 0 : (double)v->drifted / (double)v->columns;
}

bool drift_dataset(const struct drift_verdict *v)
{
    return drift_share(v) >= DATASET_SHARE;
}
