/* An operator's pauses. */
#include "relay/store/memory_private.h"

#include <stdlib.h>
#include <string.h>

struct pause_row {
    enum engine_scope scope;
    int64_t since_wall, until;
    char *who, *why;
    char id[]; /* 'r' or 't' for the scope, then the name */
};

static struct memory_id pause_id(const void *row)
{
    const struct pause_row *p = row;
    return (struct memory_id){p->id, strlen(p->id)};
}

static void free_pause(void *row)
{
    struct pause_row *p = row;
    if (p == NULL)
        return;
    free(p->who);
    free(p->why);
    free(p);
}

const struct memory_table_type memory_pause_type = {.id = pause_id, .free = free_pause};

static struct pause_row *make(const struct store_pause *p)
{
    size_t len = strlen(p->name);
    struct pause_row *row = malloc(sizeof(*row) + len + 2);
    if (row == NULL)
        return NULL;
    row->scope = p->scope;
    row->since_wall = p->since_wall;
    row->until = p->until;
    row->who = strdup(p->who);
    row->why = strdup(p->why);
    row->id[0] = p->scope == ENGINE_ROUTE ? 'r' : 't';
    memcpy(row->id + 1, p->name, len + 1);
    if (row->who != NULL && row->why != NULL)
        return row;
    free_pause(row);
    return NULL;
}

int memory_put_pause(void *self, const struct store_pause *p, struct error *err)
{
    static const char doing[] = "writing a pause";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    struct pause_row *row = make(p);
    size_t there = row == NULL ? MEMORY_NO_ROW : memory_table_find(&m->pauses, pause_id(row));
    if (there != MEMORY_NO_ROW)
        row->since_wall = ((const struct pause_row *)m->pauses.rows[there])->since_wall;
    return memory_put(m, &m->pauses, row, doing, err);
}

int memory_delete_pause(void *self, enum engine_scope scope, const char *name, struct error *err)
{
    static const char doing[] = "ending a pause";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    struct pause_row *row =
        make(&(struct store_pause){.scope = scope, .name = name, .who = "", .why = ""});
    if (row == NULL)
        return memory_put(m, &m->pauses, NULL, doing, err);
    size_t index = memory_table_find(&m->pauses, pause_id(row));
    free_pause(row);
    return index == MEMORY_NO_ROW ? 0 : memory_take(m, &m->pauses, index, doing, err);
}

int memory_load_pauses(void *self, int (*each)(void *context, const struct store_pause *p),
                       void *context, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading the pauses", err);
    for (size_t i = 0; r == 0 && i < m->pauses.n; i++) {
        const struct pause_row *row = m->pauses.rows[i];
        const struct store_pause p = {.scope = row->scope,
                                      .name = row->id + 1,
                                      .since_wall = row->since_wall,
                                      .until = row->until,
                                      .who = row->who,
                                      .why = row->why};
        r = each(context, &p);
        if (r < 0)
            return error_set(err, r, "store %s: a pause could not be taken in: %s", MEMORY_NAME,
                             strerror(-r));
    }
    return r;
}
