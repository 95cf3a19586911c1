/* Rows 5 to 13 of the decision table, for one key: what forbids a request, else the request. */
#include "relay/base/scope.h"
#include "relay/engine/engine_private.h"

#include <errno.h>
#include <string.h>

bool engine_is_paused(const struct engine *e, enum engine_scope scope, const char *name)
{
    for (size_t i = 0; i < e->n_paused; i++) {
        if (e->paused[i].scope == scope && strcmp(e->paused[i].name, name) == 0)
            return true;
    }
    return false;
}

bool engine_route_paused(const struct engine *e, const char *route, const char *target)
{
    return e->stop || engine_is_paused(e, ENGINE_ROUTE, route) ||
           engine_is_paused(e, ENGINE_TARGET, target);
}

static void ask_paused(const struct question *q, struct engine_check *c)
{
    const struct engine *e = q->engine;
    c->holds = engine_route_paused(e, q->route->name, q->route->target);
    c->until = c->holds ? WINDOW_NO_END : 0;
    if (c->holds)
        c->text = e->stop                                             ? "stop file"
                  : engine_is_paused(e, ENGINE_ROUTE, q->route->name) ? "route"
                                                                      : "target";
}

static void ask_hold(const struct question *q, struct engine_check *c)
{
    struct window_rules rules = engine_rules(q->engine, q->key);
    c->holds = q->key->hold_began != 0;
    c->until = c->holds ? window_hold_end(q->key, &rules) : 0;
}

static void ask_running(const struct question *q, struct engine_check *c)
{
    c->holds = q->key->relay_id[0] != '\0';
    c->until = c->holds ? WINDOW_NO_END : 0;
    c->text = c->holds ? q->key->relay_id : NULL;
}

static void ask_rearmed(const struct question *q, struct engine_check *c)
{
    struct window_rules rules = engine_rules(q->engine, q->key);
    c->until = window_disarmed_until(q->key, &rules, q->now);
    c->holds = c->until != 0;
}

static void ask_cooldown(const struct question *q, struct engine_check *c)
{
    c->until = window_cooldown_until(q->key, &q->route->policy, q->now);
    c->holds = c->until != 0;
}

/* Those that are in the window; they are in order of time. */
static int64_t count_slots(const struct budget *b, const struct budget_policy *policy, int64_t now)
{
    size_t low = 0, high = b->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->slots[middle].at + policy->per_ms > now)
            high = middle;
        else
            low = middle + 1;
    }
    return (int64_t)(b->n - low);
}

/* The budget that is spent longer, or the route's. */
static void ask_budget(const struct question *q, struct engine_check *c)
{
    struct engine *e = q->engine;
    const struct budget none = {0};
    const struct budget *route = engine_find_budget(&e->route_budgets, q->route->name);
    const struct budget *target = engine_find_budget(&e->target_budgets, q->route->target);
    const struct budget_policy *of_route = &q->route->policy.budget;
    const struct budget_policy *of_target = engine_target_budget(e, q->route->target);
    route = route == NULL ? &none : route;
    target = target == NULL ? &none : target;
    int64_t target_until = budget_spent_until(target, of_target, q->now);
    c->until = budget_spent_until(route, of_route, q->now);
    bool by_target = target_until > c->until;
    c->until = by_target ? target_until : c->until;
    c->holds = c->until != 0;
    c->text = by_target ? "target" : "route";
    c->have = count_slots(by_target ? target : route, by_target ? of_target : of_route, q->now);
    c->limit = by_target ? of_target->max : of_route->max;
}

/* clang-format off */
static const struct row {
    int number;
    enum reason reason;
    void (*ask)(const struct question *q, struct engine_check *c);
} rows[] = {
    {5,  REASON_PAUSED,      ask_paused},
    {6,  REASON_JOINED,      ask_hold},
    {7,  REASON_RUNNING,     ask_running},
    {8,  REASON_NOT_REARMED, ask_rearmed},
    {9,  REASON_COOLDOWN,    ask_cooldown},
    {10, REASON_BUDGET,      ask_budget},
};
/* clang-format on */
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void tell(const struct question *q, const struct engine_check *c)
{
    if (q->event != NULL && q->event->trace != NULL)
        q->event->trace(q->event->trace_context, c);
}

