/* offline_forge.h - GitHub as the assumptions of simulate have it: every POST is accepted, every
 * run succeeds after a fixed time. Or, with run_ms 0, a GitHub that never answers. One thread. */
#ifndef RELAY_CLI_OFFLINE_FORGE_H
#define RELAY_CLI_OFFLINE_FORGE_H

#include "relay/core/core.h"

struct forge_state;

__attribute__((warn_unused_result)) int offline_forge_new(struct forge_state **out,
                                                          const struct clock *clock, int64_t run_ms,
                                                          struct error *err);
void offline_forge_free(struct forge_state *f); /* NULL is fine */
struct forge offline_forge(struct forge_state *f);
/* Answers what was started since the last call; false: nothing was. */
bool offline_forge_answer(struct forge_state *f, struct core *core);

#endif
