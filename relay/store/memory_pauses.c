/* An operator's pauses. */
#include "relay/store/memory_private.h"

#include <stdlib.h>
#include <string.h>

struct pause_row {
    enum engine_scope scope;
    int64_t since_wall;
    char id[]; /* 'r' or 't' for the scope, then the name */
};

static struct memory_id pause_id(const void *row)
{
    const struct pause_row *p = row;
    return (struct memory_id){p->id, strlen(p->id)};
}

const struct memory_table_type memory_pause_type = {.id = pause_id, .free = free};

static struct pause_row *make(enum engine_scope scope, const char *name, int64_t since_wall)
{
    size_t len = strlen(name);
    struct pause_row *row = malloc(sizeof(*row) + len + 2);
    if (row == NULL)
        return NULL;
    row->scope = scope;
    row->since_wall = since_wall;
    row->id[0] = scope == ENGINE_ROUTE ? 'r' : 't';
    memcpy(row->id + 1, name, len + 1);
    return row;
}

int memory_put_pause(void *self, enum engine_scope scope, const char *name, int64_t since_wall,
                     struct error *err)
{
    static const char doing[] = "writing a pause";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    struct pause_row *row = make(scope, name, since_wall);
    if (row != NULL && memory_table_find(&m->pauses, pause_id(row)) != MEMORY_NO_ROW) {
        free(row);
        return 0;
    }
    return memory_put(m, &m->pauses, row, doing, err);
}

int memory_delete_pause(void *self, enum engine_scope scope, const char *name, struct error *err)
{
    static const char doing[] = "ending a pause";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    struct pause_row *row = make(scope, name, 0);
    if (row == NULL)
        return memory_put(m, &m->pauses, NULL, doing, err);
    size_t index = memory_table_find(&m->pauses, pause_id(row));
    free(row);
    return index == MEMORY_NO_ROW ? 0 : memory_take(m, &m->pauses, index, doing, err);
}

int memory_load_pauses(void *self,
                       int (*each)(void *context, enum engine_scope scope, const char *name,
                                   int64_t since_wall),
                       void *context, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading the pauses", err);
    for (size_t i = 0; r == 0 && i < m->pauses.n; i++) {
        const struct pause_row *row = m->pauses.rows[i];
        r = each(context, row->scope, row->id + 1, row->since_wall);
        if (r < 0)
            return error_set(err, r, "store %s: a pause could not be taken in: %s", MEMORY_NAME,
                             strerror(-r));
    }
    return r;
}
