#include "relay/core/open_requests.h"

#include <stdlib.h>
#include <string.h>

/* We drew the last characters of a relay_id at random, so no stranger chooses where it lands. */
static size_t home(const struct open_requests *o, const char *relay_id)
{
    size_t h = 0;
    for (; *relay_id != '\0'; relay_id++)
        h = h * 31 + (unsigned char)*relay_id;
    return h & (o->n_slots - 1);
}

/* Where it is, or where it would go. */
static size_t place(const struct open_requests *o, const char *relay_id)
{
    size_t i = home(o, relay_id);
    while (o->slots[i] != NULL && strcmp(o->slots[i]->relay_id, relay_id) != 0)
        i = (i + 1) & (o->n_slots - 1);
    return i;
}

static bool grow(struct open_requests *o)
{
    size_t cap = o->cap == 0 ? 16 : o->cap * 2;
    struct request **items = realloc(o->items, cap * sizeof(struct request *));
    if (items == NULL)
        return false;
    o->items = items;
    struct request **slots = calloc(cap * 2, sizeof(struct request *));
    if (slots == NULL)
        return false;
    free(o->slots);
    o->slots = slots;
    o->n_slots = cap * 2;
    o->cap = cap;
    for (size_t i = 0; i < o->n; i++)
        o->slots[place(o, o->items[i]->relay_id)] = o->items[i];
    return true;
}

bool open_requests_add(struct open_requests *o, struct request *r)
{
    if (o->n == o->cap && !grow(o))
        return false;
    o->items[o->n++] = r;
    o->slots[place(o, r->relay_id)] = r;
    return true;
}

struct request *open_requests_find(const struct open_requests *o, const char *relay_id)
{
    return o->n == 0 ? NULL : o->slots[place(o, relay_id)];
}

/* Without tombstones: whatever follows in the same run moves up if its home allows it. */
static void empty_slot(struct open_requests *o, size_t hole)
{
    size_t mask = o->n_slots - 1;
    for (size_t i = (hole + 1) & mask; o->slots[i] != NULL; i = (i + 1) & mask) {
        size_t from_home = (i - home(o, o->slots[i]->relay_id)) & mask;
        if (from_home >= ((i - hole) & mask)) {
            o->slots[hole] = o->slots[i];
            hole = i;
        }
    }
    o->slots[hole] = NULL;
}

void open_requests_remove(struct open_requests *o, const struct request *r)
{
    size_t i = 0;
    while (o->items[i] != r)
        i++;
    empty_slot(o, place(o, r->relay_id));
    o->n--;
    memmove(&o->items[i], &o->items[i + 1], (o->n - i) * sizeof(struct request *));
}

void open_requests_clear(struct open_requests *o)
{
    for (size_t i = 0; i < o->n; i++) {
        request_free(o->items[i]);
        free(o->items[i]);
    }
    free(o->items);
    free(o->slots);
    *o = (struct open_requests){0};
}
