/* Configurations by chance, and their text. */
#include "relay/base/buf.h"
#include "tests/sim/history.h"

#define S_MS 1000LL
#define M_MS (60 * S_MS)
#define H_MS (60 * M_MS)

const char *const sim_sources[SIM_SOURCES] = {"grafana", "other"};
const char *const sim_routes[SIM_ROUTES] = {"alpha", "beta", "gamma"};
const char *const sim_targets[SIM_TARGETS] = {"retrain", "rebuild", "reload"};

static int64_t pick(struct draw *d, const int64_t *of, size_t n)
{
    return of[draw_below(d, (unsigned)n)];
}
#define PICK(d, ...)                                                                               \
    pick((d), (const int64_t[]){__VA_ARGS__},                                                      \
         sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void draw_policy(struct policy *p, struct draw *d)
{
    *p = policy_default;
    p->hold_max_ms = 0;
    p->min_alerts = PICK(d, 1, 1, 1, 2, 3);
    p->hold_ms = PICK(d, 0, 0, 10 * S_MS, 2 * M_MS, 20 * M_MS);
    p->extend_hold = draw_percent(d, 30);
    p->hold_max_ms = p->hold_ms * PICK(d, 1, 2, 10);
    p->cooldown_ms = PICK(d, 0, 30 * S_MS, 10 * M_MS, H_MS, 6 * H_MS);
    p->rearm = draw_percent(d, 35) ? REARM_COOLDOWN : REARM_RESOLVED;
    p->settle_ms = PICK(d, 0, 10 * S_MS, 2 * M_MS, 15 * M_MS);
    p->rearm_after_ms = PICK(d, 0, 5 * M_MS, 2 * H_MS, 24 * H_MS);
    p->when_blocked = draw_percent(d, 50) ? WHEN_BLOCKED_DEFER : WHEN_BLOCKED_DROP;
    p->retry_after_ms = PICK(d, 0, 30 * S_MS, 15 * M_MS);
    p->stale_after_ms = PICK(d, 3 * M_MS, 30 * M_MS, 9 * H_MS);
    p->expires_ms = PICK(d, 60 * S_MS, 20 * M_MS, 6 * H_MS);
    p->budget.max = PICK(d, 1, 2, 4, 1000);
    p->budget.per_ms = PICK(d, 5 * M_MS, 2 * H_MS, 24 * H_MS);
    p->max_keys = PICK(d, 100000, 100000, 100000, 2);
    p->max_members = PICK(d, 1000, 1000, 1000, 2);
}

static void draw_target(struct sim_target *t, struct draw *d)
{
    t->present = true;
    t->token = (int)draw_below(d, 2);
    t->correlation = (enum correlation)draw_below(d, 3);
    t->budget.max = PICK(d, 0, 0, 1, 3);
    t->budget.per_ms = PICK(d, 10 * M_MS, 24 * H_MS);
}

static void draw_route(struct sim_route *r, struct draw *d)
{
    r->source = draw_percent(d, 30) ? (int)draw_below(d, SIM_SOURCES) : -1;
    r->action = draw_percent(d, 70) ? "retrain" : draw_percent(d, 60) ? "rebuild" : NULL;
    r->key_labels = (int)draw_below(d, 3);
    r->target = (int)draw_below(d, SIM_TARGETS);
    r->wants_value = draw_percent(d, 25);
    draw_policy(&r->policy, d);
    if (draw_percent(d, 10))
        r->policy = policy_default;
    if (r->policy.hold_max_ms < r->policy.hold_ms)
        r->policy.hold_max_ms = r->policy.hold_ms;
}

static void keep_targets(struct sim_conf *c)
{
    for (size_t i = 0; i < SIM_ROUTES; i++) {
        if (c->routes[i].present)
            c->targets[c->routes[i].target].present = true;
    }
}

void sim_conf_draw(struct sim_conf *out, struct draw *d)
{
    *out = (struct sim_conf){0};
    for (size_t i = 0; i < SIM_TARGETS; i++)
        draw_target(&out->targets[i], d);
    for (size_t i = 0; i < SIM_ROUTES; i++) {
        draw_route(&out->routes[i], d);
        out->routes[i].present = i == 0 || draw_percent(d, 60);
    }
}

void sim_conf_change(struct sim_conf *c, struct draw *d)
{
    unsigned i = draw_below(d, SIM_ROUTES);
    struct sim_route *r = &c->routes[i];
    switch (draw_below(d, 5)) {
    case 0:
        c->targets[r->target].present = false;
        r->target = (int)draw_below(d, SIM_TARGETS);
        break;
    case 1:
        r->present = i == 0 || !r->present;
        break;
    case 2:
        draw_target(&c->targets[draw_below(d, SIM_TARGETS)], d);
        break;
    case 3:
        draw_route(r, d);
        break;
    default:
        draw_policy(&r->policy, d);
        break;
    }
    keep_targets(c);
}

static void write_policy(const struct policy *p, struct buf *out)
{
    buf_addf(out,
             "min_alerts = %lld; hold = \"%lldms\"; extend_hold = %s; cooldown = \"%lldms\"; "
             "rearm = \"%s\"; settle = \"%lldms\"; rearm_after = \"%lldms\"; ",
             (long long)p->min_alerts, (long long)p->hold_ms, p->extend_hold ? "true" : "false",
             (long long)p->cooldown_ms, p->rearm == REARM_COOLDOWN ? "cooldown" : "resolved",
             (long long)p->settle_ms, (long long)p->rearm_after_ms);
    buf_addf(out, "hold_max = \"%lldms\"; ", (long long)p->hold_max_ms);
    buf_addf(out,
             "when_blocked = \"%s\"; retry_after = \"%lldms\"; stale_after = \"%lldms\"; "
             "expires = \"%lldms\"; max_keys = %lld; max_members = %lld; ",
             p->when_blocked == WHEN_BLOCKED_DEFER ? "defer" : "drop", (long long)p->retry_after_ms,
             (long long)p->stale_after_ms, (long long)p->expires_ms, (long long)p->max_keys,
             (long long)p->max_members);
    if (p->budget.max > 0)
        buf_addf(out, "budget = { max = %lld; per = \"%lldms\"; }; ", (long long)p->budget.max,
                 (long long)p->budget.per_ms);
}

static void write_route(const struct sim_route *r, const char *name, struct buf *out)
{
    static const char *const keys[] = {"( )", "( \"model\" )", "( \"model\", \"zone\" )"};
    buf_addf(out, "{ name = \"%s\"; target = \"%s\"; key = %s; ", name, sim_targets[r->target],
             keys[r->key_labels]);
    if (r->source >= 0)
        buf_addf(out, "source = \"%s\"; ", sim_sources[r->source]);
    if (r->action != NULL)
        buf_addf(out, "match = ( \"action=%s\" ); ", r->action);
    else
        buf_add_text(out, "match = ( ); ");
    buf_add_text(out, "inputs = ( { name = \"model\"; value = \"{label:model}\"; }");
    if (r->wants_value)
        buf_add_text(out, ", { name = \"score\"; value = \"{value:A}\"; }");
    buf_add_text(out, " ); ");
    write_policy(&r->policy, out);
    buf_add_text(out, "}");
}

void sim_conf_write(const struct sim_conf *c, const char *folder, struct buf *out)
{
    static const char *const correlations[] = {"auto", "input", "none"};
    buf_addf(out, "store = { path = \"%s/relay.db\"; }; stop_file = \"%s/stop\";\n", folder,
             folder);
    buf_addf(out,
             "sources = ( { name = \"grafana\"; format = \"grafana\"; auth = { scheme = "
             "\"grafana-hmac\"; secret_files = ( \"%s/secret\" ); }; }, { name = \"other\"; format "
             "= \"grafana\"; auth = { scheme = \"bearer\"; token_files = ( \"%s/secret\" ); }; } "
             ");\ntargets = (",
             folder, folder);
    const char *comma = " ";
    for (size_t i = 0; i < SIM_TARGETS; i++) {
        const struct sim_target *t = &c->targets[i];
        if (!t->present)
            continue;
        buf_addf(out,
                 "%s{ name = \"%s\"; repository = \"acme/%s\"; workflow = \"w.yml\"; ref = "
                 "\"main\"; token_file = \"%s/token%d\"; correlation = \"%s\"; ",
                 comma, sim_targets[i], sim_targets[i], folder, t->token,
                 correlations[t->correlation]);
        if (t->budget.max > 0)
            buf_addf(out, "budget = { max = %lld; per = \"%lldms\"; }; ", (long long)t->budget.max,
                     (long long)t->budget.per_ms);
        buf_add_text(out, "}");
        comma = ", ";
    }
    buf_add_text(out, " );\nroutes = (");
    comma = " ";
    for (size_t i = 0; i < SIM_ROUTES; i++) {
        if (!c->routes[i].present)
            continue;
        buf_add_text(out, comma);
        write_route(&c->routes[i], sim_routes[i], out);
        comma = ",\n";
    }
    buf_add_text(out, " );\n");
}
