/* MACs: by their bytes, and by their age for forgetting. */
#include "relay/store/memory_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORGET_MAX 1000

static struct memory_id mac_id(const void *row)
{
    const struct store_mac *m = row;
    return (struct memory_id){m->mac, sizeof(m->mac)};
}

const struct memory_table_type memory_mac_type = {.id = mac_id, .free = free};

/* --- by age -------------------------------------------------------------------------------------
 */

/* For SQLite's order of bytes, not for trust: which of two that came at once is the older one. */
static int compare_age(const struct store_mac *a, const struct store_mac *b)
{
    if (a->received_at != b->received_at)
        return a->received_at < b->received_at ? -1 : 1;
    for (size_t i = 0; i < sizeof(a->mac); i++) {
        if (a->mac[i] != b->mac[i])
            return a->mac[i] < b->mac[i] ? -1 : 1;
    }
    return 0;
}

/* Where mac is, or belongs. */
static size_t place_of(const struct memory_ages *a, const struct store_mac *mac)
{
    size_t low = a->first;
    size_t high = a->end;
    if (low < high && compare_age(a->macs[high - 1], mac) < 0)
        return high; /* the rule: the newest came last */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_age(a->macs[middle], mac) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool memory_ages_reserve(struct memory_ages *a)
{
    if (a->end < a->cap || a->first > a->cap / 2)
        return true;
    size_t cap = a->cap == 0 ? 16 : 2 * a->cap;
    struct store_mac **grown = realloc(a->macs, cap * sizeof(struct store_mac *));
    if (grown == NULL)
        return a->first > 0;
    a->macs = grown;
    a->cap = cap;
    return true;
}

static void move(struct memory_ages *a, size_t from, size_t to, size_t n)
{
    memmove(&a->macs[to], &a->macs[from], n * sizeof(struct store_mac *));
}

void memory_ages_add(struct memory_ages *a, struct store_mac *mac)
{
    size_t at = place_of(a, mac);
    if (at == a->first && a->first > 0) {
        a->macs[--a->first] = mac;
        return;
    }
    if (a->end == a->cap) {
        move(a, a->first, 0, a->end - a->first);
        at -= a->first;
        a->end -= a->first;
        a->first = 0;
    }
    move(a, at, at + 1, a->end - at);
    a->macs[at] = mac;
    a->end++;
}

void memory_ages_remove(struct memory_ages *a, const struct store_mac *mac)
{
    size_t at = place_of(a, mac);
    if (at == a->first) {
        a->first++;
        return;
    }
    move(a, at + 1, at, a->end - at - 1);
    a->end--;
}

/* --- rows ---------------------------------------------------------------------------------------
 */

int memory_put_mac(void *self, const struct store_mac *mac, struct error *err)
{
    static const char doing[] = "writing a signature";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    if (memory_table_find(&m->macs, mac_id(mac)) != MEMORY_NO_ROW)
        return memory_fail(m, -EINVAL, doing, err);
    if (!memory_ages_reserve(&m->ages))
        return memory_fail(m, -ENOMEM, doing, err);
    struct store_mac *row = malloc(sizeof(*row));
    if (row == NULL)
        return memory_fail(m, -ENOMEM, doing, err);
    *row = *mac;
    r = memory_put(m, &m->macs, row, doing, err);
    if (r == 0)
        memory_ages_add(&m->ages, row);
    return r;
}

int memory_get_mac(void *self, const unsigned char mac[STORE_MAC_SIZE], struct store_mac *out,
                   struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading a signature", err);
    if (r < 0)
        return r;
    size_t at = memory_table_find(&m->macs, (struct memory_id){mac, STORE_MAC_SIZE});
    if (at == MEMORY_NO_ROW)
        return STORE_NONE;
    *out = *(const struct store_mac *)m->macs.rows[at];
    return 0;
}

int memory_forget_macs(void *self, int64_t before, size_t *forgotten, struct error *err)
{
    static const char doing[] = "forgetting old signatures";
    struct memory_store *m = self;
    *forgotten = 0;
    int r = memory_change(m, doing, err);
    while (r == 0 && *forgotten < FORGET_MAX && m->ages.first < m->ages.end) {
        struct store_mac *oldest = m->ages.macs[m->ages.first];
        if (oldest->received_at >= before)
            break;
        r = memory_take(m, &m->macs, memory_table_find(&m->macs, mac_id(oldest)), doing, err);
        if (r < 0)
            break;
        m->ages.first++;
        ++*forgotten;
        if (oldest->signed_wall > m->floor)
            m->floor = oldest->signed_wall;
    }
    return r;
}

int memory_oldest_mac(void *self, int64_t *received_at, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "looking for the oldest signature", err);
    if (r < 0)
        return r;
    for (size_t i = m->ages.first; i < m->ages.end; i++) {
        if (m->ages.macs[i]->signed_wall != INT64_MIN) {
            *received_at = m->ages.macs[i]->received_at;
            return 0;
        }
    }
    return STORE_NONE;
}

int memory_get_floor(void *self, int64_t *out, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading the floor of signed times", err);
    if (r == 0)
        *out = m->floor;
    return r;
}
