#include "model/server/served.h"

#include "model/oip/fault.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define N(table)   (sizeof(table) / sizeof((table)[0]))
#define ROWS       500
#define SWAPS      60
#define PATIENCE_S 30

static const struct monitor_options monitor = {.span = {.rows = 60}, .min_samples = 30};

/* A clock that lets one thread wait in it: in the middle of an answer, since rows are dated. */
struct gate {
    pthread_t waits;
    atomic_bool armed; /* waits is known */
    sem_t entered, open;
};

struct fixture {
    char folder[32], path[64];
    struct served *served;
    struct monitor_options monitor;
    struct gate gate;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct error err = {0};
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/served-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/model.json", f->folder);
    f->monitor = monitor;
    f->monitor.clock = clock_system();
    assert_int_equal(served_new(&f->served, "kospi-model", f->path, &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    served_free(f->served);
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

/* A model that says the logistic of its bias, whatever it is asked. */
static void write_model(const struct fixture *f, double bias, const char *stattest)
{
    SCOPED(model_file_free)
    struct model_file m = {
        .name = "t", .through = "t", .bias = bias, .threshold = 0.8, .n_reference = 100};
    struct error err = {0};
    (void)snprintf(m.stattest, sizeof(m.stattest), "%s", stattest);
    for (size_t i = 0; i < FEATURES; i++) {
        m.reference[i] = calloc(m.n_reference, sizeof(double));
        assert_non_null(m.reference[i]);
        for (size_t k = 0; k < m.n_reference; k++)
            m.reference[i][k] = (double)k;
        m.edges[i][0] = 50;
        m.n_edges[i] = 1;
    }
    for (size_t i = 0; i < MODEL_RECENT_CLOSES; i++)
        m.closes[i] = 100;
    if (model_file_write(&m, f->path, &err) != 0)
        fail_msg("%s", err.text);
}

static void ask(struct oip_request *q, size_t rows)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(1 << 16);
    buf_add_text(&body, "{\"instances\":[100");
    for (size_t i = 1; i < rows; i++)
        buf_add_text(&body, ",100");
    buf_add_text(&body, "]}");
    const struct oip_bytes in = {.body = buf_text(&body), .len = body.len};
    assert_int_equal(oip_request_parse_v1(q, &in, NULL), 0);
}

/* The chance of the one row that is asked; -1 without a model. */
static double answer_of(struct served *m)
{
    SCOPED(oip_request_free) struct oip_request q;
    SCOPED(infer_free) struct infer f;
    struct error err = {0};
    ask(&q, 1);
    int r = served_predict(m, &f, &q, &err);
    assert_true(r == 0 || r == OIP_NOT_READY);
    return r == 0 ? f.rows[0].up : -1;
}

static void a_file_is_put_in_place_when_it_has_another_model(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    assert_string_equal(served_output(f->served), "kospi-response");
    assert_true(served_load(f->served, &f->monitor, &err) < 0);
    assert_false(served_ready(f->served));
    assert_null(served_monitor(f->served));
    assert_true(answer_of(f->served) == -1);

    write_model(f, 0, "wasserstein");
    assert_int_equal(served_load(f->served, &f->monitor, &err), 0);
    assert_true(served_ready(f->served));
    assert_true(answer_of(f->served) == 0.5);
    assert_int_equal(served_load(f->served, &f->monitor, &err), SERVED_SAME);

    write_model(f, 1000, "wasserstein");
    assert_int_equal(served_load(f->served, &f->monitor, &err), 0);
    assert_true(answer_of(f->served) == 1);
}

static void a_model_that_cannot_be_watched_is_not_served(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    write_model(f, 0, "tea leaves");
    assert_true(served_load(f->served, &f->monitor, &err) < 0);
    assert_false(served_ready(f->served));
    write_model(f, 0, "wasserstein");
    assert_int_equal(served_load(f->served, &f->monitor, &err), 0);
    write_model(f, 1000, "tea leaves");
    assert_true(served_load(f->served, &f->monitor, &err) < 0);
    assert_true(answer_of(f->served) == 0.5);
}

static void a_name_is_one_word_of_a_url(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "a b", "a:predict", "\xec\x83\x81", "a%20"};
    struct served *m = NULL;
    for (size_t i = 0; i < N(bad); i++)
        assert_true(served_new(&m, bad[i], "x", NULL) < 0);
    char name[MONITOR_NAME_MAX + 2];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_true(served_new(&m, name, "x", NULL) < 0);
    name[sizeof(name) - 2] = '\0';
    assert_int_equal(served_new(&m, name, "x", NULL), 0);
    served_free(m);
    assert_int_equal(served_new(&m, "-model", "x", NULL), 0);
    assert_string_equal(served_output(m), "-model-response");
    served_free(m);
}

struct asker {
    struct served *served;
    atomic_bool stopping;
    size_t answers, mixed, failed;
};

static void *keep_asking(void *context)
{
    struct asker *a = context;
    SCOPED(oip_request_free) struct oip_request q;
    ask(&q, ROWS);
    while (!atomic_load(&a->stopping)) {
        SCOPED(infer_free) struct infer f;
        struct error err = {0};
        a->failed += served_predict(a->served, &f, &q, &err) != 0 ? 1 : 0;
        for (size_t i = 1; i < f.n; i++)
            a->mixed += f.rows[i].up != f.rows[0].up ? 1 : 0;
        a->answers++;
    }
    return NULL;
}

static void no_answer_fails_or_mixes_models_while_they_are_exchanged(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    write_model(f, 0, "wasserstein");
    assert_int_equal(served_load(f->served, &f->monitor, &err), 0);
    struct asker a = {.served = f->served};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_asking, &a), 0);
    for (int i = 1; i <= SWAPS; i++) {
        write_model(f, i % 2, "wasserstein");
        assert_int_equal(served_load(f->served, &f->monitor, &err), 0);
    }
    atomic_store(&a.stopping, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(a.failed, 0);
    assert_int_equal(a.mixed, 0);
    assert_true(a.answers > 0);
}

