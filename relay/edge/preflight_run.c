#include "relay/edge/preflight_run.h"

#include "relay/base/scope.h"
#include "relay/conf_preflight.h"
#include "relay/edge/carrier.h"

#include <errno.h>
#include <stdlib.h>

struct preflight_runner {
    const struct clock *clock;
    struct carrier *carrier;
};

/* The one exchange that is under way. */
struct carried {
    struct exchange_answer *answer;
    bool over;
};

int preflight_runner_new(struct preflight_runner **out, const struct clock *clock,
                         struct error *err)
{
    SCOPED(preflight_runner_free_p) struct preflight_runner *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return error_set(err, -ENOMEM, "preflight: out of memory");
    r->clock = clock;
    int failed = carrier_new(&r->carrier, clock, err);
    if (failed == 0)
        *out = GIVE(r);
    return failed;
}

void preflight_runner_free(struct preflight_runner *r)
{
    if (r == NULL)
        return;
    carrier_free(r->carrier);
    free(r);
}

void preflight_runner_free_p(struct preflight_runner **r)
{
    preflight_runner_free(*r);
}

static void answered(void *context, const struct exchange *x, struct exchange_answer *answer)
{
    struct carried *c = context;
    (void)x;
    *c->answer = *answer;
    c->over = true;
}

/* Takes x; *answer is the caller's to clear. */
static void carry(struct preflight_runner *r, struct exchange *x,
                  const struct conf_credential *credential, struct exchange_answer *answer)
{
    struct carried c = {.answer = answer};
    carrier_send(r->carrier, x, credential, answered, &c);
    while (!c.over)
        carrier_run(r->carrier, -1); /* every call has its own end */
}

int preflight_runner_ask(struct preflight_runner *r, struct preflight **out,
                         const struct conf *conf, const struct target *target, struct error *err)
{
    const struct conf_credential *credential = conf_credential_by_name(conf, target->credential);
    SCOPED(preflight_free_p) struct preflight *p = NULL;
    int failed = conf_preflight(&p, conf, target, err);
    while (failed == 0) {
        SCOPED(exchange_free_p) struct exchange *x = NULL;
        struct exchange_answer answer = {0};
        failed = preflight_next(p, &x, err);
        if (failed != PREFLIGHT_ASK)
            break;
        carry(r, GIVE(x), credential, &answer);
        preflight_answer(p, &answer, clock_wall(r->clock));
        exchange_answer_clear(&answer);
        failed = 0;
    }
    if (failed == 0)
        *out = GIVE(p);
    return failed;
}
