#include "relay/alert/body.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void body_free(struct body *body)
{
    if (body == NULL)
        return;
    json_decref(body->tree);
    free(body->alerts);
    free(body->labels);
    free(body->values);
    free(body->uids);
    free(body);
}

void body_free_p(struct body **body)
{
    body_free(*body);
}

/* The UID in ".../alerting/grafana/UID/view...": its first byte and length, 0 when there is none.
 */
static size_t find_url_uid(const char **uid, const char *url)
{
    static const char before[] = "/alerting/grafana/", after[] = "/view";
    static const char uid_bytes[] = "abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *found = url == NULL ? NULL : strstr(url, before);
    if (found == NULL)
        return 0;
    *uid = found + strlen(before);
    size_t len = strspn(*uid, uid_bytes);
    return strncmp(*uid + len, after, strlen(after)) == 0 ? len : 0;
}

/* calloc that gives a block for 0 too, so that NULL always means out of memory. */
static void *make_array(size_t n, size_t size)
{
    return calloc(n > 0 ? n : 1, size);
}

/* Sizes the arrays by what is there. Types are checked when the fields are read: jansson counts
 * nothing in what is no object. Each thing counted takes more than one byte of a body that is in
 * memory, so no sum can overflow. */
static int allocate(struct body *body, const json_t *alerts, struct error *err)
{
    size_t n = json_array_size(alerts), n_labels = 0, n_values = 0, uid_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *alert = json_array_get(alerts, i);
        n_labels += json_object_size(json_object_get(alert, "labels"));
        n_labels += json_object_size(json_object_get(alert, "annotations"));
        n_values += json_object_size(json_object_get(alert, "values"));
        const char *uid;
        uid_bytes +=
            find_url_uid(&uid, json_string_value(json_object_get(alert, "generatorURL"))) + 1;
    }
    body->alerts = make_array(n, sizeof(*body->alerts));
    body->labels = make_array(n_labels, sizeof(*body->labels));
    body->values = make_array(n_values, sizeof(*body->values));
    body->uids = make_array(uid_bytes, 1);
    if (body->alerts == NULL || body->labels == NULL || body->values == NULL || body->uids == NULL)
        return error_set(err, -ENOMEM, "notification: out of memory");
    return 0;
}

