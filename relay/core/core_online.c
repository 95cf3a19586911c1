/* Would a dispatch of each target work? Asked while the relay runs: one GET after another, one
 * target after another, over and over. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/conf_preflight.h"
#include "relay/core/core_views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP_MS   1000             /* between two of its exchanges */
#define AGAIN_MS (3600 * 1000)    /* what somebody mended or broke shows within the hour, … */
#define SOON_MS  (10 * 60 * 1000) /* … that GitHub is reached again, or lets us ask, sooner */

/* Its exchanges serve no request: their relay_id is "". */
#define NO_REQUEST ""

struct looked {
    struct preflight *found; /* of the last whole row; NULL: none yet */
    int64_t next_at;         /* relay */
};

struct core_online {
    struct conf *conf; /* the one that is asked about; what is below borrows it */
    struct preflight *asking;
    size_t target; /* … which */
    struct looked *looked;
    int64_t not_before;
    bool outdated; /* the answer under way is to a question of before */
};

static void drop(struct core_online *o)
{
    preflight_free(o->asking);
    o->asking = NULL;
    for (size_t i = 0; o->conf != NULL && i < o->conf->n_targets; i++)
        preflight_free(o->looked[i].found);
    free(o->looked);
    o->looked = NULL;
    conf_unref(o->conf);
    o->conf = NULL;
}

void core_online_free(struct core_online *o)
{
    if (o == NULL)
        return;
    drop(o);
    free(o);
}

int core_online_new(struct core_online **out, struct error *err)
{
    *out = calloc(1, sizeof(**out));
    return *out == NULL ? error_set(err, -ENOMEM, "core: out of memory") : 0;
}

int core_online_restart(struct core *c, struct error *err)
{
    struct core_online *o = c->online;
    if (o == NULL)
        return 0;
    o->outdated = core_in_flight(c, NO_REQUEST);
    if (o->conf == c->conf) { /* the store was lost and found */
        preflight_free(o->asking);
        o->asking = NULL;
        return 0;
    }
    drop(o);
    metric_clear(c->metrics.target_findings);
    if (!c->conf->check_online)
        return 0;
    o->looked = calloc(c->conf->n_targets + 1, sizeof(*o->looked));
    if (o->looked == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    o->conf = conf_ref(c->conf);
    return 0;
}

/* --- what was found ----------------------------------------------------------------------------
 */

static bool says_the_same(const struct preflight *before, const struct preflight *now)
{
    if (before == NULL)
        return false;
    const struct findings *a = preflight_findings(before), *b = preflight_findings(now);
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].severity != b->items[i].severity ||
            strcmp(a->items[i].text, b->items[i].text) != 0)
            return false;
    return true;
}

static void tell(const char *target, const struct preflight *p)
{
    const struct findings *found = preflight_findings(p);
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct finding *f = &found->items[i];
        if (f->severity < SEVERITY_WARNING)
            continue;
        n++;
        log_warn("core", "target_finding", LOG_STR("target", target),
                 LOG_STR("severity", severity_text(f->severity)), LOG_STR("subject", f->subject),
                 LOG_STR("text", f->text));
    }
    log_info("core", "target_checked", LOG_STR("target", target), LOG_INT("findings", n));
}

static double worst_of(const struct findings *found, const char *subject)
{
    double worst = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct finding *f = &found->items[i];
        double level = f->severity == SEVERITY_ERROR ? 2 : f->severity == SEVERITY_WARNING ? 1 : 0;
        if (strcmp(f->subject, subject) == 0 && level > worst)
            worst = level;
    }
    return worst;
}

/* The worst of each subject; 0 to forget it. */
static void show(struct core *c, const char *target, const struct preflight *p, bool forget)
{
    const struct findings *found = preflight_findings(p);
    for (size_t i = 0; i < found->n; i++) {
        const char *subject = found->items[i].subject;
        metric_set(c->metrics.target_findings, forget ? 0 : worst_of(found, subject), target,
                   subject, NULL);
    }
}

