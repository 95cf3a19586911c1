/* The CSV form of a series: one header line, the same number of cells in each line, no quotes. */
#include "model/series/series.h"

#include "relay/base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_MS    INT64_C(86400000)
#define CELLS_MAX 64
#define CELL_MAX  64

struct line {
    size_t number, n;
    char cells[CELLS_MAX][CELL_MAX];
};

struct reader {
    const char *at, *end;
    struct line line;
};

static int check_bytes(const char *bytes, size_t len, size_t number, struct error *err)
{
    if (len > 0 && bytes[len - 1] == '\r')
        return error_set(err, -EINVAL,
                         "line %zu ends with CR LF: make it LF, as sed 's/\\r$//' does", number);
    if (memchr(bytes, '"', len) != NULL)
        return error_set(err, -EINVAL,
                         "line %zu has quotes: write cells without them, and numbers without "
                         "thousands separators (2500.10)",
                         number);
    if (memchr(bytes, '\0', len) != NULL)
        return error_set(err, -EINVAL, "line %zu has a NUL byte: save the file as UTF-8", number);
    return 0;
}

/* Reads the next line's cells. */
static int next_line(struct reader *r, struct error *err)
{
    struct line *line = &r->line;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *stop = newline == NULL ? r->end : newline;
    line->number++;
    line->n = 0;
    int result = check_bytes(r->at, (size_t)(stop - r->at), line->number, err);
    if (result != 0)
        return result;
    for (const char *cell = r->at;; cell++) {
        const char *comma = memchr(cell, ',', (size_t)(stop - cell));
        const char *cell_end = comma == NULL ? stop : comma;
        size_t len = (size_t)(cell_end - cell);
        if (line->n == CELLS_MAX || len >= CELL_MAX)
            return error_set(err, -EINVAL,
                             "line %zu has more than %d cells or one of more than %d bytes: keep "
                             "the day and the price",
                             line->number, CELLS_MAX, CELL_MAX - 1);
        memcpy(line->cells[line->n], cell, len);
        line->cells[line->n++][len] = '\0';
        if (comma == NULL)
            break;
        cell = comma;
    }
    r->at = newline == NULL ? r->end : newline + 1;
    return 0;
}

static size_t find_column(const struct line *header, const char *name)
{
    size_t i = 0;
    while (i < header->n && strcasecmp(header->cells[i], name) != 0)
        i++;
    return i;
}

struct columns {
    size_t day, price, n;
};

static int choose_columns(struct columns *out, const struct line *header, const char *column,
                          struct error *err)
{
    size_t n = header->n, day = find_column(header, "date");
    if (day == n)
        day = find_column(header, "day");
    if (day == n)
        return error_set(err, -EINVAL,
                         "line 1: no column is called day or date: the first line names them");
    size_t price = find_column(header, column == NULL ? "close" : column);
    if (price == n && column == NULL && n == 2)
        price = 1 - day;
    if (price == n && column == NULL)
        return error_set(err, -EINVAL,
                         "line 1: no column is called close: say with --column which one has the "
                         "prices");
    if (price == n || price == day)
        return error_set(err, -EINVAL, "line 1: no column of prices is called %s: see --column",
                         column);
    for (size_t i = price + 1; i < n; i++)
        if (strcasecmp(header->cells[i], header->cells[price]) == 0)
            return error_set(err, -EINVAL, "line 1: two columns are called %s: rename one",
                             header->cells[i]);
    *out = (struct columns){.day = day, .price = price, .n = n};
    return 0;
}

/* A date, or the number of a row; the first row says which. */
static int read_day(int64_t *out, const char *text, bool dated)
{
    if (!dated)
        return parse_int64(out, text, 0, INT64_MAX, NULL);
    char midnight[CELL_MAX + sizeof("T00:00:00Z")];
    (void)snprintf(midnight, sizeof(midnight), "%sT00:00:00Z", text);
    int64_t ms;
    if (strlen(text) != strlen("1998-12-31") || parse_rfc3339_ms(&ms, midnight, NULL) != 0)
        return -EINVAL;
    *out = (ms - (ms % DAY_MS + DAY_MS) % DAY_MS) / DAY_MS;
    return 0;
}

static int read_row(struct series *s, const struct columns *columns, const struct line *line,
                    struct error *err)
{
    if (line->n != columns->n)
        return error_set(err, -EINVAL,
                         "line %zu has %zu cells, the header %zu: write numbers with a point and "
                         "without thousands separators (2500.10), and leave no line empty",
                         line->number, line->n, columns->n);
    const char *day_text = line->cells[columns->day], *price_text = line->cells[columns->price];
    struct series_day day;
    if (s->n == 0)
        s->dated = strchr(day_text, '-') != NULL;
    if (read_day(&day.day, day_text, s->dated) != 0)
        return error_set(err, -EINVAL, "line %zu: \"%s\" is no day: write %s", line->number,
                         day_text, s->dated ? "1998-12-31" : "the row's number, or 1998-12-31");
    if (price_text[0] == '\0')
        return error_set(err, -EINVAL,
                         "line %zu: the price is missing: fill it in, or remove the line if there "
                         "was no trading",
                         line->number);
    if (parse_double(&day.close, price_text, NULL) != 0)
        return error_set(err, -EINVAL, "line %zu: \"%s\" is no price: write digits and a point",
                         line->number, price_text);
    char where[32];
    (void)snprintf(where, sizeof(where), "line %zu", line->number);
    return series_add(s, day, where, err);
}

int series_read_csv(struct series *out, const char *bytes, size_t len, const char *column,
                    struct error *err)
{
    *out = (struct series){0};
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        return error_set(err, -EINVAL,
                         "line 1 begins with a byte order mark: save the file without one");
    if (len > 0 && bytes[0] == '<')
        return error_set(err, -EINVAL,
                         "line 1: this is a web page, not CSV: download the data itself");
    struct reader reader = {.at = bytes, .end = bytes + len};
    struct columns columns = {0};
    int r = next_line(&reader, err);
    if (r == 0)
        r = choose_columns(&columns, &reader.line, column, err);
    if (r != 0)
        return r;
    const char *name = reader.line.cells[columns.price];
    (void)snprintf(out->name, sizeof(out->name), "%s", name[0] == 0 ? "close" : name);
    while (r == 0 && reader.at < reader.end) {
        r = next_line(&reader, err);
        if (r == 0)
            r = read_row(out, &columns, &reader.line, err);
    }
    if (r == 0 && out->n == 0)
        r = error_set(err, -EINVAL, "line 2: there are no prices below the header");
    if (r != 0)
        series_free(out);
    return r;
}
