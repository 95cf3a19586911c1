/* Did a run end what it was started for? After its success its key is watched until it is quiet, or
 * until the route's effective_within is over. The engine knows nothing of it: it decides the same
 * with and without. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/core/core_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCHED       "watched"
#define EFFECTIVE     "effective"
#define NOT_EFFECTIVE "not_effective"
#define UNKNOWN       "unknown"

static void say(struct request *r, const char *effect)
{
    (void)snprintf(r->effect, sizeof(r->effect), "%s", effect);
    log_info("core", "effect", LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key),
             LOG_STR("effect", effect));
}

int core_effect_count(struct core *c, const struct request *r, struct error *err)
{
    if (r->effect[0] == '\0' || core_effect_is_watched(r))
        return 0;
    return core_count(c, c->metrics.effective, 1, r->route, r->effect, NULL, err);
}

/* NULL: not yet. k NULL: it was forgotten, as quiet keys are in time. */
static const char *by_now(const struct request *r, const struct key *k)
{
    if (k == NULL)
        return UNKNOWN;
    if (k->n_members > 0)
        return NULL;
    return r->effect_doubt || k->quiet_since < r->posted_at ? UNKNOWN : EFFECTIVE;
}

/* When there is no more time. */
static const char *at_last(const struct key *k)
{
    return k != NULL && key_firing(k) > 0 ? NOT_EFFECTIVE : UNKNOWN;
}

static void remove_watched(struct core *c, size_t i)
{
    request_free(c->watched[i]);
    free(c->watched[i]);
    c->watched[i] = c->watched[--c->n_watched];
}

/* The i-th is judged. */
static int conclude(struct core *c, size_t i, const char *effect, struct error *err)
{
    int result = core_begin(c, err);
    say(c->watched[i], effect);
    if (result == 0)
        result = c->ports.store.ops->put_request(c->ports.store.self, c->watched[i], err);
    if (result == 0)
        result = core_note_effect(c, c->watched[i], err);
    if (result == 0)
        result = core_effect_count(c, c->watched[i], err);
    if (result == 0)
        remove_watched(c, i);
    return result;
}

static size_t find_watched(const struct core *c, const char *key)
{
    size_t i = 0;
    while (i < c->n_watched && strcmp(c->watched[i]->key, key) != 0)
        i++;
    return i;
}

/* Who watches the key, or runs for it; NULL: nobody. */
static struct request *watcher(struct core *c, const char *key)
{
    const struct key *k = engine_find_key(c->engine, key);
    size_t i = find_watched(c, key);
    if (i < c->n_watched)
        return c->watched[i];
    return k == NULL || k->relay_id[0] == '\0' ? NULL : open_requests_find(&c->open, k->relay_id);
}

void core_effect_ran(struct core *c, struct request *r, int64_t now)
{
    const struct conf_route *route = conf_route_by_name(c->conf, r->route);
    if (route == NULL || route->effective_within_ms == 0)
        return;
    const char *effect = by_now(r, engine_find_key(c->engine, r->key));
    r->effect_until = now + route->effective_within_ms;
    say(r, effect == NULL ? WATCHED : effect);
    if (effect == NULL)
        core_due_at(c, r->effect_until);
}

static size_t members(const struct core *c, const struct request *r)
{
    const struct key *k = engine_find_key(c->engine, r->key);
    return k == NULL ? 0 : k->n_members;
}

static void count_members(struct core *c, struct request *r)
{
    if (r != NULL)
        r->effect_members = members(c, r);
}

/* Without memory it is watched from the next start on. */
void core_effect_watch(struct core *c, struct request *r)
{
    r->effect_members = members(c, r);
    if (c->n_watched == c->cap_watched) {
        size_t cap = c->cap_watched == 0 ? 8 : c->cap_watched * 2;
        struct request **grown = realloc(c->watched, cap * sizeof(struct request *));
        if (grown == NULL) {
            request_free(r);
            free(r);
            return;
        }
        c->watched = grown;
        c->cap_watched = cap;
    }
    c->watched[c->n_watched++] = r;
}

bool core_effect_is_watched(const struct request *r)
{
    return strcmp(r->effect, WATCHED) == 0;
}

static int take_watched(void *context, struct request *r)
{
    core_effect_watch(context, r);
    return 0;
}

int core_effect_load(struct core *c, struct error *err)
{
    for (size_t i = 0; i < c->open.n; i++)
        count_members(c, c->open.items[i]);
    return c->ports.store.ops->load_watched_requests(c->ports.store.self, take_watched, c, err);
}

/* A series for each result of each route that is judged. */
void core_effect_touch(struct core *c)
{
    static const char *const results[] = {EFFECTIVE, NOT_EFFECTIVE, UNKNOWN};
    for (size_t i = 0; i < c->conf->n_routes; i++) {
        for (size_t j = 0; c->conf->routes[i].effective_within_ms > 0 && j < 3; j++)
            metric_touch(c->metrics.effective, c->conf->routes[i].route.name, results[j], NULL);
    }
}

void core_effect_forget(struct core *c)
{
    while (c->n_watched > 0)
        remove_watched(c, c->n_watched - 1);
}

/* An alert of the key left: was that its getting well? The doubt is kept with it. */
static int doubt(struct core *c, struct request *r, struct error *err)
{
    if (r == NULL || r->effect_doubt || r->posted_at == 0)
        return 0;
    r->effect_doubt = true;
    int result = core_begin(c, err);
    return result != 0 ? result : c->ports.store.ops->put_request(c->ports.store.self, r, err);
}

static int judge(struct core *c, const char *key, struct error *err)
{
    size_t i = find_watched(c, key);
    count_members(c, watcher(c, key));
    if (i == c->n_watched)
        return 0;
    const char *effect = by_now(c->watched[i], engine_find_key(c->engine, key));
    return effect == NULL ? 0 : conclude(c, i, effect, err);
}

int core_effect_heard(struct core *c, const struct effects *e, const struct alert *alerts,
                      struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < e->n_decisions; i++) {
        const struct decision *d = &e->decisions[i];
        if (d->verdict == VERDICT_RESOLVED && d->key != NULL && alerts[i].state_reason != NULL)
            result = doubt(c, watcher(c, d->key), err);
    }
    for (size_t i = 0; result == 0 && i < e->n_decisions; i++) {
        if (e->decisions[i].key != NULL)
            result = judge(c, e->decisions[i].key, err);
    }
    return result;
}

int core_effect_stale(struct core *c, const struct effects *e, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < e->n_changed; i++) {
        const struct key *k = e->changed[i];
        struct request *r = watcher(c, k->text);
        if (r != NULL && k->n_members < r->effect_members)
            result = doubt(c, r, err);
        if (result == 0)
            result = judge(c, k->text, err);
    }
    return result;
}

int core_effect_overtaken(struct core *c, const char *key, struct error *err)
{
    size_t i = find_watched(c, key);
    int result =
        i == c->n_watched ? 0 : conclude(c, i, at_last(engine_find_key(c->engine, key)), err);
    count_members(c, watcher(c, key));
    return result;
}

int core_effect_due(struct core *c, int64_t now, struct error *err)
{
    int result = 0;
    for (size_t i = c->n_watched; result == 0 && i-- > 0;) {
        const struct request *r = c->watched[i];
        int64_t until = engine_due(c->engine, r->effect_until); /* a resolve may come late */
        if (until > now)
            core_due_at(c, until);
        else
            result = conclude(c, i, at_last(engine_find_key(c->engine, r->key)), err);
    }
    return result;
}
