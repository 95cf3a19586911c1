/* Events of a history become messages to the core, or accidents. */
#include "tests/sim/world.h"

#include "relay/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 65536

static void take_reply(void *context, const struct core_reply *reply)
{
    struct sent *s = context;
    s->replied = true;
    s->verdict = reply->verdict;
    s->body = strndup(reply->body, reply->len);
}

static struct sent *add_sent(struct world *w, enum message_type type, const struct event *e)
{
    struct sent *s = &w->sent[w->n_sent++];
    *s = (struct sent){.type = type, .event = e};
    return s;
}

static void refused(struct world *w)
{
    w->n_sent--;
    world_fail(w, "the mailbox refuses a message");
}

static void send_notification(struct world *w, const struct event *e)
{
    static const struct alert_limits limits = {.alerts = 1000, .labels = 64, .depth = 16};
    struct buf body = BUF_INIT(BODY_MAX);
    struct error err = {0};
    struct intake *in = calloc(1, sizeof(*in));
    event_write_body(e, &body);
    if (in == NULL || buf_failed(&body))
        abort();
    in->source = strdup(sim_sources[e->source]);
    in->format = ALERT_FORMAT_GRAFANA;
    in->received_wall = w->wall_ms;
    in->signed_time = e->source == 0;
    in->claim.signed_at_ms = e->source == 0 ? w->wall_ms / 1000 * 1000 : INT64_MIN;
    memcpy(in->claim.mac, &e->nonce, sizeof(e->nonce));
    in->body_len = body.len;
    in->body = buf_give(&body);
    in->dry = e->flag;
    if (notification_parse(&in->content, in->format, in->body, in->body_len, &limits, &err) != 0) {
        world_fail(w, "the simulator's body is refused: %s", err.text);
        intake_free(in);
        return;
    }
    struct sent *s = add_sent(w, SENT_NOTIFICATION, e);
    s->expects_reply = true;
    s->signed_at = in->claim.signed_at_ms;
    in->reply = take_reply;
    in->context = s;
    if (!core_submit(w->core, in)) {
        intake_free(in);
        refused(w);
    }
}

void world_answer(struct world *w, const struct event *e, size_t i, unsigned n)
{
    bool bad = w->incident_ms > 0;
    struct sent *s = add_sent(w, SENT_ANSWER, e);
    s->flight = w->flights[i];
    w->flights[i] = w->flights[--w->n_flights];
    const struct model_request *r = &w->x.model.requests[s->flight.request];
    const char *repository = sim_targets[r->target];
    struct exchange_answer answer;
    if (s->flight.kind == EXCHANGE_DISPATCH) {
        s->answer = forge_choose_dispatch(n, bad);
        forge_answer_dispatch(&answer, s->answer, repository, 1000 + s->flight.request);
    } else if (s->flight.kind == EXCHANGE_RUNS) {
        s->answer = forge_choose_list(n, bad);
        forge_answer_list(&answer, s->answer, 1000 + s->flight.request, s->flight.relay_id);
    } else {
        s->answer = forge_choose_run(n, bad);
        forge_answer_run(&answer, s->answer, repository, 1000 + s->flight.request,
                         s->flight.relay_id);
    }
    core_answer(w->core, s->flight.kind, s->flight.relay_id, &answer);
}

static void reload(struct world *w, const struct event *e)
{
    world_settle(w);
    struct conf *conf = world_conf(w, (int)(e->which % SIM_CONFS));
    if (w->core == NULL || conf == NULL)
        return;
    struct sent *s = add_sent(w, SENT_RELOAD, e);
    w->conf = (int)(e->which % SIM_CONFS);
    s->conf = w->conf;
    core_reload(w->core, conf);
    world_settle(w);
}

static void stop_file(struct world *w, const struct event *e)
{
    w->stop_file = e->flag;
    (void)add_sent(w, SENT_STOP_FILE, e);
    core_stop_file(w->core, e->flag);
}

/* A key that is there, or one that had a request. */
static void choose_key(const struct world *w, const struct event *e, struct sent *s)
{
    const struct model *m = &w->x.model;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        const struct model_key *k = &m->keys[(e->which + i) % MODEL_KEYS];
        if (k->used) {
            memcpy(s->key, k->text, sizeof(s->key));
            return;
        }
    }
    (void)snprintf(s->key, sizeof(s->key), "none");
}

