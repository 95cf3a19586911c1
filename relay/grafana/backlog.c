#include "relay/grafana/backlog.h"

#include "relay/base/parse.h"

#include <stdlib.h>
#include <string.h>

#define HORIZON_MS     (3 * 24 * 3600 * INT64_C(1000))
#define DELAY_FIRST_MS 1000
#define DELAY_MAX_MS   300000

struct backlog {
    struct wall started;
    struct backlog_item items[BACKLOG_MAX];
    size_t n;
    size_t at, left; /* of the round */
};

struct backlog *backlog_new(struct wall started)
{
    struct backlog *b = calloc(1, sizeof(*b));
    if (b != NULL)
        b->started = started;
    return b;
}

void backlog_free(struct backlog *b)
{
    free(b);
}

/* --- which
 * -------------------------------------------------------------------------------------- */

static bool is_known(const struct backlog *b, const char *relay_id)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->items[i].relay_id, relay_id) == 0)
            return true;
    }
    return false;
}

static bool is_past(const struct backlog_item *item, struct wall wall)
{
    return item->ended_ms != 0 && item->ended_ms <= wall.ms - HORIZON_MS;
}

/* Of a request that is over; its beginning, where an older release kept no end. */
static int64_t end_of(const struct backlog_item *item, const json_t *request)
{
    int64_t ms;
    const char *ended = json_string_value(json_object_get(request, "ended_at"));
    return ended != NULL && parse_rfc3339_ms(&ms, ended, NULL) == 0 ? ms : item->created_ms;
}

static bool read_item(struct backlog_item *out, const json_t *request)
{
    const char *id = json_string_value(json_object_get(request, "relay_id"));
    const char *created = json_string_value(json_object_get(request, "created_at"));
    *out = (struct backlog_item){.over = false};
    if (id == NULL || created == NULL || strlen(id) >= sizeof(out->relay_id) ||
        parse_rfc3339_ms(&out->created_ms, created, NULL) != 0)
        return false;
    memcpy(out->relay_id, id, strlen(id) + 1);
    if (retraining_request_is_over(request))
        out->ended_ms = end_of(out, request);
    return true;
}

bool backlog_take(struct backlog *b, const json_t *requests, struct wall wall, struct mono now)
{
    bool more = false;
    for (size_t i = 0; i < json_array_size(requests); i++) {
        struct backlog_item item;
        if (!read_item(&item, json_array_get(requests, i)) || is_past(&item, wall) ||
            is_known(b, item.relay_id) || b->n == BACKLOG_MAX)
            continue;
        if (item.created_ms < b->started.ms)
            item.track.unsure_until_ms = now.ms + TRACK_UNSURE_MS;
        b->items[b->n++] = item;
        more = true;
    }
    return more;
}

void backlog_forget(struct backlog *b, struct wall wall)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!is_past(&b->items[i], wall))
            b->items[kept++] = b->items[i];
    }
    b->n = kept;
}

void backlog_hurry(struct backlog *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->items[i].due_ms = b->items[i].delay_ms = 0;
}

/* --- whose turn
 * -------------------------------------------------------------------------------------- */

void backlog_begin_round(struct backlog *b)
{
    b->left = b->n;
}

struct backlog_item *backlog_next(struct backlog *b, struct mono now)
{
    while (b->left > 0) {
        struct backlog_item *item = &b->items[b->at++ % b->n];
        b->left--;
        if (!item->over && item->due_ms <= now.ms)
            return item;
    }
    return NULL;
}

void backlog_update(struct backlog_item *item, const json_t *request, struct wall wall)
{
    if (request != NULL && retraining_request_is_over(request))
        item->ended_ms = end_of(item, request);
    else if (request == NULL && item->created_ms <= wall.ms - HORIZON_MS)
        item->ended_ms = item->created_ms; /* no longer kept */
}

void backlog_postpone(struct backlog_item *item, struct mono now)
{
    item->delay_ms = item->delay_ms == 0                  ? DELAY_FIRST_MS
                     : item->delay_ms >= DELAY_MAX_MS / 2 ? DELAY_MAX_MS
                                                          : item->delay_ms * 2;
    item->due_ms = now.ms + item->delay_ms;
}
