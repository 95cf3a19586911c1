#include "relay/cli/table.h"

#include "relay/base/buf.h"
#include "relay/cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP         2 /* between columns */
#define WIDTH_LEAST 6 /* of a column that is cut */
#define CELL_MAX    4096
#define WITHOUT_END SIZE_MAX

static const char *const codes[] = {[TABLE_PLAIN] = "",
                                    [TABLE_GOOD] = "\033[32m",
                                    [TABLE_BUSY] = "\033[33m",
                                    [TABLE_BAD] = "\033[31m"};

/* clang-format off */
static const struct {
    const char *word;
    enum table_colour colour;
} words[] = {
    {"done", TABLE_GOOD}, {"success", TABLE_GOOD}, {"effective", TABLE_GOOD}, {"ready", TABLE_GOOD},
    {"queued", TABLE_BUSY}, {"sending", TABLE_BUSY}, {"accepted", TABLE_BUSY}, {"accepted_no_id", TABLE_BUSY},
    {"adopted", TABLE_BUSY}, {"running", TABLE_BUSY}, {"in_progress", TABLE_BUSY}, {"open", TABLE_BUSY},
    {"held", TABLE_BUSY}, {"deferred", TABLE_BUSY}, {"firing", TABLE_BUSY}, {"dispatch", TABLE_BUSY},
    {"watched", TABLE_BUSY},
    {"dead", TABLE_BAD}, {"parked", TABLE_BAD}, {"ambiguous", TABLE_BAD}, {"lost", TABLE_BAD},
    {"failure", TABLE_BAD}, {"timed_out", TABLE_BAD}, {"startup_failure", TABLE_BAD},
    {"not_effective", TABLE_BAD}, {"not ready", TABLE_BAD},
};
/* clang-format on */

enum table_colour table_colour_of(const char *word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0)
            return words[i].colour;
    }
    return TABLE_PLAIN;
}

static bool is_coloured(void)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) != 0 && (refused == NULL || refused[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

void table_print_coloured(const char *text, enum table_colour colour)
{
    bool coloured = colour != TABLE_PLAIN && is_coloured();
    printf("%s%s%s", coloured ? codes[colour] : "", text, coloured ? "\033[0m" : "");
}

static size_t terminal_width(void)
{
    struct winsize size = {0};
    bool known = isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
                 size.ws_col > 0;
    return known ? size.ws_col : WITHOUT_END;
}

void table_init(struct table *t, const struct table_column *columns, size_t n)
{
    *t = (struct table){.columns = columns, .n_columns = n};
}

void table_add(struct table *t, const char *text, enum table_colour colour)
{
    if (t->n_cells == t->cap) {
        size_t cap = t->cap == 0 ? 64 : t->cap * 2;
        struct table_cell *grown = reallocarray(t->cells, cap, sizeof(*grown));
        if (grown == NULL)
            return;
        t->cells = grown;
        t->cap = cap;
    }
    struct buf safe = BUF_INIT(CELL_MAX);
    text_add_safe(&safe, text == NULL || text[0] == '\0' ? "-" : text);
    struct table_cell *cell = &t->cells[t->n_cells++];
    *cell = (struct table_cell){.text = buf_give(&safe), .colour = colour};
    cell->width = cell->text == NULL ? 0 : text_width(cell->text, strlen(cell->text));
    buf_free(&safe);
}

static size_t widest_that_shrinks(const struct table *t, const size_t *widths)
{
    size_t found = t->n_columns;
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].shrinks && widths[i] > WIDTH_LEAST &&
            (found == t->n_columns || widths[i] > widths[found]))
            found = i;
    }
    return found;
}

static void fit(const struct table *t, size_t *widths, size_t limit)
{
    size_t total = GAP * (t->n_columns - 1);
    for (size_t i = 0; i < t->n_columns; i++) {
        widths[i] = strlen(t->columns[i].head);
        for (size_t cell = i; cell < t->n_cells; cell += t->n_columns)
            widths[i] = t->cells[cell].width > widths[i] ? t->cells[cell].width : widths[i];
        total += widths[i];
    }
    size_t column;
    for (; total > limit && (column = widest_that_shrinks(t, widths)) < t->n_columns; total--)
        widths[column]--;
}

/* Bytes of the first so many characters. */
static size_t bytes_of(const char *text, size_t characters)
{
    size_t i = 0;
    for (; text[i] != '\0'; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80 && characters-- == 0)
            break;
    }
    return i;
}

static void print_cell(const struct table_cell *cell, size_t width, bool last)
{
    char *text = cell->text;
    size_t shown = cell->width;
    if (text == NULL)
        return;
    if (shown > width) {
        char cut[CELL_MAX + 8];
        (void)snprintf(cut, sizeof(cut), "%.*s…", (int)bytes_of(text, width - 1), text);
        table_print_coloured(cut, cell->colour);
        shown = width;
    } else {
        table_print_coloured(text, cell->colour);
    }
    if (!last)
        printf("%*s", (int)(width - shown + GAP), "");
}

void table_print(const struct table *t, size_t width)
{
    size_t widths[TABLE_COLUMNS_MAX];
    if (t->n_cells == 0 || t->n_columns == 0 || t->n_columns > TABLE_COLUMNS_MAX)
        return;
    fit(t, widths, width != 0 ? width : terminal_width());
    for (size_t i = 0; i < t->n_columns; i++) {
        bool last = i + 1 == t->n_columns;
        printf("%-*s%s", last ? 0 : (int)(widths[i] + GAP), t->columns[i].head, last ? "\n" : "");
    }
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t column = i % t->n_columns;
        bool last = column + 1 == t->n_columns;
        print_cell(&t->cells[i], widths[column], last);
        if (last)
            (void)putchar('\n');
    }
}

void table_clear(struct table *t)
{
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i].text);
    free(t->cells);
    *t = (struct table){.columns = t->columns};
}
