#include "relay/grafana/retraining.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX (16 * 1024)

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

bool retraining_request_is_over(const json_t *request)
{
    static const char *const over[] = {"done", "dead", "parked", NULL};
    return is_one_of(text_of(request, "state"), over);
}

/* Annotations are HTML. */
static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("&<>\"'", *text) != NULL)
            buf_addf(out, "&#%d;", *text);
        else
            buf_add_char(out, *text);
    }
}

static const char *conclusion_of(const json_t *request)
{
    const char *state = text_of(request, "state");
    if (strcmp(state, "parked") == 0)
        return "unknown";
    return strcmp(state, "done") == 0 ? text_of(request, "reason") : "running";
}

static void add_cause(struct buf *out, const json_t *request)
{
    static const char *const causes[][2] = {
        {"alert", "Started by an alert"},
        {"timer", "Started when a hold or deferral ended"},
        {"redeliver", "Started again by an operator"},
    };
    const char *cause = text_of(request, "cause");
    const char *notification = text_of(request, "notification");
    const char *words = "Started";
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        if (strcmp(cause, causes[i][0]) == 0)
            words = causes[i][1];
    }
    buf_add_text(out, words);
    if (notification[0] != '\0') {
        buf_add_text(out, ", notification ");
        add_escaped(out, notification);
    }
    buf_add_text(out, ".");
}

static void write_text(struct retraining *r, const json_t *request)
{
    const json_t *run = json_object_get(request, "run");
    const char *url = text_of(run, "url");
    r->text = BUF_INIT(TEXT_MAX);
    buf_add_text(&r->text, "Retraining ");
    add_escaped(&r->text, text_of(request, "key"));
    buf_add_text(&r->text, ": ");
    add_escaped(&r->text, conclusion_of(request));
    buf_add_text(&r->text, strcmp(text_of(request, "state"), "parked") == 0
                               ? " (it may have run, and its run was not found). "
                               : ". ");
    if (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) {
        buf_add_text(&r->text, "<a href=\"");
        add_escaped(&r->text, url);
        buf_addf(&r->text, "\" target=\"_blank\">Run %" JSON_INTEGER_FORMAT "</a>. ",
                 json_integer_value(json_object_get(run, "id")));
    }
    add_cause(&r->text, request);
}

static void write_tags(struct retraining *r, const json_t *request)
{
    const char *const parts[RETRAINING_TAGS][2] = {
        {"retraining", ""},
        {"relay_id:", r->relay_id},
        {"route:", text_of(request, "route")},
        {"target:", text_of(request, "target")},
        {"conclusion:", conclusion_of(request)},
    };
    for (size_t i = 0; i < RETRAINING_TAGS; i++) {
        (void)snprintf(r->tags[i], sizeof(r->tags[i]), "%s%s", parts[i][0], parts[i][1]);
        r->tag_list[i] = r->tags[i];
    }
    r->tag_list[RETRAINING_TAGS] = NULL;
}

/* Not before the start, though the wall clock may have jumped; the start, where an older release
 * kept no end. */
static int64_t end_of(const json_t *request, int64_t start_ms)
{
    int64_t end_ms = start_ms;
    if (parse_rfc3339_ms(&end_ms, text_of(request, "ended_at"), NULL) != 0 || end_ms < start_ms)
        return start_ms;
    return end_ms;
}

bool retraining_read(struct retraining *out, const json_t *request)
{
    static const char *const ran[] = {"accepted", "accepted_no_id", "adopted", "running",
                                      "done",     "parked",         NULL};
    const json_t *attempts = json_object_get(request, "attempts");
    size_t n = json_array_size(attempts);
    *out = (struct retraining){.start_ms = 0};
    if (!is_one_of(text_of(request, "state"), ran) || n == 0 ||
        parse_rfc3339_ms(&out->start_ms, text_of(json_array_get(attempts, n - 1), "at"), NULL) != 0)
        return false;
    (void)snprintf(out->relay_id, sizeof(out->relay_id), "%s", text_of(request, "relay_id"));
    if (retraining_request_is_over(request))
        out->end_ms = end_of(request, out->start_ms);
    write_text(out, request);
    write_tags(out, request);
    return true;
}

