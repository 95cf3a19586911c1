/* fields.h - reads typed fields of a webhook body; what is wrong is named with its place.
 *
 * Shared by the parsers of this room. Texts are borrowed from the JSON tree. Every function gives
 * 0, or -EINVAL with err saying "alerts[3].labels.model: a string is wanted, not null". An absent
 * field leaves *out as it was, unless it is required; null is not absent. */
#ifndef RELAY_ALERT_FIELDS_H
#define RELAY_ALERT_FIELDS_H

#include "relay/alert/alert.h"

#include <jansson.h>

/* An object of the body, and where it stands. */
struct place {
    json_t *object;
    size_t alert;    /* index in alerts, or PLACE_TOP */
    const char *map; /* "labels", "annotations", "values" of that alert; NULL = the alert itself */
};
#define PLACE_TOP SIZE_MAX

enum presence { FIELD_OPTIONAL, FIELD_REQUIRED };

/* Returns -EINVAL. Whatever key holds, the message is one line. */
int field_error(struct error *err, const struct place *at, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

__attribute__((warn_unused_result)) int field_text(const char **out, const struct place *at,
                                                   const char *key, enum presence presence,
                                                   struct error *err);
/* An integer >= 0. */
__attribute__((warn_unused_result)) int field_count(int64_t *out, const struct place *at,
                                                    const char *key, struct error *err);
/* RFC 3339, as unix ms; TIME_NONE for Go's zero date. */
__attribute__((warn_unused_result)) int field_time(int64_t *out, const struct place *at,
                                                   const char *key, struct error *err);
/* Leaves *out NULL when the object is absent. */
__attribute__((warn_unused_result)) int field_object(json_t **out, const struct place *at,
                                                     const char *key, enum presence presence,
                                                     struct error *err);
/* What a value is, for messages: "a string", "null", ... */
const char *field_type_text(const json_t *value);

#endif
