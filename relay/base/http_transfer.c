#include "relay/base/http_transfer.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#define IDLE_CONNECTION_AGE_S 60

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    struct buf fields; /* the latest header block: name NUL value NUL … */
    size_t header_bytes, header_lines;
    bool header_complete;        /* of a final answer, not of an interim one */
    bool may_have_left;          /* the connection stood, the request was about to be written */
    const char *stopped;         /* why a callback of ours ended the call; static */
    char error[CURL_ERROR_SIZE]; /* libcurl writes here for as long as easy lives */
    struct http_result result;
};

/* A token may be among the headers, or be the answer: what is ours of both is wiped. */
static void wipe(struct transfer *t)
{
    for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
        sodium_memzero(h->data, strlen(h->data));
    if (t->body.data != NULL)
        sodium_memzero(t->body.data, t->body.cap);
}

void transfer_free(struct transfer *t)
{
    if (t == NULL)
        return;
    curl_easy_cleanup(t->easy);
    wipe(t);
    curl_slist_free_all(t->headers);
    buf_free(&t->body);
    buf_free(&t->fields);
    free(t);
}

void transfer_free_p(struct transfer **t)
{
    transfer_free(*t);
}

/* --- what libcurl calls --- */

static int on_request(void *context, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *t = context;
    (void)peer, (void)local, (void)peer_port, (void)local_port;
    t->may_have_left = true;
    return CURL_PREREQFUNC_OK;
}

static size_t stop(struct transfer *t, const char *why)
{
    t->stopped = why;
    return 0; /* fewer bytes than were given: libcurl ends the transfer */
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void keep_field(struct transfer *t, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || is_blank(line[0]))
        return;
    const char *value = colon + 1, *end = line + len;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    buf_add(&t->fields, line, (size_t)(colon - line));
    buf_add_char(&t->fields, '\0');
    buf_add(&t->fields, value, (size_t)(end - value));
    buf_add_char(&t->fields, '\0');
}

/* One header line with its end of line; the empty line that ends a block too. libcurl itself takes
 * a header that was cut for an answer (CURLE_OK), hence header_complete. */
static size_t on_header(char *line, size_t size, size_t n, void *context)
{
    struct transfer *t = context;
    (void)size; /* documented to be 1 */
    t->header_lines++;
    if (n > HTTP_HEADER_BYTES_MAX - t->header_bytes || t->header_lines > HTTP_HEADER_LINES_MAX)
        return stop(t, "the header of the answer is too large");
    t->header_bytes += n;
    if (t->header_complete)
        return n; /* a trailer */
    if ((n == 1 && line[0] == '\n') || (n == 2 && line[0] == '\r' && line[1] == '\n')) {
        long status = 0;
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        t->header_complete = status >= 200;
        if (!t->header_complete)
            buf_clear(&t->fields);
        return n;
    }
    keep_field(t, line, n);
    return buf_failed(&t->fields) ? stop(t, "out of memory") : n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context)
{
    struct transfer *t = context;
    (void)size; /* documented to be 1 */
    size_t room = t->body.max - t->body.len;
    buf_add(&t->body, bytes, n < room ? n : room);
    if (buf_failed(&t->body))
        return stop(t, "out of memory");
    if (n > room) {
        t->result.truncated = true;
        return stop(t, "the answer is longer than allowed");
    }
    return n;
}

/* --- from a call to a handle --- */

static void curlu_free_p(CURLU **u)
{
    curl_url_cleanup(*u);
}

static void curl_free_p(char **text)
{
    curl_free(*text);
}

