/* pattern.h - POSIX extended regular expressions, always anchored at both ends.
 *
 * What ERE has not, or leaves undefined, is refused when compiled instead of quietly meaning
 * something else; the error names it and what to write instead:
 *   - a backslash before a letter or digit (\d, \w, \b, \1: [0-9] for \d), GNU's \< \> \` \', a
 *     backslash at the end, and inside brackets any backslash but \\ (there it stands for itself);
 *   - the Perl forms (?...), *?, +?, ??, {n}? and any other repetition of a repetition;
 *   - a repetition of nothing (*a), an interval that is none ({x}, {,3}; at most {255});
 *   - an empty pattern, an empty group or alternative (a|), [:alpha:] without its outer brackets,
 *     and brackets or parentheses that do not match (a)|(b would escape the anchors).
 * Immutable once compiled; matching is safe from any thread. The C locale: bytes, so '.' matches
 * one byte, newline included, and '$' the end of the text only. */
#ifndef RELAY_BASE_PATTERN_H
#define RELAY_BASE_PATTERN_H

#include "relay/base/error.h"

#include <stdbool.h>

#define PATTERN_MAX 1024 /* bytes of a pattern */

struct pattern;

/* -EINVAL with err: refused (see above), or longer than PATTERN_MAX. */
__attribute__((warn_unused_result)) int pattern_compile(struct pattern **out, const char *text,
                                                        struct error *err);
bool pattern_matches(const struct pattern *p, const char *text);
const char *pattern_text(const struct pattern *p);
void pattern_free(struct pattern *p); /* NULL is fine */
void pattern_free_p(struct pattern **p);

#endif
