#include "model/csv/csv.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256U * 1024 * 1024)

struct csv {
    const char *path;
    char *text;   /* the file, cut into cells in place */
    char **cells; /* row by row, the header first */
    size_t n_cells, cap_cells;
    size_t *lines;
    size_t n_rows, cap_rows, columns; /* the header is a row here */
};

/* The next byte to read; cells are written at or before it. */
struct reader {
    char *at, *end;
    size_t line;
};

void csv_free(struct csv *c)
{
    if (c == NULL)
        return;
    free(c->text);
    free((void *)c->cells);
    free(c->lines);
    free(c);
}

void csv_free_p(struct csv **c)
{
    csv_free(*c);
}

static int read_file(struct buf *out, const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(err, -errno, "%s: %s", path, strerror(errno));
    char piece[65536];
    size_t n;
    errno = 0;
    while (!buf_failed(out) && (n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(out, piece, n);
    int fault = ferror(file) != 0 ? errno : 0;
    (void)fclose(file);
    if (fault != 0)
        return error_set(err, -fault, "%s: %s", path, strerror(fault));
    if (buf_failed(out))
        return error_set(err, -EFBIG, "%s: larger than 256 MiB, or out of memory", path);
    return 0;
}

/* Room for one more element of the size. */
static int grow(void **array, size_t n, size_t *cap, size_t size, struct error *err)
{
    if (n < *cap)
        return 0;
    size_t wanted = *cap == 0 ? 256 : *cap * 2;
    void *bigger = reallocarray(*array, wanted, size);
    if (bigger == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    *array = bigger;
    *cap = wanted;
    return 0;
}

static int add_cell(struct csv *c, char *cell, struct error *err)
{
    void *cells = (void *)c->cells;
    int rc = grow(&cells, c->n_cells, &c->cap_cells, sizeof(*c->cells), err);
    c->cells = cells;
    if (rc == 0)
        c->cells[c->n_cells++] = cell;
    return rc;
}

static int add_row(struct csv *c, size_t line, struct error *err)
{
    void *lines = c->lines;
    int rc = grow(&lines, c->n_rows, &c->cap_rows, sizeof(*c->lines), err);
    c->lines = lines;
    if (rc == 0)
        c->lines[c->n_rows++] = line;
    return rc;
}

static bool at_line_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' || *r->at == '\r';
}

static void skip_line_end(struct reader *r)
{
    if (r->at < r->end) {
        bool two = r->at[0] == '\r' && r->at + 1 < r->end && r->at[1] == '\n';
        r->at += two ? 2 : 1;
        r->line++;
    }
}

/* Behind the opening quote; ends behind the closing one, and *end is where the cell's text ends. */
static int read_quoted(struct reader *r, char **end, const char *path, struct error *err)
{
    size_t opened = r->line;
    char *to = r->at;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"' && (r->at + 1 == r->end || r->at[1] != '"'))
            break;
        if (*r->at == '"')
            r->at++;
        if (*r->at == '\n' || (*r->at == '\r' && (r->at + 1 == r->end || r->at[1] != '\n')))
            r->line++;
        *to++ = *r->at;
    }
    if (r->at == r->end)
        return error_set(err, -EINVAL, "%s:%zu: the quote that opens here is never closed", path,
                         opened);
    r->at++;
    *end = to;
    if (!at_line_end(r) && *r->at != ',')
        return error_set(err, -EINVAL,
                         "%s:%zu: text after a closing quote: double the quotes inside a cell",
                         path, r->line);
    return 0;
}

static int read_plain(struct reader *r, char **end, const char *path, struct error *err)
{
    while (!at_line_end(r) && *r->at != ',' && *r->at != '"')
        r->at++;
    *end = r->at;
    if (r->at < r->end && *r->at == '"')
        return error_set(err, -EINVAL,
                         "%s:%zu: a quote inside a cell: put the whole cell into quotes and double "
                         "those inside",
                         path, r->line);
    return 0;
}

/* Reads one row. Its cells are terminated only when what stood behind them was looked at. */
static int read_row(struct csv *c, struct reader *r, struct error *err)
{
    size_t line = r->line, first = c->n_cells;
    bool more = true;
    while (more) {
        bool quoted = r->at < r->end && *r->at == '"';
        r->at += quoted ? 1 : 0;
        char *cell = r->at, *end = NULL;
        int rc = quoted ? read_quoted(r, &end, c->path, err) : read_plain(r, &end, c->path, err);
        if (rc == 0)
            rc = add_cell(c, cell, err);
        if (rc != 0)
            return rc;
        more = r->at < r->end && *r->at == ',';
        if (more)
            r->at++;
        else
            skip_line_end(r);
        *end = '\0';
    }
    size_t n = c->n_cells - first;
    if (c->n_rows == 0)
        c->columns = n;
    if (n != c->columns)
        return error_set(err, -EINVAL, "%s:%zu: %zu cells, but the header has %zu columns", c->path,
                         line, n, c->columns);
    return add_row(c, line, err);
}

static int check_header(const struct csv *c, struct error *err)
{
    if (c->n_rows == 0)
        return error_set(err, -EINVAL, "%s:1: empty: the first row names the columns", c->path);
    for (size_t i = 0; i < c->columns; i++) {
        size_t first = i;
        if (c->cells[i][0] == '\0')
            return error_set(err, -EINVAL,
                             "%s:%zu: column %zu has no name: give it one, or leave the column out",
                             c->path, c->lines[0], i + 1);
        if (csv_find(c, c->cells[i], &first) && first != i)
            return error_set(err, -EINVAL, "%s:%zu: two columns are called \"%s\"", c->path,
                             c->lines[0], c->cells[i]);
    }
    return 0;
}

static int parse(struct csv *c, size_t len, struct error *err)
{
    struct reader r = {c->text, c->text + len, 1};
    const char *nul = memchr(c->text, '\0', len);
    if (nul != NULL) {
        for (const char *p = c->text; p < nul; p++)
            r.line += *p == '\n' ? 1 : 0;
        return error_set(err, -EINVAL, "%s:%zu: a NUL byte: this is no CSV text", c->path, r.line);
    }
    if (len >= 3 && memcmp(c->text, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;
    while (r.at < r.end) {
        if (at_line_end(&r)) {
            skip_line_end(&r);
            continue;
        }
        int rc = read_row(c, &r, err);
        if (rc != 0)
            return rc;
    }
    return check_header(c, err);
}

int csv_load(struct csv **out, const char *path, struct error *err)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    SCOPED(csv_free_p) struct csv *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return error_set(err, -ENOMEM, "%s: out of memory", path);
    int rc = read_file(&text, path, err);
    if (rc != 0)
        return rc;
    size_t len = text.len;
    c->path = path;
    c->text = buf_give(&text);
    if (c->text == NULL)
        return error_set(err, -ENOMEM, "%s: out of memory", path);
    rc = parse(c, len, err);
    if (rc == 0)
        *out = GIVE(c);
    return rc;
}

const char *csv_path(const struct csv *c)
{
    return c->path;
}

size_t csv_columns(const struct csv *c)
{
    return c->columns;
}

size_t csv_rows(const struct csv *c)
{
    return c->n_rows - 1;
}

const char *csv_name(const struct csv *c, size_t column)
{
    return c->cells[column];
}

const char *csv_cell(const struct csv *c, size_t row, size_t column)
{
    return c->cells[(row + 1) * c->columns + column];
}

size_t csv_line(const struct csv *c, size_t row)
{
    return c->lines[row + 1];
}

bool csv_find(const struct csv *c, const char *name, size_t *column)
{
    for (size_t i = 0; i < c->columns; i++) {
        if (strcmp(c->cells[i], name) == 0) {
            *column = i;
            return true;
        }
    }
    return false;
}
