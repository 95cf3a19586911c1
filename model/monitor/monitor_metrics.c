/* Not by relay/base/metrics.h: series come and go here with their rows, and the bounds of a
 * histogram are those of its model. */
#include "model/monitor/monitor.h"

#include "model/monitor/monitor_private.h"
#include "relay/base/metrics.h"
#include "relay/base/scope.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE_LABEL 12 /* digits of the hash that tell references apart */

struct writer {
    struct buf *out;
    const struct monitor_view *views, *first; /* first: NULL when it is not there yet */
    size_t n;
    const char *family; /* whose series come next */
};

static void begin(struct writer *w, const char *family, const char *type, const char *help)
{
    w->family = family;
    buf_addf(w->out, "# HELP %s %s\n# TYPE %s %s\n", family, help, family, type);
}

static void each_feature(struct writer *w,
                         void (*add)(struct writer *w, const struct monitor_view *v, size_t f))
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t f = 0; f < FEATURES; f++)
            add(w, &w->views[i], f);
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

static void add_first(struct writer *w, size_t f)
{
    const char *feature = features_names[f];
    buf_addf(
        w->out,
        "# HELP data_drift_score_%s model_drift_score of the first model; by ks, low = drift.\n"
        "# TYPE data_drift_score_%s gauge\n",
        feature, feature);
    if (w->first != NULL && w->first->scores[f].scored) {
        buf_addf(w->out, "data_drift_score_%s ", feature);
        buf_add_double(w->out, w->first->scores[f].result.score);
        buf_add_char(w->out, '\n');
    }
}

static void add_result(struct writer *w, const struct monitor_view *v, size_t f, double value)
{
    if (!v->scores[f].scored)
        return;
    open_labels(w, "", v, features_names[f]);
    add_label(w, "stattest", drift_test_name(v->scores[f].result.test));
    close_labels(w, value);
}

static void add_score(struct writer *w, const struct monitor_view *v, size_t f)
{
    add_result(w, v, f, v->scores[f].result.score);
}

static void add_threshold(struct writer *w, const struct monitor_view *v, size_t f)
{
    add_result(w, v, f, v->scores[f].result.threshold);
}

