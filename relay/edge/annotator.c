#include "relay/edge/annotator.h"

#include "relay/base/log.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/base/strict_json.h"
#include "relay/edge/grafana_http.h"
#include "relay/edge/rule_thresholds.h"
#include "relay/grafana/retraining.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define PASS_MS       1000
#define BACKOFF_MS    300000 /* at most, when Grafana is away */
#define RULES_MS      60000
#define RULES_OLD_MS  300000                   /* unread for so long: no longer true */
#define HORIZON_MS    (3 * 24 * 3600 * 1000LL) /* a run is followed for 36 h */
#define PAGE          20
#define PAGES_MAX     100
#define TRACKED_MAX   2000
#define REQUEST_DEPTH 16

/* A request that may have an annotation. */
struct tracked {
    char relay_id[ULID_SIZE];
    int64_t created_ms; /* unix */
    struct retraining_track track;
    bool over;
};

struct annotator {
    struct core *core;
    struct metric *annotations;
    pthread_t thread;
    bool running; /* the thread; main's */
    /* the thread's: */
    struct rule_thresholds thresholds;
    struct tracked *tracked;
    size_t n_tracked;
    int64_t rules_due_ms, rules_read_ms; /* mono */
    int64_t backoff_ms;                  /* 0: Grafana answers */
    bool rules_refused;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    struct conf *conf;
    struct grafana_client *client; /* NULL: no Grafana */
    bool stopping, reloaded;
};

/* --- asking the core
 * -------------------------------------------------------------------------------------- */

struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool over;
    struct buf body;
};

static void take_reply(void *context, const struct core_reply *reply)
{
    struct question *q = context;
    pthread_mutex_lock(&q->lock);
    if (reply->verdict == CORE_FOUND)
        buf_add(&q->body, reply->body, reply->len);
    q->over = true;
    pthread_cond_signal(&q->answered);
    pthread_mutex_unlock(&q->lock);
}

/* NULL: it does not say, or there is no such request. The core answers everything that it took. */
static json_t *ask(struct annotator *a, enum core_query query, const char *id, const char *cursor)
{
    struct question q = {.lock = PTHREAD_MUTEX_INITIALIZER,
                         .answered = PTHREAD_COND_INITIALIZER,
                         .body = BUF_INIT(64U * 1024 * 1024)};
    json_t *out = NULL;
    if (!core_ask(a->core, query, id, cursor, PAGE, take_reply, &q))
        return NULL;
    pthread_mutex_lock(&q.lock);
    while (!q.over)
        pthread_cond_wait(&q.answered, &q.lock);
    pthread_mutex_unlock(&q.lock);
    if (q.body.len > 0 && !buf_failed(&q.body) &&
        strict_json_load(&out, q.body.data, q.body.len, REQUEST_DEPTH, NULL) != 0)
        out = NULL;
    buf_free(&q.body);
    pthread_cond_destroy(&q.answered);
    pthread_mutex_destroy(&q.lock);
    return out;
}

/* --- which requests
 * -------------------------------------------------------------------------------------- */

static bool is_tracked(const struct annotator *a, const char *relay_id)
{
    for (size_t i = 0; i < a->n_tracked; i++) {
        if (strcmp(a->tracked[i].relay_id, relay_id) == 0)
            return true;
    }
    return false;
}

static void forget_old(struct annotator *a, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_tracked; i++) {
        if (a->tracked[i].created_ms > now_ms - HORIZON_MS)
            a->tracked[kept++] = a->tracked[i];
    }
    a->n_tracked = kept;
}

/* False: nothing new was on this page, so nothing is on the next ones. */
static bool track_page(struct annotator *a, const json_t *items, int64_t now_ms)
{
    bool more = false;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *request = json_array_get(items, i);
        const char *id = json_string_value(json_object_get(request, "relay_id"));
        const char *created = json_string_value(json_object_get(request, "created_at"));
        struct tracked t = {.over = false};
        if (id == NULL || created == NULL || strlen(id) >= sizeof(t.relay_id) ||
            parse_rfc3339_ms(&t.created_ms, created, NULL) != 0 ||
            t.created_ms <= now_ms - HORIZON_MS || is_tracked(a, id) || a->n_tracked == TRACKED_MAX)
            continue;
        memcpy(t.relay_id, id, strlen(id) + 1);
        a->tracked[a->n_tracked++] = t;
        more = true;
    }
    return more;
}

