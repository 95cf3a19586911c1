#include "relay/cli/answer.h"

#include "relay/base/buf.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/cli/text.h"

#include <stdio.h>

bool answer_has(const json_t *object, const char *name)
{
    return json_is_string(json_object_get(object, name));
}

const char *answer_text(const json_t *object, const char *name)
{
    return answer_has(object, name) ? json_string_value(json_object_get(object, name)) : "-";
}

static bool read_time(const json_t *object, const char *name, struct wall *out)
{
    return answer_has(object, name) &&
           parse_rfc3339_ms(&out->ms, answer_text(object, name), NULL) == 0;
}

const char *answer_distance(char out[static ANSWER_TIME], const json_t *object, const char *name,
                            struct wall now)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(ANSWER_TIME);
    struct wall t;
    if (!read_time(object, name, &t))
        return "-";
    text_add_distance(&text, t, now);
    (void)snprintf(out, ANSWER_TIME, "%s", buf_text(&text));
    return out;
}

const char *answer_clock(char out[static ANSWER_TIME], const json_t *object, const char *name,
                         bool utc)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(ANSWER_TIME);
    struct wall t;
    if (!read_time(object, name, &t))
        return "-";
    text_add_time(&text, t, utc);
    (void)snprintf(out, ANSWER_TIME, "%s", buf_text(&text));
    return out;
}

const char *answer_time(char out[static ANSWER_TIME], const json_t *object, const char *name,
                        struct wall now, bool utc)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(ANSWER_TIME);
    struct wall t;
    if (!read_time(object, name, &t))
        return "-";
    text_add_time_from(&text, t, now, utc);
    (void)snprintf(out, ANSWER_TIME, "%s", buf_text(&text));
    return out;
}
