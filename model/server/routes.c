/* Paths and methods, as KServe's router answers them. A HEAD is answered as HTTP wants it. */
#include "model/oip/answer.h"
#include "model/oip/fault.h"
#include "model/server/server_private.h"
#include "relay/base/scope.h"

#include <string.h>

#define SMALL_MAX   65536
#define METRICS_MAX (4 << 20)

/* --- answers -------------------------------------------------------------------------------------
 */

void routes_answer(struct http_request *r, int status, const struct buf *body)
{
    if (buf_failed(body))
        http_request_problem(r, 500, "out of memory", NULL, 0);
    else
        http_request_answer(r, status, "application/json", body->data, body->len, NULL, 0);
}

void routes_fault(struct http_request *r, int fault, const char *text)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(SMALL_MAX);
    oip_fault_body(&body, fault, text);
    routes_answer(r, oip_fault_status(fault), &body);
}

static void answer_text(struct http_request *r, int status, const char *text)
{
    http_request_answer(r, status, "application/json", text, strlen(text), NULL, 0);
}

/* --- the server ----------------------------------------------------------------------------------
 */

static void show_alive(struct model_server *s, struct http_request *r)
{
    (void)s;
    answer_text(r, 200, "{\"status\":\"alive\"}");
}

static void show_live(struct model_server *s, struct http_request *r)
{
    (void)s;
    answer_text(r, 200, "{\"live\":true}");
}

/* Unlike KServe, which is always ready: a pod without its model must get no traffic. */
static void show_ready(struct model_server *s, struct http_request *r)
{
    bool ready = true;
    for (size_t i = 0; i < s->n; i++)
        ready = ready && served_ready(s->slots[i].served);
    answer_text(r, ready ? 200 : 503, ready ? "{\"ready\":true}" : "{\"ready\":false}");
}

static void show_server(struct model_server *s, struct http_request *r)
{
    (void)s;
    SCOPED(buf_free) struct buf body = BUF_INIT(SMALL_MAX);
    oip_answer_server(&body, "drift-model", DRIFT_RELAY_VERSION);
    routes_answer(r, 200, &body);
}

static void show_models(struct model_server *s, struct http_request *r)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(SMALL_MAX);
    const char *names[MODEL_SERVER_MODELS_MAX];
    for (size_t i = 0; i < s->n; i++)
        names[i] = served_name(s->slots[i].served);
    oip_answer_models(&body, names, s->n);
    routes_answer(r, 200, &body);
}

static void show_metrics(struct model_server *s, struct http_request *r)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(METRICS_MAX);
    struct monitor *monitors[MODEL_SERVER_MODELS_MAX];
    for (size_t i = 0; i < s->n; i++)
        monitors[i] = served_monitor(s->slots[i].served);
    monitor_metrics(monitors, s->n, &body);
    server_metrics_write(&s->metrics, &body);
    if (buf_failed(&body))
        http_request_problem(r, 500, "out of memory", NULL, 0);
    else
        http_request_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", body.data, body.len,
                            NULL, 0);
}

/* --- one model -----------------------------------------------------------------------------------
 */

struct served *routes_find(const struct model_server *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(served_name(s->slots[i].served), name) == 0)
            return s->slots[i].served;
    return NULL;
}

/* NULL when it was answered: there is no such model or version. */
static struct served *find_or_answer(struct model_server *s, struct http_request *r,
                                     const struct target *t)
{
    struct error err = {0};
    struct served *m = routes_find(s, t->model);
    int fault = 0;
    if (t->versioned)
        fault = error_set(&err, OIP_NOT_IMPLEMENTED, "Model versioning not supported yet.");
    else if (m == NULL)
        fault = error_set(&err, OIP_UNKNOWN_MODEL, "Model with name %s does not exist.", t->model);
    if (fault != 0)
        routes_fault(r, fault, err.text);
    return fault == 0 ? m : NULL;
}

static void show_metadata(struct model_server *s, struct http_request *r, const struct target *t)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(SMALL_MAX);
    const struct served *m = find_or_answer(s, r, t);
    if (m == NULL)
        return;
    oip_answer_metadata(&body, served_name(m));
    routes_answer(r, 200, &body);
}

static void show_model_ready(struct model_server *s, struct http_request *r, const struct target *t)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(SMALL_MAX);
    struct error err = {0};
    struct served *m = find_or_answer(s, r, t);
    if (m == NULL)
        return;
    if (!served_ready(m)) {
        int fault = error_set(&err, OIP_NOT_READY, "Model with name %s is not ready.", t->model);
        routes_fault(r, fault, err.text);
        return;
    }
    oip_answer_ready(&body, served_name(m), true);
    routes_answer(r, 200, &body);
}

