/* findings.h - findings of a check on stdout, as lines or JSON, and the exit code they come to. */
#ifndef RELAY_CLI_FINDINGS_H
#define RELAY_CLI_FINDINGS_H

#include "relay/base/buf.h"
#include "relay/base/finding.h"

#include <stdbool.h>

struct tally {
    size_t found[SEVERITIES];
    bool fault, unreachable;
};

/* unreachable: one of the errors says that something was not reached, which is no fault of its own.
 */
void findings_count(struct tally *t, const struct findings *list, bool unreachable);
/* "SEVERITY  NAME: SUBJECT: TEXT", one a line; at once. */
void findings_print(const char *name, const struct findings *list);
/* [{"severity":…,"subject":…,"text":…},…] */
void findings_add_json(struct buf *out, const struct findings *list);
/* "2 errors, 1 warning, 0 skipped" */
void findings_print_sum(const struct tally *t);
/* A fault of its own, else one that could not be reached. */
int findings_exit_code(const struct tally *t);

#endif
