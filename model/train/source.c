#include "model/train/source.h"

#include "model/model_file/file.h"
#include "relay/base/http_client.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <string.h>

#define PRICES_MAX         (16 << 20)
#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS         60000

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What is between http:// and the port or path. */
static bool is_on_loopback(const char *url)
{
    const char *host = url + strlen("http://");
    size_t len = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":/?#");
    char copy[64];
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, host, len);
    copy[len] = '\0';
    return address_is_loopback(copy);
}

static int read_url(struct series *out, const char *url, struct error *err)
{
    static const char *const headers[] = {"User-Agent: drift-train/" DRIFT_RELAY_VERSION, NULL};
    if (begins(url, "http://") && !is_on_loopback(url))
        return error_set(err, -EINVAL, "%s: prices over the network come by https", url);
    const struct http_call call = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
        .response_max = PRICES_MAX,
        .allow_http = true,
    };
    SCOPED(http_result_free) struct http_result result = {.body = ""};
    int r = http_client_setup(err);
    if (r == 0)
        r = http_call_once(&call, &result, err);
    if (r == 0 && result.outcome != HTTP_ANSWER)
        r = error_set(err, -EIO, "%s", result.truncated ? "the answer is too long" : result.error);
    /* A refusal in JSON says why; nothing else that is no 200 is worth reading. */
    bool refused = result.status != 200;
    if (r == 0 && (!refused || result.body[0] == '{'))
        r = series_read_chart(out, result.body, result.body_len, err);
    if (r == 0 && refused)
        r = error_set(err, -EIO, "status %d: the source refuses, or the address is wrong",
                      result.status);
    return r == 0 ? 0 : error_prefix(err, r, "%s", url);
}

int source_read(struct series *out, const char *from, const char *column, struct error *err)
{
    *out = (struct series){0};
    if (begins(from, "http://") || begins(from, "https://"))
        return read_url(out, from, err);
    SCOPED(buf_free) struct buf bytes = BUF_INIT(PRICES_MAX);
    int r = file_read(&bytes, from, err);
    if (r != 0)
        return r;
    const char *text = buf_text(&bytes);
    r = text[0] == '{' ? series_read_chart(out, text, bytes.len, err)
                       : series_read_csv(out, text, bytes.len, column, err);
    return r == 0 ? 0 : error_prefix(err, r, "%s", from);
}