static int check_url(const struct http_call *call, struct error *err)
{
    SCOPED(curlu_free_p) CURLU *u = curl_url();
    SCOPED(curl_free_p) char *scheme = NULL;
    SCOPED(curl_free_p) char *user = NULL;
    SCOPED(curl_free_p) char *password = NULL;
    if (u == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    /* Parsed here because CURLOPT_URL would guess a scheme that is missing. */
    CURLUcode code = curl_url_set(u, CURLUPART_URL, call->url, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        return error_set(err, -ENOMEM, "out of memory");
    if (code != CURLUE_OK)
        return error_set(err, -EINVAL, "the URL is not valid: %s", curl_url_strerror(code));
    if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
        curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
        return error_set(err, -EINVAL, "the URL must not hold a user or password");
    /* libcurl reads "https:/x" and "https:///x" as the host x. */
    const char *rest = strstr(call->url, "://");
    if (rest == NULL || rest[3] == '/')
        return error_set(err, -EINVAL, "the URL is not valid: it names no host");
    if (strcmp(scheme, "https") == 0 || (call->allow_http && strcmp(scheme, "http") == 0))
        return 0;
    return error_set(err, -EINVAL, "the URL must begin with https://, not %s://", scheme);
}

static bool is_method(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static int check_call(const struct http_call *call, struct error *err)
{
    if (!is_method(call->method))
        return error_set(err, -EINVAL, "HTTP method %s is not supported", call->method);
    if (call->body != NULL && strcmp(call->method, "GET") == 0)
        return error_set(err, -EINVAL, "a GET has no body");
    if (call->connect_timeout_ms <= 0 || call->timeout_ms <= 0 ||
        call->connect_timeout_ms > INT_MAX || call->timeout_ms > INT_MAX)
        return error_set(err, -EINVAL, "both timeouts must be set, at most %d ms", INT_MAX);
    if (call->response_max > SIZE_MAX / 2 || call->body_len > SIZE_MAX / 2)
        return error_set(err, -EINVAL, "a body of that size is not possible");
    return check_url(call, err);
}

static int add_header(struct transfer *t, const char *line, struct error *err)
{
    struct curl_slist *list = curl_slist_append(t->headers, line);
    if (list == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    t->headers = list;
    return 0;
}

static int add_headers(struct transfer *t, const struct http_call *call, struct error *err)
{
    bool typed = false;
    /* A name with nothing behind the colon takes away what libcurl would add by itself. */
    int r = add_header(t, "Expect:", err);
    for (const char *const *h = call->headers; r == 0 && h != NULL && *h != NULL; h++) {
        const char *colon = strchr(*h, ':');
        if (colon == NULL || colon == *h || strpbrk(*h, "\r\n") != NULL)
            return error_set(err, -EINVAL, "a request header is not \"Name: value\" on one line");
        if (colon[1 + strspn(colon + 1, " \t")] == '\0')
            return error_set(err, -EINVAL, "a request header has no value");
        typed = typed || strncasecmp(*h, "Content-Type:", strlen("Content-Type:")) == 0;
        r = add_header(t, *h, err);
    }
    return r == 0 && !typed ? add_header(t, "Content-Type:", err) : r;
}

static CURLcode set_fixed(CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } fixed[] = {
        {CURLOPT_NOSIGNAL, 1},
        /* Else cleaning up waits for the thread that still asks for a name: seconds in which
         * every other call stands still. */
        {CURLOPT_QUICK_EXIT, 1},
        /* HTTP/2 shares connections and sends a refused stream again by itself. */
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_AGE_S},
        {CURLOPT_HEADEROPT, CURLHEADER_SEPARATE}, /* no Authorization for the proxy */
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOPROGRESS, 1},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; code == CURLE_OK && i < sizeof(fixed) / sizeof(fixed[0]); i++)
        code = curl_easy_setopt(easy, fixed[i].option, fixed[i].value);
    return code;
}

static CURLcode first_failure(const CURLcode *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i] != CURLE_OK)
            return codes[i];
    return CURLE_OK;
}

static CURLcode set_callbacks(struct transfer *t)
{
    CURL *e = t->easy;
    const CURLcode codes[] = {
        curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error),
        curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request),
        curl_easy_setopt(e, CURLOPT_PREREQDATA, t),
        curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header),
        curl_easy_setopt(e, CURLOPT_HEADERDATA, t),
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body),
        curl_easy_setopt(e, CURLOPT_WRITEDATA, t),
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers),
    };
    return first_failure(codes, sizeof(codes) / sizeof(codes[0]));
}

