/* POST …/infer and :predict: the order of the checks is KServe's. */
#include "model/oip/answer.h"
#include "model/oip/fault.h"
#include "model/server/server_private.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"

#include <stdio.h>
#include <string.h>

static struct oip_bytes bytes_of(const struct http_request *r)
{
    struct oip_bytes in = {
        .content_type = http_request_header(r, "Content-Type"),
        .header_length = http_request_header(r, "Inference-Header-Content-Length"),
    };
    in.body = http_request_body(r, &in.len);
    return in;
}

/* Whether the request can be for a model at all, with the fault its bytes have so far. */
static int check_model(struct served *m, const struct target *t, int fault, struct error *err)
{
    if (oip_fault_is_schema(fault))
        return fault;
    if (t->versioned)
        return error_set(err, OIP_NOT_IMPLEMENTED, "Model versioning not supported yet.");
    if (m == NULL)
        return error_set(err, OIP_UNKNOWN_MODEL, "Model with name %s does not exist.", t->model);
    if (!served_ready(m))
        return error_set(err, OIP_NOT_READY, "Model with name %s is not ready.", t->model);
    return fault;
}

static int predict(struct model_server *s, struct served *m, const struct oip_request *q,
                   struct infer *f, struct error *err)
{
    int64_t start_us = clock_stopwatch_us();
    int r = served_predict(m, f, q, err);
    server_metrics_phase(s->metrics.predict, served_name(m), start_us);
    return r;
}

static void count(struct model_server *s, const struct served *m, int status)
{
    char code[8];
    (void)snprintf(code, sizeof(code), "%d", status);
    metric_add(s->metrics.requests, 1, m == NULL ? "" : served_name(m), code, NULL);
}

static void fail(struct model_server *s, struct http_request *r, const struct served *m, int fault,
                 const struct error *err)
{
    if (fault < 0)
        log_error("model", "inference_failed", LOG_STR("error", err->text));
    count(s, m, oip_fault_status(fault));
    routes_fault(r, fault, err->text);
}

static void send_binary(struct http_request *r, const struct buf *body, size_t json_len)
{
    char length[24];
    (void)snprintf(length, sizeof(length), "%zu", json_len);
    const struct http_header header = {"Inference-Header-Content-Length", length};
    http_request_answer(r, 200, "application/octet-stream", body->data, body->len, &header, 1);
}

static void send_rows(struct model_server *s, struct http_request *r, const struct served *m,
                      const struct oip_answer *a, bool v1)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(MODEL_SERVER_ANSWER_MAX);
    int64_t start_us = clock_stopwatch_us();
    size_t json_len = 0;
    if (v1)
        oip_answer_v1(&body, a);
    else
        oip_answer_infer(&body, a, &json_len);
    server_metrics_phase(s->metrics.postprocess, served_name(m), start_us);
    if (buf_failed(&body)) {
        struct error err = {0};
        int fault = error_set(&err, OIP_FAILED, "out of memory");
        fail(s, r, m, fault, &err);
        return;
    }
    count(s, m, 200);
    if (a->binary)
        send_binary(r, &body, json_len);
    else
        routes_answer(r, 200, &body);
}

void inference_v2(struct model_server *s, struct http_request *r, const struct target *t)
{
    SCOPED(oip_request_free) struct oip_request q;
    SCOPED(infer_free) struct infer f = {0};
    struct error err = {0};
    bool binary = false;
    struct served *m = routes_find(s, t->model);
    const struct oip_bytes in = bytes_of(r);
    int64_t start_us = clock_stopwatch_us();
    int fault = check_model(m, t, oip_request_parse(&q, &in, &err), &err);
    if (m != NULL && !oip_fault_is_schema(fault))
        server_metrics_phase(s->metrics.preprocess, t->model, start_us);
    if (fault == 0)
        fault = oip_request_output(&q, served_output(m), &binary, &err);
    if (fault == 0)
        fault = predict(s, m, &q, &f, &err);
    if (fault != 0) {
        fail(s, r, m, fault, &err);
        return;
    }
    char uuid[OIP_UUID_SIZE];
    unsigned char random[16];
    s->rng->bytes(s->rng->self, random, sizeof(random));
    oip_uuid(uuid, random);
    const struct oip_answer a = {
        .model = served_name(m),
        .id = q.id != NULL ? q.id : uuid,
        .output = served_output(m),
        .binary = binary,
        .n = f.n,
        .element = infer_element,
        .self = &f,
    };
    send_rows(s, r, m, &a, false);
}

void inference_v1(struct model_server *s, struct http_request *r, const struct target *t)
{
    SCOPED(oip_request_free) struct oip_request q;
    SCOPED(infer_free) struct infer f = {0};
    struct error err = {0};
    struct served *m = routes_find(s, t->model);
    const struct oip_bytes in = bytes_of(r);
    int64_t start_us = clock_stopwatch_us();
    int fault = check_model(m, t, oip_request_parse_v1(&q, &in, &err), &err);
    if (m != NULL)
        server_metrics_phase(s->metrics.preprocess, t->model, start_us);
    if (fault == 0)
        fault = predict(s, m, &q, &f, &err);
    if (fault != 0) {
        fail(s, r, m, fault, &err);
        return;
    }
    const struct oip_answer a = {.n = f.n, .element = infer_element, .self = &f};
    send_rows(s, r, m, &a, true);
}

/* Nothing explains what the model says. */
void inference_explain(struct model_server *s, struct http_request *r, const struct target *t)
{
    struct error err = {0};
    struct served *m = routes_find(s, t->model);
    int64_t start_us = clock_stopwatch_us();
    int fault = check_model(m, t, 0, &err);
    if (fault == 0) {
        fault = error_set(&err, OIP_NOT_IMPLEMENTED, "Models are not explained here.");
        server_metrics_phase(s->metrics.explain, served_name(m), start_us);
    }
    fail(s, r, m, fault, &err);
}
