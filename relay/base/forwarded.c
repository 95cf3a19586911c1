#include "relay/base/forwarded.h"

#include "relay/base/parse.h"

#include <string.h>

/* Longest entry that can be an address with a port: "[" IPv6 "]:65535". */
#define ENTRY_MAX 64

/* The entry without blanks, port and brackets. */
static bool parse_entry(struct ip *out, const char *entry, size_t len)
{
    char text[ENTRY_MAX];
    struct address with_port;
    while (len > 0 && (entry[0] == ' ' || entry[0] == '\t'))
        entry++, len--;
    while (len > 0 && (entry[len - 1] == ' ' || entry[len - 1] == '\t'))
        len--;
    if (len == 0 || len >= sizeof(text))
        return false;
    memcpy(text, entry, len);
    text[len] = '\0';
    if (ip_parse(out, text))
        return true;
    if (text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        return strchr(text, ':') != NULL && ip_parse(out, text + 1);
    }
    return parse_address(&with_port, text, NULL) == 0 && ip_parse(out, with_port.host);
}

/* The last comma of the first len bytes, or NULL. */
static const char *last_comma(const char *text, size_t len)
{
    while (len > 0) {
        if (text[--len] == ',')
            return text + len;
    }
    return NULL;
}

int forwarded_client(struct ip *out, const struct ip *peer, const struct network *trusted,
                     size_t n_trusted, const char *const *fields, size_t n_fields)
{
    size_t hops = 0;
    *out = *peer;
    for (size_t i = n_fields; i > 0; i--) {
        const char *field = fields[i - 1];
        size_t len = strlen(field);
        for (bool more = true; more;) {
            if (!networks_have(trusted, n_trusted, out))
                return 0;
            const char *comma = last_comma(field, len);
            const char *entry = comma == NULL ? field : comma + 1;
            if (++hops > FORWARDED_HOPS_MAX ||
                !parse_entry(out, entry, (size_t)(field + len - entry)))
                return FORWARDED_MALFORMED;
            more = comma != NULL;
            len = more ? (size_t)(comma - field) : 0;
        }
    }
    return 0;
}
