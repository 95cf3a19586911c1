#include "model/app/drift_status.h"

#include "relay/base/parse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 2048

/* One sample: NAME{LABEL="VALUE",…} NUMBER, cut to what is asked of it. */
struct sample {
    const char *metric;
    size_t metric_len;
    char model[128], feature[DRIFT_STATUS_TEXT], set[16], hash[DRIFT_STATUS_TEXT];
    double value;
};

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* Behind the closing quote, NULL where there is none. A value that does not fit is "". */
static const char *read_value(char *out, size_t size, const char *p)
{
    size_t len = 0;
    for (; *p != '"'; p++) {
        bool escaped = *p == '\\';
        if (escaped)
            p++;
        if (*p == '\0')
            return NULL;
        if (len < size)
            out[len++] = escaped && *p == 'n' ? '\n' : *p;
    }
    out[len < size ? len : 0] = '\0';
    return p + 1;
}

/* Behind the closing brace, NULL when they are no labels. */
static const char *read_labels(struct sample *s, const char *p)
{
    const struct {
        const char *name;
        char *value;
        size_t size;
    } wanted[] = {
        {"model", s->model, sizeof(s->model)},
        {"feature", s->feature, sizeof(s->feature)},
        {"set", s->set, sizeof(s->set)},
        {"hash", s->hash, sizeof(s->hash)},
    };
    for (p = skip_blanks(p); *p != '}'; p = skip_blanks(p)) {
        char other[1];
        char *value = other;
        size_t size = sizeof(other), len = strcspn(p, "= \t\",}");
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            if (strlen(wanted[i].name) == len && strncmp(p, wanted[i].name, len) == 0) {
                value = wanted[i].value;
                size = wanted[i].size;
            }
        }
        p = skip_blanks(p + len);
        if (len == 0 || *p != '=' || *(p = skip_blanks(p + 1)) != '"')
            return NULL;
        p = read_value(value, size, p + 1);
        if (p == NULL)
            return NULL;
        p = skip_blanks(p);
        if (*p == ',')
            p++;
    }
    return p + 1;
}

static bool read_sample(struct sample *s, char *line)
{
    struct error err = {0};
    const char *p = skip_blanks(line);
    *s = (struct sample){.metric = p, .metric_len = strcspn(p, "{ \t")};
    if (s->metric_len == 0 || *p == '#')
        return false;
    p = skip_blanks(p + s->metric_len);
    if (*p == '{' && (p = read_labels(s, p + 1)) == NULL)
        return false;
    p = skip_blanks(p);
    line[(p - line) + (ptrdiff_t)strcspn(p, " \t\r")] = '\0'; /* a timestamp may follow */
    return parse_double(&s->value, p, &err) == 0;
}

static struct drift_feature *feature_of(struct drift_status *status, const char *name)
{
    for (size_t i = 0; i < status->n_features; i++) {
        if (strcmp(status->features[i].name, name) == 0)
            return &status->features[i];
    }
    if (name[0] == '\0' || status->n_features == DRIFT_STATUS_FEATURES)
        return NULL;
    struct drift_feature *f = &status->features[status->n_features++];
    f->score = f->threshold = f->detected = f->samples = (double)NAN;
    (void)snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

static bool is_metric(const struct sample *s, const char *name)
{
    return strlen(name) == s->metric_len && strncmp(s->metric, name, s->metric_len) == 0;
}

static void take(struct drift_status *status, const struct sample *s)
{
    static const struct {
        const char *metric;
        size_t offset;
        const char *set; /* NULL: any */
    } gauges[] = {
        {"model_drift_score", offsetof(struct drift_feature, score), NULL},
        {"model_drift_threshold", offsetof(struct drift_feature, threshold), NULL},
        {"model_drift_detected", offsetof(struct drift_feature, detected), NULL},
        {"model_drift_samples", offsetof(struct drift_feature, samples), "current"},
    };
    if (is_metric(s, "model_drift_reference_info") && status->hash[0] == '\0')
        (void)snprintf(status->hash, sizeof(status->hash), "%s", s->hash);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        if (!is_metric(s, gauges[i].metric) ||
            (gauges[i].set != NULL && strcmp(gauges[i].set, s->set) != 0))
            continue;
        struct drift_feature *f = feature_of(status, s->feature);
        if (f != NULL)
            memcpy((char *)f + gauges[i].offset, &s->value, sizeof(s->value));
    }
}

void drift_status_read(struct drift_status *out, const char *text, size_t len, const char *model)
{
    *out = (struct drift_status){.n_features = 0};
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end == NULL ? len : (size_t)(end - text);
        char line[LINE_MAX_BYTES];
        struct sample s;
        if (n < sizeof(line)) {
            (void)snprintf(line, sizeof(line), "%.*s", (int)n, text);
            if (read_sample(&s, line) &&
                (model[0] == '\0' || s.model[0] == '\0' || strcmp(s.model, model) == 0))
                take(out, &s);
        }
        n += end == NULL ? 0 : 1;
        text += n;
        len -= n;
    }
}

enum drift_state drift_status_state(const struct drift_status *s)
{
    bool counted = false, judged = false;
    for (size_t i = 0; i < s->n_features; i++) {
        const struct drift_feature *f = &s->features[i];
        if (f->detected > 0)
            return DRIFT_DETECTED;
        /* Without a score the 0 is no verdict. */
        judged = judged || (f->detected >= 0 && !isnan(f->score));
        counted = counted || !isnan(f->samples);
    }
    return judged ? DRIFT_NONE : counted ? DRIFT_TOO_FEW : DRIFT_UNKNOWN;
}
