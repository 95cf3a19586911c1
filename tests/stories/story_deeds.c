/* What the lines of a story do. */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "tests/stories/story.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- deeds --------------------------------------------------------------------------------------
 */

static struct firing *find_alert(struct story *s, const char *name)
{
    for (size_t i = 0; i < s->n_alerts; i++) {
        if (strcmp(s->alerts[i].name, name) == 0)
            return &s->alerts[i];
    }
    if (s->n_alerts == ALERTS_MAX)
        story_fail(s, "too many alerts", name);
    struct firing *a = &s->alerts[s->n_alerts++];
    (void)snprintf(a->name, sizeof(a->name), "%s", name);
    return a;
}

static void add_time(struct buf *out, int64_t since_start)
{
    char text[32];
    time_t seconds = (time_t)((START_WALL + since_start) / 1000);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_add_json_string(out, text);
}

static void add_alert(struct story *s, struct buf *out, const char *deed, char *word)
{
    char *at = strchr(word, '@');
    if (at != NULL)
        *at++ = '\0';
    struct firing *a = find_alert(s, word);
    const char *slash = strchr(word, '/');
    bool edited = strcmp(deed, "edit") == 0;
    bool resolves = edited || strcmp(deed, "resolve") == 0;
    if (!a->fires)
        a->since = resolves ? a->since : story_now(s->relay);
    if (at != NULL)
        a->since = story_parse_time(s, at);
    a->fires = !resolves;
    const char *reason = strcmp(deed, "nodata") == 0  ? "NoData"
                         : strcmp(deed, "error") == 0 ? "Error"
                         : edited                     ? "Updated"
                                                      : NULL;
    buf_addf(out,
             "{\"status\":\"%s\",\"labels\":{\"alertname\":\"Drift\",\"action\":\"retrain\","
             "\"model\":\"%s\",\"feature\":\"%s\"},\"annotations\":{%s%s%s},\"fingerprint\":"
             "\"%s\",\"values\":{\"A\":0.9},\"startsAt\":",
             resolves ? "resolved" : "firing", slash == NULL ? "m1" : slash + 1, word,
             reason == NULL ? "" : "\"grafana_state_reason\":\"", reason == NULL ? "" : reason,
             reason == NULL ? "" : "\"", word);
    add_time(out, a->since);
    buf_add_text(out, ",\"endsAt\":");
    if (resolves)
        add_time(out, story_now(s->relay));
    else
        buf_add_text(out, "\"0001-01-01T00:00:00Z\"");
    buf_add_text(out, "}");
}

static bool is_kind(const char *word)
{
    return strcmp(word, "fire") == 0 || strcmp(word, "resolve") == 0 || strcmp(word, "edit") == 0 ||
           strcmp(word, "nodata") == 0 || strcmp(word, "error") == 0;
}

/* "verdict/reason verdict/reason …" of a reply. */
static void read_decisions(const char *reply, struct buf *out)
{
    json_t *answer = json_loads(reply, 0, NULL);
    size_t i;
    const json_t *a;
    json_array_foreach(json_object_get(answer, "alerts"), i, a) buf_addf(
        out, "%s%s/%s", i == 0 ? "" : " ", json_string_value(json_object_get(a, "verdict")),
        json_string_value(json_object_get(a, "reason")));
    json_decref(answer);
}

static void post(struct story *s, char **words, size_t n, struct buf *got)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(65536);
    const char *deed = words[0];
    bool first = true;
    buf_addf(&body,
             "{\"receiver\":\"relay\",\"status\":\"firing\",\"orgId\":1,\"version\":\"1\","
             "\"groupKey\":\"{}:{}\",\"externalURL\":\"\",\"truncatedAlerts\":0,"
             "\"title\":\"%u\",\"alerts\":[",
             ++s->posts);
    for (size_t i = 0; i < n; i++) {
        if (is_kind(words[i])) {
            deed = words[i];
            continue;
        }
        if (!first)
            buf_add_char(&body, ',');
        first = false;
        add_alert(s, &body, deed, words[i]);
    }
    buf_add_text(&body, "]}");
    SCOPED(free_p) char *reply = NULL;
    if (story_post(s->relay, buf_text(&body), &reply) == CORE_UNAVAILABLE)
        buf_add_text(got, "refused");
    else
        read_decisions(reply, got);
}

/* Also fails when there is an outcome that no `timer` line names. */
void story_timers(struct story *s, bool wanted, struct buf *got)
{
    struct story_outcome found[STORE_LIST_MAX];
    size_t n = story_outcomes(s->relay, found, STORE_LIST_MAX);
    for (size_t i = 0; i < n; i++)
        buf_addf(got, "%s%s", i == 0 ? "" : " ", found[i].words);
    if (n > 0 && !wanted)
        story_fail(s, "a timer that no line names", buf_text(got));
    for (size_t i = 0; i < n && s->trace; i++) {
        printf("{\"at\":%lld,\"timer\":\"%s\"}\n", (long long)found[i].at, found[i].words);
    }
}

