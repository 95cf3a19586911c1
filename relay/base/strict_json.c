#include "relay/base/strict_json.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* jansson calls some of its failures to get memory "invalid token", which would tell a sender that
 * what it sent is wrong: so we see for ourselves. */
static _Thread_local bool memory_failed;

static void *noting_malloc(size_t n)
{
    void *memory = malloc(n);
    if (memory == NULL)
        memory_failed = true;
    return memory;
}

__attribute__((constructor)) static void note_what_jansson_asks_for(void)
{
    json_set_alloc_funcs(noting_malloc, free);
}

struct position {
    unsigned long line, column; /* from 1; a column is a character */
};

static struct position position_of(const char *bytes, size_t offset)
{
    struct position at = {1, 1};
    for (size_t i = 0; i < offset; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '\n') {
            at.line++;
            at.column = 1;
        } else if ((c & 0xC0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

static int fault_at(const char *bytes, size_t offset, const char *words, struct error *err)
{
    struct position at = position_of(bytes, offset);
    return error_set(err, -EINVAL, "line %lu column %lu: %s", at.line, at.column, words);
}

/* Counts brackets outside strings. On text that is no JSON the count may be off, but never smaller
 * than how deep jansson recurses before it finds the fault: both see the same tokens until then. */
static int check_depth(const char *bytes, size_t len, unsigned depth, struct error *err)
{
    unsigned open = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (in_string) {
            if (c == '\\' && i + 1 < len)
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (open == depth)
                return fault_at(bytes, i, "nested too deeply", err);
            open++;
        } else if ((c == ']' || c == '}') && open > 0) {
            open--;
        }
    }
    return 0;
}

/* Reals that are whole numbers become integers again, in what was read with every integer as real.
 */
static int restore_integers(json_t *value);

static int restored(json_t *child, json_t **out)
{
    static const double exact_below = 9007199254740992.0; /* 2^53 */
    *out = NULL;
    if (!json_is_real(child))
        return restore_integers(child);
    double real = json_real_value(child);
    if (fabs(real) >= exact_below || trunc(real) != real)
        return 0;
    *out = json_integer((json_int_t)real);
    return *out != NULL ? 0 : -ENOMEM;
}

static int restore_integers(json_t *value)
{
    size_t i;
    json_t *child, *integer;
    const char *key;
    json_array_foreach(value, i, child)
    {
        if (restored(child, &integer) != 0 ||
            (integer != NULL && json_array_set_new(value, i, integer) != 0))
            return -ENOMEM;
    }
    json_object_foreach(value, key, child)
    {
        /* Setting the value of a key that is there keeps the iterator valid. */
        if (restored(child, &integer) != 0 ||
            (integer != NULL && json_object_set_new_nocheck(value, key, integer) != 0))
            return -ENOMEM;
    }
    return 0;
}

static int load_with_reals(json_t **out, const char *bytes, size_t len, json_error_t *fault)
{
    SCOPED(json_release_p)
    json_t *tree = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, fault);
    if (tree == NULL)
        return -EINVAL;
    if (restore_integers(tree) != 0)
        return -ENOMEM;
    *out = GIVE(tree);
    return 0;
}

int strict_json_load(json_t **out, const char *bytes, size_t len, unsigned depth, struct error *err)
{
    if (len == 0)
        return error_set(err, -EINVAL, "line 1 column 1: there is no JSON text");
    const char *nul = memchr(bytes, '\0', len);
    if (nul != NULL)
        return fault_at(bytes, (size_t)(nul - bytes), "a NUL byte", err);
    int rc = check_depth(bytes, len, depth, err);
    if (rc != 0)
        return rc;

    json_error_t fault = {0}; /* without memory it is left as it was */
    memory_failed = false;
    json_t *tree = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &fault);
    if (tree == NULL && json_error_code(&fault) == json_error_numeric_overflow) {
        rc = load_with_reals(&tree, bytes, len, &fault);
        if (rc == -ENOMEM)
            return error_set(err, rc, "out of memory");
    }
    if (tree == NULL) {
        if (memory_failed)
            return error_set(err, -ENOMEM, "out of memory");
        return error_set(err, -EINVAL, "line %d column %d: %s", fault.line > 0 ? fault.line : 1,
                         fault.column > 0 ? fault.column : 1, fault.text);
    }
    *out = tree;
    return 0;
}

static void add_escape(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add_text(b, "\\\"");
        break;
    case '\\':
        buf_add_text(b, "\\\\");
        break;
    case '\n':
        buf_add_text(b, "\\n");
        break;
    case '\r':
        buf_add_text(b, "\\r");
        break;
    case '\t':
        buf_add_text(b, "\\t");
        break;
    default:
        buf_addf(b, "\\u%04x", c);
    }
}

void buf_add_json_string(struct buf *b, const char *text)
{
    size_t left = strlen(text);
    buf_add_char(b, '"');
    while (left > 0) {
        unsigned char first = (unsigned char)text[0];
        size_t n = utf8_char_len(text, left);
        if (n == 0) {
            buf_add_text(b, "\xEF\xBF\xBD");
            n = 1;
        } else if (first < 0x20 || first == '"' || first == '\\' || first == 0x7f) {
            add_escape(b, first);
        } else if (first == 0xC2 && (unsigned char)text[1] < 0xA0) {
            add_escape(b, (unsigned char)text[1]); /* C1: U+0080 is C2 80 */
        } else {
            buf_add(b, text, n);
        }
        text += n;
        left -= n;
    }
    buf_add_char(b, '"');
}

static void add_value(struct buf *b, json_t *value);

static void add_array(struct buf *b, const json_t *array)
{
    size_t i;
    json_t *element;
    buf_add_char(b, '[');
    json_array_foreach(array, i, element)
    {
        if (i > 0)
            buf_add_char(b, ',');
        add_value(b, element);
    }
    buf_add_char(b, ']');
}

static void add_object(struct buf *b, json_t *object)
{
    const char *key;
    json_t *member;
    bool first = true;
    buf_add_char(b, '{');
    json_object_foreach(object, key, member)
    {
        if (!first)
            buf_add_char(b, ',');
        first = false;
        buf_add_json_string(b, key);
        buf_add_char(b, ':');
        add_value(b, member);
    }
    buf_add_char(b, '}');
}

static void add_value(struct buf *b, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(b, value);
        break;
    case JSON_ARRAY:
        add_array(b, value);
        break;
    case JSON_STRING:
        buf_add_json_string(b, json_string_value(value));
        break;
    case JSON_INTEGER:
        buf_addf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        buf_add_real(b, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_add_text(b, "true");
        break;
    case JSON_FALSE:
        buf_add_text(b, "false");
        break;
    case JSON_NULL:
        buf_add_text(b, "null");
        break;
    }
}

void buf_add_json(struct buf *b, const json_t *value)
{
    /* jansson's iterators want a pointer without const, though they change nothing. */
    add_value(b, (json_t *)(uintptr_t)value);
}

void json_release_p(json_t **value)
{
    json_decref(*value);
}
