#include "relay/grafana/review.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/grafana/policies.h"

#include <string.h>
#include <strings.h>

#define WORDS_MAX          512
#define DEFAULT_SIGNATURE  "X-Grafana-Alerting-Signature"
#define GROUP_INTERVAL_MS  (5 * 60 * 1000)
#define REPEAT_INTERVAL_MS (4 * 3600 * 1000)

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* --- contact points
 * -------------------------------------------------------------------------------------- */

/* Does the URL's path end so? Its query does not count. */
static bool leads_to(const char *url, const char *path)
{
    size_t len = strcspn(url, "?#");
    size_t path_len = strlen(path);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return len >= path_len && strncmp(url + len - path_len, path, path_len) == 0;
}

static bool is_webhook_to(const json_t *point, const char *path)
{
    return strcmp(text_of(point, "type"), "webhook") == 0 &&
           leads_to(text_of(json_object_get(point, "settings"), "url"), path);
}

static bool review_signature(struct findings *out, const char *name, const json_t *settings,
                             const struct review_source *source)
{
    const json_t *hmac = json_object_get(settings, "hmacConfig");
    const char *header = text_of(hmac, "header");
    const char *timestamp = text_of(hmac, "timestampHeader");
    bool good = true;
    if (text_of(hmac, "secret")[0] == '\0') {
        findings_add(out, SEVERITY_ERROR, "contact-point",
                     "%.80s does not sign, and the relay answers 401: set its HMAC signature's "
                     "secret to that of source %s",
                     name, source->name);
        return false;
    }
    if (strcasecmp(header[0] == '\0' ? DEFAULT_SIGNATURE : header, source->signature_header) != 0) {
        findings_add(out, SEVERITY_ERROR, "contact-point",
                     "%.80s signs in the header %.80s, and source %s reads %.80s: make them alike",
                     name, header[0] == '\0' ? DEFAULT_SIGNATURE : header, source->name,
                     source->signature_header);
        good = false;
    }
    if (strcasecmp(timestamp, source->timestamp_header) != 0) {
        findings_add(out, SEVERITY_ERROR, "contact-point",
                     "%.80s has %s%.80s%s as timestamp header, and source %s wants %s%.80s%s: make "
                     "them alike",
                     name, timestamp[0] == '\0' ? "none" : "\"", timestamp,
                     timestamp[0] == '\0' ? "" : "\"", source->name,
                     source->timestamp_header[0] == '\0' ? "none" : "\"", source->timestamp_header,
                     source->timestamp_header[0] == '\0' ? "" : "\"");
        good = false;
    }
    return good;
}

/* Numbers come as text, too. */
static bool is_set(const json_t *settings, const char *key)
{
    const json_t *value = json_object_get(settings, key);
    const char *text = json_string_value(value);
    return text != NULL ? text[0] != '\0' && strcmp(text, "0") != 0 : json_number_value(value) != 0;
}

/* Is a test worth while? */
static bool review_point(struct findings *out, const json_t *point,
                         const struct review_source *source)
{
    const json_t *settings = json_object_get(point, "settings");
    const char *name = text_of(point, "name");
    bool good = !source->is_signed || review_signature(out, name, settings, source);
    if (text_of(json_object_get(settings, "payload"), "template")[0] != '\0') {
        findings_add(out, SEVERITY_ERROR, "contact-point",
                     "%.80s sends a payload of its own, which the relay cannot read: remove it",
                     name);
        good = false;
    }
    if (is_set(settings, "maxAlerts"))
        findings_add(out, SEVERITY_WARNING, "contact-point",
                     "%.80s leaves alerts out (maxAlerts): set it to 0", name);
    if (json_is_true(json_object_get(point, "disableResolveMessage")))
        findings_add(out, SEVERITY_WARNING, "contact-point",
                     "%.80s does not tell of resolved alerts, so that a key is re-armed by time "
                     "alone: send them",
                     name);
    if (good)
        findings_add(out, SEVERITY_OK, "contact-point", "%.80s posts to %.200s%s", name,
                     text_of(settings, "url"), source->is_signed ? " and signs" : "");
    return good;
}

json_t *review_contact_points(struct findings *out, const json_t *points,
                              const struct review_source *source)
{
    json_t *good = json_array();
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(points); i++) {
        json_t *point = json_array_get(points, i);
        if (!is_webhook_to(point, source->path))
            continue;
        found++;
        if (review_point(out, point, source))
            (void)json_array_append(good, point);
    }
    if (found == 0)
        findings_add(
            out, SEVERITY_ERROR, "contact-point",
            "no webhook posts to %.200s, the path of source %s: make a contact point for it",
            source->path, source->name);
    return good;
}

