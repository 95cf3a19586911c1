#include "relay/base/parse.h"

#include "relay/base/digits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int parse_int64(int64_t *out, const char *text, int64_t min, int64_t max, struct error *err)
{
    const char *p = text;
    bool negative = take_char(&p, '-');
    int64_t value = 0;
    if (!is_digit(*p))
        return error_set(err, -EINVAL, "\"%.64s\" is not a whole number", text);
    bool fits = true;
    for (; is_digit(*p); p++) {
        int digit = negative ? '0' - *p : *p - '0';
        fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_add_overflow(value, digit, &value);
    }
    if (*p != '\0')
        return error_set(err, -EINVAL, "\"%.64s\" is not a whole number", text);
    if (!fits || value < min || value > max)
        return error_set(err, -ERANGE, "\"%.64s\" is not between %lld and %lld", text,
                         (long long)min, (long long)max);
    *out = value;
    return 0;
}

/* -? digits ( . digits )? ( [eE] [+-]? digits )?, the whole text. */
static bool is_decimal(const char *p)
{
    take_char(&p, '-');
    size_t whole = strspn(p, "0123456789");
    p += whole;
    if (whole == 0)
        return false;
    if (take_char(&p, '.')) {
        size_t fraction = strspn(p, "0123456789");
        p += fraction;
        if (fraction == 0)
            return false;
    }
    if (take_char(&p, 'e') || take_char(&p, 'E')) {
        if (!take_char(&p, '-'))
            take_char(&p, '+');
        size_t exponent = strspn(p, "0123456789");
        p += exponent;
        if (exponent == 0)
            return false;
    }
    return *p == '\0';
}

int parse_double(double *out, const char *text, struct error *err)
{
    if (!is_decimal(text))
        return error_set(err, -EINVAL, "\"%.64s\" is not a decimal number such as 0.8", text);
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return error_set(err, -ERANGE, "\"%.64s\" is too large a number", text);
    *out = value;
    return 0;
}

int parse_size_bytes(uint64_t *out, const char *text, struct error *err)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        /* clang-format off */
        { "B",   1 },
        { "kB",  1000 },
        { "MB",  1000 * 1000 },
        { "GB",  1000 * 1000 * 1000 },
        { "KiB", 1024 },
        { "MiB", 1024 * 1024 },
        { "GiB", 1024 * 1024 * 1024 },
        /* clang-format on */
    };
    const char *unit = text + strspn(text, "0123456789");
    for (size_t i = 0; unit > text && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        int64_t n;
        uint64_t bytes;
        const char *p = text;
        if (take_number(&p, &n) != 0 || __builtin_mul_overflow((uint64_t)n, units[i].bytes, &bytes))
            return error_set(err, -ERANGE, "\"%.64s\" is too large a size", text);
        *out = bytes;
        return 0;
    }
    return error_set(err, -EINVAL,
                     "\"%.64s\" is not a size with unit (B, kB, MB, GB, KiB, MiB, GiB)", text);
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int parse_hex(unsigned char *out, size_t out_len, const char *text, size_t text_len,
              struct error *err)
{
    bool right = text_len % 2 == 0 && text_len / 2 == out_len;
    for (size_t i = 0; right && i < text_len; i++)
        right = hex_value(text[i]) >= 0;
    if (!right)
        return error_set(err, -EINVAL, "not %zu hexadecimal digits", out_len * 2);
    for (size_t i = 0; i < out_len; i++)
        out[i] = (unsigned char)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    return 0;
}

int parse_address(struct address *out, const char *text, struct error *err)
{
    static const char *const wanted =
        "\"%.80s\" is not a numeric address:port such as 127.0.0.1:9099 or [::1]:9099";
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return error_set(err, -EINVAL, wanted, text);
    const char *host = text;
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';
    if (bracketed) {
        host++;
        len -= 2;
    }
    struct address address = {.port = 0};
    if (len >= sizeof(address.host))
        return error_set(err, -EINVAL, wanted, text);
    memcpy(address.host, host, len);

    unsigned char binary[sizeof(struct in6_addr)];
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, address.host, binary) != 1)
        return error_set(err, -EINVAL, wanted, text);
    const char *port = colon + 1;
    int64_t number = 0;
    int rc = take_number(&port, &number);
    if (rc == -EINVAL || *port != '\0')
        return error_set(err, -EINVAL, wanted, text);
    if (rc != 0 || number > UINT16_MAX)
        return error_set(err, -ERANGE, "\"%.80s\": a port is at most 65535", text);
    address.port = (uint16_t)number;
    *out = address;
    return 0;
}

bool address_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    return strcasecmp(host, "localhost") == 0;
}

/* Table 3-7 of the Unicode standard: which second byte may follow which first one. That leaves out
 * overlong forms, surrogates and all past U+10FFFF. */
static const struct {
    unsigned char first, last; /* of the first byte */
    unsigned char low, high;   /* of the second byte */
    size_t len;
} utf8_forms[] = {
    /* clang-format off */
    { 0xC2, 0xDF, 0x80, 0xBF, 2 },
    { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
    { 0xE1, 0xEC, 0x80, 0xBF, 3 },
    { 0xED, 0xED, 0x80, 0x9F, 3 },
    { 0xEE, 0xEF, 0x80, 0xBF, 3 },
    { 0xF0, 0xF0, 0x90, 0xBF, 4 },
    { 0xF1, 0xF3, 0x80, 0xBF, 4 },
    { 0xF4, 0xF4, 0x80, 0x8F, 4 },
    /* clang-format on */
};

size_t utf8_char_len(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t form = 0, n_forms = sizeof(utf8_forms) / sizeof(utf8_forms[0]);
    while (form < n_forms && s[0] > utf8_forms[form].last)
        form++;
    if (form == n_forms || s[0] < utf8_forms[form].first || len < utf8_forms[form].len)
        return 0;
    if (s[1] < utf8_forms[form].low || s[1] > utf8_forms[form].high)
        return 0;
    for (size_t i = 2; i < utf8_forms[form].len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return utf8_forms[form].len;
}
