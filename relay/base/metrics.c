#include "relay/base/metrics.h"
#include "relay/base/must.h"

#include "relay/base/metric_family.h"
#include "relay/base/parse.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (memory == NULL)
        must_end();
    return memory;
}

/* --- families -----------------------------------------------------------------------------------
 */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* [a-zA-Z_][a-zA-Z0-9_]*: colons are for recording rules. */
static bool is_name(const char *text)
{
    if (!is_letter(*text))
        return false;
    while (is_letter(*text) || (*text >= '0' && *text <= '9'))
        text++;
    return *text == '\0';
}

/* Makes the names separated by ',' in metric->labels into label_names. */
static void split_labels(struct metric *metric)
{
    char *p = metric->labels;
    while (*p != '\0') {
        assert(metric->n_labels < METRIC_LABELS_MAX);
        metric->label_names[metric->n_labels++] = p;
        char *comma = strchr(p, ',');
        if (comma != NULL)
            *comma = '\0';
        assert(is_name(p) && strncmp(p, "__", 2) != 0 && strcmp(p, "le") != 0);
        p = comma != NULL ? comma + 1 : p + strlen(p);
    }
}

static struct metric *add_family(struct metrics *m, enum metric_type type, const char *name,
                                 const char *help, const char *labels)
{
    struct metric *metric = must(calloc(1, sizeof(*metric)));
    metric->owner = m;
    metric->type = type;
    metric->last = &metric->first;
    metric->help = must(strdup(help));
    metric->labels = must(strdup(labels));
    split_labels(metric);

    size_t size = strlen(m->prefix) + strlen(name) + 1;
    metric->name = must(malloc(size));
    (void)snprintf(metric->name, size, "%s%s", m->prefix, name);
    assert(is_name(metric->name));
    for (const struct metric *other = m->first; other != NULL; other = other->next)
        assert(strcmp(other->name, metric->name) != 0);

    *m->last = metric;
    m->last = &metric->next;
    return metric;
}

struct metrics *metrics_new(const char *prefix)
{
    struct metrics *m = must(calloc(1, sizeof(*m)));
    m->last = &m->first;
    m->prefix = must(strdup(prefix));
    if (pthread_mutex_init(&m->mutex, NULL) != 0)
        must(NULL);
    m->dropped = metrics_counter(m, "metrics_dropped_total",
                                 "Samples not kept because their family has too many series.", "");
    metric_touch(m->dropped, NULL);
    must(m->dropped->first);
    return m;
}

struct metric *metrics_counter(struct metrics *m, const char *name, const char *help,
                               const char *labels)
{
    return add_family(m, METRIC_COUNTER, name, help, labels);
}

struct metric *metrics_gauge(struct metrics *m, const char *name, const char *help,
                             const char *labels)
{
    return add_family(m, METRIC_GAUGE, name, help, labels);
}

struct metric *metrics_histogram(struct metrics *m, const char *name, const char *help,
                                 const char *labels, const double *bounds, size_t n_bounds)
{
    struct metric *metric = add_family(m, METRIC_HISTOGRAM, name, help, labels);
    metric->n_bounds = n_bounds + 1;
    metric->bounds = must(calloc(metric->n_bounds, sizeof(*bounds)));
    for (size_t i = 0; i < n_bounds; i++) {
        assert(isfinite(bounds[i]) && (i == 0 || bounds[i] > bounds[i - 1]));
        metric->bounds[i] = bounds[i];
    }
    metric->bounds[n_bounds] = (double)INFINITY;
    return metric;
}

static void free_series(struct metric *metric)
{
    while (metric->first != NULL) {
        struct series *s = metric->first;
        metric->first = s->next;
        free(s->counts);
        free(s);
    }
    metric->last = &metric->first;
    metric->n_series = 0;
    memset(metric->buckets, 0, sizeof(metric->buckets));
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    while (m->first != NULL) {
        struct metric *metric = m->first;
        m->first = metric->next;
        free_series(metric);
        free(metric->name);
        free(metric->help);
        free(metric->labels);
        free(metric->bounds);
        free(metric);
    }
    pthread_mutex_destroy(&m->mutex);
    free(m->prefix);
    free(m);
}

/* --- series -------------------------------------------------------------------------------------
 */

struct key {
    size_t len;
    char bytes[METRIC_LABELS_MAX * (METRIC_VALUE_MAX + 1)];
};

