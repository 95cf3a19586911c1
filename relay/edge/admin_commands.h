/* admin_commands.h - operators' commands over HTTP: POST /api/v1/requests/ID/redeliver|cancel,
 * keys/KEY/rearm, routes/R/pause|resume, targets/T/pause|resume. */
#ifndef RELAY_EDGE_ADMIN_COMMANDS_H
#define RELAY_EDGE_ADMIN_COMMANDS_H

#include "relay/core/core.h"

struct admin_command {
    enum core_command command;
    enum engine_scope scope; /* of pause and resume */
    char *id;                /* owned */
};

/* path: what follows /api/v1/. 0 (free out->id), 1 when it names no command, -ENOMEM. */
__attribute__((warn_unused_result)) int admin_command_parse(struct admin_command *out,
                                                            const char *path);

#endif
