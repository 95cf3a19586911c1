/* table.h - tables for people: as wide as the terminal, coloured on one.
 *
 * Into a pipe or file nothing is cut and nothing is coloured; NO_COLOR (no-color.org) and TERM=dumb
 * keep a terminal plain, too. */
#ifndef RELAY_CLI_TABLE_H
#define RELAY_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_BUSY, TABLE_BAD };
/* What a state, verdict, conclusion or effect means to whoever reads it. */
enum table_colour table_colour_of(const char *word);
/* Writes it to stdout, coloured where that is wanted. */
void table_print_coloured(const char *text, enum table_colour colour);

struct table_column {
    const char *head;
    bool shrinks; /* cut where the terminal is too narrow: "…" stands for the rest */
};

#define TABLE_COLUMNS_MAX 10

struct table_cell {
    char *text; /* NULL: out of memory */
    size_t width;
    enum table_colour colour;
};

struct table {
    const struct table_column *columns;
    size_t n_columns, n_cells, cap;
    struct table_cell *cells; /* row by row */
};

/* columns are borrowed. */
void table_init(struct table *t, const struct table_column *columns, size_t n);
/* The next cell; text is copied, with what could harm a terminal spelled out. NULL: "-". */
void table_add(struct table *t, const char *text, enum table_colour colour);
/* Head and rows to stdout; nothing when there are none. width 0: the terminal's. */
void table_print(const struct table *t, size_t width);
void table_clear(struct table *t);

#endif
