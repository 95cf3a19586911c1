/* annotator.h - what Grafana is told of retrainings, and what it says of thresholds: one thread.
 *
 * Each retraining becomes an annotation (grafana/retraining.h): looked for, made, given its end,
 * none twice. All of it is read from the core's own listing of requests, so neither a restart nor a
 * Grafana that is away loses one: it is tried again, less and less often, until the request ended
 * three days ago (grafana/backlog.h). Every minute the thresholds of the alert rules that lead to a
 * route are read and exported. A Grafana that cannot be reached, or refuses, is logged once, and
 * holds up nothing else; nor does an annotation or the list of rules that it refuses alone.
 *
 * The thread is there as soon as a config has the group `grafana`. */
#ifndef RELAY_EDGE_ANNOTATOR_H
#define RELAY_EDGE_ANNOTATOR_H

#include "relay/base/metrics.h"
#include "relay/conf.h"
#include "relay/core/core.h"

struct annotator;

/* Takes a reference of conf. */
__attribute__((warn_unused_result)) int annotator_start(struct annotator **out, struct conf *conf,
                                                        struct core *core, struct metrics *metrics,
                                                        struct error *err);
void annotator_reload(struct annotator *a, struct conf *conf);
/* Cuts the call under way. After core_join(), so that no answer of the core is waited for; before
 * core_free(). NULL is fine. */
void annotator_stop(struct annotator *a);

#endif
