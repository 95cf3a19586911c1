/* The rows of the decision table as JSON: number, name, whether it holds, and the values it was
 * asked with. */
#include "relay/core/core_explain.h"

#include "relay/engine/window.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char *const names[] = {
    [0]  = "resolve",
    [1]  = "kind",
    [2]  = "room",
    [3]  = "duplicate",
    [4]  = "min_alerts",
    [5]  = "paused",
    [6]  = "held",
    [7]  = "running",
    [8]  = "disarmed",
    [9]  = "cooldown",
    [10] = "budget",
    [11] = "inputs",
    [12] = "hold",
    [13] = "dispatch",
};
/* clang-format on */

json_t *explain_time(const struct explanation *x, int64_t relay_ms)
{
    char text[RFC3339_MAX];
    if (relay_ms == 0 || relay_ms == WINDOW_NO_END)
        return json_null();
    format_rfc3339_ms(text, x->wall.ms + (relay_ms - x->now));
    return json_string(text);
}

static json_t *duration(int64_t ms)
{
    char text[DURATION_MAX];
    format_duration_ms(text, ms);
    return json_string(text);
}

json_t *explain_members(const struct key *k)
{
    if (k == NULL)
        return json_null();
    size_t firing = key_firing(k);
    return json_pack("{s:I,s:I,s:I}", "firing", (json_int_t)firing, "blind",
                     (json_int_t)(k->n_members - firing), "all", (json_int_t)k->n_members);
}

static const struct policy *policy_of(const struct explanation *x, const struct key *k)
{
    const struct conf_route *route = k == NULL ? NULL : conf_route_by_name(x->core->conf, k->route);
    return route == NULL ? &policy_default : &route->route.policy;
}

/* --- the values of each row; each returns an object to which number and name are added ---------
 */

static json_t *kind_values(const struct explanation *x, const struct engine_check *c)
{
    return json_pack("{s:s}", "kind", alert_kind_text(x->content->alerts[c->alert].kind));
}

static json_t *room_values(const struct explanation *x, const struct engine_check *c)
{
    size_t len = c->key == NULL ? 0 : strcspn(c->key, "/");
    char route[256];
    (void)snprintf(route, sizeof(route), "%.*s", (int)len, c->key == NULL ? "" : c->key);
    const struct conf_route *conf = conf_route_by_name(x->core->conf, route);
    if (conf == NULL)
        return json_pack("{s:n}", "route");
    return json_pack("{s:s,s:I,s:I}", "route", route, "max_keys",
                     (json_int_t)conf->route.policy.max_keys, "max_members",
                     (json_int_t)conf->route.policy.max_members);
}

static json_t *duplicate_values(const struct explanation *x, const struct engine_check *c)
{
    const struct key *k = c->state;
    const struct member *m =
        k == NULL ? NULL : key_member(k, x->source, x->content->alerts[c->alert].fingerprint);
    if (!c->holds || m == NULL)
        return json_object();
    if (m->in_request)
        return json_pack("{s:s,s:s}", "of", "request", "relay_id", k->relay_id);
    return json_pack("{s:s}", "of", k->hold_began != 0 ? "hold" : "deferral");
}

static json_t *count_values(const struct explanation *x, const struct engine_check *c)
{
    (void)x;
    return json_pack("{s:I,s:I}", "have", (json_int_t)c->have, "limit", (json_int_t)c->limit);
}

static json_t *paused_values(const struct explanation *x, const struct engine_check *c)
{
    (void)x;
    return json_pack("{s:s?}", "what", c->text);
}

static json_t *held_values(const struct explanation *x, const struct engine_check *c)
{
    return json_pack("{s:o,s:o}", "began", explain_time(x, c->state->hold_began), "until",
                     explain_time(x, c->until));
}

static json_t *running_values(const struct explanation *x, const struct engine_check *c)
{
    const struct request *r = c->text == NULL ? NULL : open_requests_find(&x->core->open, c->text);
    return json_pack("{s:s?,s:s?,s:o}", "relay_id", c->text, "state",
                     r == NULL ? NULL : request_state_text(r->state), "posted_at",
                     explain_time(x, c->state->posted_at));
}

static json_t *disarmed_values(const struct explanation *x, const struct engine_check *c)
{
    const struct policy *p = policy_of(x, c->state);
    return json_pack(
        "{s:s,s:o,s:o,s:o,s:o}", "rearm", p->rearm == REARM_COOLDOWN ? "cooldown" : "resolved",
        "settle", duration(p->settle_ms), "rearm_after", duration(p->rearm_after_ms), "disarmed_at",
        explain_time(x, c->state->disarmed_at), "until", explain_time(x, c->until));
}

static json_t *cooldown_values(const struct explanation *x, const struct engine_check *c)
{
    const struct policy *p = policy_of(x, c->state);
    const struct key *k = c->state;
    bool retry = c->holds && k->retry_from != 0 && k->retry_from + p->retry_after_ms == c->until;
    return json_pack("{s:s,s:o,s:o,s:o}", "of", retry ? "retry_after" : "cooldown", "length",
                     duration(retry ? p->retry_after_ms : p->cooldown_ms), "from",
                     explain_time(x, retry ? k->retry_from : k->cooldown_from), "until",
                     explain_time(x, c->until));
}

static json_t *budget_values(const struct explanation *x, const struct engine_check *c)
{
    const struct conf_route *route = conf_route_by_name(x->core->conf, c->state->route);
    bool by_target = strcmp(c->text, "target") == 0;
    const char *name = by_target && route != NULL ? route->route.target : c->state->route;
    const struct target *target = by_target ? conf_target_by_name(x->core->conf, name) : NULL;
    int64_t per = target != NULL ? target->budget_per_ms : policy_of(x, c->state)->budget.per_ms;
    return json_pack("{s:s,s:s,s:I,s:I,s:o,s:o}", "of", c->text, "whose", name, "have",
                     (json_int_t)c->have, "limit", (json_int_t)c->limit, "per", duration(per),
                     "until", explain_time(x, c->until));
}

static json_t *inputs_values(const struct explanation *x, const struct engine_check *c)
{
    (void)x;
    return json_pack("{s:s?}", "why", c->holds ? c->text : NULL);
}

static json_t *resolve_values(const struct explanation *x, const struct engine_check *c)
{
    return json_pack("{s:s?}", "state_reason", x->content->alerts[c->alert].state_reason);
}

/* clang-format off */
static json_t *(*const values[])(const struct explanation *x, const struct engine_check *c) = {
    [0]  = resolve_values,
    [1]  = kind_values,
    [2]  = room_values,
    [3]  = duplicate_values,
    [4]  = count_values,
    [5]  = paused_values,
    [6]  = held_values,
    [7]  = running_values,
    [8]  = disarmed_values,
    [9]  = cooldown_values,
    [10] = budget_values,
    [11] = inputs_values,
};
/* clang-format on */

static json_t *make_check(int row, bool holds, json_t *more)
{
    json_t *check = json_pack("{s:i,s:s,s:b}", "row", row, "name", names[row], "holds", holds);
    if (check != NULL && more != NULL)
        (void)json_object_update(check, more);
    json_decref(more);
    return check;
}

json_t *explain_check(const struct explanation *x, const struct engine_check *check)
{
    return make_check(check->row, check->holds, values[check->row](x, check));
}

json_t *explain_last_check(const struct explanation *x, int row, bool holds,
                           const struct policy *policy)
{
    (void)x;
    if (row == 12)
        return make_check(row, holds, json_pack("{s:o}", "hold", duration(policy->hold_ms)));
    return make_check(row, holds, NULL);
}
