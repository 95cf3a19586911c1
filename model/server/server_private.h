/* server_private.h - the model server from inside: server.c keeps it, routes.c finds who answers,
 * inference.c answers inferences. Nobody else includes this. */
#ifndef MODEL_SERVER_SERVER_PRIVATE_H
#define MODEL_SERVER_SERVER_PRIVATE_H

#include "model/server/served.h"
#include "model/server/server.h"
#include "model/server/server_metrics.h"
#include "relay/base/http_server.h"
#include "relay/base/watch.h"

#define MODEL_SERVER_ANSWER_MAX (8 << 20) /* 10000 rows take a tenth of it */

struct model_slot {
    struct served *served;
    struct monitor_options monitor;
    char *state_path;
    _Atomic bool changed; /* set by the watch, cleared by who reloads */
};

struct model_server {
    struct model_slot *slots;
    size_t n;
    struct server_metrics metrics;
    struct http_server *http;
    struct watch *watch;
    const struct clock *clock;
    const struct rng *rng;
    void (*changed)(void *context);
    void *context;
};

/* What a path says of a model. */
struct target {
    char model[MONITOR_NAME_MAX + 1]; /* cut past that: no model has such a name */
    bool versioned;
};

/* routes.c: the handler's complete(); self is the server. */
void routes_complete(void *self, struct http_request *r);
struct served *routes_find(const struct model_server *s, const char *name); /* NULL: none */
void routes_answer(struct http_request *r, int status, const struct buf *body);
void routes_fault(struct http_request *r, int fault, const char *text);

/* inference.c */
void inference_v2(struct model_server *s, struct http_request *r, const struct target *t);
void inference_v1(struct model_server *s, struct http_request *r, const struct target *t);
void inference_explain(struct model_server *s, struct http_request *r, const struct target *t);

#endif
