/* core_explain.h - one explanation in the making; its three files' only.
 *
 * The engine is asked in dry runs and tells each row as it asks it. Rows 1 to 4 belong to an alert,
 * rows 5 to 13 to its key: they are gathered here as JSON and put together at the end. */
#ifndef RELAY_CORE_CORE_EXPLAIN_H
#define RELAY_CORE_CORE_EXPLAIN_H

#include "relay/core/core_private.h"

#include <jansson.h>

/* What stands in the way of a key at some time. */
struct obstacle {
    int row;       /* the first of 5, 7 to 11 that holds; 0 = none */
    int64_t until; /* relay ms; WINDOW_NO_END: no time ends it */
};

struct key_story {
    char *key;
    json_t *checks;           /* rows 5 to 11, as asked */
    struct obstacle obstacle; /* now, or at the time that was asked last */
    json_t *inputs;           /* of the last row 11 that made them; NULL = none */
    bool looked;              /* acts_at and acts_when are known */
    int64_t acts_at;          /* relay ms; 0 = see acts_when */
    const char *acts_when;
};

struct alert_story {
    json_t *checks;  /* rows 0 to 4, as asked */
    json_t *members; /* of its key */
    int row;         /* which of them decides; 0 = none */
};

struct explanation {
    struct core *core;
    const char *source;
    const struct notification *content;
    int64_t now; /* relay ms: what is explained … */
    struct wall wall;
    struct alert_story *alerts;
    struct key_story *keys;
    size_t n_keys, cap_keys;
    bool failed; /* out of memory */
};

/* core_explain_ask.c */
void explanation_clear(struct explanation *x);
/* Asks for the decisions of x->content at x->now and hears the rows. */
__attribute__((warn_unused_result)) int explain_ask(struct explanation *x, struct effects *out,
                                                    struct error *err);
/* When would alert i start a run, if it is sent again and nothing else happens? *at: relay ms, or 0
 * and *when: which event ends what stands in the way. */
__attribute__((warn_unused_result)) int explain_acts(struct explanation *x, const struct effects *e,
                                                     size_t i, int64_t *at, const char **when,
                                                     struct error *err);
/* NULL when there is none, or out of memory. */
struct key_story *explain_find_story(struct explanation *x, const char *key, bool make);

/* core_explain_rows.c: one row with its values; NULL when out of memory. */
json_t *explain_check(const struct explanation *x, const struct engine_check *check);
json_t *explain_last_check(const struct explanation *x, int row, bool holds,
                           const struct policy *policy);
json_t *explain_members(const struct key *k);
/* A relay time as RFC 3339; null for 0 and WINDOW_NO_END. */
json_t *explain_time(const struct explanation *x, int64_t relay_ms);

#endif
