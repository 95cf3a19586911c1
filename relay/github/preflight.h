/* preflight.h - would a dispatch of this target work? Asked without starting anything.
 *
 * A row of GETs, each built when the answers before it are known: the rate limit (reachable, clock,
 * credential, its end), the repository, the ref, the workflow, its file at the ref. What an answer
 * shows becomes findings: one line each, with a remedy where something is wrong. What the
 * credential may not read (a token with Actions alone reads no files) is skipped, not guessed. The
 * whole row is at most 7 exchanges. Pure.
 * Sources: GitHub's REST description of these endpoints; the header x-oauth-scopes comes for
 * classic tokens only. */
#ifndef RELAY_GITHUB_PREFLIGHT_H
#define RELAY_GITHUB_PREFLIGHT_H

#include "relay/base/clock.h"
#include "relay/base/finding.h"
#include "relay/github/exchange.h"
#include "relay/github/inputs.h"

#include <stdbool.h>

#define PREFLIGHT_SKEW_MS   (30 * 1000) /* a larger difference of clocks is warned of */
#define PREFLIGHT_EXPIRY_MS (14 * 24 * 3600 * 1000LL) /* a token that ends sooner */

/* A route that starts the target; borrowed. */
struct preflight_route {
    const char *name;
    const struct inputs *inputs;
};

struct preflight;

/* Borrows target and what the routes name; copies the list. */
__attribute__((warn_unused_result)) int preflight_new(struct preflight **out,
                                                      const struct target *target,
                                                      const struct preflight_route *routes,
                                                      size_t n_routes, struct error *err);
void preflight_free(struct preflight *p); /* NULL is fine */
void preflight_free_p(struct preflight **p);

enum preflight_outcome { PREFLIGHT_ASK = 1 /* carry *out out, then preflight_answer() */ };
/* 0: that was all. */
__attribute__((warn_unused_result)) int preflight_next(struct preflight *p, struct exchange **out,
                                                       struct error *err);
/* wall: when the answer came. */
void preflight_answer(struct preflight *p, const struct exchange_answer *answer, struct wall wall);

/* Nothing more is to be asked. */
bool preflight_is_over(const struct preflight *p);
/* Subjects: reachable clock credential expiry limit repository permission ref workflow file trigger
 * input run-name. */
const struct findings *preflight_findings(const struct preflight *p);
/* An answer is lacking (no connection, 5xx): an error says why, and the rest was not asked. */
bool preflight_is_unreachable(const struct preflight *p);

#endif