static struct mono gated(void *self)
{
    struct gate *g = self;
    if (atomic_load(&g->armed) && pthread_equal(pthread_self(), g->waits)) {
        (void)sem_post(&g->entered);
        (void)sem_wait(&g->open);
    }
    return clock_mono(clock_system());
}

static struct wall gated_wall(void *self)
{
    (void)self;
    return clock_wall(clock_system());
}

static void *answer_at_the_gate(void *fixture)
{
    struct fixture *f = fixture;
    f->gate.waits = pthread_self();
    atomic_store(&f->gate.armed, true);
    (void)answer_of(f->served);
    return NULL;
}

struct loader {
    struct fixture *f;
    struct error err;
    int r;
    sem_t done;
};

static void *load(void *context)
{
    struct loader *l = context;
    l->r = served_load(l->f->served, &l->f->monitor, &l->err);
    (void)sem_post(&l->done);
    return NULL;
}

static bool comes(sem_t *event)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    return sem_timedwait(event, &end) == 0;
}

/* What can fail of a load, and all that takes time, is done while answers go on. */
static void a_file_is_prepared_without_the_lock(void **state)
{
    struct fixture *f = *state;
    const struct clock clock = {.self = &f->gate, .mono = gated, .wall = gated_wall};
    struct loader l = {.f = f};
    pthread_t answering, loading;
    assert_int_equal(sem_init(&f->gate.entered, 0, 0), 0);
    assert_int_equal(sem_init(&f->gate.open, 0, 0), 0);
    assert_int_equal(sem_init(&l.done, 0, 0), 0);
    f->monitor.clock = &clock;
    write_model(f, 0, "wasserstein");
    assert_int_equal(served_load(f->served, &f->monitor, &l.err), 0);
    write_model(f, 0, "tea leaves");

    assert_int_equal(pthread_create(&answering, NULL, answer_at_the_gate, f), 0);
    assert_true(comes(&f->gate.entered));
    assert_int_equal(pthread_create(&loading, NULL, load, &l), 0);
    bool refused_meanwhile = comes(&l.done);
    (void)sem_post(&f->gate.open);
    assert_int_equal(pthread_join(answering, NULL), 0);
    assert_int_equal(pthread_join(loading, NULL), 0);
    served_free(GIVE(f->served)); /* its monitor asks this test's clock */
    assert_true(refused_meanwhile);
    assert_int_equal(l.r, -EINVAL);
    assert_non_null(strstr(l.err.text, "tea leaves"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_put_in_place_when_it_has_another_model, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_model_that_cannot_be_watched_is_not_served, set_up,
                                        tear_down),
        cmocka_unit_test(a_name_is_one_word_of_a_url),
        cmocka_unit_test_setup_teardown(no_answer_fails_or_mixes_models_while_they_are_exchanged,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_prepared_without_the_lock, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
