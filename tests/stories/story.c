/* clang-format off */
/* Plays stories: sequences that operators know, each with the decision they want.
 *
 *   story [--trace] FILE…     one TAP line a file; --trace prints what a picture is drawn of instead
 *   story --store DB FILE     the same, and what the relay keeps is left in this file
 *
 * A file is lines; `#` begins a comment.
 *   title TEXT                     policy LIBCONFIG (of the route)      target LIBCONFIG
 *   at TIME DEED [-> EXPECTED…]    TIME is h:mm[:ss] since the beginning and never runs back
 * Deeds:
 *   fire|resolve|edit|nodata|error ALERT[/MODEL][@TIME]…   one notification, in this order; edit resolves
 *                                 as an edited rule does; @TIME = its startsAt (default: when it began to
 *                                 fire); MODEL makes the key (m1); -> one decision each, or "refused"
 *   timer                         -> what holds and deferrals came to since the last line, no later
 *                                 than TIME; any other line fails when there is something to name
 *   github up|down|cuts|unauthorized
 *   runs CONCLUSION               every run that goes on ends so
 *   stop | go                     the stop file comes, goes
 *   pause|resume route|target | rearm | redeliver | cancel     -> done|conflict|none; the last two of
 *                                 the newest request
 *   crash | quit | up             the relay dies, stops, starts
 *   wall ±TIME                    the wall clock jumps
 *   reload LIBCONFIG              the route's policy is this from now on
 *   expect posts N | expect state WORD (of the key, "none") | expect request STATE[(REASON)] */
/* clang-format on */
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "tests/stories/story.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 1024

_Noreturn void story_fail(const struct story *s, const char *what, const char *got)
{
    printf("not ok 1 - %s\n# %s:%d: %s: %s\n", s->title, s->file, s->line, what, got);
    exit(1);
}

int64_t story_parse_time(const struct story *s, const char *text)
{
    long long h = 0;
    long long m = 0;
    long long sec = 0;
    int n = sscanf(text, "%lld:%lld:%lld", &h, &m, &sec); /* NOLINT: our own files */
    if (n < 2)
        story_fail(s, "no time", text);
    return ((h * 60 + m) * 60 + sec) * 1000;
}

/* --- the trace ----------------------------------------------------------------------------------
 */

static void add_members(struct buf *out, const json_t *key)
{
    size_t i;
    const json_t *m;
    buf_add_text(out, "[");
    json_array_foreach(json_object_get(key, "members"), i, m)
    {
        if (i > 0)
            buf_add_char(out, ',');
        buf_add_json_string(out, json_string_value(json_object_get(m, "fingerprint")));
    }
    buf_add_text(out, "]");
}

/* What the key does now, when it differs from what was traced last. */
static void look(void *context)
{
    struct story *s = context;
    SCOPED(free_p) char *text = story_ask(s->relay, QUERY_KEY, "kospi/m1");
    json_t *key = text == NULL ? NULL : json_loads(text, 0, NULL);
    const char *state = json_string_value(json_object_get(key, "state"));
    SCOPED(buf_free) struct buf sample = BUF_INIT(sizeof(s->sample) - 1);
    buf_addf(&sample, "\"state\":\"%s\",\"posts\":%zu,\"members\":", state == NULL ? "none" : state,
             story_posts(s->relay));
    add_members(&sample, key);
    json_decref(key);
    if (strcmp(buf_text(&sample), s->sample) == 0)
        return;
    (void)snprintf(s->sample, sizeof(s->sample), "%s", buf_text(&sample));
    printf("{\"at\":%lld,%s}\n", (long long)story_now(s->relay), s->sample);
}

static void trace(const struct story *s, const char *kind, const char *words)
{
    if (!s->trace)
        return;
    SCOPED(buf_free) struct buf line = BUF_INIT(4096);
    buf_addf(&line, "{\"at\":%lld,\"%s\":", (long long)story_now(s->relay), kind);
    buf_add_json_string(&line, words);
    printf("%s}\n", buf_text(&line));
}

/* --- lines --------------------------------------------------------------------------------------
 */