/* Appends value and a NUL: whole characters, at most METRIC_VALUE_MAX bytes of them. */
static void key_add(struct key *key, const char *value)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    size_t room = METRIC_VALUE_MAX, left = strlen(value);
    while (left > 0) {
        size_t n = utf8_char_len(value, left);
        const char *from = n > 0 ? value : replacement;
        size_t len = n > 0 ? n : sizeof(replacement) - 1;
        if (len > room)
            break;
        memcpy(key->bytes + key->len, from, len);
        key->len += len;
        room -= len;
        value += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
    key->bytes[key->len++] = '\0';
}

static void key_make(struct key *key, size_t n_labels, va_list values)
{
    bool more = true;
    key->len = 0;
    for (size_t i = 0; i < n_labels; i++) {
        const char *value = more ? va_arg(values, const char *) : NULL;
        more = value != NULL;
        key_add(key, more ? value : "");
    }
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ (32 bits). */
static size_t bucket_of(const struct key *key)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key->len; i++)
        hash = (hash ^ (unsigned char)key->bytes[i]) * 16777619u;
    return hash % METRIC_BUCKETS;
}

static struct series *series_new(const struct metric *metric, const struct key *key)
{
    struct series *s = calloc(1, sizeof(*s) + key->len);
    if (s == NULL)
        return NULL;
    if (metric->type == METRIC_HISTOGRAM) {
        s->counts = calloc(metric->n_bounds, sizeof(*s->counts));
        if (s->counts == NULL) {
            free(s);
            return NULL;
        }
    }
    memcpy(s->key, key->bytes, key->len);
    s->key_len = key->len;
    return s;
}

/* The mutex is held. NULL when the family is full or memory is out, which is counted. */
static struct series *series_of(struct metric *metric, const struct key *key)
{
    struct series **bucket = &metric->buckets[bucket_of(key)];
    for (struct series *s = *bucket; s != NULL; s = s->chain)
        if (s->key_len == key->len && memcmp(s->key, key->bytes, key->len) == 0)
            return s;

    struct series *s = metric->n_series < METRIC_SERIES_MAX ? series_new(metric, key) : NULL;
    if (s == NULL) {
        /* That family's one series was made with the registry. */
        metric->owner->dropped->first->value += 1;
        return NULL;
    }
    s->chain = *bucket;
    *bucket = s;
    *metric->last = s;
    metric->last = &s->next;
    metric->n_series++;
    return s;
}

static void lock(const struct metric *metric)
{
    (void)pthread_mutex_lock(&metric->owner->mutex);
}

static void unlock(const struct metric *metric)
{
    (void)pthread_mutex_unlock(&metric->owner->mutex);
}

void metric_add(struct metric *metric, double amount, ...)
{
    assert(metric->type != METRIC_HISTOGRAM);
    if (metric->type == METRIC_COUNTER && !(amount >= 0))
        return;
    struct key key;
    va_list values;
    va_start(values, amount);
    key_make(&key, metric->n_labels, values);
    va_end(values);
    lock(metric);
    struct series *s = series_of(metric, &key);
    if (s != NULL)
        s->value += amount;
    unlock(metric);
}

void metric_set(struct metric *metric, double value, ...)
{
    assert(metric->type != METRIC_HISTOGRAM);
    struct key key;
    va_list values;
    va_start(values, value);
    key_make(&key, metric->n_labels, values);
    va_end(values);
    lock(metric);
    struct series *s = series_of(metric, &key);
    if (s != NULL)
        s->value = value;
    unlock(metric);
}

void metric_observe(struct metric *metric, double value, ...)
{
    assert(metric->type == METRIC_HISTOGRAM);
    if (isnan(value))
        return;
    struct key key;
    va_list values;
    va_start(values, value);
    key_make(&key, metric->n_labels, values);
    va_end(values);
    size_t i = 0;
    while (value > metric->bounds[i]) /* nothing is above the last one */
        i++;
    lock(metric);
    struct series *s = series_of(metric, &key);
    if (s != NULL) {
        s->counts[i]++;
        s->value += value;
    }
    unlock(metric);
}

void metric_touch(struct metric *metric, ...)
{
    struct key key;
    va_list values;
    va_start(values, metric);
    key_make(&key, metric->n_labels, values);
    va_end(values);
    lock(metric);
    (void)series_of(metric, &key);
    unlock(metric);
}

void metric_clear(struct metric *metric)
{
    assert(metric->type == METRIC_GAUGE);
    lock(metric);
    free_series(metric);
    unlock(metric);
}