static void track_new(struct annotator *a, int64_t now_ms)
{
    SCOPED(free_p) char *cursor = strdup("");
    for (int page = 0; page < PAGES_MAX && cursor != NULL; page++) {
        SCOPED(json_release_p) json_t *list = ask(a, QUERY_REQUESTS, NULL, cursor);
        const char *next = json_string_value(json_object_get(list, "next"));
        if (!track_page(a, json_object_get(list, "items"), now_ms) || next == NULL)
            return;
        free(cursor);
        cursor = strdup(next);
    }
}

/* --- a pass
 * -------------------------------------------------------------------------------------- */

/* Of an answer that means: later. Logged when it begins. */
static void is_away(struct annotator *a, const struct grafana_answer *answer)
{
    char words[400];
    grafana_answer_words(answer, words, sizeof(words));
    if (a->backoff_ms == 0)
        log_warn(
            "annotator", "grafana_away", LOG_STR("answer", words),
            LOG_STR("remedy", answer->status == 401 || answer->status == 403
                                  ? "grafana.token_file: a service account's token, role Editor"
                                  : NULL));
    a->backoff_ms = a->backoff_ms == 0                ? PASS_MS
                    : a->backoff_ms >= BACKOFF_MS / 2 ? BACKOFF_MS
                                                      : a->backoff_ms * 2;
}

/* False: Grafana is away, or shows nobody anything: the rest of the pass can wait too. */
static bool write_one(struct annotator *a, struct grafana_client *client, struct tracked *t,
                      const struct retraining *r)
{
    static const char *const results[] = {
        [TRACK_MADE] = "created", [TRACK_PATCHED] = "patched", [TRACK_REFUSED] = "refused"};
    while (retraining_is_due(&t->track, r)) {
        struct grafana_answer answer;
        SCOPED(grafana_call_free_p)
        struct grafana_call *call = retraining_call(&t->track, r);
        grafana_client_call(client, call, &answer);
        enum track_outcome outcome = retraining_answer(&t->track, r, &answer);
        if (outcome == TRACK_AWAY || answer.status == 401 || answer.status == 403) {
            is_away(a, &answer);
            return false;
        }
        if (results[outcome] != NULL)
            metric_add(a->annotations, 1, results[outcome], NULL);
        if (outcome == TRACK_REFUSED) {
            char words[400];
            grafana_answer_words(&answer, words, sizeof(words));
            log_error("annotator", "refused", LOG_STR("relay_id", t->relay_id),
                      LOG_STR("answer", words));
            t->over = true;
            return true;
        }
    }
    t->over = t->over || t->track.stage == TRACK_OVER;
    return true;
}

/* False: as above. */
static bool annotate(struct annotator *a, struct grafana_client *client)
{
    int64_t now_ms = clock_wall(clock_system()).ms;
    forget_old(a, now_ms);
    track_new(a, now_ms);
    for (size_t i = 0; i < a->n_tracked; i++) {
        struct tracked *t = &a->tracked[i];
        if (t->over)
            continue;
        SCOPED(json_release_p) json_t *request = ask(a, QUERY_REQUEST, t->relay_id, NULL);
        SCOPED(retraining_clear) struct retraining r;
        if (!retraining_read(&r, request))
            t->over = request != NULL && retraining_request_is_over(request);
        else if (!write_one(a, client, t, &r))
            return false;
    }
    return true;
}

/* False: Grafana is away. That the account may not read rules is told, and no reason not to
 * annotate. */
static bool read_rules(struct annotator *a, struct grafana_client *client, const struct conf *conf)
{
    int64_t now_ms = clock_mono(clock_system()).ms;
    if (now_ms < a->rules_due_ms && a->backoff_ms == 0)
        return true;
    struct grafana_answer answer;
    SCOPED(grafana_call_free_p) struct grafana_call *call = grafana_call_rules();
    grafana_client_call(client, call, &answer);
    SCOPED(json_release_p) json_t *rules = grafana_answer_json(&answer);
    bool good = answer.status == 200 && json_is_array(rules);
    a->rules_due_ms = now_ms + RULES_MS;
    if (good) {
        rule_thresholds_set(&a->thresholds, conf, rules);
        a->rules_read_ms = now_ms;
    } else if (now_ms - a->rules_read_ms > RULES_OLD_MS) {
        rule_thresholds_forget(&a->thresholds);
    }
    if (good || answer.status == 403) {
        if (!good && !a->rules_refused)
            log_warn("annotator", "rules_refused", LOG_STR("effect", "no thresholds"),
                     LOG_STR("remedy", "the service account needs the role Editor"));
        a->rules_refused = !good;
        return true;
    }
    is_away(a, &answer);
    return false;
}

