/* target.h - a workflow that may be started: repository, file, ref, and how to reach its API.
 *
 * Owned by the config, immutable. Owner, repository, workflow and ref come from the config only,
 * never from an alert. */
#ifndef RELAY_GITHUB_TARGET_H
#define RELAY_GITHUB_TARGET_H

#include <stdbool.h>
#include <stdint.h>

enum correlation {
    CORRELATION_AUTO,  /* send the input relay_id; go on without it once GitHub calls it unexpected
                        */
    CORRELATION_INPUT, /* always send it */
    CORRELATION_NONE,  /* never send it */
};

struct target {
    char *name;
    char *api_url;    /* "https://api.github.com", "https://HOST/api/v3", no trailing slash */
    char *repository; /* "owner/name", both of [A-Za-z0-9._-] */
    char *workflow;   /* file name or numeric id */
    char *ref;        /* branch or tag */
    char *credential; /* its name */
    enum correlation correlation;
    int64_t budget_max; /* requests in any budget_per_ms; 0 = no budget */
    int64_t budget_per_ms;
};

/* What was learnt about a target; stored, outlives restarts. */
struct target_memory {
    bool no_run_details; /* it refused the key return_run_details: an old server */
    bool no_relay_id;    /* its workflow has no input relay_id */
    bool marked;         /* a run whose id we knew showed [relay_id] in its display_title */
};

/* What a config may name. Each is false for NULL and "". */
/* "owner/name", each [A-Za-z0-9._-]{1,100}, neither "." nor "..". */
bool target_repository_is_valid(const char *repository);
/* A file name (no path: no slash, no control character, at most 255 bytes of UTF-8) or a numeric
 * id. */
bool target_workflow_is_valid(const char *workflow);
/* A branch or tag: git's rules for a ref name (git-check-ref-format(1)), at most 255 bytes. */
bool target_ref_is_valid(const char *ref);

#endif
