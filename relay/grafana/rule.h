/* rule.h - an alert rule in the form of Grafana's provisioning API: read, compared, put in words.
 *
 * A seed is a file with one such rule; a present rule is what GET alert-rules answers. Pure. */
#ifndef RELAY_GRAFANA_RULE_H
#define RELAY_GRAFANA_RULE_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#define GRAFANA_UID_MAX 40 /* bytes; letters, digits, '_' and '-' */

struct grafana_rule {
    const char *uid, *title, *folder, *group; /* of json */
    json_t *json;
    char *text; /* the file's bytes: what is POSTed */
    size_t len;
};

/* -EINVAL with err: no JSON, or something is missing that Grafana asks for when a rule is created.
 * The rule is the caller's (grafana_rule_clear). */
__attribute__((warn_unused_result)) int
grafana_rule_read(struct grafana_rule *out, const char *bytes, size_t len, struct error *err);
void grafana_rule_clear(struct grafana_rule *rule);

/* A label of the rule that is one text for all its alerts; NULL: it has none, or a template. */
const char *grafana_rule_label(const json_t *rule, const char *name);
/* The label as it stands, a template or not; NULL: none. */
const char *grafana_rule_label_text(const json_t *rule, const char *name);

/* The condition's number, as people edit it. */
struct grafana_threshold {
    char type[32];    /* gt lt gte lte eq ne within_range outside_range … */
    double values[2]; /* the second one of ranges */
    size_t n;         /* 1 or 2 */
};
/* That of the expression which is the rule's condition; false: it has none (a mathematical one). */
bool grafana_rule_threshold(struct grafana_threshold *out, const json_t *rule);
/* "> 0.8", "within 0.2 to 0.5". */
void grafana_threshold_add(struct buf *out, const struct grafana_threshold *t);

/* Durations in ms; < 0: the rule does not say. */
struct grafana_timing {
    int64_t for_ms, group_interval_ms, repeat_ms;
    const char *receiver; /* NULL: the notification policies choose; of the rule */
};
void grafana_rule_timing(struct grafana_timing *out, const json_t *rule);

/* Writes what a present rule says otherwise than its seed, in words ("threshold > 0.7 instead of
 * > 0.8, labels"); nothing when it says the same. What Grafana adds to a rule is no difference. */
void grafana_rule_differences(struct buf *out, const json_t *seed, const json_t *present);

#endif
