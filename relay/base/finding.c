#include "relay/base/finding.h"

#include "relay/base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *severity_text(enum severity s)
{
    static const char *const texts[SEVERITIES] = {[SEVERITY_OK] = "ok",
                                                  [SEVERITY_SKIPPED] = "skipped",
                                                  [SEVERITY_WARNING] = "warning",
                                                  [SEVERITY_ERROR] = "error"};
    return texts[s];
}

void findings_add(struct findings *list, enum severity severity, const char *subject,
                  const char *format, ...)
{
    list->items = must_grow(list->items, list->n + 1, sizeof(*list->items));
    va_list arguments;
    struct finding *added = &list->items[list->n++];
    *added = (struct finding){.severity = severity, .subject = subject};
    va_start(arguments, format);
    (void)vsnprintf(added->text, sizeof(added->text), format, arguments);
    va_end(arguments);
}

void findings_clear(struct findings *list)
{
    free(list->items);
    *list = (struct findings){0};
}
