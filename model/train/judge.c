#include "model/train/judge.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define P_MIN 1e-15

static double loss_of(double p, bool up)
{
    return -log(fmax(up ? p : 1 - p, P_MIN));
}

static void score(struct train_score *out, const struct model_file *m,
                  const struct features_row *rows, size_t n)
{
    double loss = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        double p = model_file_predict(m, rows[i].x);
        loss += loss_of(p, rows[i].up);
        right += (p > 0.5) == rows[i].up;
    }
    *out = (struct train_score){loss / (double)n, right / (double)n};
}

static void score_base(struct train_report *report, const struct model_file *m,
                       const struct features_row *rows, size_t n)
{
    double loss = 0, right = 0, gain = 0, squares = 0, rows_n = (double)n;
    for (size_t i = 0; i < n; i++) {
        double base_loss = loss_of(report->rises, rows[i].up);
        double d = base_loss - loss_of(model_file_predict(m, rows[i].x), rows[i].up);
        loss += base_loss;
        right += (report->rises > 0.5) == rows[i].up;
        gain += d;
        squares += d * d;
    }
    report->base = (struct train_score){loss / rows_n, right / rows_n};
    report->gain = gain / rows_n;
    report->gain_error =
        sqrt(fmax(squares / rows_n - report->gain * report->gain, 0) / (rows_n - 1));
    report->knows = report->gain > 2 * report->gain_error;
}

struct said {
    double p;
    bool up;
    size_t day;
};

static int by_probability(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return (x->day > y->day) - (x->day < y->day);
}

static void calibrate(struct train_report *report, const struct said *sorted, size_t n)
{
    for (size_t k = 0; k < TRAIN_PARTS; k++) {
        size_t from = k * n / TRAIN_PARTS, to = (k + 1) * n / TRAIN_PARTS;
        struct train_part *part = &report->parts[k];
        *part = (struct train_part){.n = to - from};
        for (size_t i = from; i < to; i++) {
            part->said += sorted[i].p;
            part->rose += sorted[i].up ? 1 : 0;
        }
        part->said /= (double)part->n;
        part->rose /= (double)part->n;
        report->calibration_error += fabs(part->said - part->rose) * (double)part->n / (double)n;
    }
}

int judge_holdout(struct train_report *report, const struct model_file *m,
                  const struct features_row *rows, struct error *err)
{
    const struct features_row *unseen = rows + report->n_train;
    size_t n = report->n_holdout;
    SCOPED(free_p) struct said *said = calloc(n, sizeof(*said));
    if (said == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        said[i] = (struct said){model_file_predict(m, unseen[i].x), unseen[i].up, i};
    qsort(said, n, sizeof(*said), by_probability);
    calibrate(report, said, n);
    score(&report->holdout, m, unseen, n);
    score_base(report, m, unseen, n);
    return 0;
}

/* --- the model in place --------------------------------------------------------------------------
 */

/* The day after the one that its closes end with; 0 when they are not among these. */
static size_t days_seen(const struct model_file *in_place, const struct series *s)
{
    for (size_t end = s->n; end >= MODEL_RECENT_CLOSES; end--) {
        size_t same = 0;
        while (same < MODEL_RECENT_CLOSES &&
               s->days[end - 1 - same].close == in_place->closes[MODEL_RECENT_CLOSES - 1 - same])
            same++;
        if (same == MODEL_RECENT_CLOSES)
            return end;
    }
    return 0;
}

/* The row whose label is of the first day after those. */
static size_t first_unseen(size_t days, enum features_label label)
{
    size_t before = FEATURES_DAYS - (label == LABEL_NEXT_DAY ? 0 : 1);
    return days > before ? days - before : 0;
}

int judge_in_place(struct train_report *report, const struct model_file *m,
                   const struct features_row *rows, const struct model_file *in_place,
                   const struct series *s, enum features_label label, struct error *err)
{
    struct train_comparison *c = &report->comparison;
    *c = (struct train_comparison){.outcome = TRAIN_NO_MODEL};
    if (in_place == NULL)
        return 0;
    c->outcome = TRAIN_OTHER_LABEL;
    if (in_place->label != label)
        return 0;
    c->outcome = TRAIN_OTHER_PRICES;
    size_t seen = days_seen(in_place, s);
    if (seen == 0)
        return 0;
    size_t end = report->n_train + report->n_holdout;
    size_t first = first_unseen(seen, label);
    first = first > report->n_train ? first : report->n_train;
    c->outcome = TRAIN_TOO_FEW_DAYS;
    c->n = first < end ? end - first : 0;
    if (c->n < TRAIN_COMPARED_MIN)
        return 0;
    SCOPED(features_free) struct features f = {0};
    int r = features_make(&f, s, in_place->features, label, err);
    if (r != 0)
        return r;
    score(&c->candidate, m, rows + first, c->n);
    score(&c->in_place, in_place, f.rows + first, c->n);
    c->outcome = TRAIN_COMPARED;
    return 0;
}
