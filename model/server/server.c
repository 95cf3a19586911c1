#include "model/server/server.h"

#include "model/server/server_private.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define THREADS     2
#define CONNECTIONS 256
#define HEADER_MAX  (16 * 1024)
#define TIME_MS     15000

/* --- models --------------------------------------------------------------------------------------
 */

static int make_slot(struct model_server *s, const char *model,
                     const struct model_server_options *o, struct error *err)
{
    const char *equals = strchr(model, '=');
    struct model_slot *slot = &s->slots[s->n];
    if (equals == NULL || equals[1] == '\0')
        return error_set(err, -EINVAL, "--model wants NAME=FILE, not \"%s\"", model);
    SCOPED(free_p) char *name = strndup(model, (size_t)(equals - model));
    if (name == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    if (routes_find(s, name) != NULL)
        return error_set(err, -EINVAL, "two models are called %s", name);
    SCOPED(buf_free) struct buf state = BUF_INIT(8192);
    buf_addf(&state, "%s%s%s", o->state_path != NULL ? o->state_path : "",
             o->n_models > 1 ? "." : "", o->n_models > 1 ? name : "");
    int r = served_new(&slot->served, name, equals + 1, err);
    if (r != 0)
        return r;
    s->n++; /* from here on it is freed with s */
    slot->state_path = o->state_path == NULL ? NULL : buf_give(&state);
    if (o->state_path != NULL && slot->state_path == NULL)
        return error_set(err, -ENOMEM, "--state: out of memory, or too long");
    slot->monitor = (struct monitor_options){.span = o->span,
                                             .min_samples = o->min_samples,
                                             .state_path = slot->state_path,
                                             .clock = o->clock};
    return 0;
}

static int make_slots(struct model_server *s, const struct model_server_options *o,
                      struct error *err)
{
    if (o->n_models == 0 || o->n_models > MODEL_SERVER_MODELS_MAX)
        return error_set(err, -EINVAL, "1 to %d models are served, not %zu",
                         MODEL_SERVER_MODELS_MAX, o->n_models);
    s->slots = calloc(o->n_models, sizeof(*s->slots));
    if (s->slots == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < o->n_models; i++) {
        int r = make_slot(s, o->models[i], o, err);
        if (r != 0)
            return r;
    }
    return 0;
}

static void load(struct model_server *s, struct model_slot *slot)
{
    struct server_metrics *m = &s->metrics;
    struct error err = {0};
    const char *name = served_name(slot->served);
    int r = served_load(slot->served, &slot->monitor, &err);
    if (r == 0)
        metric_set(m->loaded_at, (double)clock_wall(s->clock).ms / 1000, name, NULL);
    if (r < 0)
        log_error("model", "load_failed", LOG_STR("model", name), LOG_STR("error", err.text),
                  LOG_STR("effect", served_ready(slot->served) ? "the old model stays"
                                                               : "the model is not ready"));
    metric_add(m->loads, r == SERVED_SAME ? 0 : 1, name, r < 0 ? "failed" : "loaded", NULL);
    metric_set(m->ready, served_ready(slot->served) ? 1 : 0, name, NULL);
}

void model_server_reload(struct model_server *s, bool all)
{
    for (size_t i = 0; i < s->n; i++)
        if (atomic_exchange(&s->slots[i].changed, false) || all)
            load(s, &s->slots[i]);
}

static void on_change(void *context, const char *path, bool exists)
{
    struct model_server *s = context;
    if (!exists) /* nothing to read: the model stays */
        return;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(served_path(s->slots[i].served), path) == 0)
            s->slots[i].changed = true;
    s->changed(s->context);
}

/* --- life ----------------------------------------------------------------------------------------
 */

static int start_watch(struct model_server *s, struct error *err)
{
    const char *paths[MODEL_SERVER_MODELS_MAX];
    for (size_t i = 0; i < s->n; i++)
        paths[i] = served_path(s->slots[i].served);
    return watch_start(&s->watch, paths, s->n, on_change, s, err);
}

/* Everything is decided when the body is there. */
static void on_begin(void *self, struct http_request *r)
{
    (void)self;
    (void)r;
}

static int start_http(struct model_server *s, const struct model_server_options *o,
                      struct error *err)
{
    const struct http_server_options http = {
        .name = "model",
        .host = o->listen.host,
        .port = o->listen.port,
        .threads = THREADS,
        .body_max = MODEL_SERVER_BODY_MAX,
        .header_max = HEADER_MAX,
        .header_time_ms = TIME_MS,
        .body_time_ms = TIME_MS,
        .connections = CONNECTIONS,
        .handler = {.self = s, .begin = on_begin, .complete = routes_complete},
        .clock = o->clock,
    };
    return http_server_start(&s->http, &http, err);
}

int model_server_start(struct model_server **out, const struct model_server_options *o,
                       struct error *err)
{
    SCOPED(model_server_stop_p) struct model_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    s->clock = o->clock;
    s->rng = o->rng;
    s->changed = o->changed;
    s->context = o->context;
    int r = make_slots(s, o, err);
    if (r != 0)
        return r;
    server_metrics_make(&s->metrics, o->clock);
    r = start_watch(s, err);
    if (r != 0)
        return r;
    model_server_reload(s, true);
    r = start_http(s, o, err);
    if (r == 0)
        *out = GIVE(s);
    return r;
}

void model_server_drain(struct model_server *s)
{
    http_server_drain(s->http);
}

unsigned model_server_in_flight(const struct model_server *s)
{
    return http_server_in_flight(s->http);
}

void model_server_stop(struct model_server *s)
{
    if (s == NULL)
        return;
    http_server_stop(s->http, 0);
    watch_stop(s->watch);
    for (size_t i = 0; i < s->n; i++) {
        served_free(s->slots[i].served);
        free(s->slots[i].state_path);
    }
    server_metrics_free(&s->metrics);
    free(s->slots);
    free(s);
}

void model_server_stop_p(struct model_server **s)
{
    model_server_stop(*s);
}