static CURLcode set_connection(CURL *e, const struct http_call *call)
{
    bool once = strcmp(call->method, "POST") == 0 || strcmp(call->method, "PATCH") == 0;
    long fresh = call->fresh || once;
    const CURLcode codes[] = {
        curl_easy_setopt(e, CURLOPT_URL, call->url),
        curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, call->allow_http ? "http,https" : "https"),
        curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms),
        curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms),
        curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, fresh),
        curl_easy_setopt(e, CURLOPT_FORBID_REUSE, fresh),
        /* "" and not NULL: NULL would mean the environment. */
        curl_easy_setopt(e, CURLOPT_PROXY, call->proxy == NULL ? "" : call->proxy),
        curl_easy_setopt(e, CURLOPT_NOPROXY, ""),
        curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, call->unix_socket),
    };
    CURLcode code = first_failure(codes, sizeof(codes) / sizeof(codes[0]));
    if (code != CURLE_OK || call->ca_file == NULL)
        return code;
    /* Some flavours also have a folder of authorities built in. */
    code = curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK || code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION)
        code = curl_easy_setopt(e, CURLOPT_CAINFO, call->ca_file);
    return code;
}

static CURLcode set_method(CURL *e, const struct http_call *call)
{
    bool get = strcmp(call->method, "GET") == 0;
    bool bare = call->body == NULL && strcmp(call->method, "DELETE") == 0;
    if (get || bare) {
        CURLcode code = curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
        if (code == CURLE_OK && !get)
            code = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
        return code;
    }
    const CURLcode codes[] = {
        curl_easy_setopt(e, CURLOPT_POST, 1L),
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method),
        /* The size comes first: without it the copy would end at the first NUL. */
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(call->body == NULL ? 0 : call->body_len)),
        curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, call->body == NULL ? "" : call->body),
    };
    return first_failure(codes, sizeof(codes) / sizeof(codes[0]));
}

int transfer_new(struct transfer **out, const struct http_call *call, struct error *err)
{
    int r = check_call(call, err);
    if (r < 0)
        return r;
    SCOPED(transfer_free_p) struct transfer *t = calloc(1, sizeof(*t));
    if (t == NULL || (t->easy = curl_easy_init()) == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    t->body = BUF_INIT(call->response_max);
    t->fields = BUF_INIT(HTTP_HEADER_BYTES_MAX);
    if ((r = add_headers(t, call, err)) < 0)
        return r;
    CURLcode code = set_fixed(t->easy);
    if (code == CURLE_OK)
        code = set_callbacks(t);
    if (code == CURLE_OK)
        code = set_connection(t->easy, call);
    if (code == CURLE_OK)
        code = set_method(t->easy, call);
    if (code != CURLE_OK)
        return error_set(err, code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL, "libcurl: %s",
                         curl_easy_strerror(code));
    *out = GIVE(t);
    return 0;
}

CURL *transfer_handle(const struct transfer *t)
{
    return t->easy;
}

/* --- the end --- */

static void set_error(struct transfer *t, CURLcode code)
{
    const char *words = t->error[0] != '\0' ? t->error : curl_easy_strerror(code);
    if (t->stopped != NULL)
        words = t->stopped;
    else if (code == CURLE_OK)
        words = "the answer ended in the middle of its header";
    (void)snprintf(t->result.error, sizeof(t->result.error), "%s", words); /* cut is fine */
    for (char *c = t->result.error; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' '; /* the server's own words may be among them */
}

void transfer_end(struct transfer *t, CURLcode code)
{
    struct http_result *result = &t->result;
    long status = 0;
    curl_off_t duration_us = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &duration_us);
    if (code == CURLE_OK && t->header_complete)
        result->outcome = HTTP_ANSWER;
    else
        result->outcome = t->may_have_left ? HTTP_UNKNOWN : HTTP_NOT_SENT;
    if (result->outcome != HTTP_ANSWER)
        set_error(t, code);
    result->status = t->header_complete ? (int)status : 0;
    result->body = buf_text(&t->body);
    result->body_len = t->body.len;
    result->duration_ms = duration_us / 1000;
    result->transfer_ = t;
}

const struct http_result *transfer_result(const struct transfer *t)
{
    return &t->result;
}

const char *http_result_header(const struct http_result *result, const char *name)
{
    const struct transfer *t = result->transfer_;
    if (t == NULL || !t->header_complete)
        return NULL;
    const char *at = t->fields.data, *end = at == NULL ? NULL : at + t->fields.len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}
