/* review.h - what is right and wrong in a Grafana that is to notify this relay: findings, each with
 * its remedy. Judges answers and asks nothing. Pure.
 *
 * Times that neither a rule nor its policy says are Grafana's defaults: group_interval 5m,
 * repeat_interval 4h. A contact point's secret is never shown by Grafana, so whether it is the
 * relay's only a notification can tell: its test. */
#ifndef RELAY_GRAFANA_REVIEW_H
#define RELAY_GRAFANA_REVIEW_H

#include "relay/base/finding.h"
#include "relay/grafana/call.h"
#include "relay/grafana/rule.h"

#include <stdbool.h>
#include <stdint.h>

/* A source of the relay whose format is Grafana's; borrowed. */
struct review_source {
    const char *name, *path;
    bool is_signed; /* scheme grafana-hmac */
    const char *signature_header;
    const char *timestamp_header; /* "": the body alone is signed */
};

/* What a route counts on; borrowed. */
struct review_route {
    const char *name;
    bool settles; /* rearm = resolved */
    int64_t settle_ms, stale_after_ms;
};

/* The array of GET contact-points. Returns those that are worth a test, as a new array. */
json_t *review_contact_points(struct findings *out, const json_t *points,
                              const struct review_source *source);
/* The answer to the test of one of them; NULL: none was sent. */
void review_test(struct findings *out, const json_t *point, const struct review_source *source,
                 const struct grafana_answer *answer);

/* What a rule needs to reach the relay: the array of GET contact-points, the root of GET policies
 * (NULL: not known), and the relay's sources. */
struct review_paths {
    const json_t *points, *policies;
    const struct review_source *sources;
    size_t n_sources;
};
/* A rule whose alerts take the route. seed: the file that it was created from, or NULL. */
void review_rule(struct findings *out, const json_t *rule, const struct review_route *route,
                 const struct review_paths *paths, const json_t *seed);
/* A seed that is not there; entry: its annotation in the ledger, or NULL. */
void review_absent(struct findings *out, const struct grafana_rule *seed, const json_t *entry);
/* The answer about a data source's health. */
void review_data_source(struct findings *out, const char *uid, const struct grafana_answer *answer);

#endif
