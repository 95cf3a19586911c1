/* dispatcher.h - carries exchanges out: the one thread that talks to GitHub.
 *
 * It knows nothing of requests: an exchange comes in, its answer goes to the core. */
#ifndef RELAY_EDGE_DISPATCHER_H
#define RELAY_EDGE_DISPATCHER_H

#include "relay/conf.h"
#include "relay/core/ports.h"

struct core;
struct dispatcher;

/* Takes a reference of conf. Exchanges may be started once dispatcher_attach() was called. */
__attribute__((warn_unused_result)) int dispatcher_start(struct dispatcher **out, struct conf *conf,
                                                         struct error *err);
/* The port that the core is given. */
struct forge dispatcher_forge(struct dispatcher *d);
/* Where answers go; once, before the first exchange is answered. */
void dispatcher_attach(struct dispatcher *d, struct core *core);
void dispatcher_reload(struct dispatcher *d, struct conf *conf);
/* Cuts what is under way, without answers. NULL is fine. */
void dispatcher_stop(struct dispatcher *d);

#endif
