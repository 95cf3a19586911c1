/* The life of a request as far as its key is concerned: may it be POSTed, what does its end leave
 * behind. */
#include "relay/engine/engine_private.h"
#include "relay/engine/window.h"

#include <errno.h>
#include <string.h>

static const struct policy *policy_of_key(const struct engine *e, const char *text)
{
    const struct key *k = key_table_find(e->keys, text);
    const struct route *route = k == NULL ? NULL : engine_route(e, k->route);
    return route == NULL ? NULL : &route->policy;
}

int64_t engine_expires_at(const struct engine *e, const struct request_view *r)
{
    const struct policy *policy = policy_of_key(e, r->key);
    int64_t expires = policy == NULL ? r->expires_ms : policy->expires_ms;
    int64_t at;
    return __builtin_add_overflow(r->created_at, expires, &at) ? INT64_MAX : at;
}

enum may_post engine_may_post(struct engine *e, const struct request_view *r, int64_t now)
{
    bool paused = !r->by_operator && engine_route_paused(e, r->route, r->target);
    if (e->stop || paused)
        return MAY_POST_WAIT;
    if (!r->executed && engine_expires_at(e, r) <= now)
        return MAY_POST_EXPIRED;
    const struct key *k = key_table_find(e->keys, r->key);
    if (!r->executed && !r->by_operator && (k == NULL || !window_fires(k, engine_policy(e, k))))
        return MAY_POST_RESOLVED;
    return MAY_POST;
}

/* The key whose open request this is, or NULL. */
static struct key *owner(struct engine *e, const char *text, const char *relay_id)
{
    struct key *k = key_table_find(e->keys, text);
    return k != NULL && strcmp(k->relay_id, relay_id) == 0 ? k : NULL;
}

static int no_memory(struct error *err, int r)
{
    return r == 0 ? 0 : error_set(err, r, "engine: out of memory");
}

int engine_posting(struct engine *e, const char *key, const char *relay_id, int64_t now,
                   struct effects *out, struct error *err)
{
    struct key *k = owner(e, key, relay_id);
    if (k == NULL)
        return 0;
    e->now = now;
    k->posted_at = now;
    k->executed = true;
    k->settled = false;
    return no_memory(err, engine_settle(e, k, out));
}

int engine_not_executed(struct engine *e, const char *key, const char *relay_id,
                        struct effects *out, struct error *err)
{
    struct key *k = owner(e, key, relay_id);
    if (k == NULL)
        return 0;
    k->executed = false;
    return no_memory(err, engine_settle(e, k, out));
}

int engine_ended(struct engine *e, const char *key, const char *relay_id, enum request_end end,
                 int64_t now, struct effects *out, struct error *err)
{
    struct key *k = owner(e, key, relay_id);
    if (k == NULL)
        return 0;
    e->now = now;
    k->executed = true; /* it ends here, whatever advancing finds */
    int r = engine_advance(e, k, now, out);
    if (end == END_NOTHING_RAN || end == END_REFUSED)
        engine_give_back(e, relay_id);
    if (end == END_REFUSED)
        k->retry_from = now;
    if (end == END_RAN || end == END_FAILED) {
        k->cooldown_from = k->posted_at;
        k->disarmed_at = end == END_FAILED || k->settled ? 0 : k->posted_at;
    }
    k->relay_id[0] = '\0';
    k->posted_at = 0;
    k->executed = false;
    k->by_operator = false;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].in_request = false;
    if (now == e->started_at) /* found cut by the start */
        engine_note_over(e, k);
    if (r == 0)
        r = engine_settle(e, k, out);
    return r == 0 ? engine_wake(e, err) : no_memory(err, r);
}
