/* Operators' commands: what they change is on disk before they are answered, like a notification.
 */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <string.h>

#define REPLY_MAX 65536

static void say(struct message *m, enum core_verdict verdict, const char *text)
{
    m->verdict = verdict;
    buf_add_text(&m->reply, text);
}

static const char *scope_text(enum engine_scope scope)
{
    return scope == ENGINE_ROUTE ? "route" : "target";
}

/* --- pause and resume ---------------------------------------------------------------------------
 */

static int set_paused(struct core *c, struct message *m, bool paused, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    enum engine_scope scope = m->u.command.scope;
    const char *name = m->u.command.id;
    bool known = scope == ENGINE_ROUTE ? conf_route_by_name(c->conf, name) != NULL
                                       : conf_target_by_name(c->conf, name) != NULL;
    bool was = engine_is_paused(c->engine, scope, name);
    if (!known && !was) { /* one that left the config can still be resumed */
        say(m, CORE_NOT_FOUND, scope == ENGINE_ROUTE ? "no such route" : "no such target");
        return 0;
    }
    int r = core_begin(c, err);
    if (r == 0 && paused)
        r = ops->put_pause(c->ports.store.self, scope, name, clock_wall(c->ports.clock).ms, err);
    else if (r == 0)
        r = ops->delete_pause(c->ports.store.self, scope, name, err);
    if (r == 0)
        r = engine_set_paused(c->engine, scope, name, paused, relay_time_now(&c->time), err);
    c->next_due = 0;
    m->verdict = CORE_CHANGED;
    buf_addf(&m->reply, "{\"scope\":\"%s\",\"name\":", scope_text(scope));
    buf_add_json_string(&m->reply, name);
    buf_addf(&m->reply, ",\"paused\":%s}\n", paused ? "true" : "false");
    if (was != paused)
        log_warn("core", paused ? "paused" : "resumed", LOG_STR("scope", scope_text(scope)),
                 LOG_STR("name", name));
    return r;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static int rearm(struct core *c, struct message *m, struct error *err)
{
    SCOPED(effects_clear) struct effects effects = {0};
    int64_t now = relay_time_now(&c->time);
    int r = engine_rearm(c->engine, m->u.command.id, now, &effects, err);
    if (r == ENGINE_NO_KEY) {
        say(m, CORE_NOT_FOUND, "no such key: it has no member, request or window");
        return 0;
    }
    if (r == 0)
        r = core_apply(c, &effects, now, err);
    log_warn("core", "rearmed", LOG_STR("key", m->u.command.id));
    m->verdict = CORE_CHANGED;
    buf_add_text(&m->reply, "{\"key\":");
    buf_add_json_string(&m->reply, m->u.command.id);
    buf_add_text(&m->reply, ",\"rearmed\":true}\n");
    return r;
}

/* --- requests -----------------------------------------------------------------------------------
 */

static int cancel(struct core *c, struct message *m, struct error *err)
{
    struct request *r = core_find_open(c, m->u.command.id);
    struct request stored = {.relay_id = ""};
    int found = r != NULL ? 0
                          : c->ports.store.ops->get_request(c->ports.store.self, m->u.command.id,
                                                            &stored, err);
    request_free(&stored);
    if (found < 0)
        return found;
    if (found == STORE_NONE)
        say(m, CORE_NOT_FOUND, "no such request");
    else if (r == NULL)
        say(m, CORE_CONFLICT, "it has ended");
    else if (r->state != REQUEST_QUEUED) /* under way counts: nobody knows yet what it did */
        say(m, CORE_CONFLICT, "it was POSTed: cancel its run at GitHub, the relay follows it");
    if (r == NULL || r->state != REQUEST_QUEUED)
        return 0;
    m->verdict = CORE_CHANGED;
    buf_addf(&m->reply, "{\"relay_id\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\"}\n", r->relay_id,
             r->executed ? "parked" : "dead", r->executed ? "may_have_run" : "cancelled");
    return core_request_dies(c, r, "cancelled", END_NOTHING_RAN, relay_time_now(&c->time), err);
}

static void refuse_redelivery(struct message *m, const struct decision *d)
{
    m->verdict = CORE_CONFLICT;
    if (d->reason == REASON_NO_ROUTE)
        buf_add_text(&m->reply, "its route or target is no longer in the config");
    else if (d->reason == REASON_PAUSED)
        buf_add_text(&m->reply, "the stop file exists: remove it first");
    else if (d->reason == REASON_RUNNING)
        buf_addf(&m->reply, "its key has an open request: %s", d->relay_id);
    else
        buf_add_text(&m->reply, "its route has max_keys keys already");
}

static int redeliver(struct core *c, struct message *m, struct error *err)
{
    struct request old = {.relay_id = ""};
    int r = c->ports.store.ops->get_request(c->ports.store.self, m->u.command.id, &old, err);
    if (r == STORE_NONE)
        say(m, CORE_NOT_FOUND, "no such request");
    if (r != 0)
        return r < 0 ? r : 0;
    int64_t now = relay_time_now(&c->time);
    struct redelivery redelivery = {.relay_id = old.relay_id,
                                    .key = old.key,
                                    .route = old.route,
                                    .target = old.target,
                                    .inputs = old.inputs,
                                    .now = now,
                                    .wall = clock_wall(c->ports.clock)};
    SCOPED(effects_clear) struct effects effects = {0};
    struct decision d;
    r = engine_redeliver(c->engine, &redelivery, &effects, &d, err);
    if (r == 0)
        r = core_apply(c, &effects, now, err);
    if (r == 0 && d.verdict != VERDICT_DISPATCH)
        refuse_redelivery(m, &d);
    if (r == 0 && d.verdict == VERDICT_DISPATCH) {
        m->verdict = CORE_CHANGED;
        buf_addf(&m->reply, "{\"relay_id\":\"%s\",\"replaces\":\"%s\"}\n", d.relay_id,
                 old.relay_id);
        log_warn("core", "redelivered", LOG_STR("relay_id", d.relay_id),
                 LOG_STR("replaces", old.relay_id), LOG_STR("key", old.key));
    }
    request_free(&old);
    return r;
}

int core_handle_command(struct core *c, struct message *m, struct error *err)
{
    m->reply = BUF_INIT(REPLY_MAX);
    switch (m->u.command.command) {
    case COMMAND_REDELIVER:
        return redeliver(c, m, err);
    case COMMAND_CANCEL:
        return cancel(c, m, err);
    case COMMAND_REARM:
        return rearm(c, m, err);
    case COMMAND_PAUSE:
        return set_paused(c, m, true, err);
    case COMMAND_RESUME:
        return set_paused(c, m, false, err);
    }
    return 0;
}
