/* confine.h - the sandbox of a relay: what its config needs, entered in two steps. */
#ifndef RELAY_CLI_CONFINE_H
#define RELAY_CLI_CONFINE_H

#include "relay/base/metrics.h"
#include "relay/base/sandbox.h"
#include "relay/conf.h"

struct confinement {
    enum sandbox_mode mode;
    struct sandbox_policy *policy;
    struct sandbox_level level;
};

/* Before the first thread. */
__attribute__((warn_unused_result)) int confine_files(struct confinement *c,
                                                      const struct conf *conf, struct error *err);
/* Once everything runs; logs and exports what is in force. */
__attribute__((warn_unused_result)) int
confine_syscalls(struct confinement *c, struct metrics *metrics, struct error *err);
/* False, with a line in the log, when next names folders or ports that the sandbox does not have:
 * they are refused until a restart. */
bool confine_covers(const struct confinement *c, const struct conf *next);
void confine_release(struct confinement *c);

#endif
