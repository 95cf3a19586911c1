/* The keys of the overview: those that act first, with what each does, what forbids it the next run
 * and until when. */
#include "relay/base/scope.h"
#include "relay/core/core_views.h"
#include "relay/engine/window.h"

#include <string.h>

/* What acts, or will by itself, comes first. */
static const char *const states_in_order[] = {"open",     "held",     "deferred", "firing",
                                              "disarmed", "cooldown", "quiet"};
#define STATES (sizeof(states_in_order) / sizeof(states_in_order[0]))

static size_t rank_of(const char *state)
{
    size_t rank = 0;
    while (rank < STATES - 1 && strcmp(states_in_order[rank], state) != 0)
        rank++;
    return rank;
}

struct ranked {
    const struct key *key;
    size_t rank;
};

struct selection {
    struct ranked
        items[STORE_LIST_MAX + 1]; /* one more than a page, to know whether there is one */
    size_t n, wanted;
    size_t counts[STATES];
    size_t firing;
    size_t after_rank;
    const char *after; /* the last of the page before, NULL at first */
};

static int compare(size_t rank, const char *text, size_t other_rank, const char *other)
{
    return rank != other_rank ? (rank < other_rank ? -1 : 1) : strcmp(text, other);
}

/* The first ones stay, in order; most keys are turned away by one comparison. */
static void select_key(struct selection *s, const struct key *k, size_t rank)
{
    if (s->after != NULL && compare(rank, k->text, s->after_rank, s->after) <= 0)
        return;
    size_t at = s->n;
    while (at > 0 && compare(rank, k->text, s->items[at - 1].rank, s->items[at - 1].key->text) < 0)
        at--;
    if (at > s->wanted)
        return;
    if (s->n <= s->wanted)
        s->n++;
    memmove(&s->items[at + 1], &s->items[at], (s->n - 1 - at) * sizeof(s->items[0]));
    s->items[at] = (struct ranked){k, rank};
}

static void add_windows(struct core *c, const struct key *k, int64_t until, struct buf *out)
{
    const struct conf_route *route = conf_route_by_name(c->conf, k->route);
    const struct policy *policy = route == NULL ? &policy_default : &route->route.policy;
    const struct window_rules rules = {.policy = policy};
    bool held = k->hold_began != 0;
    overview_at(c, out, "held_from", k->hold_began);
    overview_at(c, out, "held_until", held ? (until != 0 ? until : window_hold_end(k, &rules)) : 0);
    overview_at(c, out, "deferred_from", k->deferred_at);
    view_text(out, "deferred_for", k->deferred_at == 0 ? NULL : reason_text(k->deferred_for));
    overview_at(c, out, "cooldown_from",
                k->cooldown_from > k->retry_from ? k->cooldown_from : k->retry_from);
    overview_at(c, out, "cooldown_until", window_cooldown_end(k, policy));
    overview_at(c, out, "disarmed_from", k->disarmed_at);
    overview_at(c, out, "disarmed_until", window_disarmed_end(k, &rules));
    view_int(out, "min_alerts", policy->min_alerts);
    view_int(out, "settle_ms", policy->settle_ms);
}

static bool is_paused(const struct core *c, const struct key *k)
{
    const struct conf_route *route = conf_route_by_name(c->conf, k->route);
    return c->stop || engine_is_paused(c->engine, ENGINE_ROUTE, k->route) ||
           (route != NULL && route->route.target != NULL &&
            engine_is_paused(c->engine, ENGINE_TARGET, route->route.target));
}

static void add_key(struct core *c, const struct key *k, struct buf *out)
{
    int64_t until;
    const char *state = engine_key_state(c->engine, k, relay_time_now(&c->time), &until);
    size_t firing = key_firing(k);
    view_open(out, NULL, '{');
    view_text(out, "key", k->text);
    view_text(out, "state", state);
    view_int(out, "firing", (int64_t)firing);
    view_int(out, "blind", (int64_t)(k->n_members - firing));
    overview_at(c, out, "until", until);
    overview_at(c, out, "quiet_since", k->quiet_since);
    view_bool(out, "paused", is_paused(c, k));
    add_windows(c, k, until, out);
    const struct request *open =
        k->relay_id[0] == '\0' ? NULL : open_requests_find(&c->open, k->relay_id);
    if (open != NULL)
        overview_request(c, open, "request", out);
    buf_add_char(out, '}');
}

/* cursor: "RANK KEY" of the last one shown. */
static void start_after(struct selection *s, const char *cursor)
{
    if (cursor[0] < '0' || cursor[0] >= (char)('0' + STATES) || cursor[1] != ' ')
        return;
    s->after_rank = (size_t)(cursor[0] - '0');
    s->after = cursor + 2;
}

void overview_keys(struct core *c, const struct message *m, struct buf *out)
{
    size_t only = rank_of(m->u.query.id); /* no state: all */
    bool all = strcmp(states_in_order[only], m->u.query.id) != 0;
    struct selection s = {.wanted = m->u.query.limit};
    int64_t now = relay_time_now(&c->time);
    start_after(&s, m->u.query.cursor);
    for (size_t i = 0; i < engine_n_keys(c->engine); i++) {
        const struct key *k = engine_key_at(c->engine, i);
        int64_t until;
        const char *state = engine_key_state(c->engine, k, now, &until);
        size_t rank = rank_of(state);
        s.counts[rank]++;
        s.firing += key_firing(k) > 0;
        if (all || rank == only)
            select_key(&s, k, rank);
    }
    view_int(out, "keys_firing", (int64_t)s.firing);
    view_open(out, "key_states", '{');
    for (size_t i = 0; i < STATES; i++)
        view_int(out, states_in_order[i], (int64_t)s.counts[i]);
    buf_add_char(out, '}');
    view_open(out, "keys", '[');
    size_t shown = s.n < s.wanted ? s.n : s.wanted;
    for (size_t i = 0; i < shown; i++)
        add_key(c, s.items[i].key, out);
    buf_add_char(out, ']');
    SCOPED(buf_free) struct buf next = BUF_INIT(out->max);
    if (s.n > shown && shown > 0)
        buf_addf(&next, "%zu %s", s.items[shown - 1].rank, s.items[shown - 1].key->text);
    view_word(out, "next", buf_text(&next));
}
