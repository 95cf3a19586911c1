/* Messages: how every other thread talks to the core's. */
#include "relay/base/must.h"
#include "relay/core/core_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct message *core_message_new(enum message_type type)
{
    struct message *m = calloc(1, sizeof(*m));
    if (m != NULL)
        m->type = type;
    return m;
}

void core_message_free(struct message *m)
{
    switch (m->type) {
    case MESSAGE_INTAKE:
        intake_free(m->u.intake);
        break;
    case MESSAGE_QUERY:
        free(m->u.query.id);
        free(m->u.query.cursor);
        for (size_t i = 0; i < CORE_FIELDS; i++)
            free(m->u.query.filter[i]);
        break;
    case MESSAGE_COMMAND:
        free(m->u.command.id);
        free(m->u.command.who);
        free(m->u.command.why);
        break;
    case MESSAGE_EXPLAIN:
        free(m->u.explain.source);
        free(m->u.explain.at);
        free(m->u.explain.body);
        break;
    case MESSAGE_ANSWER:
        exchange_answer_clear(&m->u.answer.answer);
        break;
    case MESSAGE_RELOAD:
        conf_unref(m->u.conf);
        break;
    case MESSAGE_TROUBLE:
        free(m->u.trouble.fault);
        break;
    case MESSAGE_STOP_FILE:
    case MESSAGE_QUIT:
        break;
    }
    buf_free(&m->reply);
    effects_clear(&m->effects);
    free(m);
}

bool core_is_ready(const struct core *c)
{
    return c->ready;
}

bool core_submit(struct core *c, struct intake *in)
{
    struct message *m = core_message_new(MESSAGE_INTAKE);
    if (m == NULL)
        return false;
    m->u.intake = in;
    m->mail.bytes = in->body_len + 1;
    if (mailbox_put(c->mailbox, &m->mail))
        return true;
    free(m);
    return false;
}

/* NULL stays NULL; false: out of memory. */
static bool copy_text(char **out, const char *text)
{
    *out = text == NULL ? NULL : strdup(text);
    return text == NULL || *out != NULL;
}

static bool send_query(struct core *c, enum core_query query, const char *id,
                       const struct core_filter *filter, const char *cursor, size_t limit,
                       core_reply_fn *reply, void *context)
{
    struct message *m = core_message_new(MESSAGE_QUERY);
    if (m == NULL)
        return false;
    bool copied = true;
    for (size_t i = 0; filter != NULL && i < CORE_FIELDS; i++)
        copied = copy_text(&m->u.query.filter[i], filter->values[i]) && copied;
    m->u.query.query = query;
    m->u.query.id = strdup(id == NULL ? "" : id);
    m->u.query.cursor = strdup(cursor == NULL ? "" : cursor);
    m->u.query.limit = limit < 1 ? 1 : limit > STORE_LIST_MAX ? STORE_LIST_MAX : limit;
    m->u.query.reply = reply;
    m->u.query.context = context;
    m->mail.bytes = 1;
    if (copied && m->u.query.id != NULL && m->u.query.cursor != NULL &&
        mailbox_put(c->mailbox, &m->mail))
        return true;
    core_message_free(m);
    return false;
}

bool core_ask(struct core *c, enum core_query query, const char *id, const char *cursor,
              size_t limit, core_reply_fn *reply, void *context)
{
    return send_query(c, query, id, NULL, cursor, limit, reply, context);
}

bool core_list(struct core *c, enum core_query query, const struct core_filter *filter,
               const char *cursor, size_t limit, core_reply_fn *reply, void *context)
{
    return send_query(c, query, NULL, filter, cursor, limit, reply, context);
}

bool core_command(struct core *c, const struct core_order *order, core_reply_fn *reply,
                  void *context)
{
    struct message *m = core_message_new(MESSAGE_COMMAND);
    if (m == NULL)
        return false;
    m->u.command.id = strdup(order->id);
    m->u.command.who = strdup(order->who == NULL ? "" : order->who);
    m->u.command.why = strdup(order->why == NULL ? "" : order->why);
    m->u.command.order = *order;
    m->u.command.order.id = m->u.command.id;
    m->u.command.order.who = m->u.command.who;
    m->u.command.order.why = m->u.command.why;
    m->u.command.reply = reply;
    m->u.command.context = context;
    m->mail.bytes = 1;
    if (m->u.command.id != NULL && m->u.command.who != NULL && m->u.command.why != NULL &&
        mailbox_put(c->mailbox, &m->mail))
        return true;
    core_message_free(m);
    return false;
}

bool core_explain(struct core *c, const struct core_explanation *question, core_reply_fn *reply,
                  void *context)
{
    struct message *m = core_message_new(MESSAGE_EXPLAIN);
    if (m == NULL)
        return false;
    m->u.explain.body = malloc(question->body_len + 1);
    m->u.explain.body_len = question->body_len;
    m->u.explain.reply = reply;
    m->u.explain.context = context;
    m->mail.bytes = question->body_len + 1;
    if (m->u.explain.body != NULL) {
        memcpy(m->u.explain.body, question->body, question->body_len);
        m->u.explain.body[question->body_len] = '\0';
        if (copy_text(&m->u.explain.source, question->source) &&
            copy_text(&m->u.explain.at, question->at) && mailbox_put(c->mailbox, &m->mail))
            return true;
    }
    core_message_free(m);
    return false;
}

/* Messages of our own must not get lost. */
static struct message *message_must(enum message_type type)
{
    struct message *m = core_message_new(type);
    if (m == NULL)
        must_end();
    return m;
}

void core_answer(struct core *c, enum exchange_kind kind, const char *relay_id,
                 struct exchange_answer *answer)
{
    struct message *m = message_must(MESSAGE_ANSWER);
    m->u.answer.kind = kind;
    (void)snprintf(m->u.answer.relay_id, sizeof(m->u.answer.relay_id), "%s", relay_id);
    m->u.answer.answer = *answer;
    *answer = (struct exchange_answer){0};
    (void)mailbox_put(c->mailbox, &m->mail);
}

void core_reload(struct core *c, struct conf *conf)
{
    struct message *m = message_must(MESSAGE_RELOAD);
    m->u.conf = conf_ref(conf);
    (void)mailbox_put(c->mailbox, &m->mail);
}

void core_trouble(struct core *c, enum core_subject subject, const char *fault)
{
    struct message *m = message_must(MESSAGE_TROUBLE);
    m->u.trouble.subject = subject;
    m->u.trouble.fault = fault == NULL ? NULL : strdup(fault);
    (void)mailbox_put(c->mailbox, &m->mail);
}

void core_stop_file(struct core *c, bool exists)
{
    struct message *m = message_must(MESSAGE_STOP_FILE);
    m->u.stop = exists;
    (void)mailbox_put(c->mailbox, &m->mail);
}

void core_quit(struct core *c, bool now)
{
    c->ready = false;
    if (now)
        c->quit_now = true;
    (void)mailbox_put(c->mailbox, &message_must(MESSAGE_QUIT)->mail);
}
