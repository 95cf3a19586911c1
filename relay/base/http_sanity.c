#include "relay/base/http_sanity.h"

#include <string.h>
#include <strings.h>

#include <microhttpd.h>

enum { ARGUMENTS_MAX = 100 };

/* RFC 9110 §5.6.2 */
static bool is_token(const char *text, size_t len)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return len > 0;
}

/* RFC 9110 §5.5: no control bytes but the tab. */
static bool is_field_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *http_sanity_target(const char *target)
{
    unsigned separators = 0;
    for (const char *p = target; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= 0x20 || c == 0x7f)
            return "blank or control byte in the request target";
        separators += c == '&';
        if (c != '%')
            continue;
        int high = hex_digit(p[1]);
        int low = high < 0 ? -1 : hex_digit(p[2]);
        if (low < 0)
            return "broken percent-encoding in the request target";
        if (high < 2 || (high == 7 && low == 15))
            return "encoded control byte in the request target";
    }
    return separators >= ARGUMENTS_MAX ? "too many arguments in the request target" : NULL;
}

/* Between s->end and `next` lies one line end: CRLF, or LF alone. The library wrote NULs over it.
 */
static bool follows_line_end(const struct http_sanity *s, uintptr_t next)
{
    return next - s->end == 1 || next - s->end == 2;
}

static bool follows_colon(const char *name, size_t name_len, const char *value, size_t most)
{
    size_t distance = (size_t)((uintptr_t)value - (uintptr_t)name);
    if (distance <= name_len || distance > most)
        return false;
    for (size_t i = name_len + 1; i < distance; i++) {
        if (name[i] != ' ' && name[i] != '\t')
            return false;
    }
    return true;
}

static const char *header_fault(struct http_sanity *s, const char *name, size_t name_len,
                                const char *value, size_t value_len)
{
    if (value == NULL || !follows_line_end(s, (uintptr_t)name) ||
        !follows_colon(name, name_len, value, s->header_bytes))
        return "header with a folded line or a NUL byte";
    s->end = (uintptr_t)value + value_len;
    if (!is_token(name, name_len))
        return "header name that is no token";
    if (!is_field_value(value, value_len))
        return "control byte in a header value";
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        s->lengths++;
        /* The library has checked that it is a number that fits. */
        for (const char *p = value; *p >= '0' && *p <= '9'; p++)
            s->content_length = s->content_length * 10 + (uint64_t)(*p - '0');
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        s->codings++;
        s->chunked = strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        s->hosts++;
    }
    return NULL;
}

static enum MHD_Result visit(void *self, enum MHD_ValueKind kind, const char *name, size_t name_len,
                             const char *value, size_t value_len)
{
    struct http_sanity *s = self;
    (void)kind;
    s->fault = header_fault(s, name, name_len, value, value_len);
    return s->fault == NULL ? MHD_YES : MHD_NO;
}

static const char *request_line_fault(const struct http_sanity *s)
{
    size_t method_len = strlen(s->method);
    if (!is_token(s->method, method_len))
        return "method that is no token";
    if (s->target == NULL || (uintptr_t)s->target != (uintptr_t)s->method + method_len + 1 ||
        (uintptr_t)s->version != (uintptr_t)s->target + s->target_len + 1)
        return "request line with a NUL byte or more than one blank";
    return s->target_fault;
}

static const char *framing_fault(const struct http_sanity *s)
{
    bool http_1_0 = strcmp(s->version, MHD_HTTP_VERSION_1_0) == 0;
    if (s->lengths > 1)
        return "more than one Content-Length";
    if (s->codings > 0 && s->lengths > 0)
        return "both Content-Length and Transfer-Encoding";
    if (s->codings > 1 || (s->codings == 1 && !s->chunked))
        return "Transfer-Encoding other than chunked";
    if (s->codings > 0 && http_1_0)
        return "Transfer-Encoding in HTTP/1.0";
    if (s->hosts > 1 || (s->hosts == 0 && !http_1_0))
        return "HTTP/1.1 needs one Host header";
    return NULL;
}

const char *http_sanity_check(struct http_sanity *s, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (size == NULL)
        return "header without a size";
    s->header_bytes = size->header_size;
    const char *fault = request_line_fault(s);
    if (fault != NULL)
        return fault;
    s->end = (uintptr_t)s->version + strlen(s->version);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, visit, s);
    if (s->fault != NULL)
        return s->fault;
    /* The last line's end and the empty line's: two line ends. */
    uintptr_t rest = (uintptr_t)s->method + s->header_bytes - s->end;
    if (rest < 2 || rest > 4)
        return "header with a folded line or a NUL byte";
    s->has_length = s->lengths > 0;
    return framing_fault(s);
}
