#include "relay/engine/engine.h"

#include "relay/base/scope.h"
#include "relay/engine/engine_private.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

const char *const engine_key_states[] = {"open",     "held",   "deferred", "cooldown",
                                         "disarmed", "firing", "quiet",    NULL};

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
    for (size_t i = 0; i < e->n_paused; i++)
        free(e->paused[i].name);
    free(e->paused);
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

struct window_rules engine_rules(const struct engine *e, const struct key *k)
{
    return (struct window_rules){
        .policy = engine_policy(e, k), .started_at = e->started_at, .wait_until = e->wait_until};
}

const struct budget *engine_find_budget(const struct budgets *budgets, const char *name)
{
    for (size_t i = 0; i < budgets->n; i++) {
        if (strcmp(budgets->items[i].name, name) == 0)
            return &budgets->items[i];
    }
    return NULL;
}

const struct budget_policy *engine_target_budget(const struct engine *e, const char *target)
{
    static const struct budget_policy none = {0};
    for (size_t i = 0; i < e->config.n_targets; i++) {
        if (strcmp(e->config.targets[i].name, target) == 0)
            return &e->config.targets[i].budget;
    }
    return &none;
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

int engine_configure(struct engine *e, const struct engine_config *config, int64_t now,
                     struct error *err)
{
    e->now = now;
    e->config = *config;
    return engine_refresh(e, NULL, err); /* deadlines follow the policies */
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

int64_t engine_wait_until(int64_t now, int64_t down_ms, int64_t earlier_wait)
{
    int64_t until = now + (down_ms < ENGINE_WAIT_MAX_MS ? down_ms : ENGINE_WAIT_MAX_MS);
    return until > earlier_wait ? until : earlier_wait;
}

int engine_started(struct engine *e, int64_t now, int64_t wait_until, struct error *err)
{
    e->now = now;
    e->started_at = now;
    e->wait_until = wait_until;
    e->released_at = 0;
    for (size_t i = 0; i < key_table_count(e->keys); i++)
        engine_note_over(e, key_table_at(e->keys, i));
    return engine_refresh(e, NULL, err);
}

int64_t engine_due(const struct engine *e, int64_t end)
{
    struct window_rules rules = {.started_at = e->started_at, .wait_until = e->wait_until};
    return window_due(&rules, end);
}

int64_t engine_next(const struct engine *e)
{
    const struct key *first = key_table_first(e->keys);
    return first == NULL ? INT64_MAX : first->deadline_;
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

void engine_key_times(const struct engine *e, const struct key *k, int64_t now,
                      struct engine_key_times *out)
{
    struct window_rules rules = engine_rules(e, k);
    *out = (struct engine_key_times){.disarmed = window_disarmed_until(k, &rules, now),
                                     .cooldown = window_cooldown_until(k, rules.policy, now)};
    if (key_is_waiting(k))
        out->waiting = engine_waiting_due(e, k);
    if (out->cooldown != 0) {
        struct key only_cooldown = {.cooldown_from = k->cooldown_from};
        bool retry = window_cooldown_end(&only_cooldown, rules.policy) != out->cooldown;
        out->cooldown_from = retry ? k->retry_from : k->cooldown_from;
    }
}

const char *engine_key_state(const struct engine *e, const struct key *k, int64_t now,
                             int64_t *until)
{
    struct window_rules rules = engine_rules(e, k);
    int64_t cooldown = window_cooldown_until(k, rules.policy, now);
    int64_t disarmed = window_disarmed_until(k, &rules, now);
    *until = 0;
    if (k->relay_id[0] != '\0')
        return "open";
    if (key_is_waiting(k)) {
        int64_t due = engine_waiting_due(e, k);
        *until = due == WINDOW_NO_END || due <= now ? 0 : due;
        return k->hold_began != 0 ? "held" : "deferred";
    }
    if (disarmed != 0 && disarmed >= cooldown) {
        *until = disarmed == WINDOW_NO_END ? 0 : disarmed;
        return "disarmed";
    }
    if (cooldown != 0) {
        *until = cooldown;
        return "cooldown";
    }
    return window_fires(k, rules.policy) ? "firing" : "quiet";
}
