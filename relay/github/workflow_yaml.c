#include "relay/github/workflow_yaml.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LINE_LEN_MAX  4096
#define NESTING_MAX   8
#define BELOW_ON      1 /* depth of the events */
#define NAME_LETTERS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
#define NO_LINE       SIZE_MAX
#define UNFINISHED    "a quoted text or flow collection over several lines"
#define MISPLACED     "a line whose indentation fits nothing above it"
#define SEVERAL_LINES "a value over several lines"

/* The line that is next: neither blank nor a comment. */
struct reader {
    const char *rest, *end; /* what follows it */
    unsigned number;
    size_t indent; /* NO_LINE: there is none */
    char text[LINE_LEN_MAX];
    const char *at; /* within text */
    struct error *err;
};

static int refuse(const struct reader *r, const char *form)
{
    return error_set(r->err, -EINVAL, "line %u: cannot read this form: %s", r->number, form);
}

static int no_memory(const struct reader *r)
{
    return error_set(r->err, -ENOMEM, "out of memory");
}

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static bool at_comment_or_end(const struct reader *r)
{
    return *r->at == '\0' || (*r->at == '#' && (r->at == r->text || r->at[-1] == ' '));
}

/* Moves on to the next line that says something. */
static int next_line(struct reader *r)
{
    while (r->rest < r->end) {
        const char *newline = memchr(r->rest, '\n', (size_t)(r->end - r->rest));
        const char *stop = newline == NULL ? r->end : newline;
        size_t len = (size_t)(stop - r->rest);
        const char *from = r->rest;
        r->number++;
        r->rest = newline == NULL ? r->end : newline + 1;
        if (len > 0 && from[len - 1] == '\r')
            len--;
        if (len >= sizeof(r->text))
            return refuse(r, "a line this long");
        memcpy(r->text, from, len);
        r->text[len] = '\0';
        r->at = r->text;
        skip_blanks(r);
        r->indent = (size_t)(r->at - r->text);
        if (!at_comment_or_end(r) && r->at[strspn(r->at, " \t")] != '\0')
            return 0;
    }
    r->indent = NO_LINE;
    return 0;
}

static bool is_below(const struct reader *r, size_t indent)
{
    return r->indent != NO_LINE && r->indent > indent;
}

static bool is_item(const struct reader *r)
{
    return r->at[0] == '-' && (r->at[1] == ' ' || r->at[1] == '\0');
}

/* What belongs to the value of a key at this indentation; a list's dashes may stand below the key.
 */
static int skip_value(struct reader *r, size_t indent)
{
    int failed = next_line(r);
    while (failed == 0 && (is_below(r, indent) || (r->indent == indent && is_item(r))))
        failed = next_line(r);
    return failed;
}

/* --- scalars ----------------------------------------------------------------------------------
 */

static int read_single_quoted(struct reader *r, struct buf *out)
{
    for (r->at++; *r->at != '\0'; r->at++) {
        if (*r->at == '\'' && *++r->at != '\'')
            return 0;
        buf_add_char(out, *r->at);
    }
    return refuse(r, UNFINISHED);
}

static int read_double_quoted(struct reader *r, struct buf *out)
{
    static const char names[] = "\"\\/nt";
    static const char meant[] = "\"\\/\n\t";

    for (r->at++; *r->at != '\0'; r->at++) {
        if (*r->at == '"') {
            r->at++;
            return 0;
        }
        if (*r->at == '\\') {
            const char *name = *++r->at == '\0' ? NULL : strchr(names, *r->at);
            if (name == NULL)
                return refuse(r, "this escape in a quoted text");
            buf_add_char(out, meant[name - names]);
        } else {
            buf_add_char(out, *r->at);
        }
    }
    return refuse(r, UNFINISHED);
}

