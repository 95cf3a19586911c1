#include "relay/grafana/call.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 2048
#define BODY_MAX       (1024 * 1024)
#define ANSWER_DEPTH   64
#define API            "/api/v1/provisioning"

static void add_escaped(struct buf *b, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            buf_add_char(b, *text);
        else
            buf_addf(b, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

/* Takes what path and body hold; body NULL: none. */
static struct grafana_call *make(const char *method, struct buf *path, struct buf *body)
{
    SCOPED(grafana_call_free_p) struct grafana_call *call = calloc(1, sizeof(*call));
    if (call == NULL || (call->path = buf_give(path)) == NULL)
        return NULL;
    call->method = method;
    if (body != NULL) {
        call->body_len = body->len;
        call->body = buf_give(body);
        if (call->body == NULL)
            return NULL;
    }
    return GIVE(call);
}

/* GET before + the escaped segment + after. */
static struct grafana_call *get(const char *before, const char *segment, const char *after)
{
    SCOPED(buf_free) struct buf path = BUF_INIT(PATH_MAX_BYTES);
    buf_add_text(&path, before);
    add_escaped(&path, segment);
    buf_add_text(&path, after);
    return make("GET", &path, NULL);
}

static struct grafana_call *send(const char *method, const char *path, struct buf *body)
{
    SCOPED(buf_free) struct buf whole = BUF_INIT(PATH_MAX_BYTES);
    buf_add_text(&whole, path);
    return make(method, &whole, body);
}

struct grafana_call *grafana_call_health(void)
{
    return get("/api/health", "", "");
}

struct grafana_call *grafana_call_folder(const char *uid)
{
    return get("/api/folders/", uid, "");
}

struct grafana_call *grafana_call_make_folder(const char *uid, const char *title)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    buf_add_text(&body, "{\"uid\":");
    buf_add_json_string(&body, uid);
    buf_add_text(&body, ",\"title\":");
    buf_add_json_string(&body, title);
    buf_add_char(&body, '}');
    return send("POST", "/api/folders", &body);
}

struct grafana_call *grafana_call_rule(const char *uid)
{
    return get(API "/alert-rules/", uid, "");
}

struct grafana_call *grafana_call_rules(void)
{
    return get(API "/alert-rules", "", "");
}

struct grafana_call *grafana_call_make_rule(const char *json, size_t len)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    buf_add(&body, json, len);
    struct grafana_call *call = send("POST", API "/alert-rules", &body);
    if (call != NULL)
        call->editable = true;
    return call;
}

struct grafana_call *grafana_call_contact_points(void)
{
    return get(API "/contact-points", "", "");
}

struct grafana_call *grafana_call_policies(void)
{
    return get(API "/policies", "", "");
}

/* What stands for a secret is left out: as part of a test it would be taken for one. */
static json_t *copy_settings(const json_t *settings)
{
    static const char redacted[] = "[REDACTED]";
    json_t *copy = json_deep_copy(settings);
    void *next;
    const char *key;
    json_t *value;
    json_object_foreach_safe(copy, next, key, value)
    {
        const char *text = json_string_value(value);
        if (text != NULL && strcmp(text, redacted) == 0)
            (void)json_object_del(copy, key);
        else if (json_is_object(value))
            (void)json_object_set_new(copy, key, copy_settings(value));
    }
    return copy;
}

struct grafana_call *grafana_call_test_contact_point(const json_t *point)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    SCOPED(json_release_p) json_t *settings = copy_settings(json_object_get(point, "settings"));
    SCOPED(json_release_p)
    json_t *json =
        json_pack("{s:[{s:s,s:[{s:O?,s:O?,s:O?,s:b,s:O?}]}]}", "receivers", "name", "test",
                  "grafana_managed_receiver_configs", "uid", json_object_get(point, "uid"), "name",
                  json_object_get(point, "name"), "type", json_object_get(point, "type"),
                  "disableResolveMessage", 0, "settings", settings);
    SCOPED(free_p) char *text = json_dumps(json, JSON_COMPACT);
    if (text == NULL)
        return NULL;
    buf_add_text(&body, text);
    return send("POST", "/api/alertmanager/grafana/config/api/v1/receivers/test", &body);
}

