/* The core's life: messages in, batches through, replies out. */
#include "relay/core/core.h"

#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/core/core_private.h"

#include <errno.h>

#define WAITING_MAX       4096                /* notifications and queries in the mailbox */
#define WAITING_BYTES_MAX (64U * 1024 * 1024) /* their bodies */
#define BATCH_MAX         1024
/* Taking over the journal holds up what comes meanwhile, by about 5 us a page and a sync: often and
 * little. */
#define CHECKPOINT_PAGES 250
#define REVIVE_MS        1000 /* after a failure of the store, until it is tried again */
#define QUIT_MS                                                                                    \
    45000 /* longer than a POST can take: then its outcome is left for the next start              \
           */

static const char store_fails[] = "the store cannot be written; nothing was kept";

/* --- a batch -----------------------------------------------------------------------------------
 */

/* Takes fault. */
static void set_trouble(struct core *c, enum core_subject subject, char *fault)
{
    struct trouble *t = &c->troubles[subject];
    free(t->fault);
    t->fault = fault;
    t->since_wall = fault == NULL ? 0 : clock_wall(c->ports.clock).ms;
}

int core_handle(struct core *c, struct message *m, struct error *err)
{
    switch (m->type) {
    case MESSAGE_INTAKE:
        return core_intake(c, m, err);
    case MESSAGE_QUERY:
        core_query(c, m);
        return 0;
    case MESSAGE_COMMAND:
        return core_handle_command(c, m, err);
    case MESSAGE_EXPLAIN:
        return core_handle_explain(c, m, err);
    case MESSAGE_ANSWER:
        return core_handle_answer(c, m, err);
    case MESSAGE_RELOAD:
        metric_set(c->metrics.reload_time, (double)clock_wall(c->ports.clock).ms / 1000, NULL);
        set_trouble(c, CORE_CONFIG, NULL);
        return core_configure(c, m->u.conf, err);
    case MESSAGE_TROUBLE:
        set_trouble(c, m->u.trouble.subject, GIVE(m->u.trouble.fault));
        return 0;
    case MESSAGE_STOP_FILE:
        if (c->stop == m->u.stop) /* every reload looks at the file anew */
            return 0;
        c->stop = m->u.stop;
        core_ask_all(c);
        log_warn("core", c->stop ? "stopped" : "resumed",
                 LOG_STR("cause", c->stop ? "the stop file exists: nothing is started"
                                          : "the stop file is gone"));
        return engine_set_stop(c->engine, c->stop, relay_time_now(&c->time), err);
    case MESSAGE_QUIT:
        c->quitting = true;
        c->quit_until = (struct mono){clock_mono(c->ports.clock).ms + QUIT_MS};
        c->ready = false;
        mailbox_close(c->mailbox);
        return 0;
    }
    return 0;
}

void core_deliver(struct core *c, struct message *m)
{
    struct core_reply reply = {
        .verdict = m->verdict, .body = buf_text(&m->reply), .len = m->reply.len};
    if (m->type == MESSAGE_INTAKE) {
        core_metrics_intake(c, m);
        m->u.intake->reply(m->u.intake->context, &reply);
    } else if (m->type == MESSAGE_QUERY) {
        m->u.query.reply(m->u.query.context, &reply);
    } else if (m->type == MESSAGE_COMMAND) {
        m->u.command.reply(m->u.command.context, &reply);
    } else if (m->type == MESSAGE_EXPLAIN) {
        m->u.explain.reply(m->u.explain.context, &reply);
    }
}

static void start_exchanges(struct core *c)
{
    for (size_t i = 0; i < c->n_starting; i++)
        c->ports.forge.start(c->ports.forge.self, c->starting[i]);
    c->n_starting = 0;
}

/* The batch is on disk: tell everybody. */
static void finish(struct core *c, struct message *batch)
{
    while (batch != NULL) {
        struct message *m = batch;
        batch = (struct message *)(void *)m->mail.next;
        core_deliver(c, m);
        core_message_free(m);
    }
    start_exchanges(c);
}

