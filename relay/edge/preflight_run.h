/* preflight_run.h - carries a preflight out: one exchange after another, each waited for.
 *
 * An exchange takes at most GITHUB_TIMEOUT_MS (twice that more where an App's token is asked for),
 * and the first that gets no answer is the last. One thread; after http_client_setup(). */
#ifndef RELAY_EDGE_PREFLIGHT_RUN_H
#define RELAY_EDGE_PREFLIGHT_RUN_H

#include "relay/base/clock.h"
#include "relay/conf.h"
#include "relay/github/preflight.h"

struct preflight_runner;

/* Borrows clock. */
__attribute__((warn_unused_result)) int
preflight_runner_new(struct preflight_runner **out, const struct clock *clock, struct error *err);
void preflight_runner_free(struct preflight_runner *r); /* NULL is fine */
void preflight_runner_free_p(struct preflight_runner **r);
/* Asks all that there is to ask about a target of conf; *out holds what was found, and borrows
 * conf. */
__attribute__((warn_unused_result)) int
preflight_runner_ask(struct preflight_runner *r, struct preflight **out, const struct conf *conf,
                     const struct target *target, struct error *err);

#endif
