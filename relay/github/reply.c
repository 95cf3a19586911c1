#include "relay/github/reply.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/github/url.h"

#include <string.h>

static void add_part(struct buf *b, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    if (b->len > 0)
        buf_add_text(b, "; ");
    buf_add_text(b, text);
}

static void add_error(struct buf *b, const json_t *error)
{
    static const char *const keys[] = {"resource", "field", "code"};

    if (!json_is_object(error)) {
        add_part(b, json_string_value(error));
        return;
    }
    const char *message = json_string_value(json_object_get(error, "message"));
    if (message != NULL) {
        add_part(b, message);
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        add_part(b, json_string_value(json_object_get(error, keys[i])));
}

void reply_read(struct reply *out, const struct exchange_answer *answer)
{
    SCOPED(json_release_p) json_t *body = NULL;
    size_t i;
    const json_t *error;

    *out = (struct reply){.message = BUF_INIT(GITHUB_RESPONSE_MAX),
                          .documentation = BUF_INIT(URL_MAX)};
    if (answer->body == NULL ||
        strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0)
        return;
    add_part(&out->message, json_string_value(json_object_get(body, "message")));
    const json_t *errors = json_object_get(body, "errors");
    if (json_is_array(errors)) {
        json_array_foreach(errors, i, error)
        {
            add_error(&out->message, error);
        }
    } else {
        add_error(&out->message, errors);
    }
    add_part(&out->documentation, json_string_value(json_object_get(body, "documentation_url")));
}

void reply_clear(struct reply *r)
{
    buf_free(&r->message);
    buf_free(&r->documentation);
}

bool reply_says(const struct reply *r, const char *words)
{
    return strcasestr(buf_text(&r->message), words) != NULL;
}

/* list: "[...]" with more behind it. */
static bool is_list_of(const char *list, const char *input)
{
    SCOPED(json_release_p) json_t *names = NULL;
    const char *end = strchr(list, ']');

    if (end == NULL || strict_json_load(&names, list, (size_t)(end - list) + 1, 1, NULL) < 0)
        return false;
    const char *name = json_string_value(json_array_get(names, 0));
    return json_array_size(names) == 1 && name != NULL && strcmp(name, input) == 0;
}

bool reply_only_unexpected(const struct reply *r, const char *input)
{
    static const char words[] = "unexpected inputs";
    const char *at = buf_text(&r->message);
    size_t lists = 0;

    for (; (at = strcasestr(at, words)) != NULL; lists++) {
        at += strlen(words);
        const char *list = strchr(at, '[');
        if (list == NULL || !is_list_of(list, input))
            return false;
    }
    return lists > 0;
}

int64_t reply_number(const struct exchange_answer *answer, const char *header)
{
    const char *value = exchange_answer_header(answer, header);
    char digits[24];
    int64_t number;

    if (value == NULL)
        return -1;
    value += strspn(value, " \t");
    size_t len = strspn(value, "0123456789");
    if (len == 0 || len >= sizeof(digits) || value[len + strspn(value + len, " \t")] != '\0')
        return -1;
    memcpy(digits, value, len);
    digits[len] = '\0';
    return parse_int64(&number, digits, 0, INT64_MAX, NULL) == 0 ? number : -1;
}