/* --- routing -------------------------------------------------------------------------------------
 */

struct page {
    const char *path;
    void (*show)(struct model_server *s, struct http_request *r);
};

static const struct page pages[] = {
    {"/", show_alive},
    {"/v2", show_server},
    {"/v2/health/live", show_live},
    {"/v2/health/ready", show_ready},
    {"/v2/models", show_models},
    {"/v1/models", show_models},
    {"/metrics", show_metrics},
};

struct model_page {
    const char *prefix, *suffix, *method;
    void (*answer)(struct model_server *s, struct http_request *r, const struct target *t);
};

static const struct model_page models[] = {
    {"/v2/models/", "/infer", "POST", inference_v2},
    {"/v2/models/", "/ready", "GET", show_model_ready},
    {"/v2/models/", "", "GET", show_metadata},
    {"/v1/models/", ":predict", "POST", inference_v1},
    {"/v1/models/", ":explain", "POST", inference_explain},
    {"/v1/models/", "", "GET", show_model_ready},
};

static bool has_method(const struct http_request *r, const char *method)
{
    const char *have = http_request_method(r);
    return strcmp(have, method) == 0 || (strcmp(method, "GET") == 0 && strcmp(have, "HEAD") == 0);
}

static void refuse_method(struct http_request *r, const char *allowed)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(SMALL_MAX);
    const struct http_header allow = {"Allow", allowed};
    oip_fault_body(&body, OIP_BAD_METHOD, "Method Not Allowed");
    http_request_answer(r, 405, "application/json", body.data, body.len, &allow, 1);
}

/* "/versions/V" */
static bool is_version(const char *text, size_t len)
{
    static const char prefix[] = "/versions/";
    size_t head = sizeof(prefix) - 1;
    return len > head && strncmp(text, prefix, head) == 0 &&
           memchr(text + head, '/', len - head) == NULL;
}

/* A name, perhaps with a version, between prefix and suffix. */
static bool match(struct target *t, const char *path, const char *prefix, const char *suffix)
{
    size_t head = strlen(prefix), tail = strlen(suffix), len = strlen(path);
    if (len <= head + tail || strncmp(path, prefix, head) != 0 ||
        strcmp(path + len - tail, suffix) != 0)
        return false;
    const char *name = path + head;
    size_t rest = len - head - tail, n = strcspn(name, "/");
    n = n < rest ? n : rest;
    if (n == 0 || (n < rest && !is_version(name + n, rest - n)))
        return false;
    *t = (struct target){.versioned = n < rest};
    memcpy(t->model, name, n < sizeof(t->model) ? n : sizeof(t->model) - 1);
    return true;
}

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(path, pages[i].path) == 0)
            return &pages[i];
    return NULL;
}

static const struct model_page *find_model_page(struct target *t, const char *path)
{
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (match(t, path, models[i].prefix, models[i].suffix))
            return &models[i];
    return NULL;
}

/* A slash too many: KServe's router sends the client to the path without. Only names that need no
 * encoding come through, and no query, which the address would lose. */
static bool redirect(struct http_request *r, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._:-";
    char to[2 * MONITOR_NAME_MAX];
    struct target t;
    size_t len = strlen(path), whole = len;
    while (len > 0 && path[len - 1] == '/')
        len--;
    if (len == whole || len >= sizeof(to) || strspn(path, plain) != whole)
        return false;
    memcpy(to, path, len);
    to[len] = '\0';
    if ((find_page(to) == NULL && find_model_page(&t, to) == NULL) ||
        http_request_argument(r, "model_version") != NULL)
        return false;
    const struct http_header location = {"Location", to};
    http_request_answer(r, 307, NULL, "", 0, &location, 1);
    return true;
}

void routes_complete(void *self, struct http_request *r)
{
    const char *path = http_request_path(r);
    struct target t;
    const struct page *page = find_page(path);
    const struct model_page *of_model = page == NULL ? find_model_page(&t, path) : NULL;
    const char *method = page != NULL ? "GET" : of_model != NULL ? of_model->method : NULL;
    if (method == NULL) {
        if (!redirect(r, path))
            routes_fault(r, OIP_NO_ROUTE, "Not Found");
    } else if (!has_method(r, method)) {
        refuse_method(r, method);
    } else if (page != NULL) {
        page->show(self, r);
    } else {
        t.versioned = t.versioned || http_request_argument(r, "model_version") != NULL;
        of_model->answer(self, r, &t);
    }
}
