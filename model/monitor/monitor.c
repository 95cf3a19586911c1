#include "model/monitor/monitor.h"

#include "model/monitor/monitor_private.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void count(struct monitor_counts *c, const struct reference *r, const double *x)
{
    for (size_t i = 0; i < FEATURES; i++) {
        const struct reference_feature *f = &r->features[i];
        c->bins[i][reference_bin(f, x[i])]++;
        c->buckets[i][reference_bucket(f, x[i])]++;
        c->sums[i] += x[i];
    }
}

static void put(struct inbox *box, size_t room, const struct drift_row *row)
{
    box->rows[(box->first + box->n) % room] = *row;
    if (box->n < room)
        box->n++;
    else
        box->first = (box->first + 1) % room;
}

void monitor_observe(struct monitor *m, const double *features, size_t n, double probability_up)
{
    struct drift_row row = {.at_ms = clock_mono(m->clock).ms};
    bool finite = isfinite(probability_up);
    for (size_t i = 0; n == FEATURES && i < FEATURES; i++) {
        row.x[i] = features[i];
        finite = finite && isfinite(features[i]);
    }
    monitor_lock(m);
    if (n != FEATURES) {
        m->counts.wrong_length++;
    } else if (!finite) {
        m->counts.not_finite++;
    } else {
        *(probability_up >= 0.5 ? &m->counts.up : &m->counts.down) += 1;
        count(&m->counts, m->newest, row.x);
        /* Another thread may have asked the clock later and come first. */
        m->last_ms = row.at_ms = row.at_ms > m->last_ms ? row.at_ms : m->last_ms;
        put(&m->inbox, m->span.rows, &row);
        if (m->inbox.n == 1)
            (void)pthread_cond_signal(&m->wake);
    }
    monitor_unlock(m);
}

static void forget(struct monitor *m)
{
    m->inbox.n = 0;
    m->rows = 0;
    memset(m->scores, 0, sizeof(m->scores));
    memset(m->counts.bins, 0, sizeof(m->counts.bins));
    memset(m->counts.buckets, 0, sizeof(m->counts.buckets));
    memset(m->counts.sums, 0, sizeof(m->counts.sums));
}

void monitor_swap(struct monitor *m, struct reference *r)
{
    monitor_lock(m);
    /* One that the thread never took is nobody's any more; it frees the one it uses itself. */
    struct reference *orphan = m->newest != m->used ? m->newest : NULL;
    m->newest = r;
    forget(m);
    (void)pthread_cond_signal(&m->wake);
    monitor_unlock(m);
    reference_free(orphan);
}

void monitor_look(struct monitor_view *out, struct monitor *m)
{
    out->name = m->name;
    monitor_lock(m);
    out->reference = *m->newest;
    out->rows = m->rows;
    memcpy(out->scores, m->scores, sizeof(out->scores));
    out->counts = m->counts;
    monitor_unlock(m);
    for (size_t i = 0; i < FEATURES; i++)
        out->reference.features[i].sorted = NULL; /* may be freed any time */
}

static bool is_label(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_char_len(name + i, len - i);
        if (n == 0)
            return false;
    }
    return len > 0 && len <= MONITOR_NAME_MAX;
}

static int check(const struct monitor_options *o, const char *name, struct error *err)
{
    if (!is_label(name))
        return error_set(err, -EINVAL, "a model's name has 1 to %d bytes of UTF-8",
                         MONITOR_NAME_MAX);
    if (o->span.rows < 1 || o->span.rows > DRIFT_WINDOW_MAX || o->min_samples < 1)
        return error_set(err, -EINVAL, "window: 1 to %d rows, min_samples at least 1",
                         DRIFT_WINDOW_MAX);
    return 0;
}

static struct monitor *allocate(void)
{
    struct monitor *m = calloc(1, sizeof(*m));
    pthread_condattr_t attributes;
    if (m == NULL || pthread_condattr_init(&attributes) != 0) {
        free(m);
        return NULL;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&m->mutex, NULL);
    (void)pthread_cond_init(&m->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return m;
}

static int make_parts(struct monitor *m, const struct monitor_options *o, const char *name,
                      const struct model_file *model, struct error *err)
{
    m->span = o->span;
    m->min_samples = o->min_samples;
    m->clock = o->clock;
    m->last_ms = INT64_MIN;
    m->unscored = true;
    m->saved_ms = clock_mono(o->clock).ms;
    m->name = strdup(name);
    m->state_path = o->state_path != NULL ? strdup(o->state_path) : NULL;
    m->inbox.rows = calloc(o->span.rows, sizeof(*m->inbox.rows));
    m->taken.rows = calloc(o->span.rows, sizeof(*m->taken.rows));
    if (m->name == NULL || (o->state_path != NULL && m->state_path == NULL) ||
        m->inbox.rows == NULL || m->taken.rows == NULL)
        return error_set(err, -ENOMEM, "a monitor: out of memory");
    int r = drift_window_make(&m->window, &o->span, err);
    if (r == 0)
        r = reference_make(&m->newest, model, err);
    m->used = m->newest;
    return r;
}

static void monitor_free(struct monitor *m)
{
    if (m->newest != m->used)
        reference_free(m->newest);
    reference_free(m->used);
    drift_window_free(m->window);
    free(m->inbox.rows);
    free(m->taken.rows);
    free(m->state_path);
    free(m->name);
    (void)pthread_cond_destroy(&m->wake);
    (void)pthread_mutex_destroy(&m->mutex);
    free(m);
}

static void monitor_free_p(struct monitor **m)
{
    if (*m != NULL)
        monitor_free(*m);
}

int monitor_start(struct monitor **out, const struct monitor_options *o, const char *name,
                  const struct model_file *model, struct error *err)
{
    int r = check(o, name, err);
    if (r != 0)
        return r;
    SCOPED(monitor_free_p) struct monitor *m = allocate();
    if (m == NULL)
        return error_set(err, -ENOMEM, "a monitor: out of memory");
    r = make_parts(m, o, name, model, err);
    if (r != 0)
        return r;
    if (m->state_path != NULL)
        monitor_load(m);
    r = thread_start(&m->thread, "drift-monitor", monitor_run, m, err);
    if (r == 0)
        *out = GIVE(m);
    return r;
}

void monitor_stop(struct monitor *m)
{
    if (m == NULL)
        return;
    monitor_lock(m);
    m->stopping = true;
    (void)pthread_cond_signal(&m->wake);
    monitor_unlock(m);
    (void)pthread_join(m->thread, NULL);
    monitor_free(m);
}

void monitor_stop_p(struct monitor **m)
{
    monitor_stop(*m);
}