static void add_detected(struct writer *w, const struct monitor_view *v, size_t f)
{
    add_result(w, v, f, v->scores[f].result.detected);
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

static void add_samples(struct writer *w, const struct monitor_view *v, size_t f)
{
    open_labels(w, "", v, features_names[f]);
    add_label(w, "set", "reference");
    close_labels(w, (double)v->reference.n);
    open_labels(w, "", v, features_names[f]);
    add_label(w, "set", "current");
    close_labels(w, (double)v->rows);
}

static void add_reference_info(struct writer *w, const struct monitor_view *v, size_t f)
{
    open_labels(w, "", v, features_names[f]);
    add_label(w, "hash", v->reference.hash);
    close_labels(w, 1);
}

/* --- counters -----------------------------------------------------------------------------------
 */

static void add_errors(struct writer *w, const struct monitor_view *v, size_t f)
{
    open_labels(w, "", v, features_names[f]);
    close_labels(w, (double)v->counts.errors[f]);
}

static void add_count(struct writer *w, const struct monitor_view *v, const char *label,
                      const char *value, uint64_t count)
{
    open_labels(w, "", v, NULL);
    add_label(w, label, value);
    close_labels(w, (double)count);
}

static void add_rows(struct writer *w)
{
    begin(w, "model_predictions_total", "counter",
          "Rows that were answered, by the likelier side.");
    for (size_t i = 0; i < w->n; i++) {
        add_count(w, &w->views[i], "outcome", "up", w->views[i].counts.up);
        add_count(w, &w->views[i], "outcome", "down", w->views[i].counts.down);
    }
    begin(w, "model_rows_rejected_total", "counter", "Rows that no window took.");
    for (size_t i = 0; i < w->n; i++) {
        add_count(w, &w->views[i], "reason", "not_finite", w->views[i].counts.not_finite);
        add_count(w, &w->views[i], "reason", "wrong_length", w->views[i].counts.wrong_length);
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

static void add_bin(struct writer *w, const struct monitor_view *v, size_t f, size_t bin,
                    double value)
{
    open_bin(w, "", v, f);
    buf_addf(w->out, ",bin=\"%zu\"", bin);
    close_labels(w, value);
}

static void add_bins(struct writer *w, const struct monitor_view *v, size_t f)
{
    for (size_t bin = 0; bin <= v->reference.features[f].n_edges; bin++)
        add_bin(w, v, f, bin, (double)v->counts.bins[f][bin]);
}

static void add_reference_bins(struct writer *w, const struct monitor_view *v, size_t f)
{
    for (size_t bin = 0; bin <= v->reference.features[f].n_edges; bin++)
        add_bin(w, v, f, bin, v->reference.features[f].share[bin]);
}

/* up_to[n_edges] is the number of all. */
static void add_histogram(struct writer *w, const struct monitor_view *v, size_t f,
                          const size_t *up_to, double sum)
{
    const struct reference_feature *feature = &v->reference.features[f];
    for (size_t k = 0; k <= feature->n_edges; k++) {
        open_bin(w, "_bucket", v, f);
        buf_add_text(w->out, ",le=\"");
        buf_add_double(w->out, k < feature->n_edges ? feature->edges[k] : (double)INFINITY);
        buf_add_char(w->out, '"');
        close_labels(w, (double)up_to[k]);
    }
    open_bin(w, "_sum", v, f);
    close_labels(w, sum);
    open_bin(w, "_count", v, f);
    close_labels(w, (double)up_to[feature->n_edges]);
}

static void add_values(struct writer *w, const struct monitor_view *v, size_t f)
{
    size_t up_to[REFERENCE_BINS], sum = 0;
    for (size_t k = 0; k <= v->reference.features[f].n_edges; k++)
        up_to[k] = sum += v->counts.buckets[f][k];
    add_histogram(w, v, f, up_to, v->counts.sums[f]);
}

/* A histogram as well, so that Prometheus 3, which spells le anew, does so to both. */
static void add_reference_values(struct writer *w, const struct monitor_view *v, size_t f)
{
    const struct reference_feature *feature = &v->reference.features[f];
    size_t up_to[REFERENCE_BINS];
    memcpy(up_to, feature->up_to, sizeof(feature->up_to));
    up_to[feature->n_edges] = v->reference.n;
    add_histogram(w, v, f, up_to, feature->sum);
}

static void add_families(struct writer *w)
{
    static const struct {
        const char *family, *type, *help;
        void (*add)(struct writer *w, const struct monitor_view *v, size_t f);
    } families[] = {
        /* clang-format off */
        { "model_drift_score", "gauge", "How far the window is from the reference: small p-values mean drift, large distances do.", add_score },
        { "model_drift_threshold", "gauge", "The score at which the model's test begins to call it drift.", add_threshold },
        { "model_drift_detected", "gauge", "1 while the score is beyond the threshold.", add_detected },
        { "model_drift_samples", "gauge", "Rows that a score is made of.", add_samples },
        { "model_drift_reference_info", "gauge", "1; hash is the checksum of the model file.", add_reference_info },
        { "model_drift_errors_total", "counter", "Scores that could not be computed.", add_errors },
        { "model_feature_bin_total", "counter", "Rows by the bin their value is in, from 0: an edge opens the next bin.", add_bins },
        { "model_feature_reference_bin_ratio", "gauge", "Share of the reference in each bin; 0.0001 where it has none.", add_reference_bins },
        { "model_feature_value", "histogram", "The values that were answered.", add_values },
        { "model_feature_reference_value", "histogram", "The values of the reference.", add_reference_values },
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        begin(w, families[i].family, families[i].type, families[i].help);
        each_feature(w, families[i].add);
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
    size_t there = 0;
    for (size_t i = 0; i < n; i++)
        if (monitors[i] != NULL)
            monitor_look(&views[there++], monitors[i]);
    struct writer w = {
        .out = out, .views = views, .first = monitors[0] != NULL ? views : NULL, .n = there};
    for (size_t f = 0; f < FEATURES; f++)
        add_first(&w, f);
    add_verdicts(&w, true);
    add_verdicts(&w, false);
    add_rows(&w);
    add_families(&w);
}
