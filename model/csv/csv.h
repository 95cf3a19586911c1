/* csv.h - a table from a CSV file (RFC 4180), whole in memory.
 *
 * The first row names the columns; each further row has as many cells. Cells are separated by
 * commas; one in double quotes may hold commas, line ends and doubled quotes. LF, CRLF or CR end a
 * row, a UTF-8 byte order mark and blank lines are skipped. At most 256 MiB. What is wrong is said
 * as "file:line: …". */
#ifndef MODEL_CSV_CSV_H
#define MODEL_CSV_CSV_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct csv;

/* 0 and *out (csv_free), or -errno with err. path is borrowed for as long as *out lives. */
__attribute__((warn_unused_result)) int csv_load(struct csv **out, const char *path,
                                                 struct error *err);
void csv_free(struct csv *c);
void csv_free_p(struct csv **c); /* for SCOPED() */

const char *csv_path(const struct csv *c);
size_t csv_columns(const struct csv *c);
size_t csv_rows(const struct csv *c); /* without the header */
const char *csv_name(const struct csv *c, size_t column);
/* "" = missing. Borrowed from c. */
const char *csv_cell(const struct csv *c, size_t row, size_t column);
/* Where the row begins in the file, from 1. */
size_t csv_line(const struct csv *c, size_t row);
/* False when no column is called that. */
bool csv_find(const struct csv *c, const char *name, size_t *column);

#endif
