#include "relay/engine/engine.h"

#include "relay/base/scope.h"
#include "relay/engine/engine_private.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

#define KEYS_PER_TIMER_RUN 1000

const char *const engine_key_states[] = {"open", "cooldown", "disarmed", "firing", "quiet", NULL};

int engine_new(struct engine **out, const struct engine_ports *ports, struct error *err)
{
    struct engine *e = calloc(1, sizeof(*e));
    if (e != NULL)
        e->keys = key_table_new(ports->rng);
    if (e == NULL || e->keys == NULL) {
        free(e);
        return error_set(err, -ENOMEM, "engine: out of memory");
    }
    e->ports = *ports;
    *out = e;
    return 0;
}

static void budgets_clear(struct budgets *budgets)
{
    for (size_t i = 0; i < budgets->n; i++)
        budget_clear(&budgets->items[i]);
    free(budgets->items);
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    key_table_free(e->keys);
    budgets_clear(&e->route_budgets);
    budgets_clear(&e->target_budgets);
    for (size_t i = 0; i < e->n_counts; i++)
        free(e->counts[i].route);
    free(e->counts);
    free(e);
}

void engine_free_p(struct engine **e)
{
    engine_free(*e);
}

const struct route *engine_route(const struct engine *e, const char *name)
{
    for (size_t i = 0; i < e->config.n_routes; i++) {
        if (strcmp(e->config.routes[i]->name, name) == 0)
            return e->config.routes[i];
    }
    return NULL;
}

const struct policy *engine_policy(const struct engine *e, const struct key *k)
{
    const struct route *route = engine_route(e, k->route);
    return route == NULL ? &policy_default : &route->policy;
}

struct budget *engine_budget(struct budgets *budgets, const char *name)
{
    for (size_t i = 0; i < budgets->n; i++) {
        if (strcmp(budgets->items[i].name, name) == 0)
            return &budgets->items[i];
    }
    struct budget *grown = realloc(budgets->items, (budgets->n + 1) * sizeof(*grown));
    if (grown == NULL)
        return NULL;
    budgets->items = grown;
    char *copy = strdup(name);
    if (copy == NULL)
        return NULL;
    grown[budgets->n] = (struct budget){.name = copy};
    return &grown[budgets->n++];
}

size_t *engine_key_count(struct engine *e, const char *route)
{
    for (size_t i = 0; i < e->n_counts; i++) {
        if (strcmp(e->counts[i].route, route) == 0)
            return &e->counts[i].keys;
    }
    struct route_count *grown = realloc(e->counts, (e->n_counts + 1) * sizeof(*grown));
    if (grown == NULL)
        return NULL;
    e->counts = grown;
    char *copy = strdup(route);
    if (copy == NULL)
        return NULL;
    grown[e->n_counts] = (struct route_count){.route = copy};
    return &grown[e->n_counts++].keys;
}

int engine_configure(struct engine *e, const struct engine_config *config, struct error *err)
{
    /* Deadlines follow the policies: set them all anew, walking a copy because each change reorders
     * the table. */
    size_t n = key_table_count(e->keys);
    SCOPED(free_p) struct key **all = calloc(n + 1, sizeof(struct key *));
    if (all == NULL)
        return error_set(err, -ENOMEM, "engine: out of memory");
    e->config = *config;
    for (size_t i = 0; i < n; i++)
        all[i] = key_table_at(e->keys, i);
    for (size_t i = 0; i < n; i++)
        key_table_set_deadline(e->keys, all[i], window_next(all[i], engine_policy(e, all[i])));
    return 0;
}

void engine_set_stop(struct engine *e, bool stop)
{
    e->stop = stop;
}

int engine_add_key(struct engine *e, struct key *k)
{
    size_t *count = engine_key_count(e, k->route);
    k->deadline_ = window_next(k, engine_policy(e, k));
    if (count == NULL || !key_table_add(e->keys, k))
        return -ENOMEM;
    (*count)++;
    return 0;
}

int engine_restore_key(struct engine *e, struct key *k, struct error *err)
{
    if (key_table_find(e->keys, k->text) != NULL || engine_add_key(e, k) != 0) {
        key_free(k);
        return error_set(err, -ENOMEM, "engine: cannot restore a key");
    }
    return 0;
}

