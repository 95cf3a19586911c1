/* conf_preflight.h - what there is to ask about a target: the config's routes that start it. */
#ifndef RELAY_CONF_PREFLIGHT_H
#define RELAY_CONF_PREFLIGHT_H

#include "relay/conf.h"
#include "relay/github/preflight.h"

/* Borrows conf, of which target is one. */
__attribute__((warn_unused_result)) int conf_preflight(struct preflight **out,
                                                       const struct conf *conf,
                                                       const struct target *target,
                                                       struct error *err);

#endif
