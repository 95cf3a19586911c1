/* body.h - what the webhook bodies of Grafana and Alertmanager have in common.
 *
 * Grafana's body grew out of Alertmanager's (template.Data): receiver, groupKey, externalURL,
 * truncatedAlerts and alerts[] with status, labels, annotations, startsAt, endsAt, generatorURL and
 * fingerprint are the same in both. What differs is a dialect, given by the parser of each.
 *
 * Required: alerts (not empty) and, of each, status, labels and fingerprint; what else is absent
 * reads as "", none or TIME_NONE. Unknown keys are ignored. */
#ifndef RELAY_ALERT_BODY_H
#define RELAY_ALERT_BODY_H

#include "relay/alert/fields.h"

/* Everything a notification owns: the JSON tree, whose texts are borrowed throughout, and one array
 * for each type of thing, sized before anything is read, so that none ever moves. */
struct body {
    struct notification notification; /* what callers get */
    json_t *tree;
    struct alert *alerts;
    struct label *labels;       /* labels and annotations of all alerts */
    struct alert_value *values; /* of all alerts */
    char *uids;                 /* rule UIDs cut out of generatorURLs, each with its NUL */
    size_t labels_used, values_used, uids_used;
};

struct dialect {
    /* Refuses a body that is not of this sender; may be NULL. */
    int (*check)(const struct place *top, struct error *err);
    /* Reads what only this sender has into an alert whose other fields stand; may be NULL. */
    int (*read_alert)(struct body *body, const struct place *at, struct alert *alert,
                      struct error *err);
};

/* -EINVAL with err naming the place, or -ENOMEM. */
__attribute__((warn_unused_result)) int body_parse(struct notification **out,
                                                   const struct dialect *dialect, const char *bytes,
                                                   size_t len, const struct alert_limits *limits,
                                                   struct error *err);
void body_free(struct body *body); /* NULL is fine */
void body_free_p(struct body **body);

#endif
