#include "model/train/train.h"

#include "model/train/judge.h"
#include "model/train/logistic.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDOUT_SHARE 5 /* one row of so many */

static void set_weights(struct model_file *m, const struct logistic *l)
{
    m->bias = l->bias;
    memcpy(m->weights, l->weights, sizeof(m->weights));
}

static int gate(const struct train_report *report, struct error *err)
{
    const struct train_comparison *c = &report->comparison;
    if (!(report->holdout.loss <= TRAIN_TOLERANCE * report->base.loss))
        return error_set(err, TRAIN_REFUSED,
                         "refused: log-loss %.4f on the hold-out is more than 2 %% above the base "
                         "rate's %.4f: look for what changed in the prices",
                         report->holdout.loss, report->base.loss);
    if (c->outcome == TRAIN_COMPARED && !(c->candidate.loss <= TRAIN_TOLERANCE * c->in_place.loss))
        return error_set(err, TRAIN_REFUSED,
                         "refused: log-loss %.4f on %zu days new to both is more than 2 %% above "
                         "the %.4f of the model in place, which stays",
                         c->candidate.loss, c->n, c->in_place.loss);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Deciles; equal ones are one edge. */
static int make_edges(struct model_file *m, size_t feature, struct error *err)
{
    size_t n = m->n_reference, n_edges = 0;
    double *edges = m->edges[feature];
    SCOPED(free_p) double *sorted = calloc(n, sizeof(*sorted));
    if (sorted == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    memcpy(sorted, m->reference[feature], n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare);
    for (size_t k = 1; k <= MODEL_EDGES_MAX; k++) {
        double edge = sorted[k * n / (MODEL_EDGES_MAX + 1)];
        if (n_edges == 0 || edge > edges[n_edges - 1])
            edges[n_edges++] = edge;
    }
    m->n_edges[feature] = n_edges;
    return 0;
}

static int keep_reference(struct model_file *m, const struct features *f, size_t n,
                          struct error *err)
{
    if (n < MODEL_REFERENCE_MIN || n > MODEL_REFERENCE_MAX || n > f->n)
        return error_set(err, -EINVAL,
                         "%zu reference rows need %zu days, and there are %zu: get a longer "
                         "history, or take fewer with --reference-days (%d at least)",
                         n, n + FEATURES_DAYS - 1, f->n + FEATURES_DAYS - 1, MODEL_REFERENCE_MIN);
    m->n_reference = n;
    for (size_t k = 0; k < FEATURES; k++) {
        m->reference[k] = calloc(n, sizeof(double));
        if (m->reference[k] == NULL)
            return error_set(err, -ENOMEM, "out of memory");
        for (size_t i = 0; i < n; i++)
            m->reference[k][i] = f->rows[f->n - n + i].x[k];
        int r = make_edges(m, k, err);
        if (r != 0)
            return r;
    }
    return 0;
}

/* Averages of prices have more than five values, so only the rows of the reference matter to the
 * automatic choice. */
static void choose_test(struct model_file *m, struct train_report *report,
                        const struct train_options *options)
{
    enum drift_test test = options->stattest;
    if (test == DRIFT_AUTO)
        test = m->n_reference < TRAIN_REFERENCE_DAYS ? DRIFT_KS : DRIFT_WASSERSTEIN;
    if (options->threshold > 0)
        m->threshold = options->threshold;
    else
        m->threshold = test == DRIFT_WASSERSTEIN ? MODEL_DRIFT_LIMIT : drift_test_threshold(test);
    (void)snprintf(m->stattest, sizeof(m->stattest), "%s", drift_test_name(test));
    report->stattest = test;
    report->threshold = m->threshold;
}

static void describe(struct model_file *m, const struct series *s,
                     const struct train_options *options)
{
    char day[SERIES_DAY_BYTES];
    series_format_day(s, s->days[s->n - 1].day, day);
    (void)snprintf(m->name, sizeof(m->name), "%s", s->name);
    (void)snprintf(m->through, sizeof(m->through), "%s", day);
    m->features = options->features;
    m->label = options->label;
    for (size_t i = 0; i < MODEL_RECENT_CLOSES; i++)
        m->closes[i] = s->days[s->n - MODEL_RECENT_CLOSES + i].close;
}

static void split(struct train_report *report, const struct features *f, const struct series *s)
{
    size_t n = f->n - (f->rows[f->n - 1].labelled ? 0 : 1), rises = 0;
    *report = (struct train_report){.n_days = s->n, .n_holdout = n / HOLDOUT_SHARE};
    report->n_train = n - report->n_holdout;
    for (size_t i = 0; i < report->n_train; i++)
        rises += f->rows[i].up ? 1 : 0;
    report->rises = report->n_train == 0 ? 0 : (double)rises / (double)report->n_train;
}

int train_model(struct model_file *out, struct train_report *report, const struct series *s,
                const struct train_options *options, const struct model_file *in_place,
                struct error *err)
{
    *out = (struct model_file){0};
    *report = (struct train_report){0};
    SCOPED(features_free) struct features f = {0};
    SCOPED(model_file_free) struct model_file m = {0};
    struct logistic learnt = {0};
    int r = features_make(&f, s, options->features, options->label, err);
    if (r != 0)
        return r;
    split(report, &f, s);
    size_t n = report->n_train + report->n_holdout;
    if (n < TRAIN_ROWS_MIN)
        return error_set(err, -EINVAL, "%zu days give %zu rows to learn from; %d are needed", s->n,
                         n, TRAIN_ROWS_MIN);
    describe(&m, s, options);
    r = keep_reference(&m, &f, options->reference_days, err);
    choose_test(&m, report, options);
    if (r == 0)
        r = logistic_fit(&learnt, f.rows, report->n_train, err);
    if (r == 0) {
        set_weights(&m, &learnt);
        r = judge_holdout(report, &m, f.rows, err);
    }
    if (r == 0)
        r = judge_in_place(report, &m, f.rows, in_place, s, options->label, err);
    if (r == 0)
        r = gate(report, err);
    if (r == 0)
        r = logistic_fit(&learnt, f.rows, n, err);
    if (r != 0)
        return r;
    set_weights(&m, &learnt);
    *out = m;
    m = (struct model_file){0};
    return 0;
}
