/* matcher.h - one condition on a label, in Alertmanager's notation: name=value, !=, =~, !~.
 *
 * A label that is missing counts as "". Patterns are anchored POSIX ERE (base/pattern.h). The value
 * may be quoted with double quotes (\" and \\ inside); without quotes it is the rest of the text.
 */
#ifndef RELAY_ENGINE_MATCHER_H
#define RELAY_ENGINE_MATCHER_H

#include "relay/alert/alert.h"
#include "relay/base/error.h"

enum matcher_op { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };

struct matcher {
    char *name;
    enum matcher_op op;
    char *value;             /* MATCH_EQUAL, MATCH_NOT_EQUAL */
    struct pattern *pattern; /* MATCH_REGEX, MATCH_NOT_REGEX */
};

/* Fills *out (matcher_clear when done). -EINVAL with err saying what is wanted. */
__attribute__((warn_unused_result)) int matcher_parse(struct matcher *out, const char *text,
                                                      struct error *err);
void matcher_clear(struct matcher *m);
bool matcher_matches(const struct matcher *m, const struct alert *alert);

#endif
