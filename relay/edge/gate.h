/* gate.h - turns away whoever failed too often, before the body is read or a secret is looked at.
 *
 * The table of relay/base/throttle.h with its lock, log and metric. A caller who is not known is
 * neither counted nor turned away: it would be the proxy that is. Any thread. */
#ifndef RELAY_EDGE_GATE_H
#define RELAY_EDGE_GATE_H

#include "relay/base/metrics.h"
#include "relay/edge/caller.h"

struct gate;

/* NULL out of memory. The clock is borrowed. */
struct gate *gate_new(struct metrics *metrics, const struct clock *clock);
void gate_free(struct gate *g); /* NULL is fine */
void gate_touch(struct gate *g, const struct conf_source *source);
/* 0: may try. Else the seconds after which that may be tried again, counted and logged. */
int64_t gate_turns_away(struct gate *g, const struct caller *c, const struct conf_source *source,
                        int64_t failures_per_minute);
void gate_failed(struct gate *g, const struct caller *c, int64_t failures_per_minute);
void gate_verified(struct gate *g, const struct caller *c);

#endif
