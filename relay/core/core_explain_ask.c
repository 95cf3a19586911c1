/* The engine is asked in dry runs: now for the decisions and the rows behind them, then at each
 * time at which what stands in the way ends, until nothing does. */
#include "relay/core/core_explain.h"

#include "relay/base/scope.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

#define LOOKS_MAX 8 /* each block ends once: five rows and a hold */

/* --- listening to the engine --------------------------------------------------------------------
 */

static void release_alerts(const struct explanation *x)
{
    for (size_t i = 0; x->alerts != NULL && i < x->content->n_alerts; i++) {
        json_decref(x->alerts[i].checks);
        json_decref(x->alerts[i].members);
    }
    free(x->alerts);
}

void explanation_clear(struct explanation *x)
{
    release_alerts(x);
    for (size_t i = 0; i < x->n_keys; i++) {
        free(x->keys[i].key);
        json_decref(x->keys[i].checks);
        json_decref(x->keys[i].inputs);
    }
    free(x->keys);
}

struct key_story *explain_find_story(struct explanation *x, const char *key, bool make)
{
    /* The rows of one key come one after the other. */
    for (size_t i = x->n_keys; i-- > 0;) {
        if (strcmp(x->keys[i].key, key) == 0)
            return &x->keys[i];
    }
    if (!make)
        return NULL;
    if (x->n_keys == x->cap_keys) {
        size_t cap = x->cap_keys == 0 ? 8 : x->cap_keys * 2;
        struct key_story *grown = realloc(x->keys, cap * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        x->keys = grown;
        x->cap_keys = cap;
    }
    struct key_story story = {.key = strdup(key), .checks = json_array()};
    if (story.key == NULL || story.checks == NULL) {
        free(story.key);
        json_decref(story.checks);
        return NULL;
    }
    x->keys[x->n_keys] = story;
    return &x->keys[x->n_keys++];
}

static void note_obstacle(struct key_story *story, const struct engine_check *check)
{
    if (check->holds && check->row != 6 && story->obstacle.row == 0)
        story->obstacle = (struct obstacle){
            .row = check->row, .until = check->row == 11 ? WINDOW_NO_END : check->until};
    if (check->row != 11 || check->holds)
        return;
    json_decref(story->inputs);
    story->inputs = json_loads(check->text, 0, NULL);
}

static void hear_first(void *context, const struct engine_check *check)
{
    struct explanation *x = context;
    json_t *made = explain_check(x, check);
    json_t *list = NULL;
    if (check->alert != SIZE_MAX) {
        struct alert_story *alert = &x->alerts[check->alert];
        list = alert->checks;
        if (alert->members == NULL)
            alert->members = explain_members(check->state);
        if (check->holds)
            alert->row = check->row;
    } else {
        struct key_story *story = explain_find_story(x, check->key, true);
        if (story != NULL)
            note_obstacle(story, check);
        list = story == NULL ? NULL : story->checks;
    }
    if (made == NULL || list == NULL || json_array_append_new(list, made) != 0)
        x->failed = true;
    if (list == NULL)
        json_decref(made);
}

static void hear_again(void *context, const struct engine_check *check)
{
    struct explanation *x = context;
    struct key_story *story =
        check->alert != SIZE_MAX ? NULL : explain_find_story(x, check->key, false);
    if (story != NULL)
        note_obstacle(story, check);
}

static int ask(struct explanation *x, const struct notification *content, int64_t now,
               engine_trace_fn *hear, struct effects *out, struct error *err)
{
    char id[ULID_SIZE];
    struct engine_event event = {.now = now,
                                 .wall = {x->wall.ms + (now - x->now)},
                                 .source = x->source,
                                 .notification = id,
                                 .content = content,
                                 .dry = true,
                                 .trace = hear,
                                 .trace_context = x};
    ulid_make(id, event.wall, x->core->ports.rng);
    return engine_notification(x->core->engine, &event, out, err);
}

int explain_ask(struct explanation *x, struct effects *out, struct error *err)
{
    return ask(x, x->content, x->now, hear_first, out, err);
}

/* --- looking ahead -------------------------------------------------------------------------------
 */

static const char *what_ends(const struct obstacle *o)
{
    switch (o->row) {
    case 5:
        return "resumed";
    case 7:
        return "request_ended";
    case 8:
        return "rearmed";
    case 11:
        return "inputs";
    default:
        return "unknown";
    }
}

/* The notification again, as far as it touches the key of alert i, with an alert in front that gets
 * to row 5: alert i, or for a member that waits, which is asked no more, a stand-in of it that
 * never leads. */
static int same_key(const struct explanation *x, const struct effects *e, const char *key, size_t i,
                    bool waits, struct notification *out, struct alert **memory)
{
    const struct alert *alerts = x->content->alerts;
    *memory = calloc(x->content->n_alerts + 2, sizeof(**memory));
    if (*memory == NULL)
        return -ENOMEM;
    *out = *x->content;
    out->alerts = *memory;
    out->n_alerts = 1;
    (*memory)[0] = alerts[i];
    if (waits) {
        (*memory)[0].fingerprint = "~";
        (*memory)[0].starts_at = TIME_NONE;
    }
    for (size_t other = 0; other < x->content->n_alerts; other++) {
        const struct decision *d = &e->decisions[other];
        bool again = other == i && !waits;
        if (!again && alerts[other].kind == ALERT_FIRING && d->reason != REASON_LIMIT &&
            d->key != NULL && strcmp(d->key, key) == 0)
            (*memory)[out->n_alerts++] = alerts[other];
    }
    return 0;
}

/* Where a look ahead stands. */
struct look {
    struct decision d; /* as last asked, without its key */
    int64_t now;
    bool held;    /* a hold was waited for, and nothing has stood in the way since … */
    bool dropped; /* … but something did at the end of one: it ended for nothing */
};

/* False: the story has its end. */
static bool next_look(const struct explanation *x, struct key_story *story, struct look *l)
{
    const struct obstacle *o = &story->obstacle;
    int64_t next = o->until;
    if (l->d.verdict == VERDICT_HELD && !l->held) {
        bool anew = l->dropped && l->d.reason == REASON_JOINED;
        const struct conf_route *route = conf_route_by_name(x->core->conf, l->d.route);
        l->held = true;
        next = anew && route != NULL ? l->now + route->route.policy.hold_ms : l->d.until;
    } else if (o->row == 0) {
        bool acts = l->d.verdict == VERDICT_DISPATCH || l->held;
        story->acts_at = acts ? l->now : 0;
        return false;
    } else if (o->until == WINDOW_NO_END) {
        story->acts_when = what_ends(o);
        return false;
    } else {
        l->dropped = l->dropped || l->held;
        l->held = false;
    }
    l->now = next > l->now ? next : l->now;
    return true;
}

/* Asks at the end of each hold and block until nothing is left. */
static int look_ahead(struct explanation *x, const struct notification *same, bool waits,
                      struct key_story *story, struct look *l, struct error *err)
{
    int r = 0;
    json_t *inputs = json_incref(story->inputs);
    story->acts_when = "unknown";
    for (int i = 0; r == 0 && i < LOOKS_MAX && next_look(x, story, l); i++) {
        SCOPED(effects_clear) struct effects again = {0};
        story->obstacle = (struct obstacle){0};
        r = ask(x, same, l->now, hear_again, &again, err);
        if (r != 0)
            break;
        l->d = again.decisions[0];
        l->d.key = NULL; /* goes with `again` */
    }
    if (waits) { /* a stand-in's inputs are nobody's */
        json_t *made = story->inputs;
        story->inputs = json_incref(inputs);
        json_decref(made);
    }
    json_decref(inputs);
    return r;
}

/* What a member of a hold or deferral waits for. */
static void wait_of(const struct explanation *x, const struct decision *d, struct key_story *story,
                    struct look *l)
{
    static const int rows[] = {[REASON_PAUSED] = 5,
                               [REASON_RUNNING] = 7,
                               [REASON_NOT_REARMED] = 8,
                               [REASON_COOLDOWN] = 9,
                               [REASON_BUDGET] = 10};
    const struct key *k = engine_find_key(x->core->engine, d->key);
    int64_t until = 0;
    if (k != NULL)
        (void)engine_key_state(x->core->engine, k, x->now, &until);
    l->d = (struct decision){.route = d->route, .verdict = VERDICT_HELD, .until = until};
    if (k != NULL && k->deferred_at != 0) {
        l->d.verdict = VERDICT_DEFERRED;
        story->obstacle = (struct obstacle){.row = rows[k->deferred_for],
                                            .until = until == 0 ? WINDOW_NO_END : until};
    }
}

static int look(struct explanation *x, const struct effects *e, size_t i, struct key_story *story,
                struct error *err)
{
    SCOPED(free_p) struct alert *memory = NULL;
    struct notification same;
    struct look l = {.d = e->decisions[i], .now = x->now};
    bool waits = l.d.reason == REASON_DUPLICATE;
    l.d.key = NULL;
    if (waits)
        wait_of(x, &e->decisions[i], story, &l);
    int r = same_key(x, e, story->key, i, waits, &same, &memory);
    return r == 0 ? look_ahead(x, &same, waits, story, &l, err) : r;
}

int explain_acts(struct explanation *x, const struct effects *e, size_t i, int64_t *at,
                 const char **when, struct error *err)
{
    const struct decision *d = &e->decisions[i];
    *at = 0;
    *when = "never";
    if (x->content->alerts[i].kind != ALERT_FIRING || d->route == NULL)
        return 0;
    bool waits = d->reason == REASON_DUPLICATE && d->relay_id[0] == '\0';
    if (x->alerts[i].row != 0 && !waits) {
        *when = d->reason == REASON_LIMIT       ? "room"
                : d->reason == REASON_BELOW_MIN ? "members"
                                                : "request_ended";
        return 0;
    }
    struct key_story *story = explain_find_story(x, d->key, true);
    if (story == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    int r = story->looked ? 0 : look(x, e, i, story, err);
    story->looked = true;
    *at = story->acts_at;
    *when = story->acts_when;
    return r;
}