/* --- the thread
 * -------------------------------------------------------------------------------------- */

/* The config in force, and in a->client, which only this thread changes, a client for it. */
static struct conf *begin_pass(struct annotator *a)
{
    struct error err = {0};
    pthread_mutex_lock(&a->lock);
    struct conf *conf = conf_ref(a->conf);
    struct grafana_access access = {.url = conf->grafana.url,
                                    .secret_file = conf->grafana.token_file};
    if (a->reloaded) {
        grafana_client_free(a->client);
        a->client = NULL;
        a->rules_due_ms = a->backoff_ms = 0;
        a->reloaded = false;
    }
    if (a->client == NULL && !a->stopping && access.url != NULL &&
        grafana_client_new(&a->client, &access, &err) != 0)
        log_error("annotator", "no_client", LOG_STR("error", err.text));
    pthread_mutex_unlock(&a->lock);
    return conf;
}

static void pass(struct annotator *a)
{
    SCOPED(conf_unref_p) struct conf *conf = begin_pass(a);
    if (conf->grafana.url == NULL)
        rule_thresholds_forget(&a->thresholds);
    if (a->client == NULL || !read_rules(a, a->client, conf) || !annotate(a, a->client))
        return;
    if (a->backoff_ms != 0)
        log_info("annotator", "grafana_back", LOG_NONE);
    a->backoff_ms = 0;
}

/* False: it is to stop. */
static bool wait_for_next(struct annotator *a)
{
    struct timespec until;
    clock_mono_deadline(&until, a->backoff_ms == 0 ? PASS_MS : a->backoff_ms);
    pthread_mutex_lock(&a->lock);
    int r = 0;
    while (!a->stopping && !a->reloaded && r == 0)
        r = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    bool go_on = !a->stopping;
    pthread_mutex_unlock(&a->lock);
    return go_on;
}

static void *run(void *argument)
{
    struct annotator *a = argument;
    do {
        pass(a);
    } while (wait_for_next(a));
    return NULL;
}

/* --- life
 * -------------------------------------------------------------------------------------- */

static int start_thread(struct annotator *a, const struct conf *conf, struct error *err)
{
    if (a->running || conf->grafana.url == NULL)
        return 0;
    int r = thread_start(&a->thread, "annotator", run, a, err);
    a->running = r == 0;
    return r;
}

int annotator_start(struct annotator **out, struct conf *conf, struct core *core,
                    struct metrics *metrics, struct error *err)
{
    struct annotator *a = calloc(1, sizeof(*a));
    struct tracked *tracked = calloc(TRACKED_MAX, sizeof(*tracked));
    if (a == NULL || tracked == NULL) {
        free(a);
        free(tracked);
        return error_set(err, -ENOMEM, "annotator: out of memory");
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    a->tracked = tracked;
    a->core = core;
    a->conf = conf_ref(conf);
    a->annotations = metrics_counter(metrics, "annotations_total",
                                     "Annotations of retrainings written to Grafana.", "result");
    rule_thresholds_init(&a->thresholds, metrics);
    int r = start_thread(a, conf, err);
    if (r != 0)
        annotator_stop(a);
    else
        *out = a;
    return r;
}

void annotator_reload(struct annotator *a, struct conf *conf)
{
    struct error err = {0};
    pthread_mutex_lock(&a->lock);
    conf_unref(a->conf);
    a->conf = conf_ref(conf);
    a->reloaded = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (start_thread(a, conf, &err) != 0)
        log_error("annotator", "no_thread", LOG_STR("error", err.text));
}

void annotator_stop(struct annotator *a)
{
    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    if (a->client != NULL)
        grafana_client_cut(a->client);
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (a->running)
        (void)pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    rule_thresholds_clear(&a->thresholds);
    grafana_client_free(a->client);
    conf_unref(a->conf);
    free(a->tracked);
    free(a);
}
