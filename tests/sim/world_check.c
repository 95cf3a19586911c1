/* Requests and POSTs against the model, and the invariants over what the forge saw. */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- requests -----------------------------------------------------------------------------------
 */

struct rows {
    struct world *w;
    bool seen[MODEL_REQUESTS];
};

static int find_request(struct world *w, const struct request *row)
{
    struct model *m = &w->x.model;
    for (size_t i = m->n_requests; i-- > 0;) {
        if (strcmp(m->requests[i].relay_id, row->relay_id) == 0)
            return (int)i;
    }
    for (size_t i = 0; i < m->n_requests; i++) {
        struct model_request *r = &m->requests[i];
        if (r->open && r->relay_id[0] == '\0' && strcmp(r->key, row->key) == 0) {
            memcpy(r->relay_id, row->relay_id, ULID_SIZE);
            return (int)i;
        }
    }
    return -1;
}

static void compare_row(struct world *w, const struct model_request *r, const struct request *row)
{
    if (!r->open)
        world_fail(w, "request %s of %s is still %s, and should be %s(%s)", r->relay_id, r->key,
                   request_state_text(row->state), r->end, r->why);
    if (strcmp(r->key, row->key) != 0 || strcmp(cause_text(r->cause), row->cause) != 0 ||
        r->created_at != row->created_at || strcmp(sim_routes[r->route], row->route) != 0 ||
        strcmp(sim_targets[r->target], row->target) != 0)
        world_fail(
            w, "request %s: %s by %s at %" PRId64 " to %s, expected %s by %s at %" PRId64 " to %s",
            row->relay_id, row->key, row->cause, row->created_at, row->target, r->key,
            cause_text(r->cause), r->created_at, sim_targets[r->target]);
    if (r->slot != row->slot)
        world_fail(w, "request %s: slot %d in the store", row->relay_id, (int)row->slot);
}

static int take_row(void *context, struct request *row)
{
    struct rows *rows = context;
    struct world *w = rows->w;
    int i = find_request(w, row);
    if (i < 0)
        world_fail(w, "I2: a request nobody expects: %s of %s (%s)", row->relay_id, row->key,
                   row->cause);
    else {
        rows->seen[i] = true;
        compare_row(w, &w->x.model.requests[i], row);
    }
    request_free(row);
    free(row);
    return 0;
}

/* An end that needed no message: may it be? */
static void compare_own_end(struct world *w, int i, const struct request *row, int64_t now)
{
    struct model *m = &w->x.model;
    struct model_request *r = &m->requests[i];
    const char *state = request_state_text(row->state);
    const struct policy *p = &m->conf->routes[r->route].policy;
    int64_t expires = m->conf->routes[r->route].present ? p->expires_ms : r->expires_ms;
    struct model_key *k = model_find(m, r->key);
    enum request_end how = END_REFUSED;
    bool wanted =
        now - r->created_at < expires && (r->by_operator || (k != NULL && model_fires(m, k)));
    bool present = m->conf->targets[r->target].present;
    bool may = !r->executed && !r->in_flight && strcmp(state, "dead") == 0;
    if (r->executed && strcmp(state, r->look == LOOK_NO_ID ? "done" : "parked") == 0 &&
        strcmp(row->reason, r->look == LOOK_NO_ID ? "untracked" : "may_have_run") == 0) {
        /* lost, and not POSTed again; or nobody could be asked about it any more */
        may = r->again ? !wanted || !present
                       : r->look != LOOK_NOT && !present && now - r->posted_at >= REQUEST_TRACK_MS;
        how = END_RAN;
        r->look = LOOK_NOT;
        r->again = false;
    } else if (strcmp(row->reason, "expired") == 0)
        may = may && now - r->created_at >= expires;
    else if (strcmp(row->reason, "resolved") == 0) {
        may = may && !r->by_operator && k != NULL && !model_fires(m, k);
        how = END_NOTHING_RAN;
    } else if (strcmp(row->reason, "refused") == 0)
        may = may && !m->conf->targets[r->target].present;
    else if (strcmp(state, "done") == 0 && strcmp(row->reason, "unknown") == 0) {
        may = r->executed && r->look == LOOK_NOT && now - r->accepted_at >= REQUEST_TRACK_MS;
        how = END_RAN;
    } else
        may = false;
    if (!may)
        world_fail(w, "request %s of %s ended %s(%s), which it may not", r->relay_id, r->key, state,
                   row->reason);
    r->end = state;
    r->why = NULL;
    model_ended(m, i, how, now);
    w->wait_ms = 0;
}

static void compare_end(struct world *w, int i)
{
    struct model_request *r = &w->x.model.requests[i];
    struct request row = {.relay_id = ""};
    if (r->relay_id[0] == '\0') {
        /* made and gone in one step: its relay_id is in no list of open ones */
        if (r->open)
            world_fail(w, "a request of %s is missing", r->key);
        return;
    }
    if (w->store.ops->get_request(w->store.self, r->relay_id, &row, NULL) != 0) {
        world_fail(w, "request %s of %s is not in the store", r->relay_id, r->key);
        return;
    }
    if (r->open)
        compare_own_end(w, i, &row, w->step_at);
    if (strcmp(request_state_text(row.state), r->end) != 0 ||
        (r->why != NULL && strcmp(row.reason, r->why) != 0) || row.slot != r->slot)
        world_fail(w, "request %s of %s is %s(%s) slot %d, expected %s(%s) slot %d", r->relay_id,
                   r->key, request_state_text(row.state), row.reason, (int)row.slot, r->end,
                   r->why == NULL ? "" : r->why, (int)r->slot);
    w->told_[i] = true;
    request_free(&row);
}

