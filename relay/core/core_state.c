/* Loading the state from the store, and the transaction that a batch of messages shares. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/core/core_private.h"
#include "relay/engine/budget.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int take_key(void *context, struct key *k)
{
    struct core *c = context;
    return engine_restore_key(c->engine, k, NULL);
}

static int take_slot(void *context, const char *route, const char *target, int64_t at,
                     const char *relay_id)
{
    struct core *c = context;
    return engine_restore_slot(c->engine, route, target, at, relay_id, NULL);
}

static int take_request(void *context, struct request *r)
{
    struct core *c = context;
    if (open_requests_add(&c->open, r))
        return 0;
    request_free(r);
    free(r);
    return -ENOMEM;
}

static void forget_state(struct core *c)
{
    open_requests_clear(&c->open);
    core_effect_forget(c);
    engine_free(c->engine);
    c->engine = NULL;
}

static int load_credentials(struct core *c, struct error *err)
{
    for (size_t i = 0; i < c->n_credentials; i++) {
        struct credential *credential = &c->credentials[i];
        char *name = credential->name;
        *credential = (struct credential){.remaining = -1};
        int r = c->ports.store.ops->get_credential(c->ports.store.self, name, credential, err);
        credential->name = name;
        if (r < 0)
            return r;
        limits_renewed(credential);
    }
    for (size_t i = 0; i < c->n_learnt; i++) {
        c->learnt[i].memory = (struct target_memory){0};
        int r = c->ports.store.ops->get_target_memory(c->ports.store.self, c->learnt[i].place,
                                                      &c->learnt[i].memory, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int configure_engine(struct core *c, struct error *err)
{
    struct engine_config config = {.routes = c->engine_routes,
                                   .n_routes = c->conf->n_routes,
                                   .targets = c->engine_targets,
                                   .n_targets = c->conf->n_targets};
    int r = engine_configure(c->engine, &config, relay_time_now(&c->time), err);
    return r != 0 ? r : engine_set_stop(c->engine, c->stop, relay_time_now(&c->time), err);
}

/* A request found `sending` was cut between its POST and the record of it: it may have run. */
static int recover(struct core *c, struct request *r, int64_t now, struct error *err)
{
    enum request_state before = r->state;
    if (!request_recover(r, now))
        return 0;
    log_warn("core", request_state_text(r->state), LOG_STR("relay_id", r->relay_id),
             LOG_STR("key", r->key), LOG_STR("reason", r->reason), LOG_STR("detail", r->detail));
    /* Its POST may have left just before the end: the next one keeps its distance from now on. */
    const struct target *target = conf_target_by_name(c->conf, r->target);
    struct credential *credential =
        target == NULL ? NULL : core_find_credential(c, target->credential);
    SCOPED(effects_clear) struct effects effects = {0};
    bool open = request_is_open(r->state);
    r->ended_wall = open ? 0 : clock_wall(c->ports.clock).ms;
    int result = core_put_request(c, r, before, err);
    if (result == 0 && credential != NULL) {
        limits_wrote(credential, now);
        result = c->ports.store.ops->put_credential(c->ports.store.self, credential, err);
    }
    if (open)
        return result;
    if (result == 0)
        result = core_count_end(c, r, err);
    if (result == 0)
        result = engine_ended(c->engine, r->key, r->relay_id, END_RAN, now, &effects, err);
    if (result == 0)
        result = core_apply(c, &effects, now, err);
    core_drop_ended(c, r);
    return result;
}

static int recover_requests(struct core *c, struct error *err)
{
    int64_t now = relay_time_now(&c->time);
    int begun = core_begin(c, err); /* also without any: the wait after this start is on disk */
    if (begun != 0)
        return begun;
    for (size_t i = c->open.n; i-- > 0;) {
        int result = recover(c, c->open.items[i], now, err);
        if (result != 0)
            return result;
    }
    return core_commit(c, err);
}

