#include "relay/alert/alertmanager.h"

#include "relay/alert/body.h"

#include <string.h>

static int check_version(const struct place *top, struct error *err)
{
    const char *version = NULL;
    int rc = field_text(&version, top, "version", FIELD_REQUIRED, err);
    if (rc != 0)
        return rc;
    if (strcmp(version, "4") != 0)
        return field_error(err, top, "version", "\"4\" is wanted");
    return 0;
}

int alertmanager_parse(struct notification **out, const char *body, size_t len,
                       const struct alert_limits *limits, struct error *err)
{
    static const struct dialect dialect = {.check = check_version};
    return body_parse(out, &dialect, body, len, limits, err);
}
