/* admin.h - the listener for operators: health, metrics, and what the relay knows. It only reads.
 *
 *   /          the status page (page.h)
 *   /healthz   200 while the process lives
 *   /readyz    200 when notifications are accepted, else 503
 *   /metrics   Prometheus text
 *   /api/v1/status
 *   /api/v1/{keys,requests,notifications}[/ID]    lists take ?limit=1..200&cursor=
 *   POST /api/v1/explain?source=NAME&at=TIME      what the body, a notification, would come to
 *
 * Served on a TCP address and on a socket file, each by one thread. A key's ID is its text,
 * percent-encoded once more. */
#ifndef RELAY_EDGE_ADMIN_H
#define RELAY_EDGE_ADMIN_H

#include "relay/base/http_server.h"
#include "relay/conf.h"
#include "relay/core/core.h"

struct admin;

__attribute__((warn_unused_result)) int admin_start(struct admin **out, const struct conf *conf,
                                                    struct core *core, const struct clock *clock,
                                                    struct error *err);
/* The certificate of a new config, for connections made from now on. */
void admin_reload(struct admin *a, const struct conf *conf);
void admin_drain(struct admin *a);
/* After core_join(). NULL is fine. */
void admin_stop(struct admin *a);

#endif