void retraining_clear(struct retraining *r)
{
    buf_free(&r->text);
}

/* --- in Grafana
 * -------------------------------------------------------------------------------------- */

bool retraining_is_due(const struct retraining_track *t, const struct retraining *r)
{
    return t->stage != TRACK_OVER && (t->stage != TRACK_OPEN || r->end_ms != 0);
}

struct grafana_call *retraining_call(const struct retraining_track *t, const struct retraining *r)
{
    struct grafana_note note = {.time_ms = r->start_ms,
                                .end_ms = r->end_ms,
                                .text = buf_text(&r->text),
                                .tags = r->tag_list};
    const char *const tags[] = {r->tag_list[0], r->tag_list[1], NULL};
    if (t->stage == TRACK_MAKE)
        return grafana_call_annotate(&note);
    return t->stage == TRACK_OPEN ? grafana_call_patch_annotation(t->id, &note)
                                  : grafana_call_annotations(tags);
}

static enum track_outcome judge_look(struct retraining_track *t, const struct retraining *r,
                                     const struct grafana_answer *answer, struct mono now)
{
    const char *const tags[] = {r->tag_list[0], r->tag_list[1], NULL};
    SCOPED(json_release_p) json_t *list = grafana_answer_json(answer);
    if (answer->status != 200 || !json_is_array(list))
        return TRACK_REFUSED;
    const json_t *found = grafana_find_annotation(list, tags);
    if (found == NULL) {
        if (t->stage == TRACK_LOOK && now.ms < t->unsure_until_ms)
            return TRACK_LATER;
        t->stage = t->stage == TRACK_LOOK ? TRACK_MAKE : TRACK_OVER; /* people deleted it */
        return TRACK_FOUND;
    }
    t->id = json_integer_value(json_object_get(found, "id"));
    t->stage = TRACK_OPEN;
    if (r->end_ms != 0 && strcmp(text_of(found, "text"), buf_text(&r->text)) == 0)
        t->stage = TRACK_OVER; /* written before the relay restarted */
    return TRACK_FOUND;
}

static enum track_outcome judge_made(struct retraining_track *t, const struct retraining *r,
                                     const struct grafana_answer *answer, struct mono now)
{
    SCOPED(json_release_p) json_t *json = grafana_answer_json(answer);
    t->stage = TRACK_LOOK;
    if (grafana_answer_is_passing(answer)) {
        if (!answer->unsent)
            t->unsure_until_ms = now.ms + TRACK_UNSURE_MS;
        return TRACK_AWAY;
    }
    if (answer->status != 200)
        return TRACK_REFUSED;
    t->id = json_integer_value(json_object_get(json, "id"));
    if (r->end_ms != 0)
        t->stage = TRACK_OVER;
    else if (t->id != 0)
        t->stage = TRACK_OPEN;
    return TRACK_MADE;
}

enum track_outcome retraining_answer(struct retraining_track *t, const struct retraining *r,
                                     const struct grafana_answer *answer, struct mono now)
{
    if (t->stage == TRACK_MAKE)
        return judge_made(t, r, answer, now);
    if (grafana_answer_is_passing(answer))
        return TRACK_AWAY;
    if (t->stage != TRACK_OPEN)
        return judge_look(t, r, answer, now);
    if (answer->status == 404) { /* people deleted it, or something before Grafana says so */
        t->stage = TRACK_CHECK;
        return TRACK_LATER;
    }
    if (answer->status != 200)
        return TRACK_REFUSED;
    t->stage = TRACK_OVER;
    return TRACK_PATCHED;
}
