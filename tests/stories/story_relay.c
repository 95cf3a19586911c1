#include "tests/stories/story_relay.h"

#include "relay/base/scope.h"
#include "relay/store/memory.h"
#include "relay/store/sqlite.h"
#include "tests/stories/story_github.h"

#include <jansson.h>
#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START INT64_C(1767571200000) /* 2026-01-05T00:00:00Z */
#define KEY   "kospi/m1"
struct story_relay {
    int64_t boot_ms, wall_ms;
    uint64_t chance;
    struct rng rng;
    struct clock clock;
    char folder[32];
    struct memory_store *memory;
    struct store store;
    struct metrics *metrics;
    struct conf *conf;
    struct core *core; /* NULL while it is down */
    char *policy, *target;
    const char *file; /* of the store; NULL: in memory */
    bool stop_file;
    struct story_github github;
    size_t outcomes_seen;
    char last[ULID_SIZE];
    bool replied;
    enum core_verdict verdict;
    char *reply;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "story: %s: %s\n", what, why);
    exit(2);
}

/* --- clock --------------------------------------------------------------------------------------
 */

static struct wall wall_of(void *self)
{
    return (struct wall){((struct story_relay *)self)->wall_ms};
}

static struct mono mono_of(void *self)
{
    return (struct mono){((struct story_relay *)self)->boot_ms};
}

static int64_t boot_of(void *self)
{
    return ((struct story_relay *)self)->boot_ms;
}

static void boot_id_of(void *self, char out[static BOOT_ID_MAX])
{
    (void)self;
    (void)snprintf(out, BOOT_ID_MAX, "story");
}

/* Chance that is the same each time (xorshift64), so that pictures are. */
static void next_bytes(void *self, void *out, size_t len)
{
    struct story_relay *s = self;
    unsigned char *bytes = out;
    for (size_t i = 0; i < len; i++) {
        s->chance ^= s->chance << 13;
        s->chance ^= s->chance >> 7;
        s->chance ^= s->chance << 17;
        bytes[i] = (unsigned char)(s->chance >> 32);
    }
}

int64_t story_now(const struct story_relay *s)
{
    return s->boot_ms;
}

void story_wall(struct story_relay *s, int64_t by_ms)
{
    s->wall_ms += by_ms;
}

/* An exchange's answer is there as soon as it left. */
static void forge_start(void *self, struct exchange *x)
{
    struct story_relay *s = self;
    struct exchange_answer a = {0};
    story_github_answer(&s->github, x, &a);
    core_answer(s->core, x->kind, x->relay_id, &a);
    exchange_free(x);
}

void story_github(struct story_relay *s, enum github how)
{
    s->github.how = how;
}

size_t story_end_runs(struct story_relay *s, const char *conclusion)
{
    return story_github_end_runs(&s->github, conclusion);
}

size_t story_posts(const struct story_relay *s)
{
    return s->github.n_posts;
}

/* --- up and down --------------------------------------------------------------------------------
 */

static void write_file(struct story_relay *s, const char *name, const char *text)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    FILE *f = fopen(path, "we");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0600) != 0)
        die(path, "cannot be written");
}

static struct conf *make_conf(struct story_relay *s)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(65536);
    buf_addf(&text,
             "sources = ( { name = \"grafana\"; format = \"grafana\"; auth = { scheme = "
             "\"grafana-hmac\"; secret_files = ( \"%s/secret\" ); }; } );\n",
             s->folder);
    buf_addf(&text,
             "targets = ( { name = \"retrain\"; repository = \"acme/kospi\"; workflow = "
             "\"retrain.yml\"; ref = \"main\"; token_file = \"%s/token\"; %s } );\n",
             s->folder, s->target);
    buf_addf(&text,
             "routes = ( { name = \"kospi\"; match = ( \"action=retrain\" ); key = ( \"model\" ); "
             "target = \"retrain\"; %s } );\n",
             s->policy);
    struct conf *conf = NULL;
    struct conf_report report = {0};
    if (conf_load_text(&conf, "story", buf_text(&text), &report) != 0)
        die("config", report.n_faults > 0 ? report.faults[0] : "out of memory");
    conf_report_clear(&report);
    return conf;
}

