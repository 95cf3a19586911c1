/* What the number of keys costs: a decision, a timer, a start. Every key fires and has a hold under
 * way, so that each has a deadline in the heap. Printed as times and as ratios within this run; no
 * figure is asserted. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/engine/engine.h"
#include "relay/store/sqlite.h"

#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define START   INT64_C(1764000000000)
#define HOUR    INT64_C(3600000)
#define ASKED   20000  /* decisions measured at each size */
#define LARGEST 100000 /* keys */

static char text_kospi[] = "kospi", text_target[] = "retrain", text_label[] = "model",
            text_action[] = "action", text_retrain[] = "retrain";

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int no_inputs(void *self, const struct route *route, const char *key, const char *relay_id,
                     const struct leading *leading, char **json, struct error *err)
{
    (void)self, (void)route, (void)key, (void)relay_id, (void)leading;
    *json = strdup("{}");
    return *json == NULL ? error_set(err, -1, "out of memory") : 0;
}

static void must(int r, const struct error *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "bench: %s\n", err->text);
    exit(1);
}

/* One firing alert of the i-th key. */
static void fire(struct engine *e, size_t i, int64_t now, struct effects *effects)
{
    char model[32];
    char fingerprint[32];
    struct error err = {0};
    (void)snprintf(model, sizeof(model), "m%zu", i);
    (void)snprintf(fingerprint, sizeof(fingerprint), "f%zu", i);
    struct label labels[] = {{"action", "retrain"}, {"model", model}};
    struct alert alert = {.kind = ALERT_FIRING,
                          .fingerprint = fingerprint,
                          .alertname = "Drift",
                          .starts_at = START,
                          .ends_at = TIME_NONE,
                          .labels = labels,
                          .n_labels = 2};
    const struct notification content = {.receiver = "relay",
                                         .group_key = "{}:{}",
                                         .external_url = "",
                                         .alerts = &alert,
                                         .n_alerts = 1};
    const struct engine_event event = {.now = now,
                                       .wall = {now},
                                       .source = "grafana",
                                       .notification = "01JD0000000000000000000000",
                                       .content = &content};
    effects_clear(effects);
    must(engine_notification(e, &event, effects, &err), &err);
}

struct figures {
    size_t keys;
    double repeat_us, new_us, timer_us;
};

static struct engine *make_engine(const struct engine_config *config)
{
    struct engine *e;
    struct error err = {0};
    const struct engine_ports ports = {.rng = rng_system(), .inputs = no_inputs};
    must(engine_new(&e, &ports, &err), &err);
    must(engine_configure(e, config, START, &err), &err);
    return e;
}

/* Keys are spread over an hour, so that their holds end one by one. */
static int64_t made_at(size_t i, size_t n)
{
    return START + (int64_t)(i * (size_t)HOUR / n);
}

static struct figures measure(const struct engine_config *config, size_t n)
{
    SCOPED(engine_free_p) struct engine *e = make_engine(config);
    SCOPED(effects_clear) struct effects effects = {0};
    struct figures f = {.keys = n};
    for (size_t i = 0; i < n; i++)
        fire(e, i, made_at(i, n), &effects);
    int64_t now = START + HOUR;
    double began = seconds();
    for (size_t i = 0; i < ASKED; i++)
        fire(e, (i * 7919) % n, now, &effects);
    f.repeat_us = (seconds() - began) * 1e6 / ASKED;
    began = seconds();
    for (size_t i = 0; i < ASKED; i++)
        fire(e, n + i, now, &effects);
    f.new_us = (seconds() - began) * 1e6 / ASKED;
    size_t timers = 0;
    struct error err = {0};
    began = seconds();
    while (timers < ASKED && timers < n) {
        effects_clear(&effects);
        must(engine_timers(e, engine_next(e), (struct wall){now}, &effects, &err), &err);
        timers += effects.n_outcomes;
    }
    f.timer_us = (seconds() - began) * 1e6 / (double)timers;
    return f;
}

/* --- a start ------------------------------------------------------------------------------------
 */

static int take(void *context, struct key *k)
{
    return engine_restore_key(context, k, NULL);
}

static void fill_store(const char *path, const struct engine *e)
{
    struct store store;
    struct error err = {0};
    const struct store_time time = {.relay_ms = START, .boot_id = "bench"};
    must(sqlite_store_open(&store, path, NULL, &err), &err);
    must(store.ops->begin(store.self, &err), &err);
    for (size_t i = 0; i < engine_n_keys(e); i++)
        must(store.ops->put_key(store.self, engine_key_at(e, i), &err), &err);
    must(store.ops->commit(store.self, &time, &err), &err);
    store.ops->close(store.self);
}

static void measure_start(const struct engine_config *config)
{
    char folder[] = "/tmp/bench_engine.XXXXXX";
    char path[64];
    struct error err = {0};
    if (mkdtemp(folder) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
    (void)snprintf(path, sizeof(path), "%s/relay.db", folder);
    SCOPED(engine_free_p) struct engine *full = make_engine(config);
    SCOPED(effects_clear) struct effects effects = {0};
    for (size_t i = 0; i < LARGEST; i++)
        fire(full, i, made_at(i, LARGEST), &effects);
    fill_store(path, full);
    struct stat file = {0};
    (void)stat(path, &file);
    double began = seconds();
    struct store store;
    must(sqlite_store_open(&store, path, NULL, &err), &err);
    SCOPED(engine_free_p) struct engine *e = make_engine(config);
    must(store.ops->load_keys(store.self, take, e, &err), &err);
    must(engine_started(e, START + HOUR, 0, &err), &err);
    printf("start with %zu keys, each with a hold: %.2f s (%.1f MiB on disk)\n", engine_n_keys(e),
           seconds() - began, (double)file.st_size / 1048576);
    store.ops->close(store.self);
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    char *key_labels[] = {text_label};
    struct matcher match[] = {{.name = text_action, .op = MATCH_EQUAL, .value = text_retrain}};
    struct route route = {.name = text_kospi,
                          .matchers = match,
                          .n_matchers = 1,
                          .key_labels = key_labels,
                          .n_key_labels = 1,
                          .policy = policy_default,
                          .target = text_target};
    route.policy.hold_ms = 2 * HOUR;
    route.policy.max_keys = 10 * LARGEST;
    route.policy.budget.max = 0; /* none: every hold ends in a request */
    const struct route *routes[] = {&route};
    const struct engine_target target = {.name = text_target};
    const struct engine_config config = {
        .routes = routes, .n_routes = 1, .targets = &target, .n_targets = 1};
    if (sodium_init() < 0)
        return 1;
    struct figures first = {0};
    printf("%8s  %18s  %18s  %18s\n", "keys", "repeat of a key", "new key", "hold that ends");
    for (size_t n = LARGEST / 100; n <= LARGEST; n *= 10) {
        struct figures f = measure(&config, n);
        if (first.keys == 0)
            first = f;
        printf("%8zu  %8.2f us  x%4.1f  %8.2f us  x%4.1f  %8.2f us  x%4.1f\n", n, f.repeat_us,
               f.repeat_us / first.repeat_us, f.new_us, f.new_us / first.new_us, f.timer_us,
               f.timer_us / first.timer_us);
    }
    measure_start(&config);
    return 0;
}
