#include "relay/store/memory_table.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 16
#define CAP_MAX   (UINT32_MAX / 4)

/* FNV-1a, 64 bits (draft-eastlake-fnv): the ids are our own or a test's. */
static size_t home(const struct memory_table *t, struct memory_id id)
{
    const unsigned char *bytes = id.bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ (hash >> 32)) & (2 * t->cap - 1);
}

static size_t next(const struct memory_table *t, size_t slot)
{
    return (slot + 1) & (2 * t->cap - 1);
}

/* The slot that has this id, or the free one where it belongs. cap > 0. */
static size_t find_slot(const struct memory_table *t, struct memory_id id)
{
    size_t slot = home(t, id);
    for (; t->slots[slot] != 0; slot = next(t, slot)) {
        struct memory_id other = t->type->id(t->rows[t->slots[slot] - 1]);
        if (other.len == id.len && memcmp(other.bytes, id.bytes, id.len) == 0)
            break;
    }
    return slot;
}

static bool grow(struct memory_table *t)
{
    size_t cap = t->cap == 0 ? CAP_FIRST : 2 * t->cap;
    if (cap > CAP_MAX)
        return false;
    void **rows = realloc(t->rows, cap * sizeof(void *));
    if (rows == NULL)
        return false;
    t->rows = rows;
    uint32_t *slots = calloc(2 * cap, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++)
        t->slots[find_slot(t, t->type->id(t->rows[i]))] = (uint32_t)(i + 1);
    return true;
}

void memory_table_free(struct memory_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        t->type->free(t->rows[i]);
    free(t->rows);
    free(t->slots);
    *t = (struct memory_table){.type = t->type};
}

size_t memory_table_find(const struct memory_table *t, struct memory_id id)
{
    if (t->cap == 0)
        return MEMORY_NO_ROW;
    uint32_t found = t->slots[find_slot(t, id)];
    return found == 0 ? MEMORY_NO_ROW : found - 1;
}

bool memory_table_put(struct memory_table *t, void *row, void **before)
{
    struct memory_id id = t->type->id(row);
    size_t at = memory_table_find(t, id);
    *before = NULL;
    if (at != MEMORY_NO_ROW) {
        *before = t->rows[at];
        t->rows[at] = row;
        return true;
    }
    if (t->n == t->cap && !grow(t))
        return false;
    t->rows[t->n] = row;
    t->slots[find_slot(t, id)] = (uint32_t)++t->n;
    return true;
}

/* Frees the slot and moves back those behind it that would not be found any more (linear probing
 * without tombstones: Knuth, 6.4, algorithm R). */
static void clear_slot(struct memory_table *t, size_t gap)
{
    for (size_t slot = next(t, gap); t->slots[slot] != 0; slot = next(t, slot)) {
        size_t wants = home(t, t->type->id(t->rows[t->slots[slot] - 1]));
        size_t mask = 2 * t->cap - 1;
        if (((slot - wants) & mask) < ((slot - gap) & mask))
            continue;
        t->slots[gap] = t->slots[slot];
        gap = slot;
    }
    t->slots[gap] = 0;
}

void *memory_table_take(struct memory_table *t, size_t index)
{
    void *row = t->rows[index];
    clear_slot(t, find_slot(t, t->type->id(row)));
    size_t last = --t->n;
    if (index != last) {
        t->slots[find_slot(t, t->type->id(t->rows[last]))] = (uint32_t)(index + 1);
        t->rows[index] = t->rows[last];
    }
    return row;
}
