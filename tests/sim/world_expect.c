/* What each message should do, told to the model. */
#include "tests/sim/world.h"

#include <stdio.h>
#include <string.h>

int world_credential(const struct world *w, int target)
{
    const struct sim_conf *c = w->x.model.conf;
    if (!c->targets[target].present)
        return -1;
    return c->targets[target].token;
}

/* --- notifications ------------------------------------------------------------------------------
 */

static int known_mac(const struct ledger *l, unsigned nonce)
{
    for (size_t i = l->n; i-- > 0;) {
        if (l->rows[i].nonce == nonce && l->rows[i].has_mac)
            return (int)i;
    }
    return -1;
}

static void expect_notification(struct world *w, struct sent *s, int64_t now)
{
    struct ledger *l = &w->x.ledger;
    bool is_signed = s->event->source == 0;
    s->n = s->event->n_items;
    if (s->event->flag) {
        struct model saved = w->x.model;
        model_notify(&w->x.model, s->event, now, s->decisions);
        w->x.model = saved;
        for (size_t i = 0; i < s->n; i++) { /* what would be made has no relay_id */
            if (s->decisions[i].request >= (int)saved.n_requests)
                s->decisions[i].request = NO_REQUEST;
        }
        s->expected = CORE_DRY;
        return;
    }
    s->replays = is_signed ? known_mac(l, s->event->nonce) : -1;
    if (s->replays >= 0) {
        s->expected = CORE_DUPLICATE;
        return;
    }
    if (is_signed && s->signed_at <= l->floor) {
        s->expected = CORE_STALE;
        return;
    }
    s->expected = CORE_STORED;
    s->replays = (int)l->n;
    l->rows[l->n].nonce = s->event->nonce;
    l->rows[l->n].has_mac = is_signed;
    l->rows[l->n].received_at = now;
    l->rows[l->n++].signed_at = s->signed_at;
    model_notify(&w->x.model, s->event, now, s->decisions);
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void end_it(struct world *w, int request, const char *end, const char *why,
                   enum request_end how, int64_t now)
{
    struct model_request *r = &w->x.model.requests[request];
    r->end = end;
    r->why = why;
    model_ended(&w->x.model, request, how, now);
}

/* It would be POSTed again, but for an operator who cancelled it meanwhile. */
static void end_cancelled(struct world *w, int request, int64_t now)
{
    const struct model_request *r = &w->x.model.requests[request];
    if (!r->cancel)
        return;
    if (r->lost)
        end_it(w, request, "parked", "may_have_run", END_RAN, now);
    else
        end_it(w, request, "dead", "cancelled", END_NOTHING_RAN, now);
}

static void block_credential(struct world *w, int target, int64_t blocks_ms, int64_t refuses_ms,
                             int64_t now)
{
    int credential = world_credential(w, target);
    if (credential >= 0 && blocks_ms > 0 && w->x.blocked_until[credential] < now + blocks_ms)
        w->x.blocked_until[credential] = now + blocks_ms;
    if (credential >= 0 && refuses_ms > 0)
        w->x.refused_until[credential] = now + refuses_ms;
}

/* What the answer teaches of the target: at once the first time, with a delay when it was known. */
static void teach(struct world *w, struct model_request *r, bool *known)
{
    if (*known)
        r->hops = 0;
    *known = *known || w->x.model.conf->targets[r->target].present;
}

static enum forge_class class_of(const struct world *w, const struct model_request *r,
                                 enum forge_class class)
{
    const struct sim_target *t = &w->x.model.conf->targets[r->target];
    if (!t->present) { /* it knows no repository and no host any more */
        if (class == FORGE_ACCEPTED && r->hops == 0)
            return FORGE_AMBIGUOUS;
        return class == FORGE_REDIRECTED ? FORGE_REFUSED : class;
    }
    if (class == FORGE_NO_RELAY_ID && t->correlation != CORRELATION_AUTO)
        return FORGE_REFUSED;
    if (class == FORGE_REDIRECTED && r->hops == 2)
        return FORGE_REFUSED;
    return class;
}

static void expect_dispatch_answer(struct world *w, struct sent *s, int64_t now)
{
    int request = s->flight.request;
    struct model_request *r = &w->x.model.requests[request];
    const struct forge_dispatch *d = forge_dispatch(s->answer);
    block_credential(w, r->target, d->blocks_ms, d->refuses_ms, now);
    switch (class_of(w, r, d->class)) {
    case FORGE_ACCEPTED:
        r->in_flight = false;
        r->executed = true;
        r->accepted_at = now;
        return;
    case FORGE_UNTRACKED:
        r->accepted_at = now;
        model_unclear(&w->x.model, request, LOOK_NO_ID, now);
        return;
    case FORGE_AMBIGUOUS:
        model_unclear(&w->x.model, request, LOOK_AMBIGUOUS, now);
        return;
    case FORGE_REFUSED:
        if (r->lost)
            end_it(w, request, "parked", "may_have_run", END_RAN, now);
        else
            end_it(w, request, "dead", "refused", END_REFUSED, now);
        return;
    case FORGE_NOT_EXECUTED:
        r->hops = 0;
        break;
    case FORGE_REDIRECTED:
        r->hops++;
        break;
    case FORGE_NO_RELAY_ID:
        teach(w, r, &w->x.knows_relay_id[r->target]);
        break;
    case FORGE_NO_DETAILS:
        teach(w, r, &w->x.knows_details[r->target]);
        break;
    }
    model_not_executed(&w->x.model, request);
    end_cancelled(w, request, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* No answer here tells GitHub's clock, so that the wall clock stands for it: a list must not have
 * begun more than a minute later than is known to be right when its answer is there. */
static bool began_late(const struct world *w, const struct model_request *r, const struct flight *f,
                       int64_t now)
{
    int64_t known = earlier(r->offset, w->wall_ms - now);
    return earlier(r->offset, f->offset) > known + 60000;
}

static void expect_list_answer(struct world *w, struct sent *s, int64_t now)
{
    struct model_request *r = &w->x.model.requests[s->flight.request];
    const struct forge_list *list = forge_list(s->answer);
    if (!r->open)
        return;
    block_credential(w, r->target, list->blocks_ms, list->refuses_ms, now);
    if (r->look == LOOK_NOT || s->flight.loads != w->loads)
        return;
    if (list->class == LIST_SHOWS) {
        r->look = LOOK_NOT;
        r->adopted = true;
        r->accepted_at = now;
        w->totals->adopted++;
    } else if (list->class == LIST_FAILS) {
        if (now - r->posted_at >= REQUEST_TRACK_MS)
            model_not_listed(&w->x.model, s->flight.request, false, now);
    } else if (s->flight.began >= r->grace_until && !began_late(w, r, &s->flight, now)) {
        /* Of a workflow that a redirect led to nothing is known. */
        bool marked =
            w->x.model.conf->targets[r->target].present && w->x.marked[r->target] && r->hops == 0;
        model_not_listed(&w->x.model, s->flight.request, marked, now);
        w->totals->lost += r->again;
        if (r->again)
            end_cancelled(w, s->flight.request, now);
    }
}

static void expect_run_answer(struct world *w, struct sent *s, int64_t now)
{
    struct model_request *r = &w->x.model.requests[s->flight.request];
    const struct forge_run *run = forge_run(s->answer);
    if (!r->open)
        return;
    block_credential(w, r->target, run->blocks_ms, run->refuses_ms, now);
    if (run->shows && !r->adopted && w->x.model.conf->targets[r->target].present)
        w->x.marked[r->target] = true;
    if (run->class == RUN_ENDS || run->class == RUN_FAILED) {
        end_it(w, s->flight.request, "done", run->name,
               run->class == RUN_FAILED ? END_FAILED : END_RAN, now);
        return;
    }
    if (run->class == RUN_GOES_ON && strcmp(run->name, "cut") != 0)
        r->gone_since = 0;
    if (run->class == RUN_GONE && now - r->accepted_at >= REQUEST_FRESH_MS && r->gone_since == 0)
        r->gone_since = now;
    bool gone =
        run->class == RUN_GONE && r->gone_since != 0 && now - r->gone_since >= REQUEST_GONE_MS;
    if (gone || now - r->accepted_at >= REQUEST_TRACK_MS)
        end_it(w, s->flight.request, "done", "unknown", END_RAN, now);
}

/* --- operators ----------------------------------------------------------------------------------
 */

static enum core_verdict expect_pause(struct model *m, const struct sent *s, bool pause,
                                      int64_t now)
{
    bool route = s->scope == ENGINE_ROUTE;
    bool *paused = route ? &m->route_paused[s->named] : &m->target_paused[s->named];
    bool known = route ? m->conf->routes[s->named].present : m->conf->targets[s->named].present;
    if (!known && !*paused)
        return CORE_NOT_FOUND;
    if (*paused && !pause)
        m->released_at = now;
    *paused = pause;
    return CORE_CHANGED;
}

static enum core_verdict expect_cancel(struct world *w, int request, int64_t now)
{
    struct model_request *r = &w->x.model.requests[request];
    if (!r->open)
        return CORE_CONFLICT;
    if ((r->executed && !r->again) || r->in_flight) {
        r->cancel = true;
        return CORE_CHANGED;
    }
    if (r->again)
        end_it(w, request, "parked", "may_have_run", END_RAN, now);
    else
        end_it(w, request, "dead", "cancelled", END_NOTHING_RAN, now);
    return CORE_CHANGED;
}

static enum core_verdict expect_command(struct world *w, const struct sent *s, int64_t now)
{
    struct model *m = &w->x.model;
    switch (s->command) {
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
        return expect_pause(m, s, s->command == COMMAND_PAUSE, now);
    case COMMAND_REARM:
        return model_rearm(m, s->key, now) ? CORE_CHANGED : CORE_NOT_FOUND;
    case COMMAND_CANCEL:
        return s->named < 0 ? CORE_NOT_FOUND : expect_cancel(w, s->named, now);
    case COMMAND_REDELIVER:
        if (s->named < 0)
            return CORE_NOT_FOUND;
        return model_redeliver(m, s->named, now).verdict == VERDICT_DISPATCH ? CORE_CHANGED
                                                                             : CORE_CONFLICT;
    case COMMAND_BACKUP: /* not in a history */
        break;
    }
    return CORE_NOT_FOUND;
}

void world_expect(struct world *w, struct sent *s, int64_t now)
{
    switch (s->type) {
    case SENT_NOTIFICATION:
        expect_notification(w, s, now);
        break;
    case SENT_ANSWER:
        if (s->flight.kind == EXCHANGE_DISPATCH)
            expect_dispatch_answer(w, s, now);
        else if (s->flight.kind == EXCHANGE_RUNS)
            expect_list_answer(w, s, now);
        else
            expect_run_answer(w, s, now);
        break;
    case SENT_RELOAD:
        memset(w->x.refused_until, 0, sizeof(w->x.refused_until));
        model_reload(&w->x.model, &w->history->confs[s->conf], now);
        break;
    case SENT_STOP_FILE:
        if (w->x.model.stop && !s->event->flag)
            w->x.model.released_at = now;
        w->x.model.stop = s->event->flag;
        break;
    case SENT_COMMAND:
        s->expected = expect_command(w, s, now);
        break;
    }
}
