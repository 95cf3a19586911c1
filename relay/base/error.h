/* error.h - how every function of this project says what went wrong.
 *
 * A function that can fail returns int: 0 = done; negative = -errno, a fault that callers only
 * pass up (never matched on); positive = an outcome named in that function's header, which the
 * caller must handle and never forwards. The words for a person go into a struct error on the
 * caller's stack, filled once, where the fault is known, and logged once, where it stops. */
#ifndef RELAY_BASE_ERROR_H
#define RELAY_BASE_ERROR_H

struct error {
    int code;       /* what the failing function returned; 0 until something failed */
    char text[512]; /* one line without newline, for people; never holds a secret */
};

/* Fills err (which may be NULL) and returns code, so that a failing function ends with
 * `return error_set(err, -EINVAL, "...")`. Text that does not fit is cut. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is already there (no effect on NULL). Returns err->code,
 * or `code` when err is NULL. */
int error_prefix(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