void review_test(struct findings *out, const json_t *point, const struct review_source *source,
                 const struct grafana_answer *answer)
{
    static const char by_hand[] = "press Test in Grafana and look for it in the relay's log";
    static const struct grafana_answer unsent = {.body = "", .error = "none was sent"};
    const struct grafana_answer *a = answer == NULL ? &unsent : answer;
    SCOPED(json_release_p) json_t *json = grafana_answer_json(a);
    const json_t *receiver = json_array_get(json_object_get(json, "receivers"), 0);
    const json_t *result =
        json_array_get(json_object_get(receiver, "grafana_managed_receiver_configs"), 0);
    const char *name = text_of(point, "name");
    char words[400];
    grafana_answer_words(a, words, sizeof(words));
    if (strcmp(text_of(result, "status"), "ok") == 0)
        findings_add(out, SEVERITY_OK, "test", "%.80s sent its test, and source %s accepted it",
                     name, source->name);
    else if (result != NULL)
        findings_add(out, SEVERITY_ERROR, "test",
                     "%.80s sent its test in vain: %.300s: look at its URL, and give it the secret "
                     "of source %s",
                     name, text_of(result, "error"), source->name);
    else if (answer == NULL)
        findings_add(out, SEVERITY_SKIPPED, "test",
                     "whether %.80s has the secret of source %s only its test can tell: %s", name,
                     source->name, by_hand);
    else if (a->status == 404)
        findings_add(out, SEVERITY_SKIPPED, "test",
                     "%.80s cannot be told to send its test, since Grafana 13 has no such call: %s",
                     name, by_hand);
    else
        findings_add(out, SEVERITY_SKIPPED, "test", "%.80s did not send its test: %s: %s", name,
                     words, by_hand);
}

/* --- rules
 * -------------------------------------------------------------------------------------- */

static int64_t time_of(int64_t rules, const char *policy, int64_t otherwise)
{
    int64_t ms;
    if (rules >= 0)
        return rules;
    return parse_duration_ms(&ms, policy, NULL) == 0 ? ms : otherwise;
}

static void review_times(struct findings *out, const char *uid, const json_t *rule,
                         const struct review_route *route, const struct grafana_way *way)
{
    struct grafana_timing t;
    char said[4][DURATION_MAX];
    int64_t flap_ms;
    int64_t silence_ms;
    grafana_rule_timing(&t, rule);
    int64_t for_ms = t.for_ms < 0 ? 0 : t.for_ms;
    int64_t group_ms = time_of(t.group_interval_ms, way->group_interval, GROUP_INTERVAL_MS);
    int64_t repeat_ms = time_of(t.repeat_ms, way->repeat_interval, REPEAT_INTERVAL_MS);
    if (__builtin_add_overflow(for_ms, group_ms, &flap_ms) ||
        __builtin_mul_overflow(repeat_ms, 2, &silence_ms))
        return;
    format_duration_ms(said[0], for_ms);
    format_duration_ms(said[1], group_ms);
    format_duration_ms(said[2], route->settle_ms);
    if (route->settles && route->settle_ms <= flap_ms)
        findings_add(
            out, SEVERITY_WARNING, "settle",
            "%.40s: settle %s of route %s is not longer than for %s + group_interval %s, so "
            "that an edit or a flap can look like a new incident: raise settle",
            uid, said[2], route->name, said[0], said[1]);
    format_duration_ms(said[3], route->stale_after_ms);
    format_duration_ms(said[0], repeat_ms);
    if (route->stale_after_ms <= silence_ms)
        findings_add(
            out, SEVERITY_WARNING, "stale_after",
            "%.40s: stale_after %s of route %s is not longer than twice the "
            "repeat_interval %s, so that an alert that still fires can be forgotten: raise "
            "stale_after, or shorten repeat_interval",
            uid, said[3], route->name, said[0]);
}

/* Whether somewhere the rule's alerts go posts to the relay. */
static bool is_ours(const struct review_paths *paths, const char *receiver)
{
    for (size_t i = 0; i < json_array_size(paths->points); i++) {
        const json_t *point = json_array_get(paths->points, i);
        for (size_t k = 0; k < paths->n_sources; k++) {
            if (strcmp(text_of(point, "name"), receiver) == 0 &&
                is_webhook_to(point, paths->sources[k].path))
                return true;
        }
    }
    return false;
}

static void review_policies(struct findings *out, const char *uid, const struct review_paths *paths,
                            const struct grafana_way *ways, size_t n)
{
    bool maybe = false;
    for (size_t i = 0; i < n; i++) {
        if (is_ours(paths, ways[i].receiver) && ways[i].sure)
            return;
        maybe = maybe || is_ours(paths, ways[i].receiver);
    }
    if (maybe)
        findings_add(out, SEVERITY_SKIPPED, "rule",
                     "%.40s reaches the relay only if the labels of its series fit a notification "
                     "policy, which cannot be told from here: name the contact point in the rule",
                     uid);
    else
        findings_add(out, SEVERITY_WARNING, "rule",
                     "%.40s names no contact point, and the notification policies send it to "
                     "%.80s, which posts to no source of the relay: choose the relay's contact "
                     "point in the rule",
                     uid, n > 0 ? ways[0].receiver : "nobody");
}

