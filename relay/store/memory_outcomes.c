/* What became of holds and deferrals; rows are only ever added. */
#include "relay/store/memory_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct outcome_row {
    char id[24]; /* its number, from 0 */
    struct store_outcome_row outcome;
};

static struct memory_id outcome_id(const void *row)
{
    const struct outcome_row *o = row;
    return (struct memory_id){o->id, strlen(o->id)};
}

static void free_outcome(void *row)
{
    struct outcome_row *o = row;
    if (o == NULL)
        return;
    free(o->outcome.key);
    free(o->outcome.route);
    free(o->outcome.verdict);
    free(o->outcome.reason);
    free(o);
}

const struct memory_table_type memory_outcome_type = {.id = outcome_id, .free = free_outcome};

static struct outcome_row *copy(const struct store_outcome_row *o, size_t number)
{
    struct outcome_row *row = calloc(1, sizeof(*row));
    if (row == NULL)
        return NULL;
    (void)snprintf(row->id, sizeof(row->id), "%zu", number);
    row->outcome = *o;
    row->outcome.key = strdup(o->key);
    row->outcome.route = o->route == NULL ? NULL : strdup(o->route);
    row->outcome.verdict = strdup(o->verdict);
    row->outcome.reason = strdup(o->reason);
    if (row->outcome.key != NULL && (o->route == NULL || row->outcome.route != NULL) &&
        row->outcome.verdict != NULL && row->outcome.reason != NULL)
        return row;
    free_outcome(row);
    return NULL;
}

int memory_add_outcome(void *self, const struct store_outcome_row *o, struct error *err)
{
    static const char doing[] = "writing an outcome";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    return r < 0 ? r : memory_put(m, &m->outcomes, copy(o, m->outcomes.n), doing, err);
}

int memory_list_outcomes(void *self, const char *key,
                         void (*each)(void *context, const struct store_outcome_row *o),
                         void *context, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "listing outcomes", err);
    if (r < 0)
        return r;
    size_t given = 0;
    for (size_t i = m->outcomes.n; i-- > 0 && given < STORE_LIST_MAX;) {
        const struct outcome_row *row = m->outcomes.rows[i];
        if (key != NULL && strcmp(row->outcome.key, key) != 0)
            continue;
        each(context, &row->outcome);
        given++;
    }
    return 0;
}

int memory_forget_history(void *self, const struct store_retention *before, size_t limit,
                          struct store_forgotten *out, struct error *err)
{
    (void)before;
    (void)limit;
    *out = (struct store_forgotten){0};
    return memory_change(self, "forgetting history", err);
}

int memory_get_size(void *self, int64_t *bytes, struct error *err)
{
    *bytes = 0; /* it keeps all of its history anyway */
    return memory_read(self, "measuring it", err);
}

/* --- there is nothing to copy -------------------------------------------------------------------
 */

int memory_backup_start(void *self, struct error *err)
{
    (void)self;
    return error_set(err, -ENOTSUP, "store %s: there is no file to copy", MEMORY_NAME);
}

int memory_backup_step(void *self, struct store_backup *out, struct error *err)
{
    *out = (struct store_backup){.path = ""};
    return memory_backup_start(self, err);
}

void memory_backup_end(void *self)
{
    (void)self;
}
