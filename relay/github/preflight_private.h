/* preflight_private.h - shared by preflight.c (the row) and the two that judge answers. */
#ifndef RELAY_GITHUB_PREFLIGHT_PRIVATE_H
#define RELAY_GITHUB_PREFLIGHT_PRIVATE_H

#include "relay/github/preflight.h"

enum ask { ASK_LIMIT, ASK_REPOSITORY, ASK_BRANCH, ASK_TAG, ASK_WORKFLOW, ASK_FILE, ASK_NOTHING };

#define PREFLIGHT_PATH_MAX 512

struct preflight {
    const struct target *target;
    struct preflight_route *routes;
    size_t n_routes;
    enum ask ask;                  /* what comes next */
    char *elsewhere;               /* URL of the repository where a redirect led, NULL: none */
    char repository[256];          /* as it is called now */
    char path[PREFLIGHT_PATH_MAX]; /* of the workflow's file */
    char scopes[256];              /* of a classic token */
    bool is_classic, is_app;
    bool unreachable;
    bool no_ref; /* so that no file need be asked for there */
    struct findings findings;
};

/* Aborts without memory, as everything that must not lose an answer. */
void preflight_report(struct preflight *p, enum severity severity, const char *subject,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* An answer that is none of those its endpoint promises, in GitHub's words. */
void preflight_report_answer(struct preflight *p, enum severity severity, const char *subject,
                             const struct exchange_answer *answer, const char *remedy);
/* Of a 200 each; p->ask is what comes after it. */
void preflight_judge_limit(struct preflight *p, const struct exchange_answer *answer,
                           struct wall wall);
void preflight_judge_repository(struct preflight *p, const struct exchange_answer *answer);
void preflight_judge_workflow(struct preflight *p, const struct exchange_answer *answer);
void preflight_judge_file(struct preflight *p, const struct exchange_answer *answer);

#endif
