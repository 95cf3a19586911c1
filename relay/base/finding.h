/* finding.h - what a check of something outside found: one line each, with a remedy where something
 * is wrong. */
#ifndef RELAY_BASE_FINDING_H
#define RELAY_BASE_FINDING_H

#include <stddef.h>

enum severity { SEVERITY_OK, SEVERITY_SKIPPED, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITIES };
const char *severity_text(enum severity s); /* "ok", "skipped", "warning", "error" */

struct finding {
    enum severity severity;
    const char *subject; /* static */
    char text[512];      /* one line for people */
};

struct findings {
    struct finding *items;
    size_t n;
};

/* Text that does not fit is cut. Aborts without memory, since a fault must not get lost. */
void findings_add(struct findings *list, enum severity severity, const char *subject,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void findings_clear(struct findings *list);

#endif
