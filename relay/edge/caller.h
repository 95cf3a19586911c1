/* caller.h - who sends, by address and by certificate: what can be told of a connection before a
 * byte of the body is read.
 *
 * The address is that of the peer, or whoever trusted proxies say they speak for
 * (relay/base/forwarded.h). */
#ifndef RELAY_EDGE_CALLER_H
#define RELAY_EDGE_CALLER_H

#include "relay/base/http_server.h"
#include "relay/base/network.h"
#include "relay/conf.h"

struct caller {
    bool known;             /* false: a trusted proxy's header cannot be read */
    struct ip ip;           /* if known */
    char text[IP_TEXT_MAX]; /* for the log; "unknown" */
};

void caller_identify(struct caller *out, const struct http_request *r, const struct conf *conf);
/* Of a source with a list, nobody unknown may. *hint gets the sentence for the log. */
__attribute__((warn_unused_result)) bool
caller_may_send(const struct caller *c, const struct conf_source *source, const char **hint);
/* Of a source with the scheme mtls: 0 or an auth_outcome. */
__attribute__((warn_unused_result)) int
caller_check_certificate(const struct http_request *r, const struct auth *auth, const char **hint);

#endif
