/* key_table.h - all keys: found by text in O(1), the next deadline in O(1), changed in O(log n).
 *
 * The table owns its keys. The hash is SipHash with a random key, because the text of keys comes
 * from labels that strangers choose. */
#ifndef RELAY_ENGINE_KEY_TABLE_H
#define RELAY_ENGINE_KEY_TABLE_H

#include "relay/base/rng.h"
#include "relay/engine/key.h"

#define KEY_NO_DEADLINE INT64_MAX

struct key_table;

struct key_table *key_table_new(const struct rng *rng); /* NULL when out of memory */
void key_table_free(struct key_table *t);
size_t key_table_count(const struct key_table *t);
struct key *key_table_find(const struct key_table *t, const char *text);
/* Takes k, which is not in it yet, with deadline_ and rank_ set; false when out of memory (k stays
 * the caller's). */
bool key_table_add(struct key_table *t, struct key *k);
/* Takes k out and gives it to the caller. */
void key_table_remove(struct key_table *t, struct key *k);
void key_table_set_deadline(struct key_table *t, struct key *k, int64_t deadline);
/* The key whose deadline comes first (ties: the oldest deferral, then the text), NULL when there is
 * none. */
struct key *key_table_first(const struct key_table *t);
/* The i-th key, in no order; i < count. Valid until the table changes. */
struct key *key_table_at(const struct key_table *t, size_t i);

#endif
