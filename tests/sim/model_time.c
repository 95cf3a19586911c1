/* What time does, and what becomes of requests. */
#include "tests/sim/model.h"

#include <string.h>

#define GRACE_MS (45 * 60 * 1000)

int64_t model_due(const struct model *m, int64_t at)
{
    return at <= m->started_at ? m->wait_until : at;
}

static void note(struct model *m, const struct model_decision *d)
{
    if (m->n_outcomes == MODEL_OUTCOMES)
        m->trouble = "too many outcomes";
    else
        m->outcomes[m->n_outcomes++] = *d;
}

static void note_words(struct model *m, const struct model_key *k, enum verdict v, enum reason r)
{
    struct model_decision d = {.verdict = v, .reason = r, .route = k->route, .request = NO_REQUEST};
    memcpy(d.key, k->text, sizeof(d.key));
    note(m, &d);
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static int64_t since(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A window that is over stays so, whatever a reload says of its length later. */
static void windows_end(struct model *m, struct model_key *k, int64_t now)
{
    const struct policy *p = model_policy(m, k->route);
    if (k->deferred) /* it may wait for one of them */
        return;
    if (p->rearm_after_ms != 0 && k->disarmed_at + p->rearm_after_ms <= now)
        k->disarmed_at = 0;
    if (k->cooldown_from + p->cooldown_ms <= now)
        k->cooldown_from = 0;
    if (k->retry_from + p->retry_after_ms <= now)
        k->retry_from = 0;
}

void model_arm(struct model *m, struct model_key *k, int64_t now)
{
    const struct policy *p = model_policy(m, k->route);
    windows_end(m, k, now);
    if (k->n_members > 0)
        return;
    if (k->disarmed_at != 0 &&
        model_due(m, since(k->quiet_since, k->disarmed_at) + p->settle_ms) <= now)
        k->disarmed_at = 0;
    if (k->request == NO_REQUEST)
        return;
    const struct model_request *r = &m->requests[k->request];
    if ((r->executed || r->in_flight) &&
        model_due(m, since(k->quiet_since, r->posted_at) + p->settle_ms) <= now)
        k->settled = true;
}

static void members_leave(struct model *m, struct model_key *k, int64_t now)
{
    size_t before = k->n_members;
    int64_t last = 0;
    bool fired = model_fires(m, k);
    for (size_t i = 0; i < k->n_members;) {
        int64_t stale = k->members[i].heard_at + model_policy(m, k->route)->stale_after_ms;
        if (model_due(m, stale) <= now) {
            last = since(last, model_due(m, stale));
            k->members[i] = k->members[--k->n_members];
        } else
            i++;
    }
    if (k->n_members == before)
        return;
    if (k->n_members == 0)
        k->quiet_since = last;
    if (model_stopped_firing(m, k, fired, now))
        note_words(m, k, VERDICT_RESOLVED, REASON_CANCELLED);
}

/* What is over is over, before anything else happens to the key. */
void model_advance(struct model *m, struct model_key *k, int64_t now)
{
    members_leave(m, k, now);
    model_arm(m, k, now);
}

/* Nothing waits for a block of a route that is gone. */
static bool block_is_over(const struct model *m, const struct model_key *k, int64_t now)
{
    int64_t until;
    return !m->conf->routes[k->route].present ||
           !model_is_blocked(m, k, k->deferred_for, now, &until);
}

/* The hold or deferral that is over. */
static bool is_over(struct model *m, struct model_key *k, int64_t now)
{
    if (k->held)
        return model_due(m, model_hold_end(m, k)) <= now;
    if (!k->deferred || !block_is_over(m, k, now))
        return false;
    if (now <= m->started_at && k->deferred_for == REASON_RUNNING && k->request == NO_REQUEST)
        k->over_at_start = true;
    int64_t end = model_block_end(m, k);
    if (k->deferred_for == REASON_PAUSED &&
        m->conf->routes[k->route].present) /* without a release: it was over at the start */
        k->over_at_start = m->released_at <= m->started_at;
    bool waits = end != 0 ? end <= m->started_at : k->over_at_start;
    return !waits || now >= m->wait_until;
}

static void ask(struct model *m, struct model_key *k, int64_t now)
{
    if (!m->conf->routes[k->route].present) {
        model_end_waiting(k);
        note_words(m, k, VERDICT_IGNORED, REASON_NO_ROUTE);
        return;
    }
    if (!model_fires(m, k)) { /* a reload asks for more members */
        model_end_waiting(k);
        note_words(m, k, VERDICT_SUPPRESSED, REASON_BELOW_MIN);
        return;
    }
    struct model_decision d = model_ask(m, k, k->held ? ASKED_BY_HOLD : ASKED_BY_BLOCK, now);
    note(m, &d);
}

static bool stale_is_due(const struct model *m, const struct model_key *k, int64_t now)
{
    for (size_t i = 0; i < k->n_members; i++) {
        if (model_due(m, k->members[i].heard_at + model_policy(m, k->route)->stale_after_ms) <= now)
            return true;
    }
    return false;
}

static bool comes_before(const struct model_key *a, const struct model_key *b)
{
    if (b == NULL)
        return true;
    int64_t x = a->deferred ? a->deferred_at : INT64_MAX;
    int64_t y = b->deferred ? b->deferred_at : INT64_MAX;
    return x != y ? x < y : strcmp(a->text, b->text) < 0;
}

/* Disarming counts even while rearm = cooldown ignores it: a reload may bring it back. */
void model_forget(struct model *m, struct model_key *k, int64_t now)
{
    windows_end(m, k, now);
    if (k->n_members == 0 && !k->held && !k->deferred && k->request == NO_REQUEST &&
        k->disarmed_at == 0 && k->cooldown_from == 0 && k->retry_from == 0)
        k->used = false;
}

void model_timers(struct model *m, int64_t now)
{
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        if (m->keys[i].used)
            model_arm(m, &m->keys[i], now);
    }
    for (;;) {
        struct model_key *next = NULL;
        for (size_t i = 0; i < MODEL_KEYS; i++) {
            struct model_key *k = &m->keys[i];
            if (k->used && (stale_is_due(m, k, now) || is_over(m, k, now)) && comes_before(k, next))
                next = k;
        }
        if (next == NULL)
            break;
        model_advance(m, next, now);
        if (is_over(m, next, now))
            ask(m, next, now);
    }
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        if (!m->keys[i].used)
            continue;
        model_arm(m, &m->keys[i], now);
        model_forget(m, &m->keys[i], now);
    }
}