/* I4, by the record alone: the last POST of the key that may have started a run. */
static void check_distance(struct world *w, int request, int64_t now)
{
    const struct model *m = &w->x.model;
    const struct model_request *r = &m->requests[request];
    for (int i = 0; i < (int)m->n_requests; i++) {
        const struct model_request *other = &m->requests[i];
        bool ran = other->executed || other->in_flight;
        if (i == request || !ran || other->pardoned || r->by_operator ||
            strcmp(other->key, r->key) != 0)
            continue;
        if (other->posted_at + other->least_cooldown > now)
            world_fail(w, "I4: %s is POSTed %" PRId64 " ms after %s", r->relay_id,
                       now - other->posted_at, other->relay_id);
    }
}

static void check_post(struct world *w, struct flight *f, int64_t now)
{
    struct model *m = &w->x.model;
    struct model_request *r = &m->requests[f->request];
    const char *why = model_may_post(m, r, now);
    int credential = world_credential(w, r->target);
    w->totals->posts++;
    if (why != NULL)
        world_fail(w, "I3/I5: %s of %s is POSTed: %s", r->relay_id, r->key, why);
    if (w->quitting)
        world_fail(w, "%s is POSTed while the relay stops", r->relay_id);
    check_distance(w, f->request, now);
    if (credential < 0)
        return;
    if (w->last_write[credential] != 0 && now - w->last_write[credential] < 1000)
        world_fail(w, "%s is POSTed %" PRId64 " ms after the last write", r->relay_id,
                   now - w->last_write[credential]);
    if (now < w->x.blocked_until[credential] || now < w->x.refused_until[credential])
        world_fail(w, "%s is POSTed, but its credential is blocked: %" PRId64 " and %" PRId64,
                   r->relay_id, w->x.blocked_until[credential] - now,
                   w->x.refused_until[credential] - now);
    w->last_write[credential] = now;
    const struct sim_target *t = &m->conf->targets[r->target];
    r->correlated = t->correlation == CORRELATION_INPUT ||
                    (t->correlation == CORRELATION_AUTO && !w->x.knows_relay_id[r->target]);
    if (r->correlated != f->correlated)
        world_fail(w, "%s is POSTed with%s its relay_id", r->relay_id, f->correlated ? "" : "out");
    if (!r->executed)
        r->offset = w->wall_ms - now;
    model_posting(m, f->request, now);
}

static void take_started(struct world *w)
{
    for (size_t n = 0; n < w->n_started; n++) {
        struct flight *f = &w->started[n];
        struct model *m = &w->x.model;
        f->request = -1;
        for (size_t i = 0; i < m->n_requests; i++) {
            if (strcmp(m->requests[i].relay_id, f->relay_id) == 0)
                f->request = (int)i;
        }
        if (f->request < 0) {
            world_fail(w, "an exchange for %s, which nobody knows", f->relay_id);
            return;
        }
        if (f->kind == EXCHANGE_DISPATCH)
            check_post(w, f, w->step_at);
        else if (!m->requests[f->request].executed || !m->requests[f->request].open ||
                 m->requests[f->request].again ||
                 (f->kind == EXCHANGE_RUNS) != (m->requests[f->request].look != LOOK_NOT))
            world_fail(w, "%s is %s", f->relay_id,
                       f->kind == EXCHANGE_RUNS ? "looked for" : "polled");
        f->began = w->step_at;
        f->offset = w->wall_ms - w->step_at;
        f->loads = w->loads;
        if (w->n_flights == WORLD_FLIGHTS)
            world_fail(w, "the simulator: too many flights");
        else
            w->flights[w->n_flights++] = *f;
    }
    w->n_started = 0;
}

void world_forge_start(void *self, struct exchange *x)
{
    struct world *w = self;
    if (x->kind == EXCHANGE_CANCEL) { /* GitHub has nothing left to cancel */
        struct exchange_answer answer = {.transport = EXCHANGE_ANSWERED, .status = 409};
        core_answer(w->core, x->kind, x->relay_id, &answer);
        exchange_free(x);
        return;
    }
    if (w->n_started < WORLD_FLIGHTS) {
        w->started[w->n_started] = (struct flight){
            .kind = x->kind,
            .correlated = x->body != NULL && strstr(x->body, "\"relay_id\"") != NULL};
        memcpy(w->started[w->n_started++].relay_id, x->relay_id, ULID_SIZE);
    }
    exchange_free(x);
}

static void compare_open(struct world *w)
{
    struct rows rows = {.w = w};
    struct model *m = &w->x.model;
    if (w->store.ops->load_open_requests(w->store.self, take_row, &rows, NULL) != 0)
        world_fail(w, "open requests cannot be read");
    for (size_t i = 0; i < m->n_requests && w->failure[0] == '\0'; i++) {
        if (!rows.seen[i] && !w->told_[i])
            compare_end(w, (int)i);
    }
}

void world_compare_requests(struct world *w)
{
    struct model *m = &w->x.model;
    compare_open(w);
    for (size_t i = 0; i < m->n_requests; i++) { /* I2 */
        for (size_t j = 0; j < i && m->requests[i].open; j++) {
            if (m->requests[j].open && strcmp(m->requests[i].key, m->requests[j].key) == 0)
                world_fail(w, "I2: two open requests of %s", m->requests[i].key);
        }
    }
    if (w->failure[0] == '\0')
        take_started(w);
}
