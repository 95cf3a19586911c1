#include "model/train/report.h"

#include "relay/base/strict_json.h"

#include <math.h>

static const struct {
    const char *key, *why;
} comparisons[] = {
    [TRAIN_NO_MODEL] = {"no_model", NULL},
    [TRAIN_COMPARED] = {"compared", NULL},
    [TRAIN_OTHER_LABEL] = {"other_label", "it answers another question"},
    [TRAIN_OTHER_PRICES] = {"other_prices", "its last closes are not among these prices"},
    [TRAIN_TOO_FEW_DAYS] = {"too_few_days", NULL},
};

static void add_comparison(struct buf *out, const struct train_comparison *c)
{
    if (c->outcome == TRAIN_COMPARED)
        buf_addf(out,
                 "on %zu days new to both: log-loss %.4f, model in place %.4f; accuracy %.4f, "
                 "model in place %.4f\n",
                 c->n, c->candidate.loss, c->in_place.loss, c->candidate.accuracy,
                 c->in_place.accuracy);
    else if (c->outcome == TRAIN_TOO_FEW_DAYS)
        buf_addf(out,
                 "not compared with the model in place: %zu of the days judged here are new to "
                 "it, and %d are needed\n",
                 c->n, TRAIN_COMPARED_MIN);
    else if (c->outcome != TRAIN_NO_MODEL)
        buf_addf(out, "not compared with the model in place: %s\n", comparisons[c->outcome].why);
}

static void add_calibration(struct buf *out, const struct train_report *report)
{
    buf_addf(out, "calibration, from the lowest fifth to the highest: off by %.4f\n  said",
             report->calibration_error);
    for (size_t i = 0; i < TRAIN_PARTS; i++)
        buf_addf(out, "  %.3f", report->parts[i].said);
    buf_add_text(out, "\n  rose");
    for (size_t i = 0; i < TRAIN_PARTS; i++)
        buf_addf(out, "  %.3f", report->parts[i].rose);
    buf_add_char(out, '\n');
}

static void add_warnings(struct buf *out, const struct train_report *report,
                         const struct train_options *options)
{
    if (options->label == LABEL_SAME_DAY)
        buf_add_text(out, "The label is of the same day, which is known when the model is asked: "
                          "this is no forecast.\n");
    else if (!report->knows)
        buf_add_text(out, "This model knows nothing: it is not measurably better than always "
                          "saying how often the price rose.\n");
    if (options->features == FEATURES_LEVELS)
        buf_add_text(out, "Averages of prices move with the market: their scores will say drift "
                          "on any index with a trend.\n");
    if (report->stattest == DRIFT_KS)
        buf_add_text(out, "Its drift scores are p-values: small ones mean drift, and a rule like "
                          "> 0.8 fires on calm.\n");
    if (options->reference_days < TRAIN_REFERENCE_DAYS)
        buf_addf(out,
                 "The drift reference has %zu rows; %d and more are advised. Below, a test that is "
                 "chosen by itself (--stattest auto, as Evidently does) gives p-values.\n",
                 options->reference_days, TRAIN_REFERENCE_DAYS);
}

void report_text(struct buf *out, const struct train_report *report, const struct series *s,
                 const struct train_options *options, const char *refused)
{
    char first[SERIES_DAY_BYTES], last[SERIES_DAY_BYTES];
    series_format_day(s, s->days[0].day, first);
    series_format_day(s, s->days[s->n - 1].day, last);
    buf_addf(out, "%s: %zu days, %s to %s", s->name, s->n, first, last);
    if (s->n_skipped > 0)
        buf_addf(out, "; %zu without a price left out", s->n_skipped);
    buf_addf(out, "\nfeatures %s, label %s: learnt from %zu days, judged on the %zu after them\n",
             features_kind_text(options->features), features_label_text(options->label),
             report->n_train, report->n_holdout);
    buf_addf(out, "log-loss  %.4f   base rate %.4f\naccuracy  %.4f   majority class %.4f\n",
             report->holdout.loss, report->base.loss, report->holdout.accuracy,
             report->base.accuracy);
    add_calibration(out, report);
    buf_addf(out, "drift     %s %s %g, against %zu rows\n", drift_test_name(report->stattest),
             drift_test_sign(report->stattest), report->threshold, options->reference_days);
    add_comparison(out, &report->comparison);
    add_warnings(out, report, options);
    buf_addf(out, "%s\n", refused == NULL ? "published" : refused);
}

static void add_number(struct buf *out, const char *key, double value)
{
    buf_addf(out, ",\"%s\":", key);
    if (isfinite(value))
        buf_add_double(out, value);
    else
        buf_add_text(out, "null");
}

/* The numbers are there whenever the keys are: null where nothing was compared. */
static void comparison_json(struct buf *out, const struct train_comparison *c)
{
    bool compared = c->outcome == TRAIN_COMPARED;
    buf_addf(out, ",\"in_place\":{\"comparison\":\"%s\",\"days\":%zu", comparisons[c->outcome].key,
             c->n);
    add_number(out, "log_loss", compared ? c->in_place.loss : (double)NAN);
    add_number(out, "accuracy", compared ? c->in_place.accuracy : (double)NAN);
    add_number(out, "new_log_loss", compared ? c->candidate.loss : (double)NAN);
    add_number(out, "new_accuracy", compared ? c->candidate.accuracy : (double)NAN);
    buf_add_char(out, '}');
}

void report_json(struct buf *out, const struct train_report *report, const struct series *s,
                 const struct train_options *options, const char *refused)
{
    buf_addf(out, "{\"published\":%s,\"refused\":", refused == NULL ? "true" : "false");
    if (refused == NULL)
        buf_add_text(out, "null");
    else
        buf_add_json_string(out, refused);
    buf_add_text(out, ",\"name\":");
    buf_add_json_string(out, s->name);
    buf_addf(out, ",\"features\":\"%s\",\"label\":\"%s\"", features_kind_text(options->features),
             features_label_text(options->label));
    buf_addf(out, ",\"days\":%zu,\"skipped\":%zu,\"train\":%zu,\"holdout\":%zu,\"reference\":%zu",
             s->n, s->n_skipped, report->n_train, report->n_holdout, options->reference_days);
    buf_addf(out, ",\"stattest\":\"%s\"", drift_test_name(report->stattest));
    add_number(out, "threshold", report->threshold);
    add_number(out, "rises", report->rises);
    add_number(out, "log_loss", report->holdout.loss);
    add_number(out, "base_log_loss", report->base.loss);
    add_number(out, "accuracy", report->holdout.accuracy);
    add_number(out, "base_accuracy", report->base.accuracy);
    add_number(out, "calibration_error", report->calibration_error);
    for (size_t i = 0; i < TRAIN_PARTS; i++) {
        buf_addf(out, "%s{\"days\":%zu", i == 0 ? ",\"calibration\":[" : ",", report->parts[i].n);
        add_number(out, "said", report->parts[i].said);
        add_number(out, "rose", report->parts[i].rose);
        buf_add_char(out, '}');
    }
    buf_add_text(out, "]");
    comparison_json(out, &report->comparison);
    buf_addf(out, ",\"knows_something\":%s}\n", report->knows ? "true" : "false");
}
