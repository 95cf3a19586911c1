/* The core as a thread: everything that other threads may do to it, all at once. */
#include "tests/unit/core_fixture.h"

#include <pthread.h>

#define SENDERS  4
#define MESSAGES 200

struct crowd {
    struct core *core;
    struct conf *conf;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned stored, refused, commanded, asked;
    bool stopped;
};

static void count(struct crowd *w, unsigned *what)
{
    pthread_mutex_lock(&w->lock);
    (*what)++;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void stored(void *context, const struct core_reply *reply)
{
    struct crowd *w = context;
    count(w, reply->verdict == CORE_STORED ? &w->stored : &w->refused);
}

static void commanded(void *context, const struct core_reply *reply)
{
    struct crowd *w = context;
    (void)reply;
    count(w, &w->commanded);
}

static void asked(void *context, const struct core_reply *reply)
{
    struct crowd *w = context;
    (void)reply;
    count(w, &w->asked);
}

static void stopped(void *context)
{
    struct crowd *w = context;
    pthread_mutex_lock(&w->lock);
    w->stopped = true;
    pthread_mutex_unlock(&w->lock);
}

/* GitHub answers at once, on the core's own thread: the mailbox takes it all the same. */
static void answer_at_once(void *self, struct exchange *x)
{
    struct crowd *w = self;
    bool post = x->kind == EXCHANGE_DISPATCH;
    const char *body =
        post ? ACCEPTED
             : "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"success\"}";
    struct exchange_answer a = {.status = 200, .body = strdup(body), .body_len = strlen(body)};
    core_answer(w->core, x->kind, x->relay_id, &a);
    exchange_free(x);
}

static struct intake *make_intake(struct crowd *w, size_t sender, size_t i)
{
    char body[1024];
    struct error err = {0};
    static const struct alert_limits limits = {.alerts = 100, .labels = 64, .depth = 16};
    (void)snprintf(body, sizeof(body),
                   "{\"receiver\":\"relay\",\"status\":\"firing\",\"orgId\":1,\"groupKey\":\"{}\","
                   "\"externalURL\":\"\",\"version\":\"1\",\"alerts\":[{\"status\":\"firing\","
                   "\"labels\":{\"alertname\":\"Drift\",\"action\":\"retrain\",\"model\":\"m%zu\"},"
                   "\"annotations\":{},\"fingerprint\":\"%zu-%zu\",\"startsAt\":"
                   "\"2025-11-24T00:00:00Z\",\"endsAt\":\"0001-01-01T00:00:00Z\"}]}",
                   i % 7, sender, i);
    struct intake *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return NULL;
    *in = (struct intake){.source = strdup("grafana"),
                          .format = ALERT_FORMAT_GRAFANA,
                          .body = strdup(body),
                          .body_len = strlen(body),
                          .reply = stored,
                          .context = w};
    if (notification_parse(&in->content, in->format, in->body, in->body_len, &limits, &err) == 0)
        return in;
    intake_free(in);
    return NULL;
}

struct sender {
    struct crowd *crowd;
    size_t number;
};

static void *send_all(void *argument)
{
    const struct sender *s = argument;
    struct crowd *w = s->crowd;
    for (size_t i = 0; i < MESSAGES; i++) {
        struct intake *in = make_intake(w, s->number, i);
        if (in == NULL)
            return w;
        if (!core_submit(w->core, in)) {
            count(w, &w->refused);
            intake_free(in);
        }
        if (i % 10 == 0)
            core_reload(w->core, w->conf);
        const struct core_order order = {.command = i % 40 == 0 ? COMMAND_PAUSE : COMMAND_RESUME,
                                         .scope = ENGINE_ROUTE,
                                         .id = "kospi"};
        if (i % 20 == 0 && !core_command(w->core, &order, commanded, w))
            count(w, &w->commanded);
        if (i % 15 == 0 && !core_ask(w->core, QUERY_METRICS, "", "", 1, asked, w))
            count(w, &w->asked);
        if (i % 50 == 0)
            core_stop_file(w->core, i % 100 == 0);
    }
    return NULL;
}

static void everything_at_once_is_answered_once(void **state)
{
    (void)state;
    struct error err = {0};
    struct crowd w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct memory_store *memory;
    struct store store;
    assert_true(sodium_init() >= 0);
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    w.conf = core_conf("retrain", "");
    assert_int_equal(memory_store_new(&memory, &err), 0);
    assert_int_equal(memory_store_open(memory, &store, &err), 0);
    struct metrics *metrics = metrics_new("drift_relay_");
    const struct core_options options = {.conf = w.conf,
                                         .metrics = metrics,
                                         .stopped = stopped,
                                         .stopped_context = &w,
                                         .ports = {.store = store,
                                                   .forge = {.self = &w, .start = answer_at_once},
                                                   .clock = clock_system(),
                                                   .rng = rng_system()}};
    assert_int_equal(core_start(&w.core, &options, &err), 0);
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&w, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    for (size_t i = 0; i < SENDERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    core_quit(w.core, false);
    core_join(w.core);
    assert_true(w.stopped);
    assert_int_equal(w.stored + w.refused, SENDERS * MESSAGES);
    assert_true(w.stored > 0);
    assert_int_equal(w.commanded, SENDERS * MESSAGES / 20);
    assert_int_equal(w.asked, SENDERS * ((MESSAGES + 14) / 15));
    core_free(w.core);
    memory_store_free(memory);
    metrics_free(metrics);
    conf_unref(w.conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once_is_answered_once)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
