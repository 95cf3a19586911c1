#include "relay/grafana/rule.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULE_DEPTH 32
#define WORDS_MAX  128

static const char *text_of(const json_t *rule, const char *key)
{
    const char *text = json_string_value(json_object_get(rule, key));
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static bool uid_is_valid(const char *uid)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(uid);
    return len <= GRAFANA_UID_MAX && strspn(uid, letters) == len;
}

static int check(const json_t *rule, struct error *err)
{
    static const char *const wanted[] = {"uid",       "title",       "folderUID",    "ruleGroup",
                                         "condition", "noDataState", "execErrState", "for"};
    if (!json_is_object(rule))
        return error_set(err, -EINVAL, "not a rule: one JSON object is wanted");
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (text_of(rule, wanted[i]) == NULL)
            return error_set(err, -EINVAL, "%s is missing: Grafana asks for it", wanted[i]);
    }
    if (!uid_is_valid(text_of(rule, "uid")))
        return error_set(err, -EINVAL,
                         "uid \"%.60s\" is none: at most %d letters, digits, '_' and '-'",
                         text_of(rule, "uid"), GRAFANA_UID_MAX);
    if (!uid_is_valid(text_of(rule, "folderUID")))
        return error_set(err, -EINVAL, "folderUID \"%.60s\" is no uid", text_of(rule, "folderUID"));
    if (json_array_size(json_object_get(rule, "data")) == 0)
        return error_set(err, -EINVAL, "data is missing or empty: a rule has at least one query");
    int64_t ignored;
    struct error why = {0};
    if (parse_duration_ms(&ignored, text_of(rule, "for"), &why) != 0)
        return error_set(err, -EINVAL, "for: %.300s", why.text);
    return 0;
}

int grafana_rule_read(struct grafana_rule *out, const char *bytes, size_t len, struct error *err)
{
    SCOPED(json_release_p) json_t *json = NULL;
    int r = strict_json_load(&json, bytes, len, RULE_DEPTH, err);
    if (r == 0)
        r = check(json, err);
    if (r != 0)
        return r;
    char *text = malloc(len + 1);
    if (text == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    memcpy(text, bytes, len);
    text[len] = '\0';
    *out = (struct grafana_rule){.uid = text_of(json, "uid"),
                                 .title = text_of(json, "title"),
                                 .folder = text_of(json, "folderUID"),
                                 .group = text_of(json, "ruleGroup"),
                                 .text = text,
                                 .len = len};
    out->json = GIVE(json);
    return 0;
}

void grafana_rule_clear(struct grafana_rule *rule)
{
    json_decref(rule->json);
    free(rule->text);
    *rule = (struct grafana_rule){0};
}

const char *grafana_rule_label_text(const json_t *rule, const char *name)
{
    return json_string_value(json_object_get(json_object_get(rule, "labels"), name));
}

const char *grafana_rule_label(const json_t *rule, const char *name)
{
    const char *text = grafana_rule_label_text(rule, name);
    return text == NULL || strstr(text, "{{") != NULL ? NULL : text;
}

/* --- thresholds
 * -------------------------------------------------------------------------------------- */

static const json_t *query_of(const json_t *rule, const char *ref_id)
{
    const json_t *data = json_object_get(rule, "data");
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *query = json_array_get(data, i);
        const char *id = text_of(query, "refId");
        if (id != NULL && strcmp(id, ref_id) == 0)
            return query;
    }
    return NULL;
}

bool grafana_rule_threshold(struct grafana_threshold *out, const json_t *rule)
{
    const char *condition = text_of(rule, "condition");
    if (condition == NULL)
        return false;
    const json_t *model = json_object_get(query_of(rule, condition), "model");
    const json_t *first = json_array_get(json_object_get(model, "conditions"), 0);
    const json_t *evaluator = json_object_get(first, "evaluator");
    const json_t *values = json_object_get(evaluator, "params");
    const char *type = text_of(evaluator, "type");
    size_t n = json_array_size(values);
    if (type == NULL || n == 0)
        return false;
    *out = (struct grafana_threshold){.n = strstr(type, "range") != NULL && n > 1 ? 2 : 1};
    (void)snprintf(out->type, sizeof(out->type), "%s", type);
    for (size_t i = 0; i < out->n; i++) {
        const json_t *value = json_array_get(values, i);
        if (!json_is_number(value))
            return false;
        out->values[i] = json_number_value(value);
    }
    return true;
}

