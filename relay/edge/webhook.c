#include "relay/edge/webhook.h"

#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/edge/caller.h"
#include "relay/edge/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS    2
#define HEADER_MAX (32 * 1024)
#define RETRY_AFTER                                                                                \
    "10" /* seconds; Grafana comes again at its next group_interval whatever we say */

struct webhook {
    struct http_server *server;
    struct core *core;
    const struct clock *clock;
    struct metric *notifications, *auth_failures;
    struct gate *gate;
    pthread_mutex_t lock; /* conf */
    struct conf *conf;
};

/* One request on its way; freed when the server is done with it. */
struct post {
    struct webhook *webhook;
    struct http_request *request;
    struct conf *conf;
    const struct conf_source *source;
    struct caller caller;
    struct claim claim;
};

static struct conf *current_conf(struct webhook *w)
{
    pthread_mutex_lock(&w->lock);
    struct conf *conf = conf_ref(w->conf);
    pthread_mutex_unlock(&w->lock);
    return conf;
}

static void count(struct webhook *w, const struct conf_source *source, const char *result)
{
    metric_add(w->notifications, 1, source == NULL ? "" : source->name, result, NULL);
}

/* --- refusing ----------------------------------------------------------------------------------
 */

static void refuse(struct post *p, int status, const char *detail)
{
    static const struct http_header allow[] = {{"Allow", "POST, PUT"}};
    count(p->webhook, p->source, "rejected");
    http_request_problem(p->request, status, detail, allow, status == 405 ? 1 : 0);
}

static void refuse_unavailable(struct post *p, const char *detail)
{
    static const struct http_header retry[] = {{"Retry-After", RETRY_AFTER}};
    count(p->webhook, p->source, "unavailable");
    http_request_problem(p->request, 503, detail, retry, 1);
}

/* An alert that was signed rightly comes back at the sender's next interval. */
static void refuse_for_now(struct post *p, int64_t wait_s)
{
    char seconds[24];
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)wait_s);
    struct http_header retry = {"Retry-After", seconds};
    count(p->webhook, p->source, "rejected");
    http_request_problem(p->request, 429, NULL, &retry, 1);
}

/* One body for every reason: the reason is for our log and metric only. */
static void refuse_credential(struct post *p, int outcome, const char *hint)
{
    static struct log_brake brakes[] = {[AUTH_MISSING] = LOG_BRAKE_INIT(10, 60000),
                                        [AUTH_MALFORMED] = LOG_BRAKE_INIT(10, 60000),
                                        [AUTH_MISMATCH] = LOG_BRAKE_INIT(10, 60000),
                                        [AUTH_STALE] = LOG_BRAKE_INIT(10, 60000),
                                        [AUTH_ADDRESS] = LOG_BRAKE_INIT(10, 60000)};
    static const char *const challenges[] = {[AUTH_GRAFANA_HMAC] = "Grafana-HMAC",
                                             [AUTH_BEARER] = "Bearer",
                                             [AUTH_BASIC] = "Basic realm=\"drift-relay\"",
                                             [AUTH_MTLS] = "mTLS"};
    uint32_t left_out;
    metric_add(p->webhook->auth_failures, 1, p->source->name, auth_outcome_text(outcome), NULL);
    count(p->webhook, p->source, "rejected");
    if (outcome != AUTH_ADDRESS) /* nothing was tried, and nothing is told by trying again */
        gate_failed(p->webhook->gate, &p->caller, p->conf->limits.failures);
    if (log_brake_take(&brakes[outcome], &left_out))
        log_warn("webhook", "unauthorized", LOG_STR("source", p->source->name),
                 LOG_STR("reason", auth_outcome_text(outcome)),
                 LOG_STR("peer", http_request_peer(p->request)), LOG_STR("client", p->caller.text),
                 LOG_STR("hint", hint), LOG_INT("left_out", left_out));
    struct http_header challenge = {"WWW-Authenticate", challenges[p->source->auth.scheme]};
    http_request_problem(p->request, 401, NULL, &challenge, 1);
}

/* --- the request -------------------------------------------------------------------------------
 */

static const char *header_of(const void *context, const char *name)
{
    return http_request_header(context, name);
}

static int check_credential(struct post *p, const char **hint)
{
    const struct auth *auth = &p->source->auth;
    p->claim = (struct claim){.signed_at_ms = INT64_MIN};
    if (auth->scheme == AUTH_MTLS)
        return caller_check_certificate(p->request, auth, hint);
    return auth_check_headers(auth, header_of, p->request, clock_wall(p->webhook->clock), &p->claim,
                              hint);
}

