#include "model/monitor/drift_window.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct drift_window {
    struct drift_window_span span;
    struct drift_row *rows; /* a ring of span.rows */
    size_t first, n;
    double *sorted[FEATURES]; /* n values each */
    double *merged;           /* the next sorted[] is made here */
    double *gone, *come;      /* values of one feature that leave and enter */
    uint64_t steps;
};

int drift_window_parse(struct drift_window_span *out, const char *text, struct error *err)
{
    int64_t number = 0;
    if (strcmp(text, "all") == 0) {
        *out = (struct drift_window_span){.rows = DRIFT_WINDOW_MAX};
        return 0;
    }
    if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
        if (parse_int64(&number, text, 1, DRIFT_WINDOW_MAX, NULL) != 0)
            return error_set(err, -ERANGE, "window: 1 to %d rows, not %s", DRIFT_WINDOW_MAX, text);
        *out = (struct drift_window_span){.rows = (size_t)number};
        return 0;
    }
    if (parse_duration_ms(&number, text, NULL) != 0 || number == 0)
        return error_set(err, -EINVAL,
                         "window: a number of rows (60), a duration (2h) or all, not \"%s\"", text);
    *out = (struct drift_window_span){.rows = DRIFT_WINDOW_MAX, .age_ms = number};
    return 0;
}

int drift_window_make(struct drift_window **out, const struct drift_window_span *span,
                      struct error *err)
{
    SCOPED(drift_window_free_p) struct drift_window *w = calloc(1, sizeof(*w));
    if (w != NULL) {
        w->span = *span;
        w->rows = calloc(span->rows, sizeof(*w->rows));
        w->merged = calloc(span->rows, sizeof(double));
        w->gone = calloc(span->rows, sizeof(double));
        w->come = calloc(span->rows, sizeof(double));
    }
    bool whole =
        w != NULL && w->rows != NULL && w->merged != NULL && w->gone != NULL && w->come != NULL;
    for (size_t i = 0; whole && i < FEATURES; i++) {
        w->sorted[i] = calloc(span->rows, sizeof(double));
        whole = w->sorted[i] != NULL;
    }
    if (!whole)
        return error_set(err, -ENOMEM, "a window of %zu rows: out of memory", span->rows);
    *out = GIVE(w);
    return 0;
}

void drift_window_free(struct drift_window *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < FEATURES; i++)
        free(w->sorted[i]);
    free(w->merged);
    free(w->gone);
    free(w->come);
    free(w->rows);
    free(w);
}

void drift_window_free_p(struct drift_window **w)
{
    drift_window_free(*w);
}

void drift_window_clear(struct drift_window *w)
{
    w->first = 0;
    w->n = 0;
}

static struct drift_row *at(const struct drift_window *w, size_t i)
{
    return &w->rows[(w->first + i) % w->span.rows];
}

static bool is_old(const struct drift_window *w, const struct drift_row *row, int64_t now_ms)
{
    return w->span.age_ms > 0 && now_ms - row->at_ms >= w->span.age_ms;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sort(double *values, size_t n)
{
    if (n > 1)
        qsort(values, n, sizeof(*values), ascending);
}

/* Merges sorted[feature], without what is gone, with what has come; all three ascend. */
static void merge(struct drift_window *w, size_t feature, size_t n_gone, size_t n_come)
{
    const double *old = w->sorted[feature];
    size_t gone = 0, come = 0, n = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (gone < n_gone && old[i] >= w->gone[gone]) {
            gone++;
            continue;
        }
        while (come < n_come && w->come[come] < old[i])
            w->merged[n++] = w->come[come++];
        w->merged[n++] = old[i];
    }
    while (come < n_come)
        w->merged[n++] = w->come[come++];
    w->steps += n + n_gone;
    double *free_now = w->sorted[feature];
    w->sorted[feature] = w->merged;
    w->merged = free_now;
}

void drift_window_advance(struct drift_window *w, const struct drift_row *rows, size_t n,
                          int64_t now_ms)
{
    size_t skip = n > w->span.rows ? n - w->span.rows : 0;
    while (skip < n && is_old(w, &rows[skip], now_ms))
        skip++;
    if (skip > 0) // rows may be NULL when there are none
        rows += skip;
    n -= skip;
    size_t leave = w->n + n > w->span.rows ? w->n + n - w->span.rows : 0;
    while (leave < w->n && is_old(w, at(w, leave), now_ms))
        leave++;
    if (leave == 0 && n == 0)
        return;
    for (size_t feature = 0; feature < FEATURES; feature++) {
        for (size_t i = 0; i < leave; i++)
            w->gone[i] = at(w, i)->x[feature];
        for (size_t i = 0; i < n; i++)
            w->come[i] = rows[i].x[feature];
        sort(w->gone, leave);
        sort(w->come, n);
        merge(w, feature, leave, n);
    }
    w->first = (w->first + leave) % w->span.rows;
    w->n -= leave;
    for (size_t i = 0; i < n; i++)
        *at(w, w->n++) = rows[i];
}

size_t drift_window_rows(const struct drift_window *w)
{
    return w->n;
}

const struct drift_row *drift_window_row(const struct drift_window *w, size_t i)
{
    return at(w, i);
}

struct sample drift_window_column(const struct drift_window *w, size_t feature)
{
    return (struct sample){w->sorted[feature], w->n};
}

bool drift_window_next_leave(const struct drift_window *w, int64_t *at_ms)
{
    if (w->n == 0 || w->span.age_ms == 0)
        return false;
    return !__builtin_add_overflow(at(w, 0)->at_ms, w->span.age_ms, at_ms);
}

uint64_t drift_window_steps(const struct drift_window *w)
{
    return w->steps;
}
