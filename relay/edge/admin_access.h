/* admin_access.h - who may change what the relay does: root and the user that it runs as over the
 * socket file, where the peer is known; over TCP whoever has the token of admin.token_file. */
#ifndef RELAY_EDGE_ADMIN_ACCESS_H
#define RELAY_EDGE_ADMIN_ACCESS_H

#include "relay/base/http_server.h"

#define ADMIN_WHO_MAX 32

/* True and who it is ("uid 1000", "token"), as it is kept with what they change; else the request
 * was answered: 401 without the right token, 403 where none can help, 503 when it cannot be read.
 * token_file NULL: there is none. */
bool admin_may_change(struct http_request *r, const char *token_file,
                      char who[static ADMIN_WHO_MAX]);

#endif
