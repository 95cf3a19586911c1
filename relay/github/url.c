#include "relay/github/url.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void url_add_segment(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("-._~", c) != NULL)
            buf_add_char(b, *text);
        else
            buf_addf(b, "%%%02X", (unsigned)c);
    }
}

/* Parts of a URL, as pointers into it. */
struct parts {
    bool secure;
    const char *host;
    size_t host_len;
    int64_t port;
    const char *path; /* from the first "/", "?" or "#", or the end */
};

static bool is_plain(const char *url)
{
    size_t len = strlen(url);

    if (len > URL_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (url[i] <= ' ' || url[i] >= 0x7f || url[i] == '\\')
            return false;
    }
    return true;
}

static bool split_port(struct parts *out, const char *colon, const char *end)
{
    char digits[8];
    size_t len = (size_t)(end - colon) - 1;

    if (len == 0 || len >= sizeof(digits))
        return false;
    memcpy(digits, colon + 1, len);
    digits[len] = '\0';
    return parse_int64(&out->port, digits, 1, 65535, NULL) == 0;
}

static bool split(struct parts *out, const char *url)
{
    if (!is_plain(url))
        return false;
    if (strncasecmp(url, "https://", 8) == 0)
        *out = (struct parts){.secure = true, .host = url + 8, .port = 443};
    else if (strncasecmp(url, "http://", 7) == 0)
        *out = (struct parts){.secure = false, .host = url + 7, .port = 80};
    else
        return false;
    size_t len = strcspn(out->host, "/?#");
    out->path = out->host + len;
    if (memchr(out->host, '@', len) != NULL)
        return false;
    /* An IPv6 address has its colons between brackets. */
    const char *from = out->host[0] == '[' ? memchr(out->host, ']', len) : out->host;
    if (from == NULL)
        return false;
    const char *colon = memchr(from, ':', (size_t)(out->path - from));
    out->host_len = colon == NULL ? len : (size_t)(colon - out->host);
    if (from != out->host && from + 1 != out->host + out->host_len)
        return false;
    return out->host_len > 0 && (colon == NULL || split_port(out, colon, out->path));
}

bool url_same_origin(const char *a, const char *b)
{
    struct parts x, y;

    return split(&x, a) && split(&y, b) && x.secure == y.secure && x.port == y.port &&
           x.host_len == y.host_len && strncasecmp(x.host, y.host, x.host_len) == 0;
}

char *url_resolve(const char *base, const char *location)
{
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);
    struct parts p;

    if (location == NULL || !split(&p, base) || !is_plain(location))
        return NULL;
    if (location[0] == '/' && location[1] == '/')
        buf_add_text(&url, p.secure ? "https:" : "http:");
    else if (location[0] == '/')
        buf_add(&url, base, (size_t)(p.path - base));
    buf_add_text(&url, location);
    if (buf_failed(&url) || !split(&p, buf_text(&url)))
        return NULL;
    return buf_give(&url);
}

bool url_names_run(const char *url, const char *repository, int64_t run_id)
{
    char run[48];
    struct parts p;

    if (url == NULL || !split(&p, url) || strpbrk(p.path, "?#") != NULL)
        return false;
    int run_len = snprintf(run, sizeof(run), "/actions/runs/%" PRId64, run_id);
    size_t path = strlen(p.path), tail = (size_t)run_len;
    if (path < tail || strcmp(p.path + path - tail, run) != 0)
        return false;
    if (repository == NULL)
        return true;
    size_t len = strlen(repository);
    if (path < tail + len + 1)
        return false;
    const char *at = p.path + path - tail - len;
    return at[-1] == '/' && strncasecmp(at, repository, len) == 0;
}
