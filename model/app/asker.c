#include "model/app/asker.h"

#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define INFER_MAX      65536
#define METRICS_MAX    (1U << 20)
#define QUESTION_MAX   1024
#define LOG_BURST      10
#define LOG_WINDOW_MS  60000
#define TIMER_SLACK_MS 50 /* libcurl may be this early */

struct question {
    struct question *next, **link; /* link: what points here, while it is under way */
    struct asker *asker;
    struct view view;
    bool predict;
    double close;
    unsigned open; /* calls without an answer */
    asker_done_fn *done;
    void *context;
};

struct asker {
    struct model_url url;
    struct http_client *client; /* the thread's, but for wakeups */
    struct log_brake brake;
    pthread_t thread;
    struct question *under_way; /* the thread's */
    pthread_mutex_t lock;       /* everything below */
    struct question *first, **end;
    bool stopping;
};

static void question_free(struct question *q)
{
    *q->link = q->next;
    if (q->next != NULL)
        q->next->link = q->link;
    free(q);
}

/* One call less; the last one brings the answer. */
static void close_call(struct question *q)
{
    if (--q->open > 0)
        return;
    q->done(q->context, &q->view);
    question_free(q);
}

static void report(struct asker *a, const char *url, int status, const char *error)
{
    uint32_t left_out;
    if (log_brake_take(&a->brake, &left_out))
        log_warn("model", "no_answer", LOG_STR("url", url), LOG_INT("http_status", status),
                 LOG_STR("error", error), LOG_INT("left_out", left_out));
}

static enum view_answer judge_failure(const struct http_result *result)
{
    if (result->duration_ms >= ASKER_LIMIT_MS - TIMER_SLACK_MS)
        return VIEW_SLOW;
    return result->outcome == HTTP_NOT_SENT ? VIEW_DOWN : VIEW_NONSENSE;
}

static void inferred(void *context, const struct http_result *result)
{
    struct question *q = context;
    struct view *v = &q->view;
    struct error err = {0};
    if (result->outcome != HTTP_ANSWER) {
        v->answer = judge_failure(result);
        (void)error_set(&err, -EIO, "%s", result->error);
    } else if (result->status != 200) {
        v->answer = result->status == 503 ? VIEW_NOT_READY : VIEW_ERROR;
        v->model_status = result->status;
        infer_error_read(v->reason, result->body, result->body_len);
        (void)error_set(&err, -EIO, "%s", v->reason);
    } else if (infer_answer_read(&v->forecast, result->body, result->body_len, &err) != 0) {
        v->answer = VIEW_NONSENSE;
    } else {
        v->answer = VIEW_PREDICTION;
    }
    if (v->answer != VIEW_PREDICTION)
        report(q->asker, q->asker->url.infer, result->status, err.text);
    close_call(q);
}

static void scraped(void *context, const struct http_result *result)
{
    struct question *q = context;
    if (result->outcome == HTTP_ANSWER && result->status == 200)
        drift_status_read(&q->view.drift, result->body, result->body_len, q->view.model_name);
    else
        report(q->asker, q->asker->url.metrics, result->status, result->error);
    close_call(q);
}

static bool start_infer(struct question *q, struct error *err)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    SCOPED(buf_free) struct buf body = BUF_INIT(QUESTION_MAX);
    infer_question(&body, q->close);
    struct http_call call = {.method = "POST",
                             .url = q->asker->url.infer,
                             .headers = headers,
                             .body = buf_text(&body),
                             .body_len = body.len,
                             .connect_timeout_ms = ASKER_LIMIT_MS,
                             .timeout_ms = ASKER_LIMIT_MS,
                             .response_max = INFER_MAX,
                             .allow_http = true};
    if (buf_failed(&body)) {
        (void)error_set(err, -ENOMEM, "out of memory");
        return false;
    }
    return http_client_start(q->asker->client, &call, inferred, q, err) == 0;
}

static bool start_metrics(struct question *q, struct error *err)
{
    struct http_call call = {.method = "GET",
                             .url = q->asker->url.metrics,
                             .connect_timeout_ms = ASKER_LIMIT_MS,
                             .timeout_ms = ASKER_LIMIT_MS,
                             .response_max = METRICS_MAX,
                             .allow_http = true};
    return http_client_start(q->asker->client, &call, scraped, q, err) == 0;
}

static void launch(struct asker *a, struct question *q)
{
    struct error err = {0};
    q->next = a->under_way;
    if (q->next != NULL)
        q->next->link = &q->next;
    q->link = &a->under_way;
    a->under_way = q;
    q->open = 1; /* ours, so that a call that cannot start ends nothing early */
    if (q->predict && start_infer(q, &err)) {
        q->open++;
    } else if (q->predict) {
        q->view.answer = VIEW_DOWN;
        report(a, a->url.infer, 0, err.text);
    }
    if (start_metrics(q, &err))
        q->open++;
    else
        report(a, a->url.metrics, 0, err.text);
    close_call(q);
}

static struct question *take(struct asker *a, bool *stopping)
{
    pthread_mutex_lock(&a->lock);
    struct question *list = a->first;
    a->first = NULL;
    a->end = &a->first;
    *stopping = a->stopping;
    pthread_mutex_unlock(&a->lock);
    return list;
}

static void *run(void *argument)
{
    struct asker *a = argument;
    for (;;) {
        bool stopping;
        struct question *list = take(a, &stopping);
        while (list != NULL) {
            struct question *q = list;
            list = q->next;
            if (stopping)
                free(q);
            else
                launch(a, q);
        }
        if (stopping)
            return NULL;
        http_client_run(a->client, -1);
    }
}

int asker_start(struct asker **out, const struct model_url *url, struct error *err)
{
    struct asker *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return error_set(err, -ENOMEM, "asker: out of memory");
    a->url = *url;
    a->brake = (struct log_brake)LOG_BRAKE_INIT(LOG_BURST, LOG_WINDOW_MS);
    a->end = &a->first;
    pthread_mutex_init(&a->lock, NULL);
    int r = http_client_new(&a->client, err);
    if (r == 0)
        r = thread_start(&a->thread, "asker", run, a, err);
    if (r != 0) {
        http_client_free(a->client);
        pthread_mutex_destroy(&a->lock);
        free(a);
        return r;
    }
    *out = a;
    return 0;
}

int asker_ask(struct asker *a, const struct view *view, bool predict, double close,
              asker_done_fn *done, void *context)
{
    struct question *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return -ENOMEM;
    q->asker = a;
    q->view = *view;
    q->predict = predict;
    q->close = close;
    q->done = done;
    q->context = context;
    pthread_mutex_lock(&a->lock);
    bool stopping = a->stopping;
    if (!stopping) {
        *a->end = q;
        a->end = &q->next;
    }
    pthread_mutex_unlock(&a->lock);
    if (stopping) {
        free(q);
        return -ECANCELED;
    }
    http_client_wakeup(a->client);
    return 0;
}

void asker_stop(struct asker *a)
{
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_mutex_unlock(&a->lock);
    http_client_wakeup(a->client);
    pthread_join(a->thread, NULL);
}

void asker_free(struct asker *a)
{
    if (a == NULL)
        return;
    http_client_free(a->client);
    while (a->under_way != NULL)
        question_free(a->under_way);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
