#include "relay/cli/build_notification.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* NAME=VALUE into an object; a number when `number`. */
static bool add_pair(json_t *object, const char *pair, bool number)
{
    const char *equal = strchr(pair, '=');
    if (equal == NULL || equal == pair) {
        fprintf(stderr, "drift-relay send: \"%s\": NAME=VALUE is wanted\n", pair);
        return false;
    }
    SCOPED(free_p) char *name = strndup(pair, (size_t)(equal - pair));
    json_t *value = NULL;
    double real;
    struct error err = {0};
    if (!number)
        value = json_string(equal + 1);
    else if (parse_double(&real, equal + 1, &err) == 0)
        value = json_real(real);
    if (name == NULL || value == NULL || json_object_set_new(object, name, value) != 0) {
        fprintf(stderr, "drift-relay send: \"%s\": %s\n", pair,
                err.text[0] == '\0' ? "is no UTF-8" : err.text);
        return false;
    }
    return true;
}

static bool add_pairs(json_t *object, const struct cli_args *args, const char *option, bool number)
{
    const char *const *pairs;
    size_t n = cli_list(args, option, &pairs);
    for (size_t i = 0; i < n; i++) {
        if (!add_pair(object, pairs[i], number))
            return false;
    }
    return true;
}

/* 16 hexadecimal digits that depend on all labels and on nothing else. */
static json_t *fingerprint_of(const json_t *labels)
{
    unsigned char hash[crypto_generichash_BYTES];
    char text[17];
    SCOPED(free_p) char *sorted = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
    if (sorted == NULL || crypto_generichash(hash, sizeof(hash), (const unsigned char *)sorted,
                                             strlen(sorted), NULL, 0) != 0)
        return NULL;
    (void)sodium_bin2hex(text, sizeof(text), hash, 8);
    return json_string(text);
}

static json_t *time_of(int64_t unix_ms)
{
    char text[RFC3339_MAX];
    format_rfc3339_ms(text, unix_ms);
    return json_string(text);
}

static json_t *build_alert(const struct cli_args *args, struct wall now, bool resolved)
{
    SCOPED(json_release_p) json_t *labels = json_object();
    SCOPED(json_release_p) json_t *annotations = json_object();
    SCOPED(json_release_p) json_t *values = json_object();
    const char *alertname = cli_value(args, "alertname");
    const char *starts = cli_value(args, "starts-at");
    int64_t starts_at = now.ms / 1000 * 1000;
    struct error err = {0};
    if (starts != NULL && parse_rfc3339_ms(&starts_at, starts, &err) != 0) {
        fprintf(stderr, "drift-relay send: --starts-at: %s\n", err.text);
        return NULL;
    }
    if (json_object_set_new(labels, "alertname",
                            json_string(alertname == NULL ? "Data drift" : alertname)) != 0 ||
        !add_pairs(labels, args, "label", false) ||
        !add_pairs(annotations, args, "annotation", false) ||
        !add_pairs(values, args, "value", true))
        return NULL;
    return json_pack("{s:s, s:O, s:O, s:o, s:o, s:s, s:o, s:O, s:s, s:i}", "status",
                     resolved ? "resolved" : "firing", "labels", labels, "annotations", annotations,
                     "startsAt", time_of(starts_at), "endsAt",
                     resolved ? time_of(now.ms) : json_string("0001-01-01T00:00:00Z"),
                     "generatorURL", "", "fingerprint", fingerprint_of(labels), "values", values,
                     "valueString", "", "orgId", 1);
}

char *build_notification(const struct cli_args *args, struct wall now)
{
    bool resolved = cli_value(args, "resolved") != NULL;
    SCOPED(json_release_p) json_t *alert = build_alert(args, now, resolved);
    if (alert == NULL)
        return NULL;
    json_t *labels = json_object_get(alert, "labels");
    SCOPED(json_release_p)
    json_t *body = json_pack(
        "{s:s, s:s, s:[O], s:{}, s:O, s:{}, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "receiver",
        "drift-relay-send", "status", resolved ? "resolved" : "firing", "alerts", alert,
        "groupLabels", "commonLabels", labels, "commonAnnotations", "externalURL", "", "version",
        "1", "groupKey", "{}:{}", "truncatedAlerts", 0, "orgId", 1, "title", "drift-relay send",
        "state", resolved ? "ok" : "alerting", "message", "");
    return body == NULL ? NULL : json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));
}