static void command(struct world *w, const struct event *e)
{
    world_settle(w);
    if (w->core == NULL || w->failure[0] != '\0')
        return;
    struct sent *s = add_sent(w, SENT_COMMAND, e);
    const struct model *m = &w->x.model;
    s->expects_reply = true;
    s->command = (enum core_command)(e->outcome % (COMMAND_RESUME + 1));
    s->scope = e->which & 1;
    s->named = -1;
    const char *id = "00000000000000000000000000";
    if (s->command == COMMAND_PAUSE || s->command == COMMAND_RESUME) {
        s->named = (int)(e->which / 2 % 3);
        id = s->scope == ENGINE_ROUTE ? sim_routes[s->named] : sim_targets[s->named];
    } else if (s->command == COMMAND_REARM) {
        choose_key(w, e, s);
        id = s->key;
    } else if (m->n_requests > 0) {
        s->named = (int)(m->n_requests - 1 - e->which % (m->n_requests < 3 ? m->n_requests : 3));
        id = m->requests[s->named].relay_id;
    }
    const struct core_order order = {
        .command = s->command, .scope = (enum engine_scope)s->scope, .id = id};
    if (!core_command(w->core, &order, take_reply, s))
        refused(w);
}

/* --- accidents ----------------------------------------------------------------------------------
 */

static void down(struct world *w, int64_t ms)
{
    world_advance(w, ms);
    w->totals->crashes++;
    world_start(w);
}

static void crash(struct world *w, const struct event *e)
{
    world_drop(w);
    down(w, e->amount);
}

static void restart(struct world *w, const struct event *e)
{
    /* The store is well: one that stops is never ready, so that nobody could tell when it is again.
     */
    w->fault.times = 0;
    world_settle(w);
    bool at_once = e->which & 1;
    w->quit_sent = true;
    core_quit(w->core, at_once);
    if (w->failure[0] == '\0')
        world_step(w);
    for (int i = 0; i < 60 && !core_may_close(w->core) && w->failure[0] == '\0'; i++) {
        int64_t ms = w->wait_ms > 0 && w->wait_ms < 1000 ? w->wait_ms : 1000;
        world_advance(w, ms);
        world_step(w);
    }
    if (!core_may_close(w->core))
        world_fail(w, "it does not stop");
    core_close(w->core);
    w->in_doubt = w->in_doubt && !w->store_ok;
    world_drop(w);
    w->totals->restarts++;
    down(w, e->amount);
}

static void reboot(struct world *w, const struct event *e)
{
    world_drop(w);
    w->boots++;
    world_advance(w, e->amount);
    w->boot_ms = 5000;
    w->wall_ms -= e->which & 1 ? 3600000 : 0; /* a clock chip that is behind */
    w->totals->crashes++;
    world_start(w);
}

static void fail_store(struct world *w, const struct event *e)
{
    if (w->memory == NULL || !w->store_ok || w->n_held > 0 || w->fault.times > 0)
        return;
    w->fault = (struct memory_fault){.operations = e->outcome,
                                     .skip = e->skip,
                                     .times = e->times,
                                     .code = -5,
                                     .doubtful = e->flag};
    w->fault_steps = 0;
}

void world_event(struct world *w, const struct event *e)
{
    if (w->n_sent == 0 || w->n_sent == WORLD_BATCH || e->after_ms > 0)
        world_pass(w, e->after_ms);
    if (w->core == NULL || w->failure[0] != '\0')
        return;
    switch (e->kind) {
    case EVENT_NOTIFY:
        send_notification(w, e);
        break;
    case EVENT_ANSWER:
        if (w->n_flights > 0)
            world_answer(w, e, e->which % w->n_flights, e->outcome);
        break;
    case EVENT_RELOAD:
        reload(w, e);
        return;
    case EVENT_STOP_FILE:
        stop_file(w, e);
        break;
    case EVENT_COMMAND:
        command(w, e);
        break;
    case EVENT_CRASH:
        crash(w, e);
        break;
    case EVENT_RESTART:
        restart(w, e);
        break;
    case EVENT_REBOOT:
        reboot(w, e);
        break;
    case EVENT_WALL_JUMP:
        w->wall_ms += e->amount;
        break;
    case EVENT_FAULT:
        fail_store(w, e);
        break;
    case EVENT_INCIDENT:
        world_incident(w, e);
        break;
    case EVENT_WAIT:
    case EVENT_KINDS:
        break;
    }
    if (!e->together)
        world_settle(w);
}
