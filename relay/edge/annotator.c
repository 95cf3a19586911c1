#include "relay/edge/annotator.h"

#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/base/strict_json.h"
#include "relay/edge/grafana_http.h"
#include "relay/edge/rule_thresholds.h"
#include "relay/grafana/backlog.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define PASS_MS       1000
#define BACKOFF_MS    300000 /* at most, when Grafana is away */
#define RULES_MS      60000
#define RULES_OLD_MS  300000 /* unread for so long: no longer true */
#define PAGE          20
#define PAGES_MAX     1000
#define FAILURES_MAX  5 /* of a round: more, and it is Grafana's */
#define REQUEST_DEPTH 16

struct annotator {
    struct core *core;
    struct metric *annotations;
    pthread_t thread;
    bool running; /* the thread; main's */
    /* the thread's: */
    struct rule_thresholds thresholds;
    struct backlog *backlog;
    bool all_listed; /* the backlog has what was there at the start */
    bool away;       /* and that is logged */
    int64_t rules_due_ms, rules_read_ms, rules_delay_ms; /* mono; delay 0: they are answered */
    int64_t notes_due_ms, notes_delay_ms;
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

/* The listing is newest first: after the first time, a page with nothing new is the last. */
static void list_requests(struct annotator *a)
{
    struct wall wall = clock_wall(clock_system());
    struct mono now = clock_mono(clock_system());
    SCOPED(free_p) char *cursor = strdup("");
    for (int page = 0; page < PAGES_MAX && cursor != NULL; page++) {
        SCOPED(json_release_p) json_t *list = ask(a, QUERY_REQUESTS, NULL, cursor);
        if (list == NULL)
            return;
        const char *next = json_string_value(json_object_get(list, "next"));
        bool more = backlog_take(a->backlog, json_object_get(list, "items"), wall, now);
        if (next == NULL || (a->all_listed && !more))
            break;
        free(cursor);
        cursor = strdup(next);
    }
    a->all_listed = true;
}

/* --- a pass
 * -------------------------------------------------------------------------------------- */

static int64_t longer(int64_t delay_ms)
{
    return delay_ms == 0 ? PASS_MS : delay_ms >= BACKOFF_MS / 2 ? BACKOFF_MS : delay_ms * 2;
}

/* Of an answer that means: later, with everything. Logged when it begins. */
static void is_away(struct annotator *a, const struct grafana_answer *answer)
{
    char words[400];
    grafana_answer_words(answer, words, sizeof(words));
    if (!a->away) {
        core_trouble(a->core, CORE_GRAFANA, words);
        log_warn(
            "annotator", "grafana_away", LOG_STR("answer", words),
            LOG_STR("remedy", answer->status == 401 || answer->status == 403
                                  ? "grafana.token_file: a service account's token, role Editor"
                                  : NULL));
    }
    a->away = true;
}

static void is_back(struct annotator *a)
{
    if (a->away && a->rules_delay_ms == 0 && a->notes_delay_ms == 0) {
        core_trouble(a->core, CORE_GRAFANA, NULL);
        log_info("annotator", "grafana_back", LOG_NONE);
        a->away = false;
    }
}

/* Does an answer say something of every other call, too? */
static bool is_for_all(const struct grafana_answer *answer)
{
    return answer->status == 0 || answer->status == 401 || answer->status == 403 ||
           answer->status == 429;
}

static void put_off(struct backlog_item *item, const struct grafana_answer *answer)
{
    char words[400];
    grafana_answer_words(answer, words, sizeof(words));
    if (!item->told)
        log_error("annotator", "refused", LOG_STR("relay_id", item->relay_id),
                  LOG_STR("answer", words));
    item->told = true;
}

/* False: it cannot be written now, and *answer says why. */
static bool write_one(struct annotator *a, struct backlog_item *item, const struct retraining *r,
                      struct grafana_answer *answer)
{
    static const char *const results[] = {
        [TRACK_MADE] = "created", [TRACK_PATCHED] = "patched", [TRACK_REFUSED] = "refused"};
    while (retraining_is_due(&item->track, r)) {
        SCOPED(grafana_call_free_p)
        struct grafana_call *call = retraining_call(&item->track, r);
        grafana_client_call(a->client, call, answer);
        struct mono now = clock_mono(clock_system());
        enum track_outcome outcome = retraining_answer(&item->track, r, answer, now);
        if (outcome < sizeof(results) / sizeof(results[0]) && results[outcome] != NULL)
            metric_add(a->annotations, 1, results[outcome], NULL);
        if (outcome == TRACK_LATER || outcome == TRACK_AWAY || outcome == TRACK_REFUSED) {
            backlog_postpone(item, now);
            return outcome == TRACK_LATER;
        }
    }
    item->delay_ms = 0;
    item->told = false;
    item->over = item->track.stage == TRACK_OVER;
    return true;
}

/* False: nothing of the rest would be answered. */
static bool annotate_one(struct annotator *a, struct backlog_item *item, int *failures)
{
    struct grafana_answer answer;
    SCOPED(json_release_p) json_t *request = ask(a, QUERY_REQUEST, item->relay_id, NULL);
    SCOPED(retraining_clear) struct retraining r;
    backlog_update(item, request, clock_wall(clock_system()));
    if (!retraining_read(&r, request)) {
        item->over = item->ended_ms != 0;
        return true;
    }
    if (write_one(a, item, &r, &answer))
        return true;
    bool all = is_for_all(&answer) || ++*failures >= FAILURES_MAX;
    if (all)
        is_away(a, &answer);
    else
        put_off(item, &answer);
    return !all;
}

static void annotate(struct annotator *a)
{
    int64_t now_ms = clock_mono(clock_system()).ms;
    int failures = 0;
    bool answered = true;
    if (now_ms < a->notes_due_ms)
        return;
    backlog_forget(a->backlog, clock_wall(clock_system()));
    list_requests(a);
    backlog_begin_round(a->backlog);
    struct backlog_item *item;
    while (answered && (item = backlog_next(a->backlog, clock_mono(clock_system()))) != NULL)
        answered = annotate_one(a, item, &failures);
    a->notes_delay_ms = answered ? 0 : longer(a->notes_delay_ms);
    a->notes_due_ms = clock_mono(clock_system()).ms + a->notes_delay_ms;
}

/* That they cannot be read is told, and no reason not to annotate. */
static void read_rules(struct annotator *a, const struct conf *conf)
{
    int64_t now_ms = clock_mono(clock_system()).ms;
    if (now_ms < a->rules_due_ms)
        return;
    struct grafana_answer answer;
    SCOPED(grafana_call_free_p) struct grafana_call *call = grafana_call_rules();
    grafana_client_call(a->client, call, &answer);
    SCOPED(json_release_p) json_t *rules = grafana_answer_json(&answer);
    bool good = answer.status == 200 && json_is_array(rules);
    bool away = grafana_answer_is_passing(&answer) || answer.status == 401;
    if (good) {
        rule_thresholds_set(&a->thresholds, conf, rules);
        a->rules_read_ms = now_ms;
    } else if (now_ms - a->rules_read_ms > RULES_OLD_MS) {
        rule_thresholds_forget(&a->thresholds);
    }
    if (away) {
        is_away(a, &answer);
    } else if (!good && !a->rules_refused) {
        char words[400];
        grafana_answer_words(&answer, words, sizeof(words));
        log_warn("annotator", "rules_refused", LOG_STR("answer", words),
                 LOG_STR("effect", "no thresholds"),
                 LOG_STR("remedy", "grafana.url, and the service account's role: Editor"));
    }
    a->rules_refused = !good && !away;
    a->rules_delay_ms = away ? longer(a->rules_delay_ms) : 0;
    a->rules_due_ms = clock_mono(clock_system()).ms + (away ? a->rules_delay_ms : RULES_MS);
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
        a->rules_due_ms = a->notes_due_ms = a->rules_delay_ms = a->notes_delay_ms = 0;
        backlog_hurry(a->backlog);
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
    if (a->client == NULL)
        return;
    read_rules(a, conf);
    annotate(a);
    is_back(a);
}

/* False: it is to stop. */
static bool wait_for_next(struct annotator *a)
{
    struct timespec until;
    clock_mono_deadline(&until, PASS_MS);
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
    struct backlog *backlog = backlog_new(clock_wall(clock_system()));
    if (a == NULL || backlog == NULL) {
        free(a);
        backlog_free(backlog);
        return error_set(err, -ENOMEM, "annotator: out of memory");
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    a->backlog = backlog;
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
    backlog_free(a->backlog);
    free(a);
}