static void begin(void *self, struct http_request *r)
{
    struct webhook *w = self;
    struct post *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        http_request_problem(r, 503, NULL, NULL, 0);
        return;
    }
    *p = (struct post){.webhook = w, .request = r, .conf = current_conf(w)};
    http_request_set_context(r, p);
    p->source = conf_source_by_path(p->conf, http_request_path(r));
    const char *method = http_request_method(r);
    const char *hint = NULL;
    if (p->source == NULL) {
        refuse(p, 404, "no source has this path");
        return;
    }
    caller_identify(&p->caller, r, p->conf);
    if (!caller_may_send(&p->caller, p->source, &hint)) {
        refuse_credential(p, AUTH_ADDRESS, hint);
        return;
    }
    int64_t wait_s = gate_turns_away(w->gate, &p->caller, p->source, p->conf->limits.failures);
    if (wait_s > 0) {
        refuse_for_now(p, wait_s);
        return;
    }
    if (strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0) {
        refuse(p, 405, "a notification is posted: POST or PUT");
        return;
    }
    if (http_request_lacks_length(r)) {
        refuse(p, 411, "Content-Length or chunked transfer coding is wanted");
        return;
    }
    int outcome = check_credential(p, &hint);
    if (outcome != 0)
        refuse_credential(p, outcome, hint);
}

static void reply(void *context, const struct core_reply *answer)
{
    struct post *p = context;
    switch (answer->verdict) {
    case CORE_STORED:
    case CORE_DUPLICATE:
        /* Not for a repeat: whoever saw it on its way can send it. */
        if (answer->verdict == CORE_STORED)
            gate_verified(p->webhook->gate, &p->caller);
        count(p->webhook, p->source, answer->verdict == CORE_STORED ? "accepted" : "duplicate");
        http_request_answer(p->request, 202, "application/json", answer->body, answer->len, NULL,
                            0);
        return;
    case CORE_DRY:
        http_request_answer(p->request, 200, "application/json", answer->body, answer->len, NULL,
                            0);
        return;
    case CORE_STALE:
        refuse_credential(p, AUTH_STALE, "its signed time is older than what was forgotten");
        return;
    case CORE_UNAVAILABLE:
        refuse_unavailable(p, answer->body);
        return;
    case CORE_FOUND:
    case CORE_CHANGED:
    case CORE_CONFLICT:
    case CORE_NOT_FOUND:
    case CORE_BAD_QUERY:
        break; /* answers to queries and commands */
    }
    http_request_problem(p->request, 500, NULL, NULL, 0);
}

static struct intake *make_intake(const struct post *p, const char *body, size_t len)
{
    struct intake *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return NULL;
    const char *dry = http_request_argument(p->request, "dry");
    in->source = strdup(p->source->name);
    in->format = p->source->format;
    in->received_wall = clock_wall(p->webhook->clock).ms;
    in->signed_time = p->claim.timestamp[0] != '\0';
    in->claim = p->claim;
    in->body = malloc(len + 1);
    in->body_len = len;
    (void)traceparent_parse(in->traceparent, http_request_header(p->request, "traceparent"));
    in->dry = dry != NULL && strcmp(dry, "1") == 0;
    in->reply = reply;
    if (in->source == NULL || in->body == NULL) {
        intake_free(in);
        return NULL;
    }
    memcpy(in->body, body, len);
    in->body[len] = '\0';
    return in;
}

static void complete(void *self, struct http_request *r)
{
    (void)self;
    struct post *p = http_request_context(r);
    size_t len;
    const char *body = http_request_body(r, &len);
    if (p->source->auth.scheme == AUTH_GRAFANA_HMAC) {
        int outcome = auth_check_body(&p->source->auth, &p->claim, body, len);
        if (outcome != 0) {
            refuse_credential(p, outcome, NULL);
            return;
        }
    }
    struct error err = {0};
    struct notification *content = NULL;
    int parsed =
        notification_parse(&content, p->source->format, body, len, &p->conf->limits.alert, &err);
    if (parsed == -ENOMEM) {
        refuse_unavailable(p, NULL);
        return;
    }
    if (parsed != 0) {
        static struct log_brake brake = LOG_BRAKE_INIT(10, 60000);
        uint32_t left_out;
        if (log_brake_take(&brake, &left_out))
            log_warn("webhook", "malformed", LOG_STR("source", p->source->name),
                     LOG_STR("detail", err.text), LOG_INT("bytes", len),
                     LOG_INT("left_out", left_out));
        refuse(p, 400, err.text);
        return;
    }
    struct intake *in = make_intake(p, body, len);
    if (in == NULL) {
        notification_free(content);
        refuse_unavailable(p, NULL);
        return;
    }
    in->content = content;
    in->context = p;
    http_request_later(r);
    if (!core_submit(p->webhook->core, in)) {
        intake_free(in);
        refuse_unavailable(p, "too much is waiting, or the relay is shutting down");
    }
}