void model_started(struct model *m, int64_t now, int64_t down_ms)
{
    m->started_at = now;
    m->released_at = 0;
    /* A start does not cut the wait of an earlier one short. */
    int64_t wait_until = now + (down_ms < ENGINE_WAIT_MAX_MS ? down_ms : ENGINE_WAIT_MAX_MS);
    if (wait_until > m->wait_until)
        m->wait_until = wait_until;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        struct model_key *k = &m->keys[i];
        k->over_at_start = k->used && k->deferred && block_is_over(m, k, now);
    }
    for (size_t i = 0; i < m->n_requests; i++)
        m->requests[i].gone_since = 0;
}

void model_reload(struct model *m, const struct sim_conf *conf, int64_t now)
{
    (void)now;
    m->conf = conf;
    for (size_t i = 0; i < m->n_requests; i++) {
        int64_t cooldown = model_policy(m, m->requests[i].route)->cooldown_ms;
        if (cooldown < m->requests[i].least_cooldown)
            m->requests[i].least_cooldown = cooldown;
    }
}

/* --- requests -----------------------------------------------------------------------------------
 */

static struct model_key *key_of(struct model *m, const struct model_request *r)
{
    return model_find(m, r->key);
}

const char *model_may_post(const struct model *m, const struct model_request *r, int64_t now)
{
    int64_t expires = m->conf->routes[r->route].present
                          ? m->conf->routes[r->route].policy.expires_ms
                          : r->expires_ms;
    if (!r->open)
        return "it has ended";
    if (r->in_flight)
        return "its POST is under way";
    if (r->executed && !r->again)
        return "it may have run";
    if (m->stop)
        return "the stop file exists";
    if (!r->by_operator && (m->route_paused[r->route] || m->target_paused[r->target]))
        return "its route or target is paused";
    if (now - r->created_at >= expires)
        return "it expired";
    if (!m->conf->targets[r->target].present)
        return "its target is gone";
    struct model_key *k = key_of((struct model *)(uintptr_t)m, r);
    if (k == NULL)
        return "its key is forgotten";
    if (!r->by_operator && !model_fires(m, k))
        return "its key does not fire";
    return NULL;
}

void model_posting(struct model *m, int request, int64_t now)
{
    struct model_request *r = &m->requests[request];
    r->in_flight = true;
    r->again = false;
    r->posted_at = now;
    r->least_cooldown = model_policy(m, r->route)->cooldown_ms;
    r->posts++;
    struct model_key *k = key_of(m, r);
    if (k != NULL)
        k->settled = false;
}

void model_not_executed(struct model *m, int request)
{
    struct model_request *r = &m->requests[request];
    r->in_flight = false;
    r->again = r->lost;
}

