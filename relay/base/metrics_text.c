/* Text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/. */
#include "relay/base/metrics.h"

#include "relay/base/metric_family.h"

#include <stdbool.h>
#include <string.h>

/* Help escapes backslash and newline; a label value the quotation mark, too. */
static void add_escaped(struct buf *out, const char *text, bool quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            buf_add_text(out, "\\\\");
        else if (*text == '\n')
            buf_add_text(out, "\\n");
        else if (*text == '"' && quoted)
            buf_add_text(out, "\\\"");
        else
            buf_add_char(out, *text);
    }
}

void buf_add_label_value(struct buf *out, const char *text)
{
    add_escaped(out, text, true);
}

static void add_header(struct buf *out, const struct metric *metric)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    buf_addf(out, "# HELP %s ", metric->name);
    add_escaped(out, metric->help, false);
    buf_addf(out, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
}

/* {a="1",le="0.5"}, or nothing without labels; le NULL = not a bucket. */
static void add_labels(struct buf *out, const struct metric *metric, const struct series *s,
                       const double *le)
{
    const char *value = s->key;
    char separator = '{';
    for (size_t i = 0; i < metric->n_labels; i++) {
        buf_addf(out, "%c%s=\"", separator, metric->label_names[i]);
        buf_add_label_value(out, value);
        buf_add_char(out, '"');
        value += strlen(value) + 1;
        separator = ',';
    }
    if (le != NULL) {
        buf_addf(out, "%cle=\"", separator);
        buf_add_real(out, *le); /* "1.0": as other clients and OpenMetrics spell it */
        buf_add_char(out, '"');
        separator = ',';
    }
    if (separator == ',')
        buf_add_char(out, '}');
}

static void add_histogram(struct buf *out, const struct metric *metric, const struct series *s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < metric->n_bounds; i++) {
        count += s->counts[i];
        buf_addf(out, "%s_bucket", metric->name);
        add_labels(out, metric, s, &metric->bounds[i]);
        buf_addf(out, " %llu\n", (unsigned long long)count);
    }
    buf_addf(out, "%s_sum", metric->name);
    add_labels(out, metric, s, NULL);
    buf_add_char(out, ' ');
    buf_add_double(out, s->value);
    buf_addf(out, "\n%s_count", metric->name);
    add_labels(out, metric, s, NULL);
    buf_addf(out, " %llu\n", (unsigned long long)count);
}

void metrics_write(struct metrics *m, struct buf *out)
{
    (void)pthread_mutex_lock(&m->mutex);
    for (const struct metric *metric = m->first; metric != NULL; metric = metric->next) {
        add_header(out, metric);
        for (const struct series *s = metric->first; s != NULL; s = s->next) {
            if (metric->type == METRIC_HISTOGRAM) {
                add_histogram(out, metric, s);
                continue;
            }
            buf_add_text(out, metric->name);
            add_labels(out, metric, s, NULL);
            buf_add_char(out, ' ');
            buf_add_double(out, s->value);
            buf_add_char(out, '\n');
        }
    }
    (void)pthread_mutex_unlock(&m->mutex);
}