/* Of the way to the relay, or else the first. */
static struct grafana_way way_of(const struct review_paths *paths, const struct grafana_way *ways,
                                 size_t n)
{
    static const struct grafana_way nowhere = {"", "", "", false};
    for (size_t i = 0; i < n; i++) {
        if (is_ours(paths, ways[i].receiver))
            return ways[i];
    }
    return n > 0 ? ways[0] : nowhere;
}

static void review_states(struct findings *out, const char *uid, const json_t *rule)
{
    if (json_is_true(json_object_get(rule, "isPaused")))
        findings_add(out, SEVERITY_WARNING, "rule",
                     "%.40s is paused and fires nothing: resume it in Grafana", uid);
    if (text_of(rule, "provenance")[0] != '\0')
        findings_add(out, SEVERITY_WARNING, "rule",
                     "%.40s is provisioned (%.40s), so that nobody can edit its threshold in "
                     "Grafana: seed it instead",
                     uid, text_of(rule, "provenance"));
    if (strcmp(text_of(rule, "noDataState"), "OK") == 0 ||
        strcmp(text_of(rule, "execErrState"), "OK") == 0)
        findings_add(out, SEVERITY_WARNING, "rule",
                     "%.40s resolves when its data is missing or cannot be read (OK), so that an "
                     "outage re-arms a key: use KeepLast",
                     uid);
}

static void review_way(struct findings *out, const char *uid, const json_t *rule,
                       const struct review_route *route, const struct review_paths *paths)
{
    struct grafana_way ways[GRAFANA_WAYS_MAX];
    struct grafana_timing t;
    size_t n = grafana_policies_ways(ways, paths->policies, rule);
    struct grafana_way way = way_of(paths, ways, n);
    grafana_rule_timing(&t, rule);
    if (paths->points != NULL && t.receiver != NULL && !is_ours(paths, t.receiver))
        findings_add(out, SEVERITY_WARNING, "rule",
                     "%.40s notifies %.80s, which posts to no source of the relay: choose another "
                     "contact point in the rule",
                     uid, t.receiver);
    else if (paths->points != NULL && paths->policies != NULL && t.receiver == NULL)
        review_policies(out, uid, paths, ways, n);
    review_times(out, uid, rule, route, &way);
}

void review_rule(struct findings *out, const json_t *rule, const struct review_route *route,
                 const struct review_paths *paths, const json_t *seed)
{
    struct grafana_threshold threshold;
    SCOPED(buf_free) struct buf words = BUF_INIT(WORDS_MAX);
    SCOPED(buf_free) struct buf edits = BUF_INIT(WORDS_MAX);
    const char *uid = text_of(rule, "uid");
    if (grafana_rule_threshold(&threshold, rule))
        grafana_threshold_add(&words, &threshold);
    else
        buf_add_text(&words, "no threshold");
    if (seed != NULL)
        grafana_rule_differences(&edits, seed, rule);
    findings_add(out, SEVERITY_OK, "rule", "%.40s (%.80s) is there: %.60s, to route %s%s%.150s",
                 uid, text_of(rule, "title"), buf_text(&words), route->name,
                 seed == NULL    ? ""
                 : edits.len > 0 ? "; edited since it was seeded: "
                                 : "; as it was seeded",
                 buf_text(&edits));
    review_states(out, uid, rule);
    review_way(out, uid, rule, route, paths);
}

void review_absent(struct findings *out, const struct grafana_rule *seed, const json_t *entry)
{
    char when[RFC3339_MAX];
    if (entry == NULL) {
        findings_add(out, SEVERITY_WARNING, "rule",
                     "%.40s is not there and never was: drift-relay grafana seed creates it",
                     seed->uid);
        return;
    }
    int64_t ms = json_integer_value(json_object_get(entry, "time"));
    format_rfc3339_ms(when, ms - ms % 1000);
    findings_add(
        out, SEVERITY_OK, "rule",
        "%.40s was seeded at %s and deleted since: it stays away (drift-relay grafana seed "
        "--reset %.40s brings it back)",
        seed->uid, when, seed->uid);
}

/* --- data sources
 * -------------------------------------------------------------------------------------- */

void review_data_source(struct findings *out, const char *uid, const struct grafana_answer *answer)
{
    SCOPED(json_release_p) json_t *json = grafana_answer_json(answer);
    char words[400];
    grafana_answer_words(answer, words, sizeof(words));
    if (answer->status == 200 && strcasecmp(text_of(json, "status"), "OK") == 0)
        findings_add(out, SEVERITY_OK, "data-source", "%.40s is healthy", uid);
    else if (answer->status == 404)
        findings_add(out, SEVERITY_ERROR, "data-source",
                     "%.40s is not there, though a rule asks it: make it, or choose another in the "
                     "rule",
                     uid);
    else if (answer->status == 401 || answer->status == 403)
        findings_add(out, SEVERITY_SKIPPED, "data-source", "%.40s may not be asked: %s", uid,
                     words);
    else
        findings_add(out, SEVERITY_ERROR, "data-source",
                     "%.40s is not healthy: %s: look at its URL and at Prometheus", uid, words);
}
