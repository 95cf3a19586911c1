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

/* The alerts of the notification that share this key's decision. */
static int alerts_of(const struct explanation *x, const struct effects *e, const char *key,
                     struct notification *out, struct alert **memory)
{
    *memory = calloc(x->content->n_alerts + 1, sizeof(**memory));
    if (*memory == NULL)
        return -ENOMEM;
    *out = *x->content;
    out->alerts = *memory;
    out->n_alerts = 0;
    for (size_t i = 0; i < x->content->n_alerts; i++) {
        const struct decision *d = &e->decisions[i];
        if (d->key != NULL && strcmp(d->key, key) == 0 && d->reason != REASON_LIMIT &&
            x->content->alerts[i].kind == ALERT_FIRING)
            (*memory)[out->n_alerts++] = x->content->alerts[i];
    }
    return 0;
}

/* Asks at the end of each block until none is left; a hold is waited for once. */
static int look_ahead(struct explanation *x, const struct effects *e, struct key_story *story,
                      const struct decision *first, struct error *err)
{
    SCOPED(free_p) struct alert *memory = NULL;
    struct notification same;
    struct decision d = *first;
    int64_t now = x->now;
    bool held = false;
    int r = alerts_of(x, e, story->key, &same, &memory);
    story->acts_when = "unknown";
    for (int i = 0; r == 0 && i < LOOKS_MAX; i++) {
        if (story->obstacle.until == WINDOW_NO_END) {
            story->acts_when = what_ends(&story->obstacle);
            return 0;
        }
        if (story->obstacle.row == 0 && (d.verdict == VERDICT_DISPATCH || held)) {
            story->acts_at = now;
            return 0;
        }
        held = held || story->obstacle.row == 0;
        int64_t next = story->obstacle.row == 0 ? d.until : story->obstacle.until;
        now = next > now ? next : now;
        story->obstacle = (struct obstacle){0};
        SCOPED(effects_clear) struct effects again = {0};
        r = ask(x, &same, now, hear_again, &again, err);
        if (r == 0 && again.n_decisions > 0) {
            d = again.decisions[0];
            d.key = NULL; /* goes with `again` */
        }
    }
    return r;
}

/* An alert of a hold or deferral is decided when that ends. */
static void waits_with_key(const struct explanation *x, const char *key, int64_t *at,
                           const char **when)
{
    const struct key *k = engine_find_key(x->core->engine, key);
    int64_t until;
    if (k == NULL)
        return;
    (void)engine_key_state(x->core->engine, k, x->now, &until);
    bool by_event = until == 0 && k->deferred_at != 0;
    if (!by_event)
        *at = until == 0 ? x->now : until;
    else if (k->deferred_for == REASON_PAUSED)
        *when = "resumed";
    else
        *when = k->deferred_for == REASON_RUNNING ? "request_ended" : "rearmed";
}

int explain_acts(struct explanation *x, const struct effects *e, size_t i, int64_t *at,
                 const char **when, struct error *err)
{
    const struct decision *d = &e->decisions[i];
    *at = 0;
    *when = "never";
    if (x->content->alerts[i].kind != ALERT_FIRING || d->route == NULL)
        return 0;
    if (d->reason == REASON_LIMIT)
        *when = "room";
    else if (d->reason == REASON_BELOW_MIN)
        *when = "members";
    else if (d->reason == REASON_DUPLICATE && d->relay_id[0] != '\0')
        *when = "request_ended";
    else if (d->reason == REASON_DUPLICATE)
        waits_with_key(x, d->key, at, when);
    struct key_story *story = x->alerts[i].row == 0 ? explain_find_story(x, d->key, false) : NULL;
    if (story == NULL)
        return 0;
    int r = 0;
    if (!story->looked)
        r = look_ahead(x, e, story, d, err);
    story->looked = true;
    *at = story->acts_at;
    *when = story->acts_when;
    return r;
}
