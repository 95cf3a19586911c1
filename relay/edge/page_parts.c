#include "relay/base/html.h"
#include "relay/base/parse.h"
#include "relay/edge/page_private.h"

#include <inttypes.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

const char *page_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int64_t page_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool page_is(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

void page_add_length(struct buf *out, int64_t ms)
{
    if (ms < MINUTE_MS)
        buf_addf(out, "%" PRId64 " s", ms / SECOND_MS);
    else if (ms < HOUR_MS)
        buf_addf(out, "%" PRId64 " min", ms / MINUTE_MS);
    else if (ms < DAY_MS && ms % HOUR_MS >= MINUTE_MS)
        buf_addf(out, "%" PRId64 " h %" PRId64 " min", ms / HOUR_MS, ms % HOUR_MS / MINUTE_MS);
    else if (ms < 2 * DAY_MS)
        buf_addf(out, "%" PRId64 " h", ms / HOUR_MS);
    else
        buf_addf(out, "%" PRId64 " days", ms / DAY_MS);
}

/* "2026-01-05 01:00:07Z" for the eye, of today only the time. */
static void add_clock(struct buf *out, const char *at, const char *now)
{
    size_t date = strlen("2026-01-05");
    if (strlen(at) < date + strlen("T01:00:00"))
        return;
    if (strncmp(at, now, date) != 0)
        buf_addf(out, "%.10s ", at);
    buf_addf(out, "%.8s", at + date + 1);
}

void page_add_time(struct buf *out, int64_t at, int64_t now)
{
    char text[RFC3339_MAX];
    char today[RFC3339_MAX];
    /* To the second: what is counted back from relay time wavers by a millisecond. */
    format_rfc3339_ms(text, (at + SECOND_MS / 2) / SECOND_MS * SECOND_MS);
    format_rfc3339_ms(today, now);
    buf_addf(out, "<time datetime=\"%s\">", text);
    add_clock(out, text, today);
    buf_add_text(out, at > now ? " (in " : " (");
    page_add_length(out, at > now ? at - now : now - at);
    buf_add_text(out, at > now ? ")</time>" : " ago)</time>");
}

void page_add_number(struct buf *out, int64_t value)
{
    if (value >= 1000) {
        page_add_number(out, value / 1000);
        buf_addf(out, ",%03" PRId64, value % 1000);
    } else {
        buf_addf(out, "%" PRId64, value);
    }
}

void page_add_count(struct buf *out, int64_t n, const char *one, const char *many)
{
    page_add_number(out, n);
    buf_addf(out, " %s", n == 1 ? one : many);
}

void page_add_encoded(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            buf_add_char(out, *text);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

void page_add_link(struct buf *out, const char *collection, const char *id)
{
    buf_addf(out, "<a href=\"/api/v1/%s/", collection);
    page_add_encoded(out, id);
    buf_add_text(out, "\">");
    html_add_text(out, id);
    buf_add_text(out, "</a>");
}