static void done(void *self, struct http_request *r)
{
    (void)self;
    struct post *p = http_request_context(r);
    if (p == NULL)
        return;
    conf_unref(p->conf);
    free(p);
}

static void refused(void *self, const char *path, int status, const char *reason)
{
    static struct log_brake brake = LOG_BRAKE_INIT(20, 60000);
    struct webhook *w = self;
    uint32_t left_out;
    struct conf *conf = current_conf(w);
    count(w, path == NULL ? NULL : conf_source_by_path(conf, path),
          status == 503 ? "unavailable" : "rejected");
    conf_unref(conf);
    if (log_brake_take(&brake, &left_out))
        log_warn("webhook", "refused", LOG_INT("http_status", status), LOG_STR("reason", reason),
                 LOG_INT("left_out", left_out));
}

/* --- life --------------------------------------------------------------------------------------
 */

static void touch_series(struct webhook *w)
{
    static const char *const results[] = {"accepted", "duplicate", "rejected", "unavailable"};
    for (size_t i = 0; i < w->conf->n_sources; i++) {
        for (size_t j = 0; j < sizeof(results) / sizeof(results[0]); j++)
            metric_touch(w->notifications, w->conf->sources[i].name, results[j], NULL);
        gate_touch(w->gate, &w->conf->sources[i]);
        for (int outcome = AUTH_MISSING; outcome <= AUTH_ADDRESS; outcome++)
            metric_touch(w->auth_failures, w->conf->sources[i].name, auth_outcome_text(outcome),
                         NULL);
    }
}

int webhook_start(struct webhook **out, const struct webhook_options *options, struct error *err)
{
    struct webhook *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return error_set(err, -ENOMEM, "webhook: out of memory");
    pthread_mutex_init(&w->lock, NULL);
    w->core = options->core;
    w->clock = options->clock;
    w->conf = conf_ref(options->conf);
    w->notifications =
        metrics_counter(options->metrics, "notifications_total",
                        "Notifications posted, by how they were answered.", "source,result");
    w->auth_failures =
        metrics_counter(options->metrics, "auth_failures_total",
                        "Notifications answered 401, by the reason.", "source,reason");
    w->gate = gate_new(options->metrics, options->clock);
    if (w->gate == NULL) {
        webhook_stop(w);
        return error_set(err, -ENOMEM, "webhook: out of memory");
    }
    touch_series(w);
    const struct conf *conf = w->conf;
    struct http_server_options server = {
        .name = "webhook",
        .host = conf->listen.host,
        .port = conf->listen.port,
        .tls = conf->listen_tls,
        .threads = THREADS,
        .body_max = conf->limits.body,
        .header_max = HEADER_MAX,
        .header_time_ms = conf->limits.header_time_ms,
        .body_time_ms = conf->limits.body_time_ms,
        .connections = (unsigned)conf->limits.connections,
        .per_address = (unsigned)conf->limits.per_address,
        .handler = {w, begin, complete, done, refused},
        .clock = options->clock,
    };
    int r = http_server_start(&w->server, &server, err);
    if (r != 0) {
        webhook_stop(w);
        return r;
    }
    *out = w;
    return 0;
}

void webhook_reload(struct webhook *w, struct conf *conf)
{
    pthread_mutex_lock(&w->lock);
    struct conf *old = w->conf;
    w->conf = conf_ref(conf);
    pthread_mutex_unlock(&w->lock);
    if (conf->listen_tls != NULL)
        http_server_set_tls(w->server, conf->listen_tls);
    conf_unref(old);
}

void webhook_drain(struct webhook *w)
{
    http_server_drain(w->server);
}

unsigned webhook_in_flight(const struct webhook *w)
{
    return http_server_in_flight(w->server);
}

void webhook_stop(struct webhook *w)
{
    if (w == NULL)
        return;
    http_server_stop(w->server, 1000);
    conf_unref(w->conf);
    gate_free(w->gate);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