/* Ends at a comment, and in a flow collection at its punctuation. */
static int read_plain(struct reader *r, bool flow, struct buf *out)
{
    const char *start = r->at;

    if (strchr("&*!|>%@`,[]{}\"'#", *r->at) != NULL)
        return refuse(r, "an anchor, alias, tag or other indicator here");
    if (strchr("-?:", *r->at) != NULL && (r->at[1] == ' ' || r->at[1] == '\0'))
        return refuse(r, "a list or mapping that begins within a line");
    for (; !at_comment_or_end(r); r->at++) {
        if (flow && strchr(",]}", *r->at) != NULL)
            break;
        if (*r->at == '\t' || (flow && strchr("[{", *r->at) != NULL))
            return refuse(r, "a tab or a bracket within a plain text");
        if (*r->at == ':' && (r->at[1] == ' ' || r->at[1] == '\0'))
            return refuse(r, "a second colon in this line");
    }
    const char *end = r->at;
    while (end > start && end[-1] == ' ')
        end--;
    buf_add(out, start, (size_t)(end - start));
    return 0;
}

static int read_scalar(struct reader *r, bool flow, struct buf *out)
{
    if (*r->at == '\'')
        return read_single_quoted(r, out);
    return *r->at == '"' ? read_double_quoted(r, out) : read_plain(r, flow, out);
}

/* A key and its colon. */
static int read_key(struct reader *r, struct buf *out)
{
    if (*r->at == '\'' || *r->at == '"') {
        int failed = read_scalar(r, true, out);
        if (failed < 0)
            return failed;
    } else {
        size_t len = strspn(r->at, NAME_LETTERS);
        buf_add(out, r->at, len);
        r->at += len;
    }
    skip_blanks(r);
    if (out->len == 0 || *r->at != ':' || (r->at[1] != ' ' && r->at[1] != '\0'))
        return refuse(r, "\"name: value\" is wanted");
    r->at++;
    skip_blanks(r);
    return 0;
}

static int add(const struct reader *r, json_t *object, const char *key, json_t *value)
{
    SCOPED(json_release_p) json_t *owned = value;

    if (json_object_get(object, key) != NULL)
        return refuse(r, "a name that stands twice");
    return json_object_set(object, key, owned) < 0 ? no_memory(r) : 0;
}

/* --- flow collections -------------------------------------------------------------------------
 */

static int read_inline(struct reader *r, bool flow, int depth, json_t **out);

static int read_flow(struct reader *r, int depth, json_t **out)
{
    bool mapping = *r->at == '{';
    char close = mapping ? '}' : ']';
    SCOPED(json_release_p) json_t *all = mapping ? json_object() : json_array();

    if (depth > NESTING_MAX)
        return refuse(r, "nesting this deep");
    r->at++;
    skip_blanks(r);
    while (*r->at != close) {
        SCOPED(buf_free) struct buf key = BUF_INIT(LINE_LEN_MAX);
        json_t *value = NULL;
        int failed = mapping ? read_key(r, &key) : 0;
        if (failed < 0 || (failed = read_inline(r, true, depth + 1, &value)) < 0)
            return failed;
        if (!mapping && json_array_append_new(all, value) < 0)
            return no_memory(r);
        if (mapping && (failed = add(r, all, buf_text(&key), value)) < 0)
            return failed;
        skip_blanks(r);
        if (*r->at == ',')
            r->at++;
        else if (*r->at != close)
            return refuse(r, UNFINISHED);
        skip_blanks(r);
    }
    r->at++;
    *out = GIVE(all);
    return 0;
}

static int read_inline(struct reader *r, bool flow, int depth, json_t **out)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(LINE_LEN_MAX);

    if (*r->at == '\0')
        return refuse(r, UNFINISHED);
    if (*r->at == '[' || *r->at == '{')
        return read_flow(r, depth, out);
    int failed = read_scalar(r, flow, &text);
    if (failed < 0)
        return failed;
    *out = json_string(buf_text(&text));
    return *out == NULL ? no_memory(r) : 0;
}

