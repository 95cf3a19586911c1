/* Replies and what the store keeps, against the model. */
#include "tests/sim/world.h"

#include "relay/base/parse.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- replies ------------------------------------------------------------------------------------
 */

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text == NULL ? "" : text;
}

static void compare_decision(struct world *w, const struct sent *s, size_t i, const json_t *got)
{
    const struct model_decision *d = &s->decisions[i];
    struct model *m = &w->x.model;
    const char *relay_id = text_of(got, "relay_id"), *until_text = text_of(got, "until");
    int64_t until = 0;
    if (until_text[0] != '\0' && parse_rfc3339_ms(&until, until_text, NULL) == 0)
        until = until - w->wall_ms + w->step_at;
    const char *route = d->route < 0 ? "" : sim_routes[d->route];
    bool right_id = d->request < 0 ? relay_id[0] == '\0' : relay_id[0] != '\0';
    /* Made and ended in one batch: only the reply tells its relay_id. */
    if (d->request >= 0 && !s->event->flag && m->requests[d->request].relay_id[0] == '\0')
        (void)snprintf(m->requests[d->request].relay_id, ULID_SIZE, "%s", relay_id);
    if (right_id && d->request >= 0 && !s->event->flag)
        right_id = strcmp(relay_id, m->requests[d->request].relay_id) == 0;
    if (strcmp(text_of(got, "verdict"), verdict_text(d->verdict)) != 0 ||
        strcmp(text_of(got, "reason"), reason_text(d->reason)) != 0 ||
        strcmp(text_of(got, "route"), route) != 0 || strcmp(text_of(got, "key"), d->key) != 0 ||
        !right_id || until != d->until)
        world_fail(w,
                   "%s%s under %s: %s/%s %s until %+" PRId64 ", expected %s/%s %s until %+" PRId64
                   " (%s)",
                   text_of(got, "fingerprint"), s->event->flag ? " (dry)" : "", text_of(got, "key"),
                   text_of(got, "verdict"), text_of(got, "reason"), relay_id,
                   until == 0 ? 0 : until - w->step_at, verdict_text(d->verdict),
                   reason_text(d->reason), d->request < 0 ? "" : m->requests[d->request].relay_id,
                   d->until == 0 ? 0 : d->until - w->step_at, d->key);
}

static void compare_answer(struct world *w, struct sent *s)
{
    json_t *reply = json_loads(s->body, 0, NULL);
    if (w->verbose)
        printf("     %s", s->body);
    json_t *alerts = json_object_get(reply, "alerts");
    if (json_array_size(alerts) != s->n)
        world_fail(w, "I1: %zu decisions for %zu alerts", json_array_size(alerts), s->n);
    if (s->expected == CORE_DUPLICATE) {
        char *text = json_dumps(alerts, JSON_COMPACT);
        if (w->answers[s->replays] != NULL && strcmp(text, w->answers[s->replays]) != 0)
            world_fail(w, "a replay is answered %s, first %s", text, w->answers[s->replays]);
        free(text);
    } else {
        for (size_t i = 0; i < s->n; i++) {
            compare_decision(w, s, i, json_array_get(alerts, i));
            if (s->expected == CORE_STORED)
                w->totals->verdicts[s->decisions[i].verdict]++;
        }
    }
    if (s->expected == CORE_STORED) {
        free(w->answers[s->replays]);
        w->answers[s->replays] = json_dumps(alerts, JSON_COMPACT);
        (void)snprintf(w->ids[s->replays], ULID_SIZE, "%s", text_of(reply, "notification"));
    }
    json_decref(reply);
}

void world_compare_replies(struct world *w)
{
    for (size_t i = 0; i < w->n_sent && w->failure[0] == '\0'; i++) {
        struct sent *s = &w->sent[i];
        if (!s->expects_reply)
            continue;
        if (!s->replied)
            world_fail(w, "no reply");
        else if (s->verdict != s->expected)
            world_fail(w, "a message is answered %d, expected %d: %.200s", (int)s->verdict,
                       (int)s->expected, s->body);
        else if (s->type == SENT_NOTIFICATION &&
                 (s->expected == CORE_STORED || s->expected == CORE_DUPLICATE ||
                  s->expected == CORE_DRY))
            compare_answer(w, s);
    }
}

