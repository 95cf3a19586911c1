/* memory_table.h - rows by their id: a hash table over an array.
 *
 * A row is a heap struct that the table's type knows how to name and free; it is never changed,
 * only replaced. Rows keep the order they came in for as long as none is taken out; one that is
 * replaced keeps its place. Putting back what was taken out needs no memory, so undoing cannot
 * fail. */
#ifndef RELAY_STORE_MEMORY_TABLE_H
#define RELAY_STORE_MEMORY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_id {
    const void *bytes;
    size_t len;
};

struct memory_table_type {
    struct memory_id (*id)(const void *row);
    void (*free)(void *row);
};

struct memory_table {
    const struct memory_table_type *type;
    void **rows;
    size_t n, cap;   /* cap is 0 or a power of two */
    uint32_t *slots; /* 2 * cap of them: 0 = free, else a row's index + 1 */
};

#define MEMORY_NO_ROW SIZE_MAX

/* Frees the rows. */
void memory_table_free(struct memory_table *t);
/* The row's index, or MEMORY_NO_ROW. */
size_t memory_table_find(const struct memory_table *t, struct memory_id id);
/* Takes row; *before gets the one it replaces, or NULL. False: out of memory, row is still the
 * caller's. */
bool memory_table_put(struct memory_table *t, void *row, void **before);
/* The last row moves into the gap. The row is the caller's again. */
void *memory_table_take(struct memory_table *t, size_t index);

#endif
