/* What operators may do to a key: pause and resume, rearm, redeliver. */
#include "relay/engine/engine_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool waits_for_release(const struct key *k)
{
    return k->deferred_at != 0 && k->deferred_for == REASON_PAUSED;
}

const char *engine_paused_at(const struct engine *e, size_t i, enum engine_scope *scope)
{
    if (i >= e->n_paused)
        return NULL;
    *scope = e->paused[i].scope;
    return e->paused[i].name;
}

static int add_paused(struct engine *e, enum engine_scope scope, const char *name)
{
    struct paused *grown = realloc(e->paused, (e->n_paused + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    e->paused = grown;
    char *copy = strdup(name);
    if (copy == NULL)
        return -ENOMEM;
    grown[e->n_paused++] = (struct paused){scope, copy};
    return 0;
}

static void remove_paused(struct engine *e, enum engine_scope scope, const char *name)
{
    for (size_t i = 0; i < e->n_paused; i++) {
        if (e->paused[i].scope != scope || strcmp(e->paused[i].name, name) != 0)
            continue;
        free(e->paused[i].name);
        e->paused[i] = e->paused[--e->n_paused];
        return;
    }
}

/* A pause or the stop file came or went: `released` if it went. */
static int pause_changed(struct engine *e, bool released, int64_t now, struct error *err)
{
    e->now = now;
    if (released)
        e->released_at = now;
    return engine_refresh(e, waits_for_release, err);
}

int engine_set_stop(struct engine *e, bool stop, int64_t now, struct error *err)
{
    bool released = e->stop && !stop;
    e->stop = stop;
    return pause_changed(e, released, now, err);
}

int engine_set_paused(struct engine *e, enum engine_scope scope, const char *name, bool paused,
                      int64_t now, struct error *err)
{
    if (engine_is_paused(e, scope, name) == paused)
        return 0;
    if (!paused)
        remove_paused(e, scope, name);
    else if (add_paused(e, scope, name) != 0)
        return error_set(err, -ENOMEM, "engine: out of memory");
    return pause_changed(e, !paused, now, err);
}

int engine_rearm(struct engine *e, const char *key, int64_t now, struct effects *out,
                 struct error *err)
{
    struct key *k = key_table_find(e->keys, key);
    if (k == NULL)
        return ENGINE_NO_KEY;
    e->now = now;
    int r = engine_advance(e, k, now, out);
    k->disarmed_at = 0;
    k->cooldown_from = 0;
    k->retry_from = 0;
    if (r == 0)
        r = engine_settle(e, k, out);
    return r != 0 ? error_set(err, r, "engine: out of memory") : engine_wake(e, err);
}

/* The key of a request that is redelivered: it may have been forgotten. *k NULL: no room. */
static int find_or_make(struct engine *e, const struct redelivery *r, const struct route *route,
                        struct effects *out, struct key **k)
{
    *k = key_table_find(e->keys, r->key);
    if (*k != NULL)
        return engine_advance(e, *k, r->now, out);
    const size_t *count = engine_key_count(e, route->name);
    if (count == NULL)
        return -ENOMEM;
    if (*count >= (size_t)route->policy.max_keys)
        return 0;
    *k = key_new(r->key, route->name);
    if (*k == NULL)
        return -ENOMEM;
    (*k)->quiet_since = r->now;
    if (engine_add_key(e, *k) == 0)
        return 0;
    key_free(*k);
    return -ENOMEM;
}

static int redeliver(struct engine *e, const struct redelivery *r, const struct route *route,
                     struct effects *out, struct decision *d)
{
    struct key *k;
    int result = find_or_make(e, r, route, out, &k);
    if (result != 0 || k == NULL)
        return result; /* d says limit */
    if (k->relay_id[0] != '\0') {
        d->reason = REASON_RUNNING;
        memcpy(d->relay_id, k->relay_id, ULID_SIZE);
        return engine_settle(e, k, out);
    }
    struct created_request made = {.cause = CAUSE_REDELIVER,
                                   .route = route->name,
                                   .target = r->target,
                                   .expires_ms = route->policy.expires_ms,
                                   .inputs = strdup(r->inputs)};
    if (made.inputs == NULL)
        return -ENOMEM;
    ulid_make(made.relay_id, r->wall, e->ports.rng);
    memcpy(made.replaces, r->relay_id, ULID_SIZE);
    *d = (struct decision){.verdict = VERDICT_DISPATCH, .reason = REASON_FIRST};
    memcpy(d->relay_id, made.relay_id, ULID_SIZE);
    struct question q = {.engine = e, .key = k, .route = route, .now = r->now, .out = out};
    result = engine_create(&q, &made);
    return result != 0 ? result : engine_settle(e, k, out);
}

int engine_redeliver(struct engine *e, const struct redelivery *r, struct effects *out,
                     struct decision *d, struct error *err)
{
    const struct route *route = engine_route(e, r->route);
    const char *target = NULL;
    for (size_t i = 0; i < e->config.n_targets; i++) {
        if (strcmp(e->config.targets[i].name, r->target) == 0)
            target = e->config.targets[i].name;
    }
    e->now = r->now;
    *d = (struct decision){.verdict = VERDICT_IGNORED, .reason = REASON_NO_ROUTE};
    if (route == NULL || target == NULL)
        return 0;
    *d = (struct decision){.verdict = VERDICT_SUPPRESSED, .reason = REASON_PAUSED};
    if (e->stop)
        return 0;
    d->reason = REASON_LIMIT;
    struct redelivery checked = *r;
    checked.target = target;
    int result = redeliver(e, &checked, route, out, d);
    if (result == 0)
        result = engine_wake(e, err);
    return result == -ENOMEM ? error_set(err, -ENOMEM, "engine: out of memory") : result;
}