/* --- the store, in the end ----------------------------------------------------------------------
 */

struct outcomes {
    struct world *w;
    const char *key;
    size_t at; /* the model's, going back */
};

static void compare_outcome(void *context, const struct store_outcome_row *o)
{
    struct outcomes *x = context;
    struct model *m = &x->w->x.model;
    while (x->at > 0 && strcmp(m->outcomes[x->at - 1].key, x->key) != 0)
        x->at--;
    if (x->at == 0) {
        world_fail(x->w, "an outcome of %s nobody expects: %s/%s", o->key, o->verdict, o->reason);
        return;
    }
    const struct model_decision *d = &m->outcomes[--x->at];
    const char *relay_id = d->request < 0 ? "" : m->requests[d->request].relay_id;
    if (strcmp(o->verdict, verdict_text(d->verdict)) != 0 ||
        strcmp(o->reason, reason_text(d->reason)) != 0 || strcmp(o->relay_id, relay_id) != 0)
        world_fail(x->w, "an outcome of %s is %s/%s %s, expected %s/%s %s", o->key, o->verdict,
                   o->reason, o->relay_id, verdict_text(d->verdict), reason_text(d->reason),
                   relay_id);
}

static void compare_outcomes(struct world *w)
{
    struct model *m = &w->x.model;
    char done[MODEL_KEYS][MODEL_TEXT];
    size_t n = 0;
    for (size_t i = 0; i < m->n_outcomes; i++) {
        size_t j = 0;
        while (j < n && strcmp(done[j], m->outcomes[i].key) != 0)
            j++;
        if (j < n || n == MODEL_KEYS)
            continue;
        memcpy(done[n++], m->outcomes[i].key, MODEL_TEXT);
        struct outcomes x = {.w = w, .key = m->outcomes[i].key, .at = m->n_outcomes};
        if (w->store.ops->list_outcomes(w->store.self, x.key, compare_outcome, &x, NULL) != 0)
            world_fail(w, "outcomes cannot be read");
        while (x.at > 0 && strcmp(m->outcomes[x.at - 1].key, x.key) != 0)
            x.at--;
        if (x.at > 0)
            world_fail(w, "an outcome of %s is missing: %s/%s", x.key,
                       verdict_text(m->outcomes[x.at - 1].verdict),
                       reason_text(m->outcomes[x.at - 1].reason));
    }
}

/* I1: what was answered 202 is there, with the answer that was given. */
static void compare_notifications(struct world *w)
{
    for (size_t i = 0; i < w->x.ledger.n; i++) {
        struct store_notification n = {.source = NULL};
        if (w->ids[i][0] == '\0')
            continue; /* a commit in doubt: its sender was told 503 */
        if (w->store.ops->get_notification(w->store.self, w->ids[i], &n, NULL) != 0 ||
            strcmp(n.alerts, w->answers[i]) != 0)
            world_fail(w, "I1: notification %s is not what was answered: %s", w->ids[i],
                       n.alerts == NULL ? "gone" : n.alerts);
        store_notification_clear(&n);
    }
}

void world_compare_rest(struct world *w, bool thoroughly)
{
    struct model *m = &w->x.model;
    int64_t counts[REQUEST_STATES] = {0}, total = 0;
    if (w->failure[0] != '\0')
        return;
    if (thoroughly)
        compare_notifications(w);
    if (thoroughly || m->n_outcomes != w->outcomes_seen)
        compare_outcomes(w);
    w->outcomes_seen = m->n_outcomes;
    if (w->store.ops->count_requests(w->store.self, counts, NULL) != 0)
        world_fail(w, "requests cannot be counted");
    for (size_t i = 0; i < REQUEST_STATES; i++)
        total += counts[i];
    if (total != (int64_t)m->n_requests)
        world_fail(w, "I8: %" PRId64 " requests in the store, %zu were made", total, m->n_requests);
}