int core_load(struct core *c, bool at_start, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    void *store = c->ports.store.self;
    forget_state(c);
    struct engine_ports ports = {.self = c, .rng = c->ports.rng, .inputs = core_inputs};
    int r = engine_new(&c->engine, &ports, err);
    if (r == 0)
        r = configure_engine(c, err);
    if (r == 0)
        r = load_credentials(c, err);
    if (r == 0)
        r = ops->load_keys(store, take_key, c, err);
    if (r == 0)
        r = core_pauses_load(c, err);
    if (r == 0)
        r = ops->load_open_requests(store, take_request, c, err);
    if (r == 0)
        r = core_effect_load(c, err);
    if (r == 0)
        r = ops->load_slots(store, relay_time_now(&c->time) - BUDGET_WINDOW_MAX_MS, take_slot, c,
                            err);
    if (r == 0)
        r = ops->count_requests(store, c->counts, err);
    if (r == 0)
        r = ops->get_floor(store, &c->floor, err);
    if (r == 0) {
        r = ops->oldest_mac(store, &c->oldest_mac, err);
        if (r == STORE_NONE) {
            c->oldest_mac = INT64_MAX;
            r = 0;
        }
    }
    if (r == 0)
        r = engine_started(c->engine, relay_time_now(&c->time), c->time.wait_until, err);
    if (r == 0 && at_start)
        r = recover_requests(c, err);
    core_ask_all(c);
    return r != 0 ? r : core_online_restart(c, err);
}

static void free_credentials(struct core *c)
{
    for (size_t i = 0; i < c->n_credentials; i++)
        free(c->credentials[i].name);
    for (size_t i = 0; i < c->n_learnt; i++) {
        free(c->learnt[i].target);
        free(c->learnt[i].place);
    }
    free(c->credentials);
    free(c->learnt);
    c->credentials = NULL;
    c->learnt = NULL;
    c->n_credentials = 0;
    c->n_learnt = 0;
}

static int name_credentials(struct core *c, struct error *err)
{
    free_credentials(c);
    c->credentials = calloc(c->conf->n_credentials + 1, sizeof(*c->credentials));
    c->learnt = calloc(c->conf->n_targets + 1, sizeof(*c->learnt));
    if (c->credentials == NULL || c->learnt == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    for (size_t i = 0; i < c->conf->n_credentials; i++) {
        c->credentials[i].name = strdup(c->conf->credentials[i].name);
        if (c->credentials[i].name == NULL)
            return error_set(err, -ENOMEM, "core: out of memory");
        c->n_credentials++;
    }
    for (size_t i = 0; i < c->conf->n_targets; i++) {
        c->n_learnt++;
        c->learnt[i].target = strdup(c->conf->targets[i].name);
        c->learnt[i].place = exchange_place(&c->conf->targets[i], NULL);
        metric_touch(c->metrics.duplicate_runs, c->conf->targets[i].name, NULL);
        if (c->learnt[i].target == NULL || c->learnt[i].place == NULL)
            return error_set(err, -ENOMEM, "core: out of memory");
    }
    return 0;
}

void core_release_state(struct core *c)
{
    forget_state(c);
    free_credentials(c);
    core_free_flights(c);
    core_pauses_forget(c);
    free(c->pauses);
    core_online_free(c->online);
    free(c->watched);
    free(c->starting);
    core_metrics_settle(c, false);
    free(c->unsaid);
    free(c->engine_routes);
    free(c->engine_targets);
    conf_unref(c->conf);
}

int core_configure(struct core *c, struct conf *conf, struct error *err)
{
    const struct route **routes = calloc(conf->n_routes + 1, sizeof(const struct route *));
    struct engine_target *targets = calloc(conf->n_targets + 1, sizeof(*targets));
    if (routes == NULL || targets == NULL) {
        free(routes);
        free(targets);
        return error_set(err, -ENOMEM, "core: out of memory");
    }
    for (size_t i = 0; i < conf->n_routes; i++)
        routes[i] = &conf->routes[i].route;
    for (size_t i = 0; i < conf->n_targets; i++)
        targets[i] = (struct engine_target){
            .name = conf->targets[i].name,
            .budget = {conf->targets[i].budget_max, conf->targets[i].budget_per_ms}};
    const struct route **old_routes = c->engine_routes;
    struct engine_target *old_targets = c->engine_targets;
    struct conf *old = c->conf;
    c->conf = conf_ref(conf);
    c->engine_routes = routes;
    c->engine_targets = targets;
    core_effect_touch(c);
    int r = name_credentials(c, err);
    if (r == 0 && c->engine != NULL) {
        r = configure_engine(c, err);
        if (r == 0)
            r = load_credentials(c, err);
    }
    free(old_routes);
    free(old_targets);
    conf_unref(old);
    core_ask_all(c);
    return r != 0 ? r : core_online_restart(c, err);
}

int core_begin(struct core *c, struct error *err)
{
    if (c->in_transaction)
        return 0;
    int r = c->ports.store.ops->begin(c->ports.store.self, err);
    c->in_transaction = r == 0;
    return r;
}

int core_commit(struct core *c, struct error *err)
{
    if (!c->in_transaction)
        return 0;
    struct store_time stamp = relay_time_stamp(&c->time);
    int64_t began_us = clock_stopwatch_us();
    int r = c->ports.store.ops->commit(c->ports.store.self, &stamp, err);
    metric_observe(c->metrics.commit_seconds, (double)(clock_stopwatch_us() - began_us) / 1e6,
                   NULL);
    if (r != 0)
        return r;
    c->in_transaction = false;
    core_metrics_settle(c, true);
    return 0;
}

static int create(struct core *c, const struct created_request *made, int64_t now,
                  struct error *err)
{
    struct request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    memcpy(r->relay_id, made->relay_id, ULID_SIZE);
    memcpy(r->notification, made->notification, ULID_SIZE);
    memcpy(r->replaces, made->replaces, ULID_SIZE);
    r->state = REQUEST_QUEUED;
    r->route = strdup(made->route);
    r->key = strdup(made->key);
    r->target = strdup(made->target);
    r->inputs = strdup(made->inputs);
    (void)snprintf(r->cause, sizeof(r->cause), "%s", cause_text(made->cause));
    r->created_at = now;
    r->created_wall = clock_wall(c->ports.clock).ms;
    r->expires_ms = made->expires_ms;
    r->slot = true;
    if (r->route == NULL || r->key == NULL || r->target == NULL || r->inputs == NULL ||
        !open_requests_add(&c->open, r)) {
        request_free(r);
        free(r);
        return error_set(err, -ENOMEM, "core: out of memory");
    }
    log_info("core", "request", LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key),
             LOG_STR("target", r->target), LOG_STR("cause", r->cause),
             LOG_STR("notification", r->notification));
    c->counts[REQUEST_QUEUED]++;
    core_due_new(c, r, now);
    int result = c->ports.store.ops->put_request(c->ports.store.self, r, err);
    return result != 0 ? result : core_note_created(c, made, now, err);
}

