/* admin_commands.h - operators' commands as paths and bodies of the admin API. */
#ifndef RELAY_EDGE_ADMIN_COMMANDS_H
#define RELAY_EDGE_ADMIN_COMMANDS_H

#include "relay/core/core.h"

struct admin_command {
    enum core_command command;
    enum engine_scope scope;
    char *id;  /* caller frees */
    char *why; /* likewise; NULL: the body does not say */
    int64_t for_ms;
};
void admin_command_clear(struct admin_command *c);

/* path: what follows /api/v1/, decoded: "requests/ID/cancel". 0, 1 when it is none, or -ENOMEM. */
__attribute__((warn_unused_result)) int admin_command_parse(struct admin_command *out,
                                                            const char *path);
/* body: nothing, or {"reason": "…", "for": "2h"}, for being a pause's. -EINVAL with err: anything
 * else. */
__attribute__((warn_unused_result)) int
admin_command_read(struct admin_command *c, const char *body, size_t len, struct error *err);

#endif