static void end_unclear(struct model *m, int request, int64_t now)
{
    struct model_request *r = &m->requests[request];
    r->end = r->look == LOOK_NO_ID ? "done" : "parked";
    r->why = r->look == LOOK_NO_ID ? "untracked" : "may_have_run";
    r->look = LOOK_NOT;
    r->again = false;
    model_ended(m, request, END_RAN, now);
}

void model_unclear(struct model *m, int request, enum model_look look, int64_t now)
{
    struct model_request *r = &m->requests[request];
    r->in_flight = false;
    r->executed = true;
    r->look = look;
    r->grace_until = now + GRACE_MS;
    if (!r->correlated)
        end_unclear(m, request, now);
}

void model_not_listed(struct model *m, int request, bool marked, int64_t now)
{
    struct model_request *r = &m->requests[request];
    if (r->look == LOOK_NO_ID || !marked || r->lost) {
        end_unclear(m, request, now);
        return;
    }
    r->look = LOOK_NOT;
    r->lost = true;
    r->again = true;
}

void model_ended(struct model *m, int request, enum request_end end, int64_t now)
{
    struct model_request *r = &m->requests[request];
    struct model_key *k = key_of(m, r);
    r->open = false;
    r->in_flight = false;
    r->ended_at = now;
    if (end == END_NOTHING_RAN || end == END_REFUSED)
        r->slot = false;
    else
        r->executed = true;
    if (k == NULL)
        return;
    k->request = NO_REQUEST;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = false;
    if (end == END_REFUSED)
        k->retry_from = now;
    if (end == END_RAN || end == END_FAILED) {
        k->cooldown_from = r->posted_at;
        k->disarmed_at = end == END_RAN && !k->settled ? r->posted_at : 0;
    }
    k->settled = false;
    model_arm(m, k, now);
    model_forget(m, k, now);
}

bool model_rearm(struct model *m, const char *key, int64_t now)
{
    struct model_key *k = model_find(m, key);
    (void)now;
    if (k == NULL)
        return false;
    k->disarmed_at = 0;
    k->cooldown_from = 0;
    k->retry_from = 0;
    for (size_t i = 0; i < m->n_requests; i++)
        m->requests[i].pardoned |= strcmp(m->requests[i].key, key) == 0;
    model_forget(m, k, now);
    return true;
}

struct model_decision model_redeliver(struct model *m, int request, int64_t now)
{
    const struct model_request *old = &m->requests[request];
    struct model_decision d = {
        .verdict = VERDICT_SUPPRESSED, .route = old->route, .request = NO_REQUEST};
    memcpy(d.key, old->key, sizeof(d.key));
    struct model_key *k = model_find(m, old->key);
    if (!m->conf->routes[old->route].present || !m->conf->targets[old->target].present) {
        d.verdict = VERDICT_IGNORED;
        d.reason = REASON_NO_ROUTE;
        return d;
    }
    if (m->stop) {
        d.reason = REASON_PAUSED;
        return d;
    }
    if (k != NULL) {
        model_advance(m, k, now);
        k->used = true; /* it is forgotten after the command only */
    }
    if (k != NULL && k->request != NO_REQUEST) {
        d.reason = REASON_RUNNING;
        d.request = k->request;
        return d;
    }
    k = model_find_or_add(m, old->key, old->route, now);
    if (k == NULL) {
        d.reason = REASON_LIMIT;
        return d;
    }
    int target = old->target;
    d.verdict = VERDICT_DISPATCH;
    d.reason = REASON_FIRST;
    d.request = model_create(m, k, CAUSE_REDELIVER, now);
    m->requests[d.request].by_operator = true;
    m->requests[d.request].target = target;
    return d;
}

/* Requests that end without a message: before its POST each is asked whether it still should be. */
void model_requests_end(struct model *m, int64_t now)
{
    for (int i = 0; i < (int)m->n_requests; i++) {
        struct model_request *r = &m->requests[i];
        const struct sim_route *route = &m->conf->routes[r->route];
        int64_t expires = route->present ? route->policy.expires_ms : r->expires_ms;
        struct model_key *k = key_of(m, r);
        bool paused = !r->by_operator && (m->route_paused[r->route] || m->target_paused[r->target]);
        if (!r->open || r->executed || r->in_flight || m->stop || paused || k == NULL)
            continue; /* one that was lost is asked when it is due */
        if (now - r->created_at >= expires)
            r->why = "expired";
        else if (!r->by_operator && !model_fires(m, k))
            r->why = "resolved";
        else if (!m->conf->targets[r->target].present)
            r->why = "refused";
        else
            continue;
        r->end = "dead";
        model_ended(m, i, strcmp(r->why, "resolved") == 0 ? END_NOTHING_RAN : END_REFUSED, now);
    }
}
