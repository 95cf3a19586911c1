#include "relay/engine/effects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more element; false when out of memory. */
static bool room(void **items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    size_t wanted = *cap == 0 ? 4 : *cap * 2;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL)
        return false;
    *items = grown;
    *cap = wanted;
    return true;
}

const char *cause_text(enum cause c)
{
    static const char *const texts[] = {
        [CAUSE_ALERT] = "alert", [CAUSE_TIMER] = "timer", [CAUSE_REDELIVER] = "redeliver"};
    return texts[c];
}

void effects_clear(struct effects *e)
{
    for (size_t i = 0; i < e->n_decisions; i++)
        free(e->decisions[i].key);
    free(e->decisions);
    for (size_t i = 0; i < e->n_outcomes; i++)
        free(e->outcomes[i].key);
    free(e->outcomes);
    free(e->changed);
    for (size_t i = 0; i < e->n_removed; i++)
        free(e->removed[i]);
    free(e->removed);
    for (size_t i = 0; i < e->n_created; i++)
        free(e->created[i].inputs);
    free(e->created);
    free(e->cancelled);
    *e = (struct effects){0};
}

int effects_change(struct effects *e, const struct key *k)
{
    if (e == NULL)
        return 0;
    for (size_t i = 0; i < e->n_changed; i++) {
        if (e->changed[i] == k)
            return 0;
    }
    void *items = e->changed;
    if (!room(&items, e->n_changed, &e->cap_changed, sizeof(e->changed[0])))
        return -ENOMEM;
    e->changed = items;
    e->changed[e->n_changed++] = k;
    return 0;
}

int effects_remove(struct effects *e, const char *text)
{
    void *items = e->removed;
    char *copy = strdup(text);
    if (copy == NULL || !room(&items, e->n_removed, &e->cap_removed, sizeof(e->removed[0]))) {
        free(copy);
        return -ENOMEM;
    }
    e->removed = items;
    e->removed[e->n_removed++] = copy;
    return 0;
}

int effects_outcome(struct effects *e, const struct decision *o)
{
    void *items = e == NULL ? NULL : e->outcomes;
    if (e == NULL || !room(&items, e->n_outcomes, &e->cap_outcomes, sizeof(e->outcomes[0]))) {
        free(o->key);
        return e == NULL ? 0 : -ENOMEM;
    }
    e->outcomes = items;
    e->outcomes[e->n_outcomes++] = *o;
    return 0;
}

int effects_create(struct effects *e, const struct created_request *r)
{
    void *items = e->created;
    if (!room(&items, e->n_created, &e->cap_created, sizeof(e->created[0])))
        return -ENOMEM;
    e->created = items;
    e->created[e->n_created++] = *r;
    return 0;
}

int effects_cancel(struct effects *e, const char *relay_id)
{
    if (e == NULL)
        return 0;
    void *items = e->cancelled;
    if (!room(&items, e->n_cancelled, &e->cap_cancelled, sizeof(e->cancelled[0])))
        return -ENOMEM;
    e->cancelled = items;
    memcpy(e->cancelled[e->n_cancelled++], relay_id, ULID_SIZE);
    return 0;
}
