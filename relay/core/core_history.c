/* What is kept to be told later: what operators changed, and the steps of a request that neither
 * its row nor its attempts tell. */
#include "relay/base/scope.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const command_words[] = {
    [COMMAND_REDELIVER] = "redeliver", [COMMAND_CANCEL] = "cancel", [COMMAND_REARM] = "rearm",
    [COMMAND_PAUSE] = "pause",         [COMMAND_RESUME] = "resume", [COMMAND_BACKUP] = "backup"};

static const char *scope_word(enum core_command command, enum engine_scope scope)
{
    if (command == COMMAND_REDELIVER || command == COMMAND_CANCEL)
        return "request";
    if (command == COMMAND_BACKUP)
        return "store";
    if (command == COMMAND_REARM)
        return "key";
    return scope == ENGINE_ROUTE ? "route" : "target";
}

int core_note_change(struct core *c, const struct core_order *order, const char *detail,
                     struct error *err)
{
    SCOPED(free_p) char *who = strdup(order->who);
    SCOPED(free_p) char *action = strdup(command_words[order->command]);
    SCOPED(free_p) char *scope = strdup(scope_word(order->command, order->scope));
    SCOPED(free_p) char *name = strdup(order->id);
    SCOPED(free_p) char *why = strdup(order->why);
    SCOPED(free_p) char *words = strdup(detail);
    if (who == NULL || action == NULL || scope == NULL || name == NULL || why == NULL ||
        words == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    const struct store_change change = {.at_wall = clock_wall(c->ports.clock).ms,
                                        .who = who,
                                        .action = action,
                                        .scope = scope,
                                        .name = name,
                                        .why = why,
                                        .detail = words};
    int r = core_begin(c, err);
    return r != 0 ? r : c->ports.store.ops->add_change(c->ports.store.self, &change, err);
}

int core_note_event(struct core *c, const char *relay_id, int64_t at_wall, const char *event,
                    const char *detail, struct error *err)
{
    struct store_event e = {.at_wall = at_wall};
    (void)snprintf(e.event, sizeof(e.event), "%s", event);
    (void)snprintf(e.detail, sizeof(e.detail), "%s", detail);
    int r = core_begin(c, err);
    return r != 0 ? r : c->ports.store.ops->add_event(c->ports.store.self, relay_id, &e, err);
}

int core_note_order(struct core *c, const char *relay_id, const char *event,
                    const struct core_order *order, struct error *err)
{
    char detail[256];
    (void)snprintf(detail, sizeof(detail), "by %.100s%s%.120s", order->who,
                   order->why[0] == '\0' ? "" : ": ", order->why);
    return core_note_event(c, relay_id, clock_wall(c->ports.clock).ms, event, detail, err);
}

int core_note_created(struct core *c, const struct created_request *made, int64_t now,
                      struct error *err)
{
    if (made->waited_from == 0)
        return 0;
    return core_note_event(c, made->relay_id,
                           clock_wall(c->ports.clock).ms - (now - made->waited_from),
                           made->held ? "held" : "deferred", "", err);
}

int core_note_step(struct core *c, const struct request *r, enum request_state before,
                   struct error *err)
{
    bool lost = r->state == REQUEST_QUEUED && strcmp(r->reason, "lost") == 0;
    bool told = r->state == REQUEST_AMBIGUOUS || r->state == REQUEST_ADOPTED ||
                r->state == REQUEST_RUNNING || lost;
    if (r->state == before || !told)
        return 0;
    const char *detail = r->state == REQUEST_RUNNING ? r->run_status : r->detail;
    return core_note_event(c, r->relay_id, clock_wall(c->ports.clock).ms,
                           lost ? "lost" : request_state_text(r->state), detail, err);
}

int core_note_effect(struct core *c, const struct request *r, struct error *err)
{
    if (r->effect[0] == '\0')
        return 0;
    return core_note_event(c, r->relay_id, clock_wall(c->ports.clock).ms, "effect", r->effect, err);
}