struct grafana_call *grafana_call_data_source_health(const char *uid)
{
    return get("/api/datasources/uid/", uid, "/health");
}

struct grafana_call *grafana_call_annotations(const char *const *tags)
{
    SCOPED(buf_free) struct buf path = BUF_INIT(PATH_MAX_BYTES);
    buf_add_text(&path, "/api/annotations?type=annotation");
    for (; *tags != NULL; tags++) {
        buf_add_text(&path, "&tags=");
        add_escaped(&path, *tags);
    }
    return make("GET", &path, NULL);
}

static void add_note(struct buf *body, const struct grafana_note *note)
{
    buf_add_text(body, "\"text\":");
    buf_add_json_string(body, note->text);
    buf_add_text(body, ",\"tags\":[");
    for (size_t i = 0; note->tags[i] != NULL; i++) {
        if (i > 0)
            buf_add_char(body, ',');
        buf_add_json_string(body, note->tags[i]);
    }
    buf_add_char(body, ']');
    if (note->end_ms != 0)
        buf_addf(body, ",\"timeEnd\":%" PRId64, note->end_ms);
    buf_add_char(body, '}');
}

struct grafana_call *grafana_call_annotate(const struct grafana_note *note)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    buf_addf(&body, "{\"time\":%" PRId64 ",", note->time_ms);
    add_note(&body, note);
    return send("POST", "/api/annotations", &body);
}

struct grafana_call *grafana_call_patch_annotation(int64_t id, const struct grafana_note *note)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    char path[64];
    (void)snprintf(path, sizeof(path), "/api/annotations/%" PRId64, id);
    buf_add_char(&body, '{');
    add_note(&body, note);
    return send("PATCH", path, &body);
}

void grafana_call_free(struct grafana_call *call)
{
    if (call == NULL)
        return;
    free(call->path);
    free(call->body);
    free(call);
}

void grafana_call_free_p(struct grafana_call **call)
{
    grafana_call_free(*call);
}

/* --- answers
 * -------------------------------------------------------------------------------------- */

json_t *grafana_answer_json(const struct grafana_answer *answer)
{
    json_t *out = NULL;
    if (answer->body_len == 0 ||
        strict_json_load(&out, answer->body, answer->body_len, ANSWER_DEPTH, NULL) != 0)
        return NULL;
    return out;
}

void grafana_answer_words(const struct grafana_answer *answer, char *out, size_t size)
{
    if (answer->status == 0) {
        (void)snprintf(out, size, "no answer: %s", answer->error);
        return;
    }
    SCOPED(json_release_p) json_t *json = grafana_answer_json(answer);
    const char *words = json_string_value(json_object_get(json, "message"));
    (void)snprintf(out, size, "HTTP %d%s%.300s", answer->status, words == NULL ? "" : ": ",
                   words == NULL ? "" : words);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    }
}

bool grafana_answer_is_passing(const struct grafana_answer *answer)
{
    return answer->status == 0 || answer->status >= 500 || answer->status == 429;
}

bool grafana_answer_is_healthy(const struct grafana_answer *answer)
{
    SCOPED(json_release_p) json_t *json = grafana_answer_json(answer);
    const char *database = json_string_value(json_object_get(json, "database"));
    return answer->status == 200 && database != NULL && strcmp(database, "ok") == 0;
}

static bool has_tags(const json_t *annotation, const char *const *tags)
{
    const json_t *have = json_object_get(annotation, "tags");
    for (; *tags != NULL; tags++) {
        bool found = false;
        for (size_t i = 0; i < json_array_size(have) && !found; i++) {
            const char *tag = json_string_value(json_array_get(have, i));
            found = tag != NULL && strcmp(tag, *tags) == 0;
        }
        if (!found)
            return false;
    }
    return true;
}

const json_t *grafana_find_annotation(const json_t *list, const char *const *tags)
{
    const json_t *oldest = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        if (has_tags(a, tags) &&
            (oldest == NULL || json_integer_value(json_object_get(a, "id")) <
                                   json_integer_value(json_object_get(oldest, "id"))))
            oldest = a;
    }
    return oldest;
}
