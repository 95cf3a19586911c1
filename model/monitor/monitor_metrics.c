/* Not by relay/base/metrics.h: series come and go here with their rows, and the bounds of a
 * histogram are those of its model. */
#include "model/monitor/monitor.h"

#include "model/monitor/monitor_private.h"
#include "relay/base/metrics.h"
#include "relay/base/scope.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REFERENCE_LABEL 12 /* digits of the hash that tell references apart */

struct writer {
    struct buf *out;
    const struct monitor_view *views;
    size_t n;
    const char *family;
};

static void begin(struct writer *w, const char *family, const char *type, const char *help)
{
    w->family = family;
    buf_addf(w->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

/* FAMILY SUFFIX {model="NAME", feature="…": what the caller adds goes on from here. */
static void open_labels(struct writer *w, const char *suffix, const struct monitor_view *v,
                        const char *feature)
{
    buf_addf(w->out, "%s%s{model=\"", w->family, suffix);
    buf_add_label_value(w->out, v->name);
    buf_add_char(w->out, '"');
    if (feature != NULL)
        buf_addf(w->out, ",feature=\"%s\"", feature);
}

static void add_label(struct writer *w, const char *name, const char *value)
{
    buf_addf(w->out, ",%s=\"%s\"", name, value);
}

static void close_labels(struct writer *w, double value)
{
    buf_add_text(w->out, "} ");
    buf_add_double(w->out, value);
    buf_add_char(w->out, '\n');
}

/* --- scores -------------------------------------------------------------------------------------
 */

static void add_first(struct writer *w, size_t feature)
{
    char family[64];
    const struct monitor_score *s = &w->views[0].scores[feature];
    (void)snprintf(family, sizeof(family), "data_drift_score_%s", features_names[feature]);
    begin(w, family, "gauge", "model_drift_score of the first model, by any test.");
    if (s->scored) {
        buf_addf(w->out, "%s ", family);
        buf_add_double(w->out, s->result.score);
        buf_add_char(w->out, '\n');
    }
}

static double score_of(const struct drift_result *r)
{
    return r->score;
}

static double threshold_of(const struct drift_result *r)
{
    return r->threshold;
}

static double detected_of(const struct drift_result *r)
{
    return r->detected ? 1 : 0;
}

static void add_scores(struct writer *w)
{
    static const struct {
        const char *family, *help;
        double (*value)(const struct drift_result *r);
    } families[] = {
        {"model_drift_score",
         "How far the window is from the reference: small p-values mean drift, large distances do.",
         score_of},
        {"model_drift_threshold", "The score from which on the model's test calls it drift.",
         threshold_of},
        {"model_drift_detected", "1 while the score is beyond the threshold.", detected_of},
    };
    for (size_t k = 0; k < sizeof(families) / sizeof(families[0]); k++) {
        begin(w, families[k].family, "gauge", families[k].help);
        for (size_t i = 0; i < w->n; i++)
            for (size_t f = 0; f < FEATURES; f++) {
                const struct monitor_score *s = &w->views[i].scores[f];
                if (!s->scored)
                    continue;
                open_labels(w, "", &w->views[i], features_names[f]);
                add_label(w, "stattest", drift_test_name(s->result.test));
                close_labels(w, families[k].value(&s->result));
            }
    }
}

static void add_verdicts(struct writer *w, bool share)
{
    if (share)
        begin(w, "model_dataset_drift_share", "gauge",
              "Share of the scored features that drifted.");
    else
        begin(w, "model_dataset_drift", "gauge", "1 while half of the scored features drifted.");
    for (size_t i = 0; i < w->n; i++) {
        struct drift_verdict verdict = {0};
        for (size_t f = 0; f < FEATURES; f++) {
            const struct monitor_score *s = &w->views[i].scores[f];
            verdict.columns += s->scored ? 1 : 0;
            verdict.drifted += s->scored && s->result.detected ? 1 : 0;
        }
        if (verdict.columns == 0)
            continue;
        open_labels(w, "", &w->views[i], NULL);
        close_labels(w, share ? drift_share(&verdict) : drift_dataset(&verdict));
    }
}

static void add_samples(struct writer *w)
{
    begin(w, "model_drift_samples", "gauge", "Rows that a score is made of.");
    for (size_t i = 0; i < w->n; i++)
        for (size_t f = 0; f < FEATURES; f++) {
            open_labels(w, "", &w->views[i], features_names[f]);
            add_label(w, "set", "reference");
            close_labels(w, (double)w->views[i].reference.n);
            open_labels(w, "", &w->views[i], features_names[f]);
            add_label(w, "set", "current");
            close_labels(w, (double)w->views[i].rows);
        }
}

static void add_reference_info(struct writer *w)
{
    begin(w, "model_drift_reference_info", "gauge", "1; hash is the checksum of the model file.");
    for (size_t i = 0; i < w->n; i++)
        for (size_t f = 0; f < FEATURES; f++) {
            open_labels(w, "", &w->views[i], features_names[f]);
            add_label(w, "hash", w->views[i].reference.hash);
            close_labels(w, 1);
        }
}

/* --- counters -----------------------------------------------------------------------------------
 */

static void add_counters(struct writer *w)
{
    begin(w, "model_drift_errors_total", "counter", "Scores that could not be computed.");
    for (size_t i = 0; i < w->n; i++)
        for (size_t f = 0; f < FEATURES; f++) {
            open_labels(w, "", &w->views[i], features_names[f]);
            close_labels(w, (double)w->views[i].counts.errors[f]);
        }
    begin(w, "model_predictions_total", "counter",
          "Rows that were answered, by the likelier side.");
    for (size_t i = 0; i < w->n; i++) {
        open_labels(w, "", &w->views[i], NULL);
        add_label(w, "outcome", "up");
        close_labels(w, (double)w->views[i].counts.up);
        open_labels(w, "", &w->views[i], NULL);
        add_label(w, "outcome", "down");
        close_labels(w, (double)w->views[i].counts.down);
    }
    begin(w, "model_rows_rejected_total", "counter", "Rows that no window took.");
    for (size_t i = 0; i < w->n; i++) {
        open_labels(w, "", &w->views[i], NULL);
        add_label(w, "reason", "not_finite");
        close_labels(w, (double)w->views[i].counts.not_finite);
        open_labels(w, "", &w->views[i], NULL);
        add_label(w, "reason", "wrong_length");
        close_labels(w, (double)w->views[i].counts.wrong_length);
    }
}

/* --- bins, which a fleet can add up -------------------------------------------------------------
 */

static void open_bin(struct writer *w, const char *suffix, const struct monitor_view *v, size_t f)
{
    char reference[REFERENCE_LABEL + 1];
    (void)snprintf(reference, sizeof(reference), "%.*s", REFERENCE_LABEL, v->reference.hash);
    open_labels(w, suffix, v, features_names[f]);
    add_label(w, "reference", reference);
}

static void add_bins(struct writer *w, bool reference)
{
    if (reference)
        begin(w, "model_feature_reference_bin_ratio", "gauge",
              "Share of the reference in each bin; 0.0001 where it has none.");
    else
        begin(w, "model_feature_bin_total", "counter",
              "Rows by the bin their value is in, from 0: an edge opens the next bin.");
    for (size_t i = 0; i < w->n; i++)
        for (size_t f = 0; f < FEATURES; f++) {
            const struct monitor_view *v = &w->views[i];
            for (size_t bin = 0; bin <= v->reference.features[f].n_edges; bin++) {
                open_bin(w, "", v, f);
                buf_addf(w->out, ",bin=\"%zu\"", bin);
                close_labels(w, reference ? v->reference.features[f].share[bin]
                                          : (double)v->counts.bins[f][bin]);
            }
        }
}

/* up_to[n_edges] is the number of all. */
static void add_buckets(struct writer *w, const struct monitor_view *v, size_t f,
                        const uint64_t *up_to, double sum)
{
    const struct reference_feature *feature = &v->reference.features[f];
    for (size_t k = 0; k <= feature->n_edges; k++) {
        open_bin(w, "_bucket", v, f);
        buf_add_text(w->out, ",le=\"");
        if (k < feature->n_edges)
            buf_add_double(w->out, feature->edges[k]);
        else
            buf_add_text(w->out, "+Inf");
        buf_add_char(w->out, '"');
        close_labels(w, (double)up_to[k]);
    }
    open_bin(w, "_sum", v, f);
    close_labels(w, sum);
    open_bin(w, "_count", v, f);
    close_labels(w, (double)up_to[feature->n_edges]);
}

/* The reference is a histogram as well, so that Prometheus 3, which spells le anew, does so to
 * both. */
static void add_histograms(struct writer *w, bool reference)
{
    if (reference)
        begin(w, "model_feature_reference_value", "histogram", "The reference's values.");
    else
        begin(w, "model_feature_value", "histogram", "The values that were answered.");
    for (size_t i = 0; i < w->n; i++)
        for (size_t f = 0; f < FEATURES; f++) {
            const struct monitor_view *v = &w->views[i];
            uint64_t up_to[REFERENCE_BINS] = {0};
            size_t n_edges = v->reference.features[f].n_edges;
            for (size_t k = 0; k <= n_edges; k++)
                up_to[k] = v->counts.buckets[f][k] + (k > 0 ? up_to[k - 1] : 0);
            for (size_t k = 0; reference && k <= n_edges; k++)
                up_to[k] = k < n_edges ? v->reference.features[f].up_to[k] : v->reference.n;
            add_buckets(w, v, f, up_to,
                        reference ? v->reference.features[f].sum : v->counts.sums[f]);
        }
}

void monitor_metrics(struct monitor *const *monitors, size_t n, struct buf *out)
{
    if (n == 0)
        return;
    SCOPED(free_p) struct monitor_view *views = calloc(n, sizeof(*views));
    if (views == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        monitor_look(&views[i], monitors[i]);
    struct writer w = {.out = out, .views = views, .n = n};
    for (size_t f = 0; f < FEATURES; f++)
        add_first(&w, f);
    add_scores(&w);
    add_verdicts(&w, true);
    add_verdicts(&w, false);
    add_samples(&w);
    add_reference_info(&w);
    add_counters(&w);
    add_bins(&w, false);
    add_bins(&w, true);
    add_histograms(&w, false);
    add_histograms(&w, true);
}
