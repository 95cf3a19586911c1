/* conf_sandbox.h - the files and ports that a config needs, and no others. */
#ifndef RELAY_CONF_SANDBOX_H
#define RELAY_CONF_SANDBOX_H

#include "relay/base/sandbox.h"
#include "relay/conf.h"

/* The store's folder for writing; the folders of the config and of every file that it names for
 * reading; a socket in the folder of admin.socket; the listeners' ports, those of GitHub's API and
 * of Grafana. */
__attribute__((warn_unused_result)) int conf_sandbox(struct sandbox_policy **out,
                                                     const struct conf *conf, struct error *err);

#endif