static size_t split(char *text, char **words)
{
    size_t n = 0;
    char *w;
    while (n < WORDS_MAX && (w = strsep(&text, " \t\n")) != NULL) {
        if (w[0] != '\0')
            words[n++] = w;
    }
    return n;
}

static void begin(struct story *s)
{
    if (s->relay != NULL)
        return;
    s->relay = story_relay_new(s->policy, s->target, s->store);
    trace(s, "title", s->title);
}

static void play(struct story *s, char *line)
{
    char *words[WORDS_MAX];
    char shown[LINE_SIZE];
    char *arrow = strstr(line, "->");
    if (arrow != NULL)
        *arrow = '\0';
    char *rest = line;
    while (*rest != '\0' && *rest != ' ') /* the time */
        rest++;
    *rest++ = '\0';
    while (*rest == ' ')
        rest++;
    (void)snprintf(shown, sizeof(shown), "%s", rest);
    SCOPED(free_p) char *copy = strdup(rest);
    size_t n = split(copy, words);
    if (n == 0)
        story_fail(s, "no deed", line);
    begin(s);
    bool timer = strcmp(words[0], "timer") == 0;
    story_pass(s->relay, story_parse_time(s, line), s->trace ? look : NULL, s);
    SCOPED(buf_free) struct buf got = BUF_INIT(4096);
    story_timers(s, timer, &got);
    story_deed(s, words, n, shown, &got);
    if (!timer)
        trace(s, "deed", shown);
    if (got.len > 0 && !timer)
        trace(s, "decisions", buf_text(&got));
    SCOPED(buf_free) struct buf wanted = BUF_INIT(4096);
    n = arrow == NULL ? 0 : split(arrow + 2, words);
    for (size_t i = 0; i < n; i++)
        buf_addf(&wanted, "%s%s", i == 0 ? "" : " ", words[i]);
    if (strcmp(buf_text(&wanted), buf_text(&got)) != 0)
        story_fail(s, buf_text(&wanted), buf_text(&got));
}

static void append(const struct story *s, char *out, size_t size, const char *text)
{
    size_t len = strlen(out);
    if (len + strlen(text) + 2 > size)
        story_fail(s, "too long", text);
    (void)snprintf(out + len, size - len, "%s ", text);
}

static void play_file(const char *file, bool traced, const char *store)
{
    struct story s = {.file = file, .trace = traced, .store = store};
    char line[LINE_SIZE];
    FILE *f = fopen(file, "re");
    if (f == NULL) {
        perror(file);
        exit(2);
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        s.line++;
        line[strcspn(line, "#\n")] = '\0';
        if (strncmp(line, "title ", 6) == 0)
            (void)snprintf(s.title, sizeof(s.title), "%.*s", (int)sizeof(s.title) - 1, line + 6);
        else if (strncmp(line, "policy ", 7) == 0)
            append(&s, s.policy, sizeof(s.policy), line + 7);
        else if (strncmp(line, "target ", 7) == 0)
            append(&s, s.target, sizeof(s.target), line + 7);
        else if (strncmp(line, "at ", 3) == 0)
            play(&s, line + 3);
        else if (strspn(line, " \t") != strlen(line))
            story_fail(&s, "no such line", line);
    }
    (void)fclose(f);
    if (s.relay == NULL)
        story_fail(&s, "nothing happens", file);
    SCOPED(buf_free) struct buf got = BUF_INIT(4096);
    story_timers(&s, false, &got);
    if (traced)
        look(&s);
    trace(&s, "policy", s.policy);
    story_relay_free(s.relay);
    if (!traced)
        printf("ok 1 - %s\n", s.title);
}

int main(int argc, char **argv)
{
    bool traced = argc > 1 && strcmp(argv[1], "--trace") == 0;
    bool stored = argc == 4 && strcmp(argv[1], "--store") == 0;
    int first = traced ? 2 : stored ? 3 : 1;
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    for (int i = first; i < argc; i++)
        play_file(argv[i], traced, stored ? argv[2] : NULL);
    return argc > first ? 0 : 2;
}