static int compare_labels(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The object at->object[map] of strings, sorted. */
static int read_labels(struct body *body, const struct place *at, const char *map,
                       enum presence presence, size_t limit, const struct label **out, size_t *n,
                       struct error *err)
{
    struct place inside = {.alert = at->alert, .map = map};
    int rc = field_object(&inside.object, at, map, presence, err);
    if (rc != 0)
        return rc;
    size_t size = json_object_size(inside.object);
    if (size > limit)
        return field_error(err, at, map, "%zu entries, and at most %zu are taken", size, limit);

    struct label *labels = body->labels + body->labels_used;
    const char *name;
    json_t *ignored;
    json_object_foreach(inside.object, name, ignored)
    {
        labels[*n].name = name;
        rc = field_text(&labels[*n].value, &inside, name, FIELD_REQUIRED, err);
        if (rc != 0)
            return rc;
        (*n)++;
    }
    qsort(labels, *n, sizeof(*labels), compare_labels);
    body->labels_used += *n;
    *out = labels;
    return 0;
}

static int read_status(bool *resolved, const struct place *at, struct error *err)
{
    const char *status = NULL;
    int rc = field_text(&status, at, "status", FIELD_REQUIRED, err);
    if (rc != 0)
        return rc;
    *resolved = strcmp(status, "resolved") == 0;
    if (!*resolved && strcmp(status, "firing") != 0)
        return field_error(err, at, "status", "\"firing\" or \"resolved\" is wanted");
    return 0;
}

static int read_fingerprint(struct alert *alert, const struct place *at, struct error *err)
{
    int rc = field_text(&alert->fingerprint, at, "fingerprint", FIELD_REQUIRED, err);
    if (rc == 0 && alert->fingerprint[0] == '\0')
        return field_error(err, at, "fingerprint", "must not be empty");
    return rc;
}

/* The text, or NULL when it is absent or empty. */
static const char *not_empty(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Where the sender did not name the rule itself (alert->rule_uid set already). */
static int complete_rule_uid(struct body *body, struct alert *alert, const struct place *at,
                             struct error *err)
{
    const char *url = NULL;
    int rc = field_text(&url, at, "generatorURL", FIELD_OPTIONAL, err);
    if (rc != 0 || alert->rule_uid != NULL)
        return rc;
    alert->rule_uid = not_empty(label_value(alert->labels, alert->n_labels, "rule_uid"));
    if (alert->rule_uid == NULL)
        alert->rule_uid =
            not_empty(label_value(alert->annotations, alert->n_annotations, "rule_uid"));
    const char *uid;
    size_t len = find_url_uid(&uid, url);
    if (alert->rule_uid == NULL && len > 0) {
        char *copy = body->uids + body->uids_used;
        memcpy(copy, uid, len); /* its NUL is there: the array is zeroed */
        body->uids_used += len + 1;
        alert->rule_uid = copy;
    }
    return 0;
}

static int read_alert(struct body *body, const struct dialect *dialect, const struct place *at,
                      const struct alert_limits *limits, struct alert *alert, struct error *err)
{
    bool resolved;
    alert->starts_at = alert->ends_at = TIME_NONE;
    int rc = read_status(&resolved, at, err);
    if (rc == 0)
        rc = read_fingerprint(alert, at, err);
    if (rc == 0)
        rc = read_labels(body, at, "labels", FIELD_REQUIRED, limits->labels, &alert->labels,
                         &alert->n_labels, err);
    if (rc == 0)
        rc = read_labels(body, at, "annotations", FIELD_OPTIONAL, limits->labels,
                         &alert->annotations, &alert->n_annotations, err);
    if (rc == 0)
        rc = field_time(&alert->starts_at, at, "startsAt", err);
    if (rc == 0)
        rc = field_time(&alert->ends_at, at, "endsAt", err);
    if (rc == 0 && dialect->read_alert != NULL)
        rc = dialect->read_alert(body, at, alert, err);
    if (rc == 0)
        rc = complete_rule_uid(body, alert, at, err);
    if (rc != 0)
        return rc;

    const char *alertname = label_value(alert->labels, alert->n_labels, "alertname");
    alert->alertname = alertname != NULL ? alertname : "";
    alert->state_reason =
        label_value(alert->annotations, alert->n_annotations, "grafana_state_reason");
    alert->kind = alert_kind_of(resolved, body->notification.group_key, alert->alertname,
                                alert->state_reason);
    return 0;
}

static int read_top(struct notification *n, const struct place *top, struct error *err)
{
    n->receiver = n->group_key = n->external_url = "";
    int rc = field_text(&n->receiver, top, "receiver", FIELD_OPTIONAL, err);
    if (rc == 0)
        rc = field_text(&n->group_key, top, "groupKey", FIELD_OPTIONAL, err);
    if (rc == 0)
        rc = field_text(&n->external_url, top, "externalURL", FIELD_OPTIONAL, err);
    if (rc == 0)
        rc = field_count(&n->truncated_alerts, top, "truncatedAlerts", err);
    return rc;
}

static int find_alerts(json_t **out, const struct place *top, size_t limit, struct error *err)
{
    json_t *alerts = json_object_get(top->object, "alerts");
    if (alerts == NULL)
        return field_error(err, top, "alerts", "is missing");
    if (!json_is_array(alerts))
        return field_error(err, top, "alerts", "an array is wanted, not %s",
                           field_type_text(alerts));
    size_t n = json_array_size(alerts);
    if (n == 0)
        return field_error(err, top, "alerts", "must not be empty");
    if (n > limit)
        return field_error(err, top, "alerts", "%zu alerts, and at most %zu are taken", n, limit);
    *out = alerts;
    return 0;
}

static int read_alerts(struct body *body, const struct dialect *dialect, const json_t *alerts,
                       const struct alert_limits *limits, struct error *err)
{
    size_t n = json_array_size(alerts);
    for (size_t i = 0; i < n; i++) {
        struct place at = {.object = json_array_get(alerts, i), .alert = i};
        if (!json_is_object(at.object))
            return error_set(err, -EINVAL, "alerts[%zu]: an object is wanted, not %s", i,
                             field_type_text(at.object));
        int rc = read_alert(body, dialect, &at, limits, &body->alerts[i], err);
        if (rc != 0)
            return rc;
    }
    body->notification.alerts = body->alerts;
    body->notification.n_alerts = n;
    return 0;
}

int body_parse(struct notification **out, const struct dialect *dialect, const char *bytes,
               size_t len, const struct alert_limits *limits, struct error *err)
{
    SCOPED(body_free_p) struct body *body = calloc(1, sizeof(*body));
    if (body == NULL)
        return error_set(err, -ENOMEM, "notification: out of memory");
    body->notification.memory_ = body;
    int rc = strict_json_load(&body->tree, bytes, len, limits->depth, err);
    if (rc != 0)
        return rc;
    if (!json_is_object(body->tree))
        return error_set(err, -EINVAL, "the body: an object is wanted, not %s",
                         field_type_text(body->tree));

    const struct place top = {.object = body->tree, .alert = PLACE_TOP};
    json_t *alerts = NULL;
    if (dialect->check != NULL)
        rc = dialect->check(&top, err);
    if (rc == 0)
        rc = read_top(&body->notification, &top, err);
    if (rc == 0)
        rc = find_alerts(&alerts, &top, limits->alerts, err);
    if (rc == 0)
        rc = allocate(body, alerts, err);
    if (rc == 0)
        rc = read_alerts(body, dialect, alerts, limits, err);
    if (rc != 0)
        return rc;
    *out = &GIVE(body)->notification;
    return 0;
}