void core_online_show(const struct core *c, struct buf *out)
{
    const struct core_online *o = c->online;
    for (size_t t = 0; o != NULL && o->conf != NULL && t < o->conf->n_targets; t++) {
        const struct preflight *p = o->looked[t].found;
        for (size_t i = 0; p != NULL && i < preflight_findings(p)->n; i++) {
            const struct finding *f = &preflight_findings(p)->items[i];
            if (f->severity < SEVERITY_WARNING)
                continue;
            view_open(out, NULL, '{');
            view_text(out, "target", o->conf->targets[t].name);
            view_text(out, "severity", severity_text(f->severity));
            view_text(out, "text", f->text);
            buf_add_char(out, '}');
        }
    }
}

static bool wants_more(const struct preflight *p)
{
    const struct findings *found = preflight_findings(p);
    for (size_t i = 0; i < found->n; i++)
        if (found->items[i].severity == SEVERITY_WARNING &&
            strcmp(found->items[i].subject, "limit") == 0)
            return true;
    return preflight_is_unreachable(p);
}

static void conclude(struct core *c, int64_t now)
{
    struct core_online *o = c->online;
    struct looked *looked = &o->looked[o->target];
    const char *target = o->conf->targets[o->target].name;
    if (!says_the_same(looked->found, o->asking))
        tell(target, o->asking);
    if (looked->found != NULL)
        show(c, target, looked->found, true);
    show(c, target, o->asking, false);
    looked->next_at = now + (wants_more(o->asking) ? SOON_MS : AGAIN_MS);
    preflight_free(looked->found);
    looked->found = GIVE(o->asking);
}

/* --- asking -----------------------------------------------------------------------------------
 */

static int64_t free_at(struct core *c, size_t target)
{
    const struct core_online *o = c->online;
    const struct credential *credential =
        core_find_credential(c, o->conf->targets[target].credential);
    int64_t at = credential == NULL ? 0 : limits_read_at(credential);
    return at > o->not_before ? at : o->not_before;
}

/* The next target whose time has come, if any. */
static int choose(struct core *c, int64_t now, struct error *err)
{
    struct core_online *o = c->online;
    for (size_t i = 0; i < o->conf->n_targets; i++) {
        int64_t at = free_at(c, i);
        at = at > o->looked[i].next_at ? at : o->looked[i].next_at;
        if (at <= now) {
            o->target = i;
            return conf_preflight(&o->asking, o->conf, &o->conf->targets[i], err);
        }
        core_due_at(c, at);
    }
    return 0;
}

int core_online_due(struct core *c, int64_t now, struct error *err)
{
    struct core_online *o = c->online;
    if (o == NULL || o->conf == NULL || c->quitting || core_in_flight(c, NO_REQUEST))
        return 0;
    int r = o->asking == NULL ? choose(c, now, err) : 0;
    if (r != 0 || o->asking == NULL)
        return r;
    int64_t at = free_at(c, o->target);
    if (at > now) {
        core_due_at(c, at);
        return 0;
    }
    struct exchange *x;
    r = preflight_next(o->asking, &x, err);
    if (r == PREFLIGHT_ASK)
        return core_start_exchange(c, x, err);
    if (r < 0) /* a URL too long: what is known so far stays */
        log_warn("core", "target_unchecked", LOG_STR("error", err->text));
    conclude(c, now);
    core_due_at(c, now);
    return 0;
}

/* Of the credential only a limit and a success tell: what it may not read, a dispatch may not need.
 */
static int note(struct core *c, const struct exchange_answer *answer, int64_t now,
                struct error *err)
{
    const struct core_online *o = c->online;
    struct credential *credential = core_find_credential(c, o->conf->targets[o->target].credential);
    enum outcome outcome = limits_class(answer);
    if (credential == NULL || (outcome != OUTCOME_LIMITED && answer->status != 200) ||
        !limits_note(credential, answer, outcome, now, clock_wall(c->ports.clock)))
        return 0;
    int r = core_begin(c, err);
    return r != 0 ? r : c->ports.store.ops->put_credential(c->ports.store.self, credential, err);
}

int core_online_answer(struct core *c, const struct exchange_answer *answer, int64_t now,
                       struct error *err)
{
    struct core_online *o = c->online;
    if (o == NULL || o->asking == NULL || o->outdated) {
        if (o != NULL)
            o->outdated = false;
        return 0;
    }
    int r = note(c, answer, now, err);
    if (r != 0)
        return r;
    preflight_answer(o->asking, answer, clock_wall(c->ports.clock));
    o->not_before = now + GAP_MS;
    if (preflight_is_over(o->asking))
        conclude(c, now);
    return 0;
}