void grafana_threshold_add(struct buf *out, const struct grafana_threshold *t)
{
    static const struct {
        const char *type, *sign;
    } signs[] = {{"gt", ">"}, {"lt", "<"}, {"gte", ">="}, {"lte", "<="}, {"eq", "="}, {"ne", "!="}};
    const char *sign = t->type;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (strcmp(t->type, signs[i].type) == 0)
            sign = signs[i].sign;
    }
    buf_addf(out, "%s ", sign);
    buf_add_double(out, t->values[0]);
    if (t->n > 1) {
        buf_add_text(out, " to ");
        buf_add_double(out, t->values[1]);
    }
}

/* --- timing
 * -------------------------------------------------------------------------------------- */

static int64_t duration_of(const json_t *object, const char *key)
{
    int64_t ms;
    const char *text = text_of(object, key);
    return text != NULL && parse_duration_ms(&ms, text, NULL) == 0 ? ms : -1;
}

void grafana_rule_timing(struct grafana_timing *out, const json_t *rule)
{
    const json_t *settings = json_object_get(rule, "notification_settings");
    *out = (struct grafana_timing){.for_ms = duration_of(rule, "for"),
                                   .group_interval_ms = duration_of(settings, "group_interval"),
                                   .repeat_ms = duration_of(settings, "repeat_interval"),
                                   .receiver = text_of(settings, "receiver")};
}

/* --- differences
 * -------------------------------------------------------------------------------------- */

static bool is_within(json_t *seed, const json_t *present);

static bool members_are_within(json_t *seed, const json_t *present)
{
    const char *key;
    json_t *value;
    json_object_foreach(seed, key, value)
    {
        if (!is_within(value, json_object_get(present, key)))
            return false;
    }
    return true;
}

static bool elements_are_within(const json_t *seed, const json_t *present)
{
    size_t n = json_array_size(seed);
    if (n != json_array_size(present))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_within(json_array_get(seed, i), json_array_get(present, i)))
            return false;
    }
    return true;
}

/* Does the present value say all that the seed's says? An empty one may be left out. */
static bool is_within(json_t *seed, const json_t *present)
{
    if (json_is_object(seed))
        return members_are_within(seed, present);
    if (json_is_array(seed))
        return elements_are_within(seed, present);
    if (present == NULL)
        return json_is_null(seed) || json_is_false(seed) ||
               (json_is_string(seed) && json_string_length(seed) == 0);
    if (json_is_number(seed) && json_is_number(present))
        return json_number_value(seed) == json_number_value(present);
    return json_equal(seed, present) == 1;
}

static json_t *model_of(const json_t *rule, const char *ref_id)
{
    return json_object_get(ref_id == NULL ? NULL : query_of(rule, ref_id), "model");
}

/* Says each all that the other says? */
static bool is_same(json_t *a, json_t *b)
{
    if (a == NULL || b == NULL)
        return a == b || is_within(a == NULL ? b : a, NULL);
    return is_within(a, b) && is_within(b, a);
}

static int64_t duration_or_0(const json_t *object, const char *key)
{
    int64_t ms = duration_of(object, key);
    return ms < 0 ? 0 : ms;
}

static bool same_duration(const json_t *seed, const json_t *present, const char *key)
{
    return duration_or_0(seed, key) == duration_or_0(present, key);
}

static bool same_threshold(const json_t *seed, const json_t *present, struct buf *words)
{
    struct grafana_threshold was = {.n = 0};
    struct grafana_threshold is = {.n = 0};
    bool had = grafana_rule_threshold(&was, seed);
    if (!grafana_rule_threshold(&is, present))
        return !had;
    if (had && is.n == was.n && strcmp(is.type, was.type) == 0 && is.values[0] == was.values[0] &&
        is.values[1] == was.values[1])
        return true;
    buf_add_text(words, "threshold ");
    grafana_threshold_add(words, &is);
    if (had) {
        buf_add_text(words, " instead of ");
        grafana_threshold_add(words, &was);
    }
    return false;
}