/* Everybody was told. */
static void checkpoint(struct core *c)
{
    static struct log_brake brake = LOG_BRAKE_INIT(1, 60000);
    struct error err = {0};
    uint32_t left_out;
    if (c->ports.store.ops->checkpoint(c->ports.store.self, CHECKPOINT_PAGES, &err) == 0)
        return;
    metric_add(c->metrics.store_errors, 1, NULL);
    if (log_brake_take(&brake, &left_out))
        log_warn("core", "checkpoint_failed", LOG_STR("error", err.text),
                 LOG_STR("effect", "the journal grows; nothing is lost"),
                 LOG_INT("left_out", left_out));
}

static void store_failed(struct core *c, const struct error *err)
{
    static struct log_brake brake = LOG_BRAKE_INIT(1, 60000); /* it is tried again every second */
    uint32_t left_out;
    if (c->store_ok)
        log_error("core", "store_failed", LOG_STR("error", err->text),
                  LOG_STR("effect", "senders are told 503 until it works again"));
    else if (log_brake_take(&brake, &left_out))
        log_error("core", "store_still_fails", LOG_STR("error", err->text));
    metric_add(c->metrics.store_errors, 1, NULL);
    c->store_error = *err;
    if (c->store_ok)
        c->store_failed_at = relay_time_now(&c->time);
    c->store_ok = false;
    c->ready = false;
}

/* Can the store be written again? Then everything is loaded from it anew. */
static bool revive(struct core *c)
{
    struct error err = {0};
    int64_t now = relay_time_now(&c->time);
    c->time.wait_until = engine_wait_until(now, now - c->store_failed_at, c->time.wait_until);
    struct store_time stamp = relay_time_stamp(&c->time);
    int r = c->ports.store.ops->probe(c->ports.store.self, &stamp, &err);
    if (r == 0)
        r = core_load(c, false, &err);
    if (r != 0) {
        store_failed(c, &err);
        return false;
    }
    c->store_ok = true;
    c->ready = !c->quitting;
    log_info("core", "store_recovered", LOG_INT("open_requests", c->open.n));
    return true;
}

/* Cuts the list before and after a reload, so that no batch sees two configs (decisions borrow
 * names of theirs until they are counted); the rest is returned. */
static struct message *split(struct message *batch)
{
    while (batch != NULL) {
        struct message *next = (struct message *)(void *)batch->mail.next;
        if (batch->type == MESSAGE_RELOAD || (next != NULL && next->type == MESSAGE_RELOAD)) {
            batch->mail.next = NULL;
            return next;
        }
        batch = next;
    }
    return NULL;
}

/* False: it failed. */
static bool run_batch(struct core *c, struct message *batch)
{
    struct error err = {0};
    int r = 0;
    size_t messages = 0;
    size_t bytes = 0;
    struct message *m = batch;
    log_gather(&c->log_room);
    for (; m != NULL; m = (struct message *)(void *)m->mail.next, messages++) {
        bytes += m->mail.bytes;
        r = core_handle(c, m, &err);
        if (r != 0)
            break;
    }
    if (r == 0)
        r = core_due(c, &err);
    if (r == 0)
        r = core_retain(c, messages, bytes, &err);
    if (r == 0)
        r = core_commit(c, &err);
    log_release(); /* what is answered stands in the log */
    if (r == 0) {
        finish(c, batch);
        checkpoint(c);
        return true;
    }
    store_failed(c, &err);
    if (m != NULL && store_refuses(r))
        core_give_up(m, &err);
    core_abandon(c, batch, store_fails);
    (void)revive(c);
    return false;
}

/* One batch: of what is held, else of the mailbox. False: it failed. */
static bool run_next(struct core *c)
{
    if (!c->store_ok && !revive(c)) {
        core_abandon(c, NULL, store_fails);
        return false;
    }
    if (c->held == NULL)
        c->held = (struct message *)(void *)mailbox_take(c->mailbox, BATCH_MAX);
    struct message *batch = c->held;
    c->held = split(batch);
    return run_batch(c, batch);
}

/* --- a life ------------------------------------------------------------------------------------
 */

static void core_free_p(struct core **c)
{
    core_free(*c);
}

