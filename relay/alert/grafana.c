#include "relay/alert/grafana.h"

#include "relay/alert/body.h"

#include <stdlib.h>
#include <string.h>

static int compare_values(const void *a, const void *b)
{
    const struct alert_value *x = a, *y = b;
    return strcmp(x->ref, y->ref);
}

/* Grafana writes null for the object when there is no value, or when one of them is NaN. */
static int read_values(struct body *body, const struct place *at, struct alert *alert,
                       struct error *err)
{
    if (json_is_null(json_object_get(at->object, "values")))
        return 0;
    struct place inside = {.alert = at->alert, .map = "values"};
    int rc = field_object(&inside.object, at, "values", FIELD_OPTIONAL, err);
    if (rc != 0)
        return rc;

    struct alert_value *values = body->values + body->values_used;
    size_t n = 0;
    const char *ref;
    json_t *number;
    json_object_foreach(inside.object, ref, number)
    {
        if (json_is_null(number))
            continue;
        if (!json_is_number(number))
            return field_error(err, &inside, ref, "a number is wanted, not %s",
                               field_type_text(number));
        values[n++] = (struct alert_value){.ref = ref, .number = json_number_value(number)};
    }
    qsort(values, n, sizeof(*values), compare_values);
    body->values_used += n;
    alert->values = values;
    alert->n_values = n;
    return 0;
}

static int read_alert(struct body *body, const struct place *at, struct alert *alert,
                      struct error *err)
{
    const char *uid = "";
    int rc = field_text(&uid, at, "ruleUID", FIELD_OPTIONAL, err);
    if (rc != 0)
        return rc;
    if (uid[0] != '\0')
        alert->rule_uid = uid;
    return read_values(body, at, alert, err);
}

int grafana_parse(struct notification **out, const char *body, size_t len,
                  const struct alert_limits *limits, struct error *err)
{
    static const struct dialect dialect = {.read_alert = read_alert};
    return body_parse(out, &dialect, body, len, limits, err);
}
