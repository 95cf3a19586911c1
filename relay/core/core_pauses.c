/* Pauses: the engine knows which routes and targets are paused; by whom, why and until when is kept
 * here, and those that end by themselves end here. */
#include "relay/base/log.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void clear(struct core_pause *p)
{
    free(p->name);
    free(p->who);
    free(p->why);
}

void core_pauses_forget(struct core *c)
{
    for (size_t i = 0; i < c->n_pauses; i++)
        clear(&c->pauses[i]);
    c->n_pauses = 0;
}

static size_t find(const struct core *c, enum engine_scope scope, const char *name)
{
    size_t i = 0;
    while (i < c->n_pauses && (c->pauses[i].scope != scope || strcmp(c->pauses[i].name, name) != 0))
        i++;
    return i;
}

static void forget(struct core *c, size_t i)
{
    clear(&c->pauses[i]);
    c->pauses[i] = c->pauses[--c->n_pauses];
}

static int keep(struct core *c, const struct store_pause *p)
{
    struct core_pause *grown = reallocarray(c->pauses, c->n_pauses + 1, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    c->pauses = grown;
    size_t i = find(c, p->scope, p->name);
    int64_t since = i < c->n_pauses ? c->pauses[i].since_wall : p->since_wall;
    struct core_pause made = {.scope = p->scope,
                              .name = strdup(p->name),
                              .since_wall = since,
                              .until = p->until,
                              .who = strdup(p->who),
                              .why = strdup(p->why)};
    if (made.name == NULL || made.who == NULL || made.why == NULL) {
        clear(&made);
        return -ENOMEM;
    }
    if (i < c->n_pauses)
        clear(&c->pauses[i]);
    else
        c->n_pauses++;
    c->pauses[i] = made;
    return 0;
}

static int take(void *context, const struct store_pause *p)
{
    struct core *c = context;
    int r = keep(c, p);
    return r != 0 ? r
                  : engine_set_paused(c->engine, p->scope, p->name, true, relay_time_now(&c->time),
                                      NULL);
}

int core_pauses_load(struct core *c, struct error *err)
{
    core_pauses_forget(c);
    return c->ports.store.ops->load_pauses(c->ports.store.self, take, c, err);
}

int core_pause(struct core *c, const struct store_pause *p, struct error *err)
{
    int r = core_begin(c, err);
    if (r == 0)
        r = c->ports.store.ops->put_pause(c->ports.store.self, p, err);
    if (r == 0 && keep(c, p) != 0)
        r = error_set(err, -ENOMEM, "core: out of memory");
    if (r == 0)
        r = engine_set_paused(c->engine, p->scope, p->name, true, relay_time_now(&c->time), err);
    core_ask_all(c);
    return r;
}

int core_resume(struct core *c, enum engine_scope scope, const char *name, struct error *err)
{
    int r = core_begin(c, err);
    if (r == 0)
        r = c->ports.store.ops->delete_pause(c->ports.store.self, scope, name, err);
    if (r == 0)
        r = engine_set_paused(c->engine, scope, name, false, relay_time_now(&c->time), err);
    size_t i = find(c, scope, name);
    if (i < c->n_pauses)
        forget(c, i);
    core_ask_all(c);
    return r;
}

static int end(struct core *c, const struct core_pause *p, struct error *err)
{
    log_warn("core", "resumed", LOG_STR("scope", p->scope == ENGINE_ROUTE ? "route" : "target"),
             LOG_STR("name", p->name), LOG_STR("cause", "its pause is over"));
    const struct core_order order = {
        .command = COMMAND_RESUME, .scope = p->scope, .id = p->name, .who = "relay", .why = p->why};
    int r = core_note_change(c, &order, "the pause is over", err);
    char *name = strdup(p->name); /* what p points to goes with the pause */
    if (r == 0 && name == NULL)
        r = error_set(err, -ENOMEM, "core: out of memory");
    if (r == 0)
        r = core_resume(c, p->scope, name, err);
    free(name);
    return r;
}

int core_pauses_due(struct core *c, int64_t now, struct error *err)
{
    int r = 0;
    for (size_t i = c->n_pauses; r == 0 && i-- > 0;) {
        const struct core_pause *p = &c->pauses[i];
        /* What fell due while the relay was down waits. */
        int64_t at = p->until > c->time.wait_until ? p->until : c->time.wait_until;
        if (p->until != 0 && at <= now)
            r = end(c, p, err);
        else if (p->until != 0)
            core_due_at(c, at);
    }
    return r;
}