static json_t *recovery_of(const json_t *rule)
{
    const json_t *conditions =
        json_object_get(model_of(rule, text_of(rule, "condition")), "conditions");
    return json_object_get(json_array_get(conditions, 0), "unloadEvaluator");
}

/* Of a reduction: what it does with values that are no numbers; Grafana adds none. */
static bool same_settings(const json_t *seed, const json_t *present)
{
    const json_t *data = json_object_get(seed, "data");
    for (size_t i = 0; i < json_array_size(data); i++) {
        const char *ref_id = text_of(json_array_get(data, i), "refId");
        if (!is_same(json_object_get(model_of(seed, ref_id), "settings"),
                     json_object_get(model_of(present, ref_id), "settings")))
            return false;
    }
    return true;
}

/* The queries, less the condition's thresholds, which have words of their own. */
static json_t *copy_queries(const json_t *rule)
{
    SCOPED(json_release_p) json_t *copy = json_deep_copy(rule);
    const json_t *conditions =
        json_object_get(model_of(copy, text_of(copy, "condition")), "conditions");
    (void)json_object_del(json_array_get(conditions, 0), "evaluator");
    (void)json_object_del(json_array_get(conditions, 0), "unloadEvaluator");
    return json_incref(json_object_get(copy, "data"));
}

static bool same_queries(const json_t *seed, const json_t *present)
{
    SCOPED(json_release_p) json_t *a = copy_queries(seed);
    SCOPED(json_release_p) json_t *b = copy_queries(present);
    return (a == NULL || is_within(a, b)) && same_settings(seed, present);
}

/* Grafana writes a duration in its own way ("60s" as "1m"). */
static bool same_notifying(const json_t *seed, const json_t *present)
{
    static const char *const times[] = {"group_wait", "group_interval", "repeat_interval"};
    SCOPED(json_release_p)
    json_t *a = json_deep_copy(json_object_get(seed, "notification_settings"));
    SCOPED(json_release_p)
    json_t *b = json_deep_copy(json_object_get(present, "notification_settings"));
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (duration_of(a, times[i]) != duration_of(b, times[i]))
            return false;
        (void)json_object_del(a, times[i]);
        (void)json_object_del(b, times[i]);
    }
    return is_same(a, b);
}

static void add_edit(struct buf *out, bool is_edit, const char *word)
{
    if (is_edit)
        buf_addf(out, "%s%s", out->len > 0 ? ", " : "", word);
}

void grafana_rule_differences(struct buf *out, const json_t *seed, const json_t *present)
{
    static const struct {
        const char *key, *word;
    } plain[] = {
        {"title", "title"},
        {"folderUID", "folder"},
        {"ruleGroup", "group"},
        {"condition", "condition"},
        {"noDataState", "no-data state"},
        {"execErrState", "error state"},
        {"missingSeriesEvalsToResolve", "missing-series evaluations"},
        {"labels", "labels"},
        {"annotations", "annotations"},
    };
    SCOPED(buf_free) struct buf words = BUF_INIT(1024);
    (void)same_threshold(seed, present, &words);
    add_edit(&words, !is_same(recovery_of(seed), recovery_of(present)), "recovery threshold");
    add_edit(&words, !same_queries(seed, present), "queries");
    add_edit(&words, !same_duration(seed, present, "for"), "for");
    add_edit(&words, !same_duration(seed, present, "keep_firing_for"), "keep firing for");
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        add_edit(
            &words,
            !is_same(json_object_get(seed, plain[i].key), json_object_get(present, plain[i].key)),
            plain[i].word);
    add_edit(&words, !same_notifying(seed, present), "notification settings");
    bool was = json_is_true(json_object_get(seed, "isPaused"));
    bool is = json_is_true(json_object_get(present, "isPaused"));
    add_edit(&words, was != is, is ? "paused" : "resumed");
    buf_add_text(out, buf_text(&words));
}
