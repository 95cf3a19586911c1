#include "relay/engine/matcher.h"

#include "relay/base/buf.h"
#include "relay/base/pattern.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *sign;
    enum matcher_op op;
} operators[] = {
    /* longer ones first */
    {"=~", MATCH_REGEX},
    {"!~", MATCH_NOT_REGEX},
    {"!=", MATCH_NOT_EQUAL},
    {"=", MATCH_EQUAL},
};

static bool is_label_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Takes the quotes off; text that does not begin with one is the value as it stands. */
static int unquote(char **out, const char *text, struct error *err)
{
    SCOPED(buf_free) struct buf value = BUF_INIT(4096);
    if (text[0] != '"') {
        buf_add_text(&value, text);
    } else {
        const char *p = text + 1;
        for (; *p != '"'; p++) {
            if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
                p++;
            if (*p == '\0')
                return error_set(err, -EINVAL, "the quote in %s is not closed", text);
            buf_add_char(&value, *p);
        }
        if (p[1] != '\0')
            return error_set(err, -EINVAL, "text after the closing quote in %s", text);
    }
    *out = buf_give(&value);
    return *out == NULL ? error_set(err, -EINVAL, "the value is longer than 4096 bytes") : 0;
}

int matcher_parse(struct matcher *out, const char *text, struct error *err)
{
    size_t name_len = 0;
    while (is_label_char(text[name_len], name_len == 0))
        name_len++;
    const char *rest = text + name_len;
    size_t i = 0;
    while (i < sizeof(operators) / sizeof(operators[0]) &&
           strncmp(rest, operators[i].sign, strlen(operators[i].sign)) != 0)
        i++;
    if (name_len == 0 || i == sizeof(operators) / sizeof(operators[0]))
        return error_set(err, -EINVAL,
                         "\"%.80s\" is no matcher: name=value, name!=value, name=~pattern or "
                         "name!~pattern is wanted",
                         text);
    struct matcher m = {.name = strndup(text, name_len), .op = operators[i].op};
    char *value = NULL;
    int r = m.name == NULL ? -ENOMEM : unquote(&value, rest + strlen(operators[i].sign), err);
    if (r == 0 && (m.op == MATCH_REGEX || m.op == MATCH_NOT_REGEX))
        r = pattern_compile(&m.pattern, value, err);
    else
        m.value = GIVE(value);
    free(value);
    if (r != 0) {
        matcher_clear(&m);
        return r;
    }
    *out = m;
    return 0;
}

void matcher_clear(struct matcher *m)
{
    free(m->name);
    free(m->value);
    pattern_free(m->pattern);
    *m = (struct matcher){0};
}

bool matcher_matches(const struct matcher *m, const struct alert *alert)
{
    const char *value = label_value(alert->labels, alert->n_labels, m->name);
    if (value == NULL)
        value = "";
    switch (m->op) {
    case MATCH_EQUAL:
        return strcmp(value, m->value) == 0;
    case MATCH_NOT_EQUAL:
        return strcmp(value, m->value) != 0;
    case MATCH_REGEX:
        return pattern_matches(m->pattern, value);
    case MATCH_NOT_REGEX:
        return !pattern_matches(m->pattern, value);
    }
    return false;
}
