/* settings.h - a libconfig file read strictly; every fault is collected, none stops the reading.
 *
 * libconfig 1.5 lets unknown keys, wrong types and overflowing integers pass in silence; here the
 * reader asks for each key with its type and range, each key asked for is marked, and
 * settings_end() reports every key that nobody asked for. Faults are kept as "FILE:LINE: key.path:
 * reason" with the remedy in the reason. Strings are copied: nothing returned points into the
 * file's tree. One thread. @include works relative to the file's folder.
 * Line 0 is the file as a whole. A file has at most 4 MiB. */
#ifndef RELAY_BASE_SETTINGS_H
#define RELAY_BASE_SETTINGS_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;       /* a file that was read, and the faults found so far */
struct settings_group; /* one { } of it; borrowed from the settings */

/* A missing or unreadable file, or a syntax error, is a fault in *out too (never NULL unless out of
 * memory: -ENOMEM), so that all faults come out in one way. */
__attribute__((warn_unused_result)) int settings_read_file(struct settings **out, const char *path,
                                                           struct error *err);
/* The same from text; name stands for the file in messages. */
__attribute__((warn_unused_result)) int settings_read_text(struct settings **out, const char *name,
                                                           const char *text, struct error *err);
void settings_free(struct settings *s);
void settings_free_p(struct settings **s);

const struct settings_group *settings_root(struct settings *s);
bool settings_has(const struct settings_group *g, const char *key);

/* Each reads one key of g. Absent: *out keeps what it held (the default) and false comes back, with
 * a fault "is required" when `required`. Present but wrong: a fault, *out untouched, false. */
bool settings_string(const struct settings_group *g, const char *key, bool required,
                     char **out /* caller frees; frees what it replaces */);
/* A string, or a whole number as its digits: for ids, which outgrow 32 bits. */
bool settings_text_or_int(const struct settings_group *g, const char *key, bool required,
                          char **out /* as above */);
bool settings_int(const struct settings_group *g, const char *key, bool required, int64_t min,
                  int64_t max, int64_t *out);
bool settings_bool(const struct settings_group *g, const char *key, bool required, bool *out);
bool settings_duration_ms(const struct settings_group *g, const char *key, bool required,
                          int64_t min, int64_t max, int64_t *out); /* a string: "30s" */
bool settings_size_bytes(const struct settings_group *g, const char *key, bool required,
                         uint64_t min, uint64_t max, uint64_t *out); /* "1MiB" */
/* One of `words` (ended by NULL); *out is its index. The fault lists the words. */
bool settings_choice(const struct settings_group *g, const char *key, bool required,
                     const char *const *words, int *out);
/* A list or array of strings: *out is a NULL-terminated array, caller frees each and the array. */
bool settings_strings(const struct settings_group *g, const char *key, bool required, char ***out,
                      size_t *n);
/* A { } of g, or NULL when absent (with a fault when `required` or of another type). */
const struct settings_group *settings_group(const struct settings_group *g, const char *key,
                                            bool required);
/* A list ( {…}, {…} ): number of its elements (0 when absent), then each. */
size_t settings_list(const struct settings_group *g, const char *key, bool required);
const struct settings_group *settings_list_at(const struct settings_group *g, const char *key,
                                              size_t i);

/* A fault found by the caller at key (NULL = at the group itself). */
void settings_fault(const struct settings_group *g, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, but only a warning: does not count as a fault. */
void settings_warning(const struct settings_group *g, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Present, a list, and without elements. */
bool settings_is_empty(const struct settings_group *g, const char *key);
/* Marks key as asked for, whatever its type, and all that is in it. */
void settings_ask_any(const struct settings_group *g, const char *key);
/* Marks every key of g as asked for: after a fault that leaves open what they mean. */
void settings_ignore(const struct settings_group *g);
/* Reports every key that nobody asked for. Call once, last. */
void settings_end(struct settings *s);
size_t settings_n_faults(const struct settings *s);
size_t settings_n_warnings(const struct settings *s);
/* Faults first ordered by line, then warnings ordered by line; borrowed. */
const char *settings_fault_text(const struct settings *s, size_t i);
const char *settings_warning_text(const struct settings *s, size_t i);

#endif
