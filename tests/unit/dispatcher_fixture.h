/* dispatcher_fixture.h - the dispatcher before a server of plain sockets; the core behind it is the
 * program that includes this: all it does is to keep the answers. */
#ifndef TESTS_UNIT_DISPATCHER_FIXTURE_H
#define TESTS_UNIT_DISPATCHER_FIXTURE_H

#include "relay/core/core.h"
#include "relay/edge/dispatcher.h"
#include "tests/support/raw_server.h"
#include "tests/unit/conf_fixture.h"

#include <pthread.h>
#include <sys/socket.h>

#define ANSWERS   8
#define WAIT_MS   10000 /* a machine under load is slow; nothing takes so long by itself */
#define SILENT_MS 50
#define RELAY_ID  "01JD0000000000000000000000"

struct core {
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct kept {
        enum exchange_kind kind;
        char relay_id[ULID_SIZE];
        struct exchange_answer answer;
    } answers[ANSWERS];
    size_t n;
};

struct fixture {
    struct core core;
    struct raw_server server;
    struct conf *conf;
    struct dispatcher *dispatcher;
    struct forge forge;
};

static inline struct conf *conf_for(uint16_t port, const char *target, const char *token_file)
{
    char text[2048];
    struct conf *conf = NULL;
    struct conf_report report;
    (void)snprintf(text, sizeof(text),
                   "sources = ( { name = \"grafana\"; format = \"grafana\"; auth = { scheme = "
                   "\"grafana-hmac\"; secret_files = ( \"$D/secret\" ); }; } );\n"
                   "targets = ( { name = \"%s\"; repository = \"acme/ml\"; workflow = "
                   "\"r.yml\"; api_url = \"http://127.0.0.1:%u\"; token_file = \"$D/%s\"; } );\n"
                   "routes = ( { name = \"kospi\"; match = ( \"action=retrain\" ); key = ( "
                   "\"model\" ); target = \"%s\"; } );\n",
                   target, port, token_file, target);
    int r = load(&conf, text, &report);
    if (r != 0)
        print_report(&report);
    conf_report_clear(&report);
    assert_int_equal(r, 0);
    return conf;
}

/* With a server that behaves so; say NULL: the test listens itself. */
static inline void up(struct fixture *f, enum raw_behaviour behaviour, const char *say)
{
    struct error err = {0};
    pthread_condattr_t monotonic;
    *f = (struct fixture){.core = {.lock = PTHREAD_MUTEX_INITIALIZER}, .server = RAW_SERVER_INIT};
    assert_int_equal(pthread_condattr_init(&monotonic), 0);
    assert_int_equal(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC), 0);
    assert_int_equal(pthread_cond_init(&f->core.came, &monotonic), 0);
    write_file("token", "ghp_token\n", 0600);
    if (say == NULL)
        raw_server_listen(&f->server, 8);
    else
        raw_server_start(&f->server, behaviour, say);
    f->conf = conf_for(f->server.port, "retrain", "token");
    assert_int_equal(dispatcher_start(&f->dispatcher, f->conf, &err), 0);
    f->forge = dispatcher_forge(f->dispatcher);
    dispatcher_attach(f->dispatcher, &f->core);
}

/* Stops the dispatcher; so many answers had come, and no other comes. */
static inline void down(struct fixture *f, size_t want_answers)
{
    dispatcher_stop(f->dispatcher);
    conf_unref(f->conf);
    assert_int_equal(f->core.n, want_answers);
    for (size_t i = 0; i < f->core.n; i++)
        exchange_answer_clear(&f->core.answers[i].answer);
}

static inline void start(struct fixture *f, enum exchange_kind kind, const char *relay_id)
{
    struct exchange *x = NULL;
    struct error err = {0};
    struct target_memory memory = {0};
    const struct target *target = &f->conf->targets[0];
    int r = kind == EXCHANGE_DISPATCH
                ? exchange_dispatch(&x, target, &memory, relay_id, "{\"model\":\"m1\"}", NULL, &err)
                : exchange_run(&x, target, relay_id, 7, NULL, &err);
    if (r != 0)
        fail_msg("%s", err.text);
    f->forge.start(f->forge.self, x);
}

static inline bool came(struct fixture *f, size_t n, int64_t wait_ms)
{
    struct timespec until;
    int r = 0;
    clock_mono_deadline(&until, wait_ms);
    pthread_mutex_lock(&f->core.lock);
    while (f->core.n < n && r == 0)
        r = pthread_cond_timedwait(&f->core.came, &f->core.lock, &until);
    bool enough = f->core.n >= n;
    pthread_mutex_unlock(&f->core.lock);
    return enough;
}

/* Waits for the n-th answer. */
static inline const struct exchange_answer *answer(struct fixture *f, size_t n)
{
    assert_true(came(f, n, WAIT_MS));
    return &f->core.answers[n - 1].answer;
}

static inline void assert_requested(struct fixture *f, const char *words)
{
    pthread_mutex_lock(&f->server.lock);
    bool there = strstr(f->server.last_request, words) != NULL;
    if (!there)
        print_message("%s: not in %s\n", words, f->server.last_request);
    pthread_mutex_unlock(&f->server.lock);
    assert_true(there);
}

/* Takes the next connection and reads its request. */
static inline int take_request(struct fixture *f, char *text, size_t size)
{
    int fd = accept(f->server.listen_fd, NULL, NULL);
    assert_true(fd >= 0);
    size_t len = 0;
    text[0] = '\0';
    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t n = recv(fd, text + len, size - 1 - len, 0);
        assert_true(n > 0);
        len += (size_t)n;
        text[len] = '\0';
    }
    return fd;
}

#endif