int engine_restore_slot(struct engine *e, const char *route, const char *target, int64_t at,
                        const char *relay_id, struct error *err)
{
    struct budget *of_route = engine_budget(&e->route_budgets, route);
    struct budget *of_target = engine_budget(&e->target_budgets, target);
    if (of_route == NULL || of_target == NULL || !budget_take(of_route, at, relay_id) ||
        !budget_take(of_target, at, relay_id))
        return error_set(err, -ENOMEM, "engine: out of memory");
    return 0;
}

void engine_give_back(struct engine *e, const char *relay_id)
{
    /* The route's target may be another one by now: the slot is where its relay_id is. */
    for (size_t i = 0; i < e->route_budgets.n; i++)
        budget_give_back(&e->route_budgets.items[i], relay_id);
    for (size_t i = 0; i < e->target_budgets.n; i++)
        budget_give_back(&e->target_budgets.items[i], relay_id);
}

int engine_cancel(struct engine *e, struct key *k, struct effects *out, bool *cancelled)
{
    *cancelled = k->relay_id[0] != '\0' && !k->executed;
    if (!*cancelled)
        return 0;
    int r = effects_cancel(out, k->relay_id);
    if (r != 0)
        return r;
    engine_give_back(e, k->relay_id);
    k->relay_id[0] = '\0';
    k->posted_at = 0;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = false;
    return 0;
}

int engine_advance(struct engine *e, struct key *k, int64_t now, struct effects *out)
{
    const struct policy *policy = engine_policy(e, k);
    bool fired = window_fires(k, policy);
    if (!window_advance(k, policy, now))
        return 0;
    int r = effects_change(out, k);
    bool cancelled;
    if (r == 0 && fired && !window_fires(k, policy))
        r = engine_cancel(e, k, out, &cancelled);
    return r;
}

static void uncount(struct effects *out, const struct key *k)
{
    for (size_t i = 0; i < out->n_changed; i++) {
        if (out->changed[i] == k) {
            out->changed[i] = out->changed[--out->n_changed];
            return;
        }
    }
}

int engine_settle(struct engine *e, struct key *k, struct effects *out)
{
    if (!window_forgettable(k)) {
        key_table_set_deadline(e->keys, k, window_next(k, engine_policy(e, k)));
        return effects_change(out, k);
    }
    int r = effects_remove(out, k->text);
    if (r != 0)
        return r;
    uncount(out, k);
    size_t *count = engine_key_count(e, k->route);
    if (count != NULL)
        (*count)--;
    key_table_remove(e->keys, k);
    key_free(k);
    return 0;
}

int64_t engine_next(const struct engine *e)
{
    const struct key *first = key_table_first(e->keys);
    return first == NULL ? INT64_MAX : first->deadline_;
}

int engine_timers(struct engine *e, int64_t now, struct effects *out, struct error *err)
{
    for (int i = 0; i < KEYS_PER_TIMER_RUN && engine_next(e) <= now; i++) {
        struct key *k = key_table_first(e->keys);
        if (engine_advance(e, k, now, out) != 0 || engine_settle(e, k, out) != 0)
            return error_set(err, -ENOMEM, "engine: out of memory");
    }
    return 0;
}

size_t engine_n_keys(const struct engine *e)
{
    return key_table_count(e->keys);
}

const struct key *engine_find_key(const struct engine *e, const char *text)
{
    return key_table_find(e->keys, text);
}

const struct key *engine_key_at(const struct engine *e, size_t i)
{
    return key_table_at(e->keys, i);
}

const char *engine_key_state(const struct engine *e, const struct key *k, int64_t now,
                             int64_t *until)
{
    const struct policy *policy = engine_policy(e, k);
    int64_t cooldown = window_cooldown_until(k, policy, now);
    int64_t disarmed = window_disarmed_until(k, policy, now);
    *until = 0;
    if (k->relay_id[0] != '\0')
        return "open";
    if (disarmed != 0 && disarmed >= cooldown) {
        *until = disarmed == WINDOW_NO_END ? 0 : disarmed;
        return "disarmed";
    }
    if (cooldown != 0) {
        *until = cooldown;
        return "cooldown";
    }
    return window_fires(k, policy) ? "firing" : "quiet";
}
