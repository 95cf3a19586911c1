#include "relay/engine/key.h"

#include "relay/base/scope.h"

#include <string.h>

static void member_clear(struct member *m)
{
    free(m->source);
    free(m->fingerprint);
}

static void key_free_p(struct key **k)
{
    key_free(*k);
}

struct key *key_new(const char *text, const char *route)
{
    SCOPED(key_free_p) struct key *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    k->text = strdup(text);
    k->route = strdup(route);
    if (k->text == NULL || k->route == NULL)
        return NULL;
    return GIVE(k);
}

struct key *key_clone(const struct key *k)
{
    SCOPED(key_free_p) struct key *copy = key_new(k->text, k->route);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < k->n_members; i++) {
        const struct member *from = &k->members[i];
        struct member *to = key_add_member(copy, from->source, from->fingerprint);
        if (to == NULL)
            return NULL;
        char *source = to->source;
        char *fingerprint = to->fingerprint;
        *to = *from;
        to->source = source;
        to->fingerprint = fingerprint;
    }
    copy->quiet_since = k->quiet_since;
    copy->disarmed_at = k->disarmed_at;
    copy->cooldown_from = k->cooldown_from;
    copy->retry_from = k->retry_from;
    memcpy(copy->relay_id, k->relay_id, sizeof(copy->relay_id));
    copy->posted_at = k->posted_at;
    copy->executed = k->executed;
    copy->by_operator = k->by_operator;
    copy->hold_began = k->hold_began;
    copy->hold_from = k->hold_from;
    copy->deferred_at = k->deferred_at;
    copy->deferred_for = k->deferred_for;
    copy->settled = k->settled;
    return GIVE(copy);
}

void key_free(struct key *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->n_members; i++)
        member_clear(&k->members[i]);
    free(k->members);
    free(k->text);
    free(k->route);
    free(k);
}

static int member_compare(const struct member *m, const char *source, const char *fingerprint)
{
    int order = strcmp(m->source, source);
    return order != 0 ? order : strcmp(m->fingerprint, fingerprint);
}

/* Where that member is, or belongs. */
static size_t member_place(const struct key *k, const char *source, const char *fingerprint)
{
    size_t low = 0;
    size_t high = k->n_members;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (member_compare(&k->members[middle], source, fingerprint) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct member *key_member(const struct key *k, const char *source, const char *fingerprint)
{
    size_t i = member_place(k, source, fingerprint);
    if (i < k->n_members && member_compare(&k->members[i], source, fingerprint) == 0)
        return &k->members[i];
    return NULL;
}

struct member *key_add_member(struct key *k, const char *source, const char *fingerprint)
{
    if (k->n_members == k->cap_members) {
        size_t cap = k->cap_members == 0 ? 1 : k->cap_members * 2; /* most have one */
        struct member *grown = realloc(k->members, cap * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        k->members = grown;
        k->cap_members = cap;
    }
    struct member m = {.source = strdup(source), .fingerprint = strdup(fingerprint)};
    if (m.source == NULL || m.fingerprint == NULL) {
        member_clear(&m);
        return NULL;
    }
    size_t i = member_place(k, source, fingerprint);
    memmove(&k->members[i + 1], &k->members[i], (k->n_members - i) * sizeof(m));
    k->members[i] = m;
    k->n_members++;
    return &k->members[i];
}

void key_remove_member(struct key *k, struct member *m)
{
    size_t i = (size_t)(m - k->members);
    member_clear(m);
    memmove(m, m + 1, (k->n_members - i - 1) * sizeof(*m));
    k->n_members--;
}

void key_all_wait(struct key *k)
{
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].waits = !k->members[i].blind;
}

void key_end_waiting(struct key *k)
{
    k->over_at_start_ = false;
    k->hold_began = 0;
    k->hold_from = 0;
    k->deferred_at = 0;
    for (size_t i = 0; i < k->n_members; i++)
        k->members[i].waits = false;
}

bool key_is_waiting(const struct key *k)
{
    return k->hold_began != 0 || k->deferred_at != 0;
}

size_t key_firing(const struct key *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n_members; i++)
        n += !k->members[i].blind;
    return n;
}

static bool leads(const struct member *a, const struct member *b)
{
    if (a->starts_at != b->starts_at)
        return a->starts_at > b->starts_at;
    /* Of equal ones the first leads: they are sorted by source. */
    return strcmp(a->fingerprint, b->fingerprint) < 0;
}

struct member *key_leading(const struct key *k)
{
    struct member *best = NULL;
    for (size_t i = 0; i < k->n_members; i++) {
        struct member *m = &k->members[i];
        if (!m->blind && (best == NULL || leads(m, best)))
            best = m;
    }
    return best;
}
