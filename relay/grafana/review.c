#include "relay/grafana/review.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

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

static void review_point(struct findings *out, const json_t *point,
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
    if (!good)
        return;
    findings_add(out, SEVERITY_OK, "contact-point", "%.80s posts to %.200s%s", name,
                 text_of(settings, "url"), source->is_signed ? " and signs" : "");
    findings_add(out, SEVERITY_SKIPPED, "secret",
                 "whether %.80s has the secret of source %s only a notification can tell: press "
                 "Test in Grafana and look for it in the relay's log",
                 name, source->name);
}

void review_contact_points(struct findings *out, const json_t *points,
                           const struct review_source *source)
{
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(points); i++) {
        if (!is_webhook_to(json_array_get(points, i), source->path))
            continue;
        found++;
        review_point(out, json_array_get(points, i), source);
    }
    if (found == 0)
        findings_add(
            out, SEVERITY_ERROR, "contact-point",
            "no webhook posts to %.200s, the path of source %s: make a contact point for it",
            source->path, source->name);
}

/* --- rules
 * -------------------------------------------------------------------------------------- */

static int64_t time_of(int64_t rules, const json_t *policies, const char *key, int64_t otherwise)
{
    int64_t ms;
    if (rules >= 0)
        return rules;
    return parse_duration_ms(&ms, text_of(policies, key), NULL) == 0 ? ms : otherwise;
}

static void review_times(struct findings *out, const char *uid, const json_t *rule,
                         const struct review_route *route, const json_t *policies)
{
    struct grafana_timing t;
    char said[4][DURATION_MAX];
    int64_t flap_ms;
    int64_t silence_ms;
    grafana_rule_timing(&t, rule);
    int64_t for_ms = t.for_ms < 0 ? 0 : t.for_ms;
    int64_t group_ms = time_of(t.group_interval_ms, policies, "group_interval", GROUP_INTERVAL_MS);
    int64_t repeat_ms = time_of(t.repeat_ms, policies, "repeat_interval", REPEAT_INTERVAL_MS);
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

void review_rule(struct findings *out, const json_t *rule, const struct review_route *route,
                 const json_t *policies, const json_t *seed)
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
    review_times(out, uid, rule, route, policies);
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

void review_receiver(struct findings *out, const json_t *rule, const json_t *points,
                     const struct review_source *sources, size_t n)
{
    struct grafana_timing t;
    grafana_rule_timing(&t, rule);
    if (t.receiver == NULL)
        return;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        for (size_t k = 0; k < n && strcmp(text_of(point, "name"), t.receiver) == 0; k++) {
            if (is_webhook_to(point, sources[k].path))
                return;
        }
    }
    findings_add(out, SEVERITY_WARNING, "rule",
                 "%.40s notifies %.80s, which posts to no source of the relay: choose another "
                 "contact point in the rule",
                 text_of(rule, "uid"), t.receiver);
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