static void command(struct story *s, enum core_command what, enum engine_scope scope,
                    const char *id, struct buf *got)
{
    SCOPED(free_p) char *body = NULL;
    enum core_verdict v = story_command(s->relay, what, scope, id, &body);
    buf_add_text(got, v == CORE_CHANGED     ? "done"
                      : v == CORE_CONFLICT  ? "conflict"
                      : v == CORE_NOT_FOUND ? "none"
                                            : "refused");
}

static bool do_command(struct story *s, char **words, size_t n, struct buf *got)
{
    enum engine_scope scope =
        n > 1 && strcmp(words[1], "target") == 0 ? ENGINE_TARGET : ENGINE_ROUTE;
    const char *name = scope == ENGINE_TARGET ? "retrain" : "kospi";
    if (strcmp(words[0], "pause") == 0)
        command(s, COMMAND_PAUSE, scope, name, got);
    else if (strcmp(words[0], "resume") == 0)
        command(s, COMMAND_RESUME, scope, name, got);
    else if (strcmp(words[0], "rearm") == 0)
        command(s, COMMAND_REARM, scope, "kospi/m1", got);
    else if (strcmp(words[0], "redeliver") == 0)
        command(s, COMMAND_REDELIVER, scope, story_last_request(s->relay), got);
    else if (strcmp(words[0], "cancel") == 0)
        command(s, COMMAND_CANCEL, scope, story_last_request(s->relay), got);
    else
        return false;
    return true;
}

static void look_at_request(struct story *s, struct buf *got)
{
    SCOPED(free_p) char *text = story_ask(s->relay, QUERY_REQUEST, story_last_request(s->relay));
    json_t *r = text == NULL ? NULL : json_loads(text, 0, NULL);
    const char *state = json_string_value(json_object_get(r, "state"));
    const char *reason = json_string_value(json_object_get(r, "reason"));
    buf_add_text(got, state == NULL ? "none" : state);
    if (reason != NULL && reason[0] != '\0')
        buf_addf(got, "(%s)", reason);
    json_decref(r);
}

static void expect(struct story *s, char **words, size_t n)
{
    SCOPED(buf_free) struct buf got = BUF_INIT(256);
    if (n != 3)
        story_fail(s, "expect WHAT VALUE", n < 2 ? "" : words[1]);
    if (strcmp(words[1], "posts") == 0) {
        buf_addf(&got, "%zu", story_posts(s->relay));
    } else if (strcmp(words[1], "request") == 0) {
        look_at_request(s, &got);
    } else {
        SCOPED(free_p) char *text = story_ask(s->relay, QUERY_KEY, "kospi/m1");
        json_t *key = text == NULL ? NULL : json_loads(text, 0, NULL);
        const char *state = json_string_value(json_object_get(key, "state"));
        buf_add_text(&got, state == NULL ? "none" : state);
        json_decref(key);
    }
    if (strcmp(buf_text(&got), words[2]) != 0)
        story_fail(s, words[2], buf_text(&got));
}

static void do_github(struct story *s, const char *word)
{
    static const char *const words[] = {[GITHUB_UP] = "up",
                                        [GITHUB_DOWN] = "down",
                                        [GITHUB_CUTS] = "cuts",
                                        [GITHUB_UNAUTHORIZED] = "unauthorized"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            story_github(s->relay, (enum github)i);
            return;
        }
    }
    story_fail(s, "no such GitHub", word);
}

/* Deeds of the world around the relay. */
static bool do_world(struct story *s, char **words, size_t n)
{
    const char *second = n > 1 ? words[1] : "";
    if (strcmp(words[0], "github") == 0) {
        do_github(s, second);
    } else if (strcmp(words[0], "runs") == 0) {
        if (story_end_runs(s->relay, second) == 0)
            story_fail(s, "no run goes on", second);
    } else if (strcmp(words[0], "stop") == 0 || strcmp(words[0], "go") == 0) {
        story_stop_file(s->relay, words[0][0] == 's');
    } else if (strcmp(words[0], "crash") == 0 || strcmp(words[0], "quit") == 0) {
        story_down(s->relay, words[0][0] == 'q');
    } else if (strcmp(words[0], "up") == 0) {
        story_up(s->relay);
    } else if (strcmp(words[0], "wall") == 0) {
        int64_t by = story_parse_time(s, second + 1);
        story_wall(s->relay, second[0] == '-' ? -by : by);
    } else {
        return false;
    }
    return true;
}

void story_deed(struct story *s, char **words, size_t n, const char *rest, struct buf *got)
{
    if (is_kind(words[0]))
        post(s, words, n, got);
    else if (strcmp(words[0], "expect") == 0)
        expect(s, words, n);
    else if (strcmp(words[0], "reload") == 0)
        story_reload(s->relay, rest + strlen("reload"));
    else if (strcmp(words[0], "timer") != 0 && !do_command(s, words, n, got) &&
             !do_world(s, words, n))
        story_fail(s, "no such deed", words[0]);
}
