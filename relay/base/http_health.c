#include "relay/base/http_health.h"

#include "relay/base/buf.h"
#include "relay/base/http_client.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <string.h>

#define LIMIT_MS   5000
#define ANSWER_MAX 65536

int http_health(const struct address *listen, const char *path, struct error *err)
{
    bool ipv6 = strchr(listen->host, ':') != NULL;
    const char *host = listen->host;
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    SCOPED(buf_free) struct buf url = BUF_INIT(1024);
    buf_addf(&url, "http://%s%s%s:%u%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "",
             (unsigned)listen->port, path);
    struct http_call call = {.method = "GET",
                             .url = buf_text(&url),
                             .connect_timeout_ms = LIMIT_MS,
                             .timeout_ms = LIMIT_MS,
                             .response_max = ANSWER_MAX,
                             .allow_http = true};
    struct http_result result = {0};
    int r = http_client_setup(err);
    if (r == 0)
        r = http_call_once(&call, &result, err);
    if (r != 0)
        return r;
    if (result.outcome != HTTP_ANSWER)
        r = error_set(err, -ECONNREFUSED, "%s: %s", buf_text(&url), result.error);
    else if (result.status != 200)
        r = error_set(err, -EAGAIN, "%s answered %d", buf_text(&url), result.status);
    http_result_free(&result);
    return r;
}
