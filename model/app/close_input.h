/* close_input.h - today's close as a person types it. */
#ifndef MODEL_APP_CLOSE_INPUT_H
#define MODEL_APP_CLOSE_INPUT_H

#define CLOSE_INPUT_MAX 1e12 /* far above any index; keeps what is typed readable */

/* The same rule for the browser's own check (HTML's pattern attribute). */
#define CLOSE_INPUT_PATTERN                                                                        \
    "\\s*[+]?(?=.*[1-9])([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]+)?\\s*" /* 0 < close */

enum close_input {
    CLOSE_INPUT_OK,
    CLOSE_INPUT_EMPTY,
    CLOSE_INPUT_NO_NUMBER,
    CLOSE_INPUT_NOT_POSITIVE,
    CLOSE_INPUT_TOO_LARGE,
};

/* Digits with an optional decimal point; commas only where they separate thousands ("2,480.50"), so
 * that a decimal comma is refused and not read as another price. Blanks around are fine; a sign is
 * understood, an exponent is not. *out is set only with CLOSE_INPUT_OK. */
enum close_input close_input_parse(double *out, const char *text);

#endif