int core_open(struct core **out, const struct core_options *options, struct error *err)
{
    SCOPED(core_free_p) struct core *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    c->ports = options->ports;
    c->stopped = options->stopped;
    c->stopped_context = options->stopped_context;
    c->stop = options->stop_file;
    core_metrics_make(&c->metrics, options->metrics);
    if (options->online && core_online_new(&c->online, err) != 0)
        return -ENOMEM;
    int r = mailbox_new(&c->mailbox, WAITING_MAX, WAITING_BYTES_MAX, err);
    struct store_time last;
    if (r == 0)
        r = c->ports.store.ops->get_time(c->ports.store.self, &last, err);
    if (r < 0)
        return r;
    relay_time_start(&c->time, c->ports.clock, r == STORE_NONE ? NULL : &last);
    int64_t now = relay_time_now(&c->time);
    if (r != STORE_NONE)
        c->time.wait_until = engine_wait_until(now, now - last.relay_ms, last.wait_until);
    r = core_configure(c, options->conf, err);
    if (r == 0)
        r = core_load(c, true, err);
    if (r != 0)
        return r;
    metric_set(c->metrics.reload_time, (double)clock_wall(c->ports.clock).ms / 1000, NULL);
    c->store_ok = true;
    c->ready = true;
    *out = GIVE(c);
    return 0;
}

static int64_t wait_ms(struct core *c)
{
    int64_t now = relay_time_now(&c->time);
    int64_t next = engine_next(c->engine);
    next = c->next_due < next ? c->next_due : next;
    if (c->oldest_mac != INT64_MAX && c->oldest_mac + CORE_REPLAY_MEMORY_MS < next)
        next = c->oldest_mac + CORE_REPLAY_MEMORY_MS;
    if (next == INT64_MAX && !c->quitting)
        return -1;
    int64_t wait = next - now;
    if (c->quitting && wait > REVIVE_MS)
        wait = REVIVE_MS;
    return wait < 0 ? 0 : wait < 3600000 ? wait : 3600000;
}

int64_t core_step(struct core *c)
{
    bool well = run_next(c);
    if (well)
        core_backup_step(c);
    if (mailbox_wait(c->mailbox, 0) || (well && (c->held != NULL || core_backup_is_on(c))))
        return 0;
    return well ? wait_ms(c) : REVIVE_MS; /* not at once: what fails may do so for long */
}

bool core_may_close(const struct core *c)
{
    if (c->quit_now || !c->quitting)
        return c->quit_now;
    bool idle = core_count_flights(c, EXCHANGE_DISPATCH, NULL) == 0 && c->held == NULL;
    return idle || clock_mono(c->ports.clock).ms > c->quit_until.ms;
}

/* The last commit: relay time goes on from here. */
static void say_goodbye(struct core *c)
{
    struct error err = {0};
    int r = core_begin(c, &err);
    if (r == 0)
        r = core_commit(c, &err);
    if (r != 0)
        log_error("core", "last_commit_failed", LOG_STR("error", err.text));
}

void core_close(struct core *c)
{
    if (c->store_ok)
        say_goodbye(c);
    mailbox_close(c->mailbox);
    core_abandon(c, NULL, "the relay is shutting down");
}

/* --- the thread --------------------------------------------------------------------------------
 */

static void *run(void *argument)
{
    struct core *c = argument;
    int64_t wait = 0;
    while (!core_may_close(c)) {
        (void)mailbox_wait(c->mailbox, wait);
        wait = core_step(c);
    }
    core_close(c);
    if (c->stopped != NULL)
        c->stopped(c->stopped_context);
    return NULL;
}

int core_start(struct core **out, const struct core_options *options, struct error *err)
{
    SCOPED(core_free_p) struct core *c = NULL;
    int r = core_open(&c, options, err);
    if (r == 0)
        r = thread_start(&c->thread, "core", run, c, err);
    if (r == 0)
        *out = GIVE(c);
    return r;
}

void core_join(struct core *c)
{
    pthread_join(c->thread, NULL);
}

void core_free(struct core *c)
{
    if (c == NULL)
        return;
    struct mail *left = c->mailbox == NULL ? NULL : mailbox_take(c->mailbox, SIZE_MAX);
    for (struct mail *mail = left; mail != NULL;) {
        struct message *m = (struct message *)(void *)mail;
        mail = mail->next;
        core_message_free(m);
    }
    while (c->held != NULL) {
        struct message *m = c->held;
        c->held = (struct message *)(void *)m->mail.next;
        core_message_free(m);
    }
    core_release_state(c);
    for (size_t i = 0; i < CORE_SUBJECTS; i++)
        free(c->troubles[i].fault);
    mailbox_free(c->mailbox);
    c->ports.store.ops->close(c->ports.store.self);
    free(c);
}
