#include "relay/engine/key_table.h"

#include "relay/base/scope.h"

#include <sodium.h>
#include <string.h>

/* Open addressing over a power of two of slots, at most half full; the heap array holds every key,
 * ordered by deadline, and gives the iteration too. Hashes and deadlines stand in the arrays
 * themselves: of 100,000 keys each that is looked at is a miss of the cache. */
struct entry {
    int64_t deadline; /* the key's own */
    struct key *key;
};

struct key_table {
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
    struct key **slots;
    uint32_t *hashes; /* of the keys in the slots */
    size_t n_slots;
    struct entry *heap;
    size_t n, heap_cap;
};

struct key_table *key_table_new(const struct rng *rng)
{
    struct key_table *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    rng->bytes(rng->self, t->hash_key, sizeof(t->hash_key));
    return t;
}

void key_table_free(struct key_table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n; i++)
        key_free(t->heap[i].key);
    free(t->heap);
    free(t->slots);
    free(t->hashes);
    free(t);
}

size_t key_table_count(const struct key_table *t)
{
    return t->n;
}

static uint32_t hash_of(const struct key_table *t, const char *text)
{
    uint32_t hash = 0;
    unsigned char out[crypto_shorthash_BYTES];
    crypto_shorthash(out, (const unsigned char *)text, strlen(text), t->hash_key);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

/* Where it is, or where it would go. */
static size_t place(const struct key_table *t, const char *text, uint32_t hash)
{
    size_t i = hash & (t->n_slots - 1);
    while (t->slots[i] != NULL && (t->hashes[i] != hash || strcmp(t->slots[i]->text, text) != 0))
        i = (i + 1) & (t->n_slots - 1);
    return i;
}

struct key *key_table_find(const struct key_table *t, const char *text)
{
    return t->n_slots == 0 ? NULL : t->slots[place(t, text, hash_of(t, text))];
}

static bool grow_slots(struct key_table *t)
{
    size_t n_slots = t->n_slots == 0 ? 64 : t->n_slots * 2;
    struct key **slots = calloc(n_slots, sizeof(struct key *));
    uint32_t *hashes = calloc(n_slots, sizeof(uint32_t));
    if (slots == NULL || hashes == NULL) {
        free(slots);
        free(hashes);
        return false;
    }
    for (size_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i] == NULL)
            continue;
        size_t at = t->hashes[i] & (n_slots - 1);
        while (slots[at] != NULL)
            at = (at + 1) & (n_slots - 1);
        slots[at] = t->slots[i];
        hashes[at] = t->hashes[i];
    }
    free(t->slots);
    free(t->hashes);
    t->slots = slots;
    t->hashes = hashes;
    t->n_slots = n_slots;
    return true;
}

static bool grow_heap(struct key_table *t)
{
    size_t cap = t->heap_cap == 0 ? 32 : t->heap_cap * 2;
    struct entry *heap = realloc(t->heap, cap * sizeof(struct entry));
    if (heap == NULL)
        return false;
    t->heap = heap;
    t->heap_cap = cap;
    return true;
}

static void put(struct key_table *t, size_t i, struct entry e)
{
    t->heap[i] = e;
    e.key->heap_index_ = i;
}

/* The order is total and made of what is stored, so that it is the same after a restart: ties are
 * broken by the oldest deferral (who waits longest for a budget gets its slot), then by text. */
static bool before(struct entry a, struct entry b)
{
    if (a.deadline != b.deadline)
        return a.deadline < b.deadline;
    if (a.key->rank_ != b.key->rank_)
        return a.key->rank_ < b.key->rank_;
    return strcmp(a.key->text, b.key->text) < 0;
}

static void sift_up(struct key_table *t, size_t i)
{
    struct entry e = t->heap[i];
    while (i > 0 && before(e, t->heap[(i - 1) / 2])) {
        put(t, i, t->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(t, i, e);
}

static void sift_down(struct key_table *t, size_t i)
{
    struct entry e = t->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= t->n)
            break;
        if (child + 1 < t->n && before(t->heap[child + 1], t->heap[child]))
            child++;
        if (!before(t->heap[child], e))
            break;
        put(t, i, t->heap[child]);
        i = child;
    }
    put(t, i, e);
}

bool key_table_add(struct key_table *t, struct key *k)
{
    if (2 * (t->n + 1) > t->n_slots && !grow_slots(t))
        return false;
    if (t->n == t->heap_cap && !grow_heap(t))
        return false;
    uint32_t hash = hash_of(t, k->text);
    size_t at = place(t, k->text, hash);
    t->slots[at] = k;
    t->hashes[at] = hash;
    put(t, t->n, (struct entry){k->deadline_, k});
    t->n++;
    sift_up(t, t->n - 1);
    return true;
}

/* Deletion without tombstones: whatever follows in the same run moves up if its home allows it. */
static void empty_slot(struct key_table *t, size_t hole)
{
    size_t mask = t->n_slots - 1;
    for (size_t i = (hole + 1) & mask; t->slots[i] != NULL; i = (i + 1) & mask) {
        size_t distance_home = (i - t->hashes[i]) & mask;
        size_t distance_hole = (i - hole) & mask;
        if (distance_home >= distance_hole) {
            t->slots[hole] = t->slots[i];
            t->hashes[hole] = t->hashes[i];
            hole = i;
        }
    }
    t->slots[hole] = NULL;
}

void key_table_remove(struct key_table *t, struct key *k)
{
    empty_slot(t, place(t, k->text, hash_of(t, k->text)));
    size_t i = k->heap_index_;
    t->n--;
    if (i == t->n)
        return;
    put(t, i, t->heap[t->n]);
    sift_up(t, i);
    sift_down(t, t->heap[i].key->heap_index_);
}

void key_table_set_deadline(struct key_table *t, struct key *k, int64_t deadline)
{
    k->deadline_ = deadline;
    t->heap[k->heap_index_].deadline = deadline;
    k->rank_ = k->deferred_at == 0 ? INT64_MAX : k->deferred_at; /* a deferral has waited longer */
    sift_up(t, k->heap_index_);
    sift_down(t, k->heap_index_);
}

struct key *key_table_first(const struct key_table *t)
{
    return t->n == 0 ? NULL : t->heap[0].key;
}

struct key *key_table_at(const struct key_table *t, size_t i)
{
    return t->heap[i].key;
}
