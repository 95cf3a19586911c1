/* Messages that could not be stored: refused, or held until the store works again. */
#include "relay/base/log.h"
#include "relay/core/core_private.h"

#include <stdio.h>

void core_give_up(struct message *m, const struct error *err)
{
    bool answer = m->type == MESSAGE_ANSWER;
    struct exchange_answer *a = answer ? &m->u.answer.answer : NULL;
    m->given_up = !answer || a->transport == EXCHANGE_UNKNOWN;
    log_error("core", "given_up", LOG_STR("relay_id", answer ? m->u.answer.relay_id : ""),
              LOG_STR("error", err->text),
              LOG_STR("effect", !answer       ? "the message is dropped"
                                : m->given_up ? "GitHub's answer is dropped"
                                              : "GitHub's answer counts as lost on its way"));
    if (m->given_up)
        return;
    exchange_answer_clear(a);
    *a = (struct exchange_answer){.transport = EXCHANGE_UNKNOWN};
    (void)snprintf(a->error, sizeof(a->error), "the store did not take the answer");
}

static void refuse(struct core *c, struct message *m, const char *why)
{
    buf_free(&m->reply);
    m->reply = BUF_INIT(1024);
    buf_add_text(&m->reply, why);
    m->verdict = CORE_UNAVAILABLE;
    core_deliver(c, m);
}

static void hold(struct core *c, struct message *m)
{
    struct message **end = &c->held;
    while (*end != NULL)
        end = (struct message **)(void *)&(*end)->mail.next;
    m->mail.next = NULL;
    *end = m;
}

/* The store failed: nothing of the batch happened. Senders try again; what only we know is kept. */
static void abandon(struct core *c, struct message *batch, const char *why)
{
    if (c->in_transaction)
        c->ports.store.ops->rollback(c->ports.store.self);
    c->in_transaction = false;
    core_metrics_settle(c, false);
    for (size_t i = 0; i < c->n_starting; i++) {
        struct exchange *x = c->starting[i];
        core_remove_flight(c, x->relay_id);
        exchange_free(x);
    }
    c->n_starting = 0;
    while (batch != NULL) {
        struct message *m = batch;
        batch = (struct message *)(void *)m->mail.next;
        if (m->type == MESSAGE_QUERY) {
            buf_free(&m->reply);
            core_query(c, m);
            core_deliver(c, m);
            core_message_free(m);
            continue;
        }
        if (m->type == MESSAGE_INTAKE || m->type == MESSAGE_COMMAND || m->type == MESSAGE_EXPLAIN) {
            refuse(c, m, why);
            core_message_free(m);
            continue;
        }
        if (m->type == MESSAGE_QUIT || m->type == MESSAGE_STOP_FILE ||
            m->type == MESSAGE_TROUBLE) { /* needs no store */
            (void)core_handle(c, m, NULL);
            core_message_free(m);
            continue;
        }
        if (m->given_up) {
            core_message_free(m);
            continue;
        }
        effects_clear(&m->effects);
        /* Its request must not be POSTed or polled again while its answer waits. */
        if (m->type == MESSAGE_ANSWER)
            (void)core_add_flight(c, m->u.answer.relay_id, m->u.answer.kind, "");
        hold(c, m);
    }
}

void core_abandon(struct core *c, struct message *batch, const char *why)
{
    struct message *rest = c->held;
    c->held = NULL;
    abandon(c, batch, why);
    abandon(c, rest, why);
    abandon(c, (struct message *)(void *)mailbox_take(c->mailbox, SIZE_MAX), why);
}
