/* What happened to a request, from the notification that caused it to what became of its alerts:
 * told from its rows, in order. */
#include "relay/base/scope.h"
#include "relay/core/core_views.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STEPS_MAX (2 * STORE_LIST_MAX + 8)

struct step {
    int64_t at_wall;
    size_t number; /* of two at one time, the first comes first */
    char event[32];
    char detail[320];
};

struct steps {
    struct step *items;
    size_t n;
};

static struct step *add(struct steps *s, int64_t at_wall, const char *event)
{
    struct step *step = &s->items[s->n < STEPS_MAX ? s->n : STEPS_MAX - 1];
    *step = (struct step){.at_wall = at_wall, .number = s->n};
    (void)snprintf(step->event, sizeof(step->event), "%s", event);
    s->n += s->n < STEPS_MAX ? 1 : 0;
    return step;
}

static void add_attempt(void *context, const struct attempt *a)
{
    struct step *step = add(context, a->at_wall, "dispatched");
    int len = snprintf(step->detail, sizeof(step->detail), "%s", a->outcome);
    if (a->http_status != 0)
        len += snprintf(step->detail + len, sizeof(step->detail) - (size_t)len, ", HTTP %d",
                        a->http_status);
    if (a->detail[0] != '\0')
        (void)snprintf(step->detail + len, sizeof(step->detail) - (size_t)len, ": %.255s",
                       a->detail);
}

static const char *effect_words(const char *effect)
{
    if (strcmp(effect, "watched") == 0)
        return "watched: its alerts have not resolved yet";
    if (strcmp(effect, "effective") == 0)
        return "effective: its alerts resolved";
    if (strcmp(effect, "not_effective") == 0)
        return "not_effective: its alerts fire still";
    return "unknown: its alerts left otherwise than by getting well, or nobody can tell";
}

static void add_event(void *context, const struct store_event *e)
{
    struct step *step = add(context, e->at_wall, e->event);
    (void)snprintf(step->detail, sizeof(step->detail), "%s",
                   strcmp(e->event, "effect") == 0 ? effect_words(e->detail) : e->detail);
}

static const char *scheme_of(const struct core *c, const char *source)
{
    for (size_t i = 0; i < c->conf->n_sources; i++) {
        if (strcmp(c->conf->sources[i].name, source) == 0)
            return auth_scheme_text(c->conf->sources[i].auth.scheme);
    }
    return "a source that left the config";
}

/* The notification, unless retention took it. */
static int add_notification(struct core *c, const struct request *r, struct steps *s,
                            struct error *err)
{
    SCOPED(store_notification_clear) struct store_notification n = {0};
    if (r->notification[0] == '\0')
        return 0;
    int result =
        c->ports.store.ops->get_notification(c->ports.store.self, r->notification, &n, err);
    if (result != 0)
        return result < 0 ? result : 0;
    struct step *step = add(s, n.received_wall, "received");
    (void)snprintf(step->detail, sizeof(step->detail), "notification %s of %.200s", n.id, n.source);
    step = add(s, n.received_wall, "verified");
    (void)snprintf(step->detail, sizeof(step->detail), "by %s", scheme_of(c, n.source));
    return 0;
}

static void add_end(const struct request *r, struct steps *s)
{
    if (r->ended_wall == 0)
        return;
    struct step *step = add(s, r->ended_wall, "ended");
    (void)snprintf(step->detail, sizeof(step->detail), "%s: %s%s%.200s",
                   request_state_text(r->state), r->reason, r->detail[0] == '\0' ? "" : ": ",
                   r->detail);
}

/* What comes first when the clock shows the same: a row that is made earlier is read earlier, but
 * for the end, after which only its effect comes. */
static int compare(const void *left, const void *right)
{
    const struct step *a = left;
    const struct step *b = right;
    if (a->at_wall != b->at_wall)
        return a->at_wall < b->at_wall ? -1 : 1;
    bool a_last = strcmp(a->event, "effect") == 0;
    bool b_last = strcmp(b->event, "effect") == 0;
    if (a_last != b_last)
        return a_last ? 1 : -1;
    return a->number < b->number ? -1 : 1;
}

int view_timeline(struct core *c, const struct request *r, struct buf *out, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    SCOPED(free_p) struct step *items = calloc(STEPS_MAX, sizeof(*items));
    struct steps s = {.items = items};
    if (items == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    int result = add_notification(c, r, &s, err);
    (void)snprintf(add(&s, r->created_wall, "queued")->detail, sizeof(items->detail),
                   "for target %s", r->target);
    if (result == 0)
        result = ops->list_attempts(c->ports.store.self, r->relay_id, add_attempt, &s, err);
    if (result == 0)
        result = ops->list_events(c->ports.store.self, r->relay_id, add_event, &s, err);
    add_end(r, &s);
    qsort(items, s.n, sizeof(*items), compare);
    view_open(out, "timeline", '[');
    for (size_t i = 0; i < s.n; i++) {
        view_open(out, NULL, '{');
        view_time(out, "at", items[i].at_wall);
        view_text(out, "event", items[i].event);
        view_word(out, "detail", items[i].detail);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    return result;
}
