#include "model/train/report.h"

#include "relay/base/strict_json.h"

#include <math.h>

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
    buf_addf(out, "log-loss  %.4f   base rate %.4f", report->loss, report->base_loss);
    if (!isnan(report->in_place_loss))
        buf_addf(out, "   model in place %.4f", report->in_place_loss);
    buf_addf(out, "\naccuracy  %.4f   base rate %.4f\n", report->accuracy, report->base_accuracy);
    if (options->label == LABEL_SAME_DAY)
        buf_add_text(out, "The label is of the same day, which is known when the model is asked: "
                          "this is no forecast.\n");
    else if (!report->knows)
        buf_add_text(out, "This model knows nothing: it is not measurably better than always "
                          "saying how often the price rose.\n");
    if (options->reference_days < TRAIN_REFERENCE_DAYS)
        buf_addf(out, "The drift reference has %zu rows; %d and more are advised.\n",
                 options->reference_days, TRAIN_REFERENCE_DAYS);
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
    add_number(out, "rises", report->rises);
    add_number(out, "log_loss", report->loss);
    add_number(out, "base_log_loss", report->base_loss);
    add_number(out, "in_place_log_loss", report->in_place_loss);
    add_number(out, "accuracy", report->accuracy);
    add_number(out, "base_accuracy", report->base_accuracy);
    buf_addf(out, ",\"knows_something\":%s}\n", report->knows ? "true" : "false");
}