static int open_store(struct story_relay *s, struct error *err)
{
    struct sqlite_report report;
    return s->file == NULL ? memory_store_open(s->memory, &s->store, err)
                           : sqlite_store_open(&s->store, s->file, &report, err);
}

void story_up(struct story_relay *s)
{
    struct error err = {0};
    if (s->core != NULL)
        die("up", "it is up");
    metrics_free(s->metrics); /* a registry takes each metric once */
    s->metrics = metrics_new("drift_relay_");
    if (s->metrics == NULL || open_store(s, &err) != 0)
        die("store", err.text);
    struct core_options options = {.conf = s->conf,
                                   .metrics = s->metrics,
                                   .stop_file = s->stop_file,
                                   .ports = {.store = s->store,
                                             .forge = {.self = s, .start = forge_start},
                                             .clock = &s->clock,
                                             .rng = &s->rng}};
    if (core_open(&s->core, &options, &err) != 0)
        die("core", err.text);
}

void story_down(struct story_relay *s, bool graceful)
{
    if (s->core == NULL)
        die("down", "it is down");
    if (graceful) {
        core_quit(s->core, false);
        while (!core_may_close(s->core))
            (void)core_step(s->core);
        core_close(s->core);
    }
    core_free(s->core);
    s->core = NULL;
}

struct story_relay *story_relay_new(const char *policy, const char *target, const char *store)
{
    struct error err = {0};
    struct story_relay *s = calloc(1, sizeof(*s));
    if (s == NULL || sodium_init() < 0 || memory_store_new(&s->memory, &err) != 0)
        die("start", "out of memory");
    s->wall_ms = START;
    s->file = store;
    s->chance = UINT64_C(0x9e3779b97f4a7c15);
    s->rng = (struct rng){.self = s, .bytes = next_bytes};
    s->clock = (struct clock){
        .self = s, .wall = wall_of, .mono = mono_of, .boot_ms = boot_of, .boot_id = boot_id_of};
    (void)snprintf(s->folder, sizeof(s->folder), "/tmp/story.XXXXXX");
    if (mkdtemp(s->folder) == NULL)
        die(s->folder, "cannot be made");
    write_file(s, "secret", "0123456789abcdef0123456789abcdef\n");
    write_file(s, "token", "github_pat_story\n");
    s->policy = strdup(policy);
    s->target = strdup(target);
    s->conf = make_conf(s);
    story_up(s);
    return s;
}

