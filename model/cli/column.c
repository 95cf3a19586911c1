#include "model/cli/column.h"

#include "model/cli/cell.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One column of one table. */
struct cells {
    const struct csv *csv;
    size_t column;
    double *values; /* NaN = missing or text */
    size_t n;
    bool numeric, whole; /* all cells that are not missing; whole: and none is missing */
    size_t first_text;   /* row, where not numeric */
    double least, most;
};

static void cells_clear(struct cells *c)
{
    free(c->values);
}

static int cells_read(struct cells *out, const struct csv *csv, size_t column, struct error *err)
{
    size_t n = csv_rows(csv);
    *out = (struct cells){.csv = csv, .column = column, .n = n, .numeric = true, .whole = true};
    out->least = (double)INFINITY;
    out->most = -(double)INFINITY;
    out->values = calloc(n + 1, sizeof(*out->values));
    if (out->values == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        bool whole = false;
        double *value = &out->values[i];
        if (!cell_number(csv_cell(csv, i, column), value, &whole)) {
            *value = (double)NAN;
            if (out->numeric)
                out->first_text = i;
            out->numeric = false;
        }
        out->whole = out->whole && whole;
        out->least = fmin(out->least, *value);
        out->most = fmax(out->most, *value);
    }
    return 0;
}

/* Distinct numbers of one or two columns (b may be NULL), but not more than `enough`. */
static size_t distinct(const struct cells *a, const struct cells *b, size_t enough)
{
    double seen[8];
    size_t n_seen = 0, total = a->n + (b == NULL ? 0 : b->n);
    for (size_t i = 0; i < total && n_seen < enough && n_seen < 8; i++) {
        double value = i < a->n || b == NULL ? a->values[i] : b->values[i - a->n];
        size_t j = 0;
        while (j < n_seen && (seen[j] < value || seen[j] > value))
            j++;
        if (j == n_seen && !isnan(value))
            seen[n_seen++] = value;
    }
    return n_seen;
}

static int target_is_number(bool *out, const struct csv *reference, bool *has_target,
                            struct error *err)
{
    SCOPED(cells_clear) struct cells target = {0};
    size_t at;
    *out = false;
    *has_target = csv_find(reference, "target", &at);
    if (!*has_target)
        return 0;
    int rc = cells_read(&target, reference, at, err);
    *out = rc == 0 && target.numeric && distinct(&target, NULL, 5) >= 5;
    return rc;
}

static int prediction_is_number(bool *out, const struct cells *r, const struct cells *c,
                                struct error *err)
{
    bool has_target, regression;
    int rc = target_is_number(&regression, r->csv, &has_target, err);
    bool numeric = r->numeric && c->numeric;
    bool probability = numeric && !(r->whole && c->whole) && fmin(r->least, c->least) >= 0 &&
                       fmax(r->most, c->most) <= 1;
    *out = regression || probability || (!has_target && numeric && distinct(r, c, 6) > 5);
    return rc;
}

static int find_type(enum drift_type *out, const struct cells *r, const struct cells *c,
                     const struct score_options *o, struct error *err)
{
    const char *name = csv_name(r->csv, r->column);
    for (size_t i = 0; i < o->n_types; i++) {
        if (strlen(name) == o->types[i].len && memcmp(name, o->types[i].name, strlen(name)) == 0) {
            *out = o->types[i].type;
            return 0;
        }
    }
    int rc = 0;
    bool number = r->numeric, has_target;
    if (strcmp(name, "target") == 0)
        rc = target_is_number(&number, r->csv, &has_target, err);
    else if (strcmp(name, "prediction") == 0)
        rc = prediction_is_number(&number, r, c, err);
    *out = number ? DRIFT_NUM : DRIFT_CAT;
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t collect(const char **texts, const struct cells *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        const char *text = csv_cell(c->csv, i, c->column);
        if (text[0] != '\0')
            texts[n++] = text;
    }
    return n;
}

