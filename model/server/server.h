/* server.h - the model server: models under their names, the Open Inference Protocol over HTTP.
 *
 * A model whose file is missing or bad at start is listed but not ready, until its file is good; a
 * file that becomes bad changes nothing. Threads: those of relay/base/http_server (2), a watch of
 * the files, and one for the drift of each model. */
#ifndef MODEL_SERVER_SERVER_H
#define MODEL_SERVER_SERVER_H

#include "model/monitor/monitor.h"
#include "relay/base/parse.h"
#include "relay/base/rng.h"

#include <stdbool.h>

#define MODEL_SERVER_MODELS_MAX 32
#define MODEL_SERVER_BODY_MAX   (2 << 20)

struct model_server;

struct model_server_options {
    const char *const *models; /* each NAME=FILE */
    size_t n_models;           /* 1 to MODEL_SERVER_MODELS_MAX */
    struct address listen;
    struct drift_window_span span;
    size_t min_samples;
    const char *state_path; /* NULL: none. With several models each has its own, PATH.NAME */
    const struct clock *clock;
    const struct rng *rng;
    /* A model's file changed: call model_server_reload(). Any thread. */
    void (*changed)(void *context);
    void *context;
};

/* Reads the models, then listens. -EINVAL for models that are not NAME=FILE or two of a name. */
__attribute__((warn_unused_result)) int
model_server_start(struct model_server **out, const struct model_server_options *options,
                   struct error *err);
/* Reads the files that changed, or all of them. By the thread that started it. */
void model_server_reload(struct model_server *s, bool all);
/* No new connections; requests that are inside are answered. */
void model_server_drain(struct model_server *s);
unsigned model_server_in_flight(const struct model_server *s);
void model_server_stop(struct model_server *s); /* at once; NULL is fine */
void model_server_stop_p(struct model_server **s);

#endif