/* What a timer decided is no alert's decision: it is kept for its key. */
static int keep_outcome(struct core *c, const struct decision *o, struct error *err)
{
    SCOPED(free_p) char *route = o->route == NULL ? NULL : strdup(o->route);
    SCOPED(free_p) char *verdict = strdup(verdict_text(o->verdict));
    SCOPED(free_p) char *reason = strdup(reason_text(o->reason));
    if ((o->route != NULL && route == NULL) || verdict == NULL || reason == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    struct store_outcome_row row = {.at_wall = clock_wall(c->ports.clock).ms,
                                    .key = o->key,
                                    .route = route,
                                    .verdict = verdict,
                                    .reason = reason};
    memcpy(row.relay_id, o->relay_id, ULID_SIZE);
    log_info("core", "outcome", LOG_STR("key", o->key), LOG_STR("cause", "timer"),
             LOG_STR("verdict", verdict), LOG_STR("reason", reason),
             LOG_STR("relay_id", o->relay_id));
    int result =
        core_count(c, c->metrics.timers, 1, o->route == NULL ? "" : o->route, verdict, reason, err);
    return result != 0 ? result : c->ports.store.ops->add_outcome(c->ports.store.self, &row, err);
}

static int cancel(struct core *c, const char *relay_id, struct error *err)
{
    struct request *r = open_requests_find(&c->open, relay_id);
    if (r == NULL)
        return 0;
    enum request_state before = r->state;
    request_die(r, "resolved");
    r->ended_wall = clock_wall(c->ports.clock).ms;
    r->slot = false; /* the engine gave it back */
    log_info("core", "dead", LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key),
             LOG_STR("reason", "resolved"));
    int result = core_put_request(c, r, before, err);
    if (result == 0)
        result = core_count_end(c, r, err);
    core_drop_ended(c, r);
    return result;
}

int core_apply(struct core *c, const struct effects *e, int64_t now, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    void *store = c->ports.store.self;
    int r = 0;
    if (e->n_changed + e->n_removed + e->n_created + e->n_cancelled + e->n_outcomes > 0)
        r = core_begin(c, err);
    for (size_t i = 0; r == 0 && i < e->n_changed; i++)
        r = ops->put_key(store, e->changed[i], err);
    for (size_t i = 0; r == 0 && i < e->n_removed; i++)
        r = ops->delete_key(store, e->removed[i], err);
    for (size_t i = 0; r == 0 && i < e->n_created; i++)
        r = create(c, &e->created[i], now, err);
    for (size_t i = 0; r == 0 && i < e->n_cancelled; i++)
        r = cancel(c, e->cancelled[i], err);
    for (size_t i = 0; r == 0 && i < e->n_outcomes; i++)
        r = keep_outcome(c, &e->outcomes[i], err);
    return r;
}
