/* webhook.h - the listener that senders post to: verify, parse, hand to the core, answer.
 *
 * Runs on the HTTP server's threads; verification and parsing happen there, side by side, before
 * anything reaches the core. A handler never waits: the answer comes from the core when the
 * notification is on disk. */
#ifndef RELAY_EDGE_WEBHOOK_H
#define RELAY_EDGE_WEBHOOK_H

#include "relay/base/http_server.h"
#include "relay/base/metrics.h"
#include "relay/conf.h"
#include "relay/core/core.h"

struct webhook;

struct webhook_options {
    struct conf *conf; /* takes a reference of its own */
    struct core *core;
    struct metrics *metrics;
    const struct clock *clock;
};
__attribute__((warn_unused_result)) int
webhook_start(struct webhook **out, const struct webhook_options *options, struct error *err);
/* Sources and secrets of a new config, from the next request on; its certificate, from the next
 * connection on. Any thread. */
void webhook_reload(struct webhook *w, struct conf *conf);
void webhook_drain(struct webhook *w);
unsigned webhook_in_flight(const struct webhook *w);
/* After core_join(), so that nobody answers any more. NULL is fine. */
void webhook_stop(struct webhook *w);

#endif
