/* Operators' commands: what they change is on disk before they are answered, like a notification.
 */
#include "relay/base/log.h"
#include "relay/base/parse.h"
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

static int pause(struct core *c, const struct core_order *o, struct error *err)
{
    int64_t until = 0;
    int64_t now = relay_time_now(&c->time);
    if (o->for_ms > 0 && __builtin_add_overflow(now, o->for_ms, &until))
        until = 0; /* longer than time */
    const struct store_pause p = {.scope = o->scope,
                                  .name = o->id,
                                  .since_wall = clock_wall(c->ports.clock).ms,
                                  .until = until,
                                  .who = o->who,
                                  .why = o->why};
    return core_pause(c, &p, err);
}

static int set_paused(struct core *c, struct message *m, bool paused, struct error *err)
{
    const struct core_order *o = &m->u.command.order;
    bool known = o->scope == ENGINE_ROUTE ? conf_route_by_name(c->conf, o->id) != NULL
                                          : conf_target_by_name(c->conf, o->id) != NULL;
    bool was = engine_is_paused(c->engine, o->scope, o->id);
    if (!known && !was) { /* one that left the config can still be resumed */
        say(m, CORE_NOT_FOUND, o->scope == ENGINE_ROUTE ? "no such route" : "no such target");
        return 0;
    }
    int r = paused ? pause(c, o, err) : core_resume(c, o->scope, o->id, err);
    char until[RFC3339_MAX] = "";
    char detail[64 + RFC3339_MAX] = "";
    if (paused && o->for_ms > 0) {
        int64_t end = clock_wall(c->ports.clock).ms + o->for_ms;
        format_rfc3339_ms(until, end - end % 1000);
        (void)snprintf(detail, sizeof(detail), "until %s", until);
    }
    if (r == 0)
        r = core_note_change(c, o, was == paused && !paused ? "it was not paused" : detail, err);
    m->verdict = CORE_CHANGED;
    buf_addf(&m->reply, "{\"scope\":\"%s\",\"name\":", scope_text(o->scope));
    buf_add_json_string(&m->reply, o->id);
    buf_addf(&m->reply, ",\"paused\":%s", paused ? "true" : "false");
    if (until[0] != '\0')
        buf_addf(&m->reply, ",\"until\":\"%s\"", until);
    buf_add_text(&m->reply, "}\n");
    if (was != paused)
        log_warn("core", paused ? "paused" : "resumed", LOG_STR("scope", scope_text(o->scope)),
                 LOG_STR("name", o->id), LOG_STR("who", o->who), LOG_STR("why", o->why),
                 LOG_STR("until", until));
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
    if (r == 0)
        r = core_note_change(c, &m->u.command.order, "", err);
    log_warn("core", "rearmed", LOG_STR("key", m->u.command.id), LOG_STR("who", m->u.command.who),
             LOG_STR("why", m->u.command.why));
    m->verdict = CORE_CHANGED;
    buf_add_text(&m->reply, "{\"key\":");
    buf_add_json_string(&m->reply, m->u.command.id);
    buf_add_text(&m->reply, ",\"rearmed\":true}\n");
    return r;
}

/* --- requests -----------------------------------------------------------------------------------
 */

/* Before its POST it is dropped; from then on its run is cancelled at GitHub, now or as soon as the
 * run is known. */
static int cancel_open(struct core *c, struct message *m, struct request *r, struct error *err)
{
    const struct core_order *o = &m->u.command.order;
    bool dies = r->state == REQUEST_QUEUED;
    const char *state = dies ? (r->executed ? "parked" : "dead") : request_state_text(r->state);
    const char *reason = dies && r->executed ? "may_have_run" : "cancelled";
    m->verdict = CORE_CHANGED;
    buf_addf(&m->reply, "{\"relay_id\":\"%s\",\"state\":\"%s\",", r->relay_id, state);
    if (dies)
        buf_addf(&m->reply, "\"reason\":\"%s\"}\n", reason);
    else
        buf_add_text(&m->reply, "\"cancel\":\"wanted\"}\n");
    log_warn("core", "cancel", LOG_STR("relay_id", r->relay_id), LOG_STR("key", r->key),
             LOG_STR("state", state), LOG_STR("who", o->who), LOG_STR("why", o->why));
    int result = core_note_change(c, o, dies ? "dropped before its POST" : "asked of GitHub", err);
    if (result == 0)
        result = core_note_order(c, r->relay_id, "cancel", o, err);
    if (result != 0)
        return result;
    if (dies)
        return core_request_dies(c, r, "cancelled", END_NOTHING_RAN, relay_time_now(&c->time), err);
    request_want_cancel(r);
    core_ask_all(c);
    return core_put_request(c, r, r->state, err);
}

static int cancel(struct core *c, struct message *m, struct error *err)
{
    struct request *r = open_requests_find(&c->open, m->u.command.id);
    struct request stored = {.relay_id = ""};
    if (r != NULL)
        return cancel_open(c, m, r, err);
    int found = c->ports.store.ops->get_request(c->ports.store.self, m->u.command.id, &stored, err);
    request_free(&stored);
    if (found < 0)
        return found;
    if (found == STORE_NONE)
        say(m, CORE_NOT_FOUND, "no such request");
    else
        say(m, CORE_CONFLICT, "it has ended");
    return 0;
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

static int note_redelivery(struct core *c, const struct core_order *o, const char *relay_id,
                           struct error *err)
{
    char detail[64];
    (void)snprintf(detail, sizeof(detail), "as %s", relay_id);
    int r = core_note_change(c, o, detail, err);
    return r != 0 ? r : core_note_order(c, relay_id, "redelivered", o, err);
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
        r = note_redelivery(c, &m->u.command.order, d.relay_id, err);
        m->verdict = CORE_CHANGED;
        buf_addf(&m->reply, "{\"relay_id\":\"%s\",\"replaces\":\"%s\"}\n", d.relay_id,
                 old.relay_id);
        log_warn("core", "redelivered", LOG_STR("relay_id", d.relay_id),
                 LOG_STR("replaces", old.relay_id), LOG_STR("key", old.key),
                 LOG_STR("who", m->u.command.who), LOG_STR("why", m->u.command.why));
    }
    request_free(&old);
    return r;
}

int core_handle_command(struct core *c, struct message *m, struct error *err)
{
    m->reply = BUF_INIT(REPLY_MAX);
    switch (m->u.command.order.command) {
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
    case COMMAND_BACKUP:
        say(m, CORE_CONFLICT, core_backup_is_on(c) ? "a backup is under way" : "");
        return core_backup(c, &m->u.command.order, m, err);
    }
    return 0;
}
