/* The JSON of the views. */
#include "relay/core/core_views.h"

#include "relay/base/parse.h"
#include "relay/base/strict_json.h"

#include <inttypes.h>

static void begin(struct buf *out, const char *name)
{
    char last = out->len == 0 ? '[' : out->data[out->len - 1];
    if (last != '{' && last != '[')
        buf_add_char(out, ',');
    if (name != NULL)
        buf_addf(out, "\"%s\":", name);
}

void view_open(struct buf *out, const char *name, char bracket)
{
    begin(out, name);
    buf_add_char(out, bracket);
}

void view_text(struct buf *out, const char *name, const char *value)
{
    begin(out, name);
    if (value == NULL)
        buf_add_text(out, "null");
    else
        buf_add_json_string(out, value);
}

void view_word(struct buf *out, const char *name, const char *value)
{
    view_text(out, name, value[0] == '\0' ? NULL : value);
}

void view_int(struct buf *out, const char *name, int64_t value)
{
    begin(out, name);
    buf_addf(out, "%" PRId64, value);
}

void view_bool(struct buf *out, const char *name, bool value)
{
    begin(out, name);
    buf_add_text(out, value ? "true" : "false");
}

void view_json(struct buf *out, const char *name, const char *json)
{
    begin(out, name);
    buf_add_text(out, json);
}

void view_time(struct buf *out, const char *name, int64_t wall_ms)
{
    char text[RFC3339_MAX];
    if (wall_ms != 0)
        format_rfc3339_ms(text, wall_ms);
    view_text(out, name, wall_ms == 0 ? NULL : text);
}

int64_t view_wall(const struct core *c, int64_t relay_ms, int64_t now)
{
    return relay_ms == 0 ? 0 : clock_wall(c->ports.clock).ms + (relay_ms - now);
}
