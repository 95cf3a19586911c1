#include "model/train/logistic.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <limits.h>
#include <math.h>

#include <linear.h>

/* Relative features are some hundredths, levels thousands; liblinear's penalty on weights only
 * means the same for both once they are scaled. */
struct scale {
    double mean, sd;
};

static int find_scale(struct scale *out, const struct features_row *rows, size_t n, size_t feature,
                      struct error *err)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += rows[i].x[feature];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (rows[i].x[feature] - mean) * (rows[i].x[feature] - mean);
    *out = (struct scale){.mean = mean, .sd = sqrt(squares / (double)n)};
    if (out->sd <= 1e-12 * (1 + fabs(mean)))
        return error_set(err, -EINVAL, "%s never changes: are these daily prices?",
                         features_names[feature]);
    return 0;
}

/* Takes the scaling out again, so that the weights are for features as they are. */
static void keep_weights(struct logistic *out, const struct model *m, const struct scale *scales)
{
    double sign = m->label[0] == 1 ? 1 : -1; /* liblinear's weights are for the label seen first */
    out->bias = sign * m->w[FEATURES];
    for (size_t k = 0; k < FEATURES; k++) {
        out->weights[k] = sign * m->w[k] / scales[k].sd;
        out->bias -= out->weights[k] * scales[k].mean;
    }
}

static void silent(const char *text)
{
    (void)text;
}

static int run(struct logistic *out, const struct problem *problem, const struct scale *scales,
               struct error *err)
{
    const struct parameter how = {.solver_type = L2R_LR, .eps = 1e-6, .C = 1};
    const char *fault = check_parameter(problem, &how);
    if (fault != NULL)
        return error_set(err, -EINVAL, "liblinear: %s", fault);
    set_print_string_function(silent);
    struct model *m = train(problem, &how);
    if (m == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    int r = 0;
    if (m->nr_class == 2)
        keep_weights(out, m, scales);
    else
        r = error_set(err, -EINVAL, "the price always went the same way: nothing can be learnt");
    free_and_destroy_model(&m);
    return r;
}

int logistic_fit(struct logistic *out, const struct features_row *rows, size_t n, struct error *err)
{
    enum { NODES = FEATURES + 2 }; /* the bias and the end */
    struct scale scales[FEATURES];
    if (n == 0 || n > INT_MAX)
        return error_set(err, -EINVAL, "%zu rows cannot be learnt from", n);
    for (size_t k = 0; k < FEATURES; k++) {
        int r = find_scale(&scales[k], rows, n, k, err);
        if (r != 0)
            return r;
    }
    SCOPED(free_p) struct feature_node *nodes = calloc(n * NODES, sizeof(*nodes));
    SCOPED(free_p) struct feature_node **x = calloc(n, sizeof(*x));
    SCOPED(free_p) double *y = calloc(n, sizeof(*y));
    if (nodes == NULL || x == NULL || y == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        x[i] = nodes + i * NODES;
        y[i] = rows[i].up ? 1 : -1;
        for (size_t k = 0; k < FEATURES; k++) {
            x[i][k].index = (int)k + 1;
            x[i][k].value = (rows[i].x[k] - scales[k].mean) / scales[k].sd;
        }
        x[i][FEATURES] = (struct feature_node){.index = FEATURES + 1, .value = 1};
        x[i][FEATURES + 1].index = -1;
    }
    const struct problem problem = {.l = (int)n, .n = FEATURES + 1, .y = y, .x = x, .bias = 1};
    return run(out, &problem, scales, err);
}
