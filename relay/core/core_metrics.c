/* The core's own metrics, and the gauges that are made when somebody looks. */
#include "relay/core/core_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void core_metrics_make(struct core_metrics *m, struct metrics *registry)
{
    static const double post_bounds[] = {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
    static const double commit_bounds[] = {0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                           0.01,    0.025,  0.1,   0.5,    2.5};
    m->registry = registry;
    m->alerts =
        metrics_counter(registry, "alerts_total", "Alerts by the decision taken when they came in.",
                        "route,verdict,reason");
    m->timers = metrics_counter(registry, "timer_outcomes_total",
                                "Holds and deferrals by what became of them in time.",
                                "route,verdict,reason");
    m->truncated = metrics_counter(
        registry, "truncated_alerts_total",
        "Alerts that a sender left out of its notifications (maxAlerts).", "source");
    m->requests = metrics_gauge(registry, "requests", "Requests in each state.", "state");
    m->ended =
        metrics_counter(registry, "requests_ended_total",
                        "Requests that ended, by their end and its reason.", "target,state,reason");
    m->dispatch_attempts =
        metrics_counter(registry, "dispatch_attempts_total",
                        "POSTs that start a workflow, by what became of them.", "target,outcome");
    m->dispatch_seconds = metrics_histogram(
        registry, "dispatch_duration_seconds", "Time from sending such a POST to its answer.", "",
        post_bounds, sizeof(post_bounds) / sizeof(post_bounds[0]));
    m->run_conclusions =
        metrics_counter(registry, "run_conclusions_total", "Runs that ended, by their conclusion.",
                        "target,conclusion");
    m->effective = metrics_counter(registry, "action_effective_total",
                                   "Successful runs by whether the alerts of their key got well.",
                                   "route,result");
    m->duplicate_runs =
        metrics_counter(registry, "duplicate_runs_total",
                        "Runs found beyond the first that carry one relay_id.", "target");
    m->run_active = metrics_gauge(registry, "run_active", "Runs that are followed now.", "");
    m->queue_oldest = metrics_gauge(registry, "queue_oldest_seconds",
                                    "Age of the oldest request that was not POSTed yet.", "");
    m->key_states = metrics_gauge(registry, "key_states", "Keys in each state.", "route,state");
    m->rate_remaining =
        metrics_gauge(registry, "github_rate_remaining",
                      "GitHub's x-ratelimit-remaining as last heard.", "credential");
    m->token_expiry = metrics_gauge(registry, "github_token_expiry_timestamp_seconds",
                                    "When the token expires, as GitHub said.", "credential");
    m->target_findings = metrics_gauge(
        registry, "target_findings",
        "What would keep a dispatch from working: 0 nothing, 1 a warning, 2 an error.",
        "target,subject");
    m->commit_seconds =
        metrics_histogram(registry, "store_commit_seconds", "Time of a commit with its fsync.", "",
                          commit_bounds, sizeof(commit_bounds) / sizeof(commit_bounds[0]));
    m->store_errors = metrics_counter(registry, "store_errors_total",
                                      "Transactions that the store could not carry out.", "");
    m->reload_time = metrics_gauge(registry, "config_last_reload_success_timestamp_seconds",
                                   "When the config in force was loaded.", "");
    metric_touch(m->store_errors, NULL);
}

void core_metrics_intake(struct core *c, const struct message *m)
{
    const struct intake *in = m->u.intake;
    bool stored = m->verdict == CORE_STORED;
    if ((stored || m->verdict == CORE_DRY) && in->content->truncated_alerts > 0)
        metric_add(c->metrics.truncated, (double)in->content->truncated_alerts, in->source, NULL);
    for (size_t i = 0; stored && i < m->effects.n_decisions; i++) {
        const struct decision *d = &m->effects.decisions[i];
        metric_add(c->metrics.alerts, 1, d->route == NULL ? "" : d->route, verdict_text(d->verdict),
                   reason_text(d->reason), NULL);
    }
}

/* --- what waits for the commit -----------------------------------------------------------------
 */

static int keep(struct core *c, const struct count *count, struct error *err)
{
    if (c->n_unsaid == c->cap_unsaid) {
        size_t cap = c->cap_unsaid == 0 ? 16 : c->cap_unsaid * 2;
        struct count *grown = realloc(c->unsaid, cap * sizeof(*grown));
        if (grown == NULL)
            return error_set(err, -ENOMEM, "core: out of memory");
        c->unsaid = grown;
        c->cap_unsaid = cap;
    }
    c->unsaid[c->n_unsaid++] = *count;
    return 0;
}

int core_count(struct core *c, struct metric *metric, double amount, const char *first,
               const char *second, const char *third, struct error *err)
{
    const char *labels[COUNT_LABELS] = {first, second, third};
    struct count count = {.add = metric_add, .metric = metric, .amount = amount};
    int r = keep(c, &count, err);
    for (size_t i = 0; r == 0 && i < COUNT_LABELS && labels[i] != NULL; i++) {
        char *copy = strdup(labels[i]);
        if (copy == NULL)
            return error_set(err, -ENOMEM, "core: out of memory");
        c->unsaid[c->n_unsaid - 1].labels[i] = copy;
    }
    return r;
}

int core_observe(struct core *c, struct metric *metric, double value, struct error *err)
{
    struct count count = {.add = metric_observe, .metric = metric, .amount = value};
    return keep(c, &count, err);
}

void core_metrics_settle(struct core *c, bool on_disk)
{
    for (size_t i = 0; i < c->n_unsaid; i++) {
        struct count *n = &c->unsaid[i];
        if (on_disk)
            n->add(n->metric, n->amount, n->labels[0], n->labels[1], n->labels[2], NULL);
        for (size_t k = 0; k < COUNT_LABELS; k++)
            free(n->labels[k]);
    }
    c->n_unsaid = 0;
}

/* The usual ends stand at 0 before the first: a counter that is born at 1 has not increased. */
static void refresh_ends(struct core *c)
{
    static const struct {
        const char *state, *reason;
    } ends[] = {{"done", "success"},
                {"done", "failure"},
                {"dead", "refused"},
                {"dead", "expired"},
                {"parked", "may_have_run"}};
    for (size_t i = 0; i < c->conf->n_targets; i++) {
        const char *target = c->conf->targets[i].name;
        for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
            metric_touch(c->metrics.ended, target, ends[k].state, ends[k].reason, NULL);
            if (strcmp(ends[k].state, "done") == 0)
                metric_touch(c->metrics.run_conclusions, target, ends[k].reason, NULL);
        }
    }
}