bool engine_blocked(const struct question *q, struct decision *d)
{
    bool traced = q->event != NULL && q->event->trace != NULL;
    bool blocked = false;
    for (size_t i = 0; i < ROWS && (!blocked || traced); i++) {
        struct engine_check c = {
            .row = rows[i].number, .alert = SIZE_MAX, .key = q->key->text, .state = q->key};
        /* A timer asks because the hold ended. */
        if (rows[i].reason == REASON_JOINED && q->event == NULL)
            continue;
        rows[i].ask(q, &c);
        tell(q, &c);
        if (!c.holds || blocked)
            continue;
        blocked = true;
        d->verdict = rows[i].reason == REASON_JOINED ? VERDICT_HELD : VERDICT_SUPPRESSED;
        d->reason = rows[i].reason;
        d->until = c.until == WINDOW_NO_END ? 0 : c.until;
        if (rows[i].reason == REASON_RUNNING)
            memcpy(d->relay_id, q->key->relay_id, ULID_SIZE);
    }
    return blocked;
}

int engine_create(struct question *q, struct created_request *made)
{
    struct engine *e = q->engine;
    struct key *k = q->key;
    SCOPED(free_p) char *inputs = made->inputs;
    made->inputs = NULL;
    made->held = k->hold_began != 0;
    made->waited_from = made->held ? k->hold_began : k->deferred_at;
    key_end_waiting(k);
    memcpy(k->relay_id, made->relay_id, ULID_SIZE);
    k->posted_at = 0;
    k->executed = false;
    k->settled = false;
    k->by_operator = made->cause == CAUSE_REDELIVER;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = !k->members[i].blind;
    struct budget *of_route = engine_budget(&e->route_budgets, made->route);
    struct budget *of_target = engine_budget(&e->target_budgets, made->target);
    /* Who waits for a slot until the wait after the start is over may get one before. */
    e->slots_changed = e->slots_changed || q->now < e->wait_until;
    if (of_route == NULL || of_target == NULL || !budget_take(of_route, q->now, made->relay_id) ||
        !budget_take(of_target, q->now, made->relay_id))
        return -ENOMEM;
    if (q->out == NULL)
        return 0;
    made->key = k->text;
    made->inputs = inputs;
    int r = effects_create(q->out, made);
    if (r == 0)
        inputs = NULL;
    return r;
}

/* Row 11: 0 and the inputs, ENGINE_BAD_INPUT, or negative. */
static int make_inputs(const struct question *q, const char *relay_id, char **inputs,
                       struct error *err)
{
    struct engine *e = q->engine;
    struct leading leading = {.member = key_leading(q->key), .count = key_firing(q->key)};
    if (q->event != NULL && strcmp(leading.member->notification, q->event->notification) == 0)
        leading.alert = &q->event->content->alerts[leading.member->position];
    struct error why = {0};
    int r =
        e->ports.inputs(e->ports.self, q->route, q->key->text, relay_id, &leading, inputs, &why);
    struct engine_check c = {.row = 11,
                             .alert = SIZE_MAX,
                             .key = q->key->text,
                             .state = q->key,
                             .holds = r == ENGINE_BAD_INPUT,
                             .text = r == 0 ? *inputs : why.text};
    tell(q, &c);
    return r < 0 ? error_set(err, r, "%s", why.text) : r;
}

int engine_act(struct question *q, bool may_hold, struct decision *d, struct error *err)
{
    const struct policy *policy = &q->route->policy;
    struct created_request made = {.cause = q->event == NULL ? CAUSE_TIMER : CAUSE_ALERT,
                                   .route = q->route->name,
                                   .target = q->route->target,
                                   .expires_ms = policy->expires_ms};
    ulid_make(made.relay_id, q->wall, q->engine->ports.rng);
    SCOPED(free_p) char *inputs = NULL;
    int r = make_inputs(q, made.relay_id, &inputs, err);
    if (r < 0)
        return r;
    *d = (struct decision){.verdict = VERDICT_SUPPRESSED, .reason = REASON_BAD_INPUT};
    if (r == ENGINE_BAD_INPUT)
        return 0;
    if (may_hold && policy->hold_ms > 0) {
        key_end_waiting(q->key); /* a deferral whose block is over becomes a hold */
        q->key->hold_began = q->now;
        q->key->hold_from = q->now;
        key_all_wait(q->key);
        struct window_rules rules = engine_rules(q->engine, q->key);
        *d = (struct decision){.verdict = VERDICT_HELD,
                               .reason = REASON_HOLD,
                               .until = window_hold_end(q->key, &rules)};
        return 0;
    }
    q->leading = key_leading(q->key);
    memcpy(made.notification, q->leading->notification, ULID_SIZE);
    *d = (struct decision){.verdict = VERDICT_DISPATCH, .reason = REASON_FIRST};
    if (q->event == NULL || !q->event->dry)
        memcpy(d->relay_id, made.relay_id, ULID_SIZE);
    made.inputs = GIVE(inputs);
    return engine_create(q, &made);
}