/* Texts become their place in the order of all texts of both columns. */
static void encode(struct cells *c, const char **texts, size_t n)
{
    for (size_t i = 0; i < c->n; i++) {
        const char *text = csv_cell(c->csv, i, c->column);
        c->values[i] = (double)NAN;
        const char **at = (const char **)bsearch((const void *)&text, (const void *)texts, n,
                                                 sizeof(*texts), by_text);
        if (at != NULL)
            c->values[i] = (double)(at - texts);
    }
}

static int encode_texts(struct cells *r, struct cells *c, struct error *err)
{
    const char **texts = (const char **)calloc(r->n + c->n + 1, sizeof(*texts));
    if (texts == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    size_t n = collect(texts, r);
    n += collect(texts + n, c);
    qsort((void *)texts, n, sizeof(*texts), by_text);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0)
            texts[kept++] = texts[i];
    encode(r, texts, kept);
    encode(c, texts, kept);
    free((void *)texts);
    return 0;
}

static int want_numbers(const struct cells *c, struct error *err)
{
    if (c->numeric)
        return 0;
    return error_set(err, -EINVAL,
                     "%s:%zu: \"%.40s\" is no number: mend it, empty the cell if it is missing, or "
                     "say --type %s=cat",
                     csv_path(c->csv), csv_line(c->csv, c->first_text),
                     csv_cell(c->csv, c->first_text, c->column), csv_name(c->csv, c->column));
}

static int score_cells(struct column *col, struct cells *r, struct cells *c,
                       const struct score_options *o)
{
    struct error *err = &col->fault;
    struct sample rs, cs;
    int rc = 0;
    if (col->type == DRIFT_NUM) {
        rc = want_numbers(r, err);
        if (rc == 0)
            rc = want_numbers(c, err);
    } else if (!r->numeric || !c->numeric) {
        rc = encode_texts(r, c, err);
    }
    if (rc == 0)
        rc = sample_clean(&rs, r->values, r->n, col->type, "reference", err);
    if (rc == 0)
        rc = sample_clean(&cs, c->values, c->n, col->type, "current", err);
    if (rc == 0)
        rc = drift_score(&col->result, col->type, &rs, &cs, o->test,
                         o->has_threshold ? &o->threshold : NULL, err);
    return rc;
}

static int score_column(struct column *col, const struct csv *reference, size_t at,
                        const struct csv *current, const struct score_options *o)
{
    SCOPED(cells_clear) struct cells r = {0};
    SCOPED(cells_clear) struct cells c = {.csv = current, .numeric = true};
    size_t at_current = 0;
    col->name = csv_name(reference, at);
    bool found = csv_find(current, col->name, &at_current);
    int rc = cells_read(&r, reference, at, &col->fault);
    if (rc == 0 && found)
        rc = cells_read(&c, current, at_current, &col->fault);
    if (rc == 0)
        rc = find_type(&col->type, &r, &c, o, &col->fault);
    if (rc == 0 && !found)
        rc = error_set(&col->fault, -ENOENT, "%s has no such column: add it, or leave it out of %s",
                       csv_path(current), csv_path(reference));
    return rc != 0 ? rc : score_cells(col, &r, &c, o);
}

static int place(const struct column *c)
{
    if (strcmp(c->name, "target") == 0)
        return 0;
    if (strcmp(c->name, "prediction") == 0)
        return 1;
    return c->type == DRIFT_NUM ? 2 : 3;
}

static int by_place(const void *a, const void *b)
{
    const struct column *x = a, *y = b;
    return place(x) != place(y) ? place(x) - place(y) : strcmp(x->name, y->name);
}

int column_score_all(struct column **out, size_t *n, const struct csv *reference,
                     const struct csv *current, const struct score_options *options,
                     struct error *err)
{
    struct column *columns = calloc(csv_columns(reference), sizeof(*columns));
    if (columns == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    *n = 0;
    for (size_t i = 0; i < csv_columns(reference); i++) {
        if (strcmp(csv_name(reference, i), "datetime") == 0)
            continue;
        (void)score_column(&columns[*n], reference, i, current, options); /* kept in its fault */
        (*n)++;
    }
    qsort(columns, *n, sizeof(*columns), by_place);
    *out = columns;
    return 0;
}
