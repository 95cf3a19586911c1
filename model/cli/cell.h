/* cell.h - what a cell of a CSV file means. */
#ifndef MODEL_CLI_CELL_H
#define MODEL_CLI_CELL_H

#include <stdbool.h>

/* Reads a number as pandas does: blanks around it, "+1", ".5", "5.", "inf" and (missing) "nan" in
 * any case, and what is too large as infinite. An empty cell is a missing number: NaN. *whole tells
 * whether it is written without point and exponent. False when it is text. */
bool cell_number(const char *cell, double *out, bool *whole);

#endif