void story_relay_free(struct story_relay *s)
{
    char path[64];
    if (s->core != NULL)
        story_down(s, false);
    conf_unref(s->conf);
    metrics_free(s->metrics);
    memory_store_free(s->memory);
    (void)snprintf(path, sizeof(path), "%s/secret", s->folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/token", s->folder);
    (void)unlink(path);
    (void)rmdir(s->folder);
    free(s->policy);
    free(s->target);
    free(s->reply);
    free(s);
}

/* --- messages -----------------------------------------------------------------------------------
 */

/* Steps until the core wants to sleep; how long. */
static int64_t settle(struct story_relay *s)
{
    int64_t wait = 0;
    for (int i = 0; i < 100000 && (wait = core_step(s->core)) == 0; i++)
        continue;
    if (wait == 0)
        die("core", "never sleeps");
    return wait;
}

void story_pass(struct story_relay *s, int64_t until, void (*look)(void *context), void *context)
{
    while (s->boot_ms < until) {
        int64_t wait = s->core == NULL ? -1 : settle(s);
        if (look != NULL)
            look(context);
        int64_t step = until - s->boot_ms;
        step = wait > 0 && wait < step ? wait : step;
        s->boot_ms += step;
        s->wall_ms += step;
    }
    if (s->core != NULL)
        (void)settle(s);
    if (look != NULL)
        look(context);
}

static void take_reply(void *context, const struct core_reply *reply)
{
    struct story_relay *s = context;
    free(s->reply);
    s->reply = strndup(reply->body == NULL ? "" : reply->body, reply->len);
    s->verdict = reply->verdict;
    s->replied = true;
}

static enum core_verdict wait_reply(struct story_relay *s, bool sent, char **body)
{
    if (!sent)
        die("core", "takes no message");
    s->replied = false;
    while (!s->replied)
        (void)core_step(s->core);
    *body = s->reply;
    s->reply = NULL;
    return s->verdict;
}

enum core_verdict story_post(struct story_relay *s, const char *body, char **reply)
{
    static const struct alert_limits limits = {.alerts = 100, .labels = 64, .depth = 16};
    struct error err = {0};
    *reply = NULL;
    if (s->core == NULL)
        return CORE_UNAVAILABLE;
    struct intake *in = calloc(1, sizeof(*in));
    if (in == NULL)
        die("post", "out of memory");
    *in = (struct intake){.source = strdup("grafana"),
                          .format = ALERT_FORMAT_GRAFANA,
                          .received_wall = s->wall_ms,
                          .body = strdup(body),
                          .body_len = strlen(body),
                          .reply = take_reply,
                          .context = s};
    if (notification_parse(&in->content, in->format, in->body, in->body_len, &limits, &err) != 0)
        die("body", err.text);
    return wait_reply(s, core_submit(s->core, in), reply);
}

enum core_verdict story_command(struct story_relay *s, enum core_command command,
                                enum engine_scope scope, const char *id, char **body)
{
    *body = NULL;
    if (s->core == NULL)
        return CORE_UNAVAILABLE;
    const struct core_order order = {.command = command, .scope = scope, .id = id};
    return wait_reply(s, core_command(s->core, &order, take_reply, s), body);
}

char *story_ask(struct story_relay *s, enum core_query query, const char *id)
{
    char *body = NULL;
    if (s->core == NULL)
        return NULL;
    bool sent = core_ask(s->core, query, id, "", 200, take_reply, s);
    if (wait_reply(s, sent, &body) != CORE_FOUND) {
        free(body);
        return NULL;
    }
    return body;
}

void story_reload(struct story_relay *s, const char *policy)
{
    free(s->policy);
    s->policy = strdup(policy);
    struct conf *conf = make_conf(s);
    conf_unref(s->conf);
    s->conf = conf;
    if (s->core == NULL)
        return;
    core_reload(s->core, conf);
    (void)settle(s);
}

void story_stop_file(struct story_relay *s, bool exists)
{
    s->stop_file = exists;
    if (s->core == NULL)
        return;
    core_stop_file(s->core, exists);
    (void)settle(s);
}

const char *story_last_request(struct story_relay *s)
{
    SCOPED(free_p) char *text = story_ask(s, QUERY_REQUESTS, "");
    json_t *all = text == NULL ? NULL : json_loads(text, 0, NULL);
    const json_t *newest = json_array_get(json_object_get(all, "items"), 0);
    const char *id = json_string_value(json_object_get(newest, "relay_id"));
    if (id != NULL)
        (void)snprintf(s->last, sizeof(s->last), "%s", id);
    json_decref(all);
    return s->last;
}

/* --- outcomes -----------------------------------------------------------------------------------
 */

struct outcome_list {
    struct story_outcome *out;
    size_t n, max;
    int64_t zero;
};

static void take_outcome(void *context, const struct store_outcome_row *o)
{
    struct outcome_list *list = context;
    if (list->n == list->max)
        return;
    struct story_outcome *next = &list->out[list->n++];
    next->at = o->at_wall - list->zero;
    (void)snprintf(next->words, sizeof(next->words), "%s/%s", o->verdict, o->reason);
}

size_t story_outcomes(struct story_relay *s, struct story_outcome *out, size_t max)
{
    struct story_outcome all[STORE_LIST_MAX];
    struct outcome_list list = {.out = all, .max = STORE_LIST_MAX, .zero = s->wall_ms - s->boot_ms};
    if (s->core == NULL ||
        s->store.ops->list_outcomes(s->store.self, KEY, take_outcome, &list, NULL) != 0)
        return 0;
    size_t fresh = list.n - s->outcomes_seen;
    for (size_t i = 0; i < fresh && i < max; i++)
        out[i] = all[fresh - 1 - i];
    s->outcomes_seen = list.n;
    return fresh < max ? fresh : max;
}