/* A value that ends with its line. */
static int read_rest_of_line(struct reader *r, size_t indent, int depth, json_t **out)
{
    SCOPED(json_release_p) json_t *value = NULL;

    int failed = read_inline(r, false, depth, &value);
    if (failed < 0)
        return failed;
    skip_blanks(r);
    if (!at_comment_or_end(r))
        return refuse(r, "text after a value");
    if ((failed = next_line(r)) < 0)
        return failed;
    if (is_below(r, indent))
        return refuse(r, SEVERAL_LINES);
    *out = GIVE(value);
    return 0;
}

/* --- blocks -----------------------------------------------------------------------------------
 */

static int read_mapping(struct reader *r, size_t indent, int depth, json_t **out);

static int read_list(struct reader *r, size_t indent, int depth, json_t **out)
{
    SCOPED(json_release_p) json_t *all = json_array();

    while (r->indent == indent && is_item(r)) {
        json_t *item = NULL;
        r->at++;
        skip_blanks(r);
        if (at_comment_or_end(r))
            return refuse(r, "a list item that begins in another line");
        int failed = read_rest_of_line(r, indent, depth, &item);
        if (failed < 0)
            return failed;
        if (json_array_append_new(all, item) < 0)
            return no_memory(r);
    }
    *out = GIVE(all);
    return 0;
}

/* The value of a key at this indentation; r->at is behind the colon. */
static int read_value(struct reader *r, size_t indent, int depth, json_t **out)
{
    if (*r->at == '|' || *r->at == '>') {
        *out = json_true();
        return skip_value(r, indent);
    }
    if (!at_comment_or_end(r))
        return read_rest_of_line(r, indent, depth, out);
    int failed = next_line(r);
    if (failed < 0)
        return failed;
    bool below = is_below(r, indent);
    if ((below || r->indent == indent) && is_item(r))
        return read_list(r, r->indent, depth, out);
    if (below)
        return read_mapping(r, r->indent, depth + 1, out);
    *out = json_null();
    return 0;
}

static bool is_wanted(int depth, const char *key)
{
    if (depth == 0)
        return strcmp(key, "on") == 0 || strcmp(key, "run-name") == 0;
    return depth != BELOW_ON || strcmp(key, "workflow_dispatch") == 0;
}

static int read_mapping(struct reader *r, size_t indent, int depth, json_t **out)
{
    SCOPED(json_release_p) json_t *all = json_object();

    if (depth > NESTING_MAX)
        return refuse(r, "nesting this deep");
    while (r->indent == indent) {
        SCOPED(buf_free) struct buf key = BUF_INIT(LINE_LEN_MAX);
        json_t *value = json_null();
        int failed = read_key(r, &key);
        if (failed < 0)
            return failed;
        failed = is_wanted(depth, buf_text(&key)) ? read_value(r, indent, depth, &value)
                                                  : skip_value(r, indent);
        if (failed < 0 || (failed = add(r, all, buf_text(&key), value)) < 0)
            return failed;
    }
    if (is_below(r, indent))
        return refuse(r, MISPLACED);
    *out = GIVE(all);
    return 0;
}

static bool is_start_of_document(const struct reader *r)
{
    return r->indent == 0 && strncmp(r->text, "---", 3) == 0 &&
           r->text[3 + strspn(r->text + 3, " ")] == '\0';
}

int workflow_yaml_read(json_t **out, const char *text, size_t len, struct error *err)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* of byte order */
    struct reader r = {.rest = text, .end = text + len, .err = err};

    if (memchr(text, '\0', len) != NULL || !utf8_is_valid(text))
        return error_set(err, -EINVAL, "it is no text in UTF-8");
    if (len >= 3 && memcmp(text, mark, 3) == 0)
        r.rest += 3;
    int failed = next_line(&r);
    if (failed == 0 && is_start_of_document(&r))
        failed = next_line(&r);
    if (failed < 0)
        return failed;
    if (r.indent != 0)
        return refuse(&r, r.indent == NO_LINE ? "an empty file" : MISPLACED);
    failed = read_mapping(&r, 0, 0, out);
    if (failed == 0 && r.indent != NO_LINE) {
        json_decref(*out);
        return refuse(&r, MISPLACED);
    }
    return failed;
}