static void refresh_keys(struct core *c, int64_t now)
{
    metric_clear(c->metrics.key_states);
    for (size_t i = 0; i < c->conf->n_routes; i++) {
        for (const char *const *state = engine_key_states; *state != NULL; state++)
            metric_set(c->metrics.key_states, 0, c->conf->routes[i].route.name, *state, NULL);
    }
    for (size_t i = 0; i < engine_n_keys(c->engine); i++) {
        const struct key *k = engine_key_at(c->engine, i);
        int64_t until;
        metric_add(c->metrics.key_states, 1, k->route, engine_key_state(c->engine, k, now, &until),
                   NULL);
    }
}

void core_metrics_refresh(struct core *c)
{
    int64_t now = relay_time_now(&c->time);
    int64_t oldest = now;
    size_t active = 0;
    for (size_t i = 0; i < c->open.n; i++) {
        const struct request *r = c->open.items[i];
        if (r->state == REQUEST_QUEUED && r->created_at < oldest)
            oldest = r->created_at;
        active += r->run_id != 0;
    }
    metric_set(c->metrics.queue_oldest, (double)(now - oldest) / 1000, NULL);
    metric_set(c->metrics.run_active, (double)active, NULL);
    for (int s = 0; s < REQUEST_STATES; s++)
        metric_set(c->metrics.requests, (double)c->counts[s],
                   request_state_text((enum request_state)s), NULL);
    for (size_t i = 0; i < c->n_credentials; i++) {
        const struct credential *credential = &c->credentials[i];
        if (credential->remaining >= 0)
            metric_set(c->metrics.rate_remaining, (double)credential->remaining, credential->name,
                       NULL);
        if (credential->token_expiry_s != 0)
            metric_set(c->metrics.token_expiry, (double)credential->token_expiry_s,
                       credential->name, NULL);
    }
    refresh_ends(c);
    refresh_keys(c, now);
}
