/* http_health.h - does the server on this machine say that it is well? For health checks of
 * containers that have neither a shell nor curl. */
#ifndef RELAY_BASE_HTTP_HEALTH_H
#define RELAY_BASE_HTTP_HEALTH_H

#include "relay/base/error.h"
#include "relay/base/parse.h"

/* GETs path of the server that listens at `listen`, 0.0.0.0 and [::] being the loopback then. 0
 * when the answer is 200 within 5 s, -EAGAIN when it is another one, else -ECONNREFUSED. */
__attribute__((warn_unused_result)) int http_health(const struct address *listen, const char *path,
                                                    struct error *err);

#endif
