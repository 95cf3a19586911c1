/* Attempts, and what they taught of credentials and targets. */
#include "relay/store/memory_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPT_ID_SIZE (ULID_SIZE + 11) /* relay_id/number, from 0 */

struct attempt_row {
    char id[ATTEMPT_ID_SIZE];
    struct attempt attempt;
};

struct target_row {
    char *name;
    struct target_memory memory;
};

static struct memory_id attempt_id(const void *row)
{
    const struct attempt_row *a = row;
    return (struct memory_id){a->id, strlen(a->id)};
}

static struct memory_id credential_id(const void *row)
{
    const struct credential *c = row;
    return (struct memory_id){c->name, strlen(c->name)};
}

static struct memory_id target_id(const void *row)
{
    const struct target_row *t = row;
    return (struct memory_id){t->name, strlen(t->name)};
}

static void free_credential(void *row)
{
    free(((struct credential *)row)->name);
    free(row);
}

static void free_target(void *row)
{
    free(((struct target_row *)row)->name);
    free(row);
}

const struct memory_table_type memory_attempt_type = {.id = attempt_id, .free = free};
const struct memory_table_type memory_credential_type = {.id = credential_id,
                                                         .free = free_credential};
const struct memory_table_type memory_target_type = {.id = target_id, .free = free_target};

/* --- attempts -----------------------------------------------------------------------------------
 */

static void make_id(char out[static ATTEMPT_ID_SIZE], const char *relay_id, uint32_t number)
{
    (void)snprintf(out, ATTEMPT_ID_SIZE, "%s/%" PRIu32, relay_id, number);
}

static const struct attempt_row *find_attempt(const struct memory_store *m, const char *relay_id,
                                              uint32_t number)
{
    char id[ATTEMPT_ID_SIZE];
    make_id(id, relay_id, number);
    return memory_named(&m->attempts, id);
}

int memory_add_attempt(void *self, const char *relay_id, const struct attempt *a, struct error *err)
{
    static const char doing[] = "writing an attempt";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    if (memory_named(&m->requests, relay_id) == NULL)
        return memory_fail(m, -EINVAL, doing, err);
    uint32_t number = 0;
    while (find_attempt(m, relay_id, number) != NULL) /* a request has a few */
        number++;
    struct attempt_row *row = malloc(sizeof(*row));
    if (row != NULL) {
        make_id(row->id, relay_id, number);
        row->attempt = *a;
    }
    return memory_put(m, &m->attempts, row, doing, err);
}

int memory_list_attempts(void *self, const char *relay_id,
                         void (*each)(void *context, const struct attempt *a), void *context,
                         struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "listing attempts", err);
    if (r < 0)
        return r;
    for (uint32_t number = 0; number < STORE_LIST_MAX; number++) {
        const struct attempt_row *row = find_attempt(m, relay_id, number);
        if (row == NULL)
            break;
        each(context, &row->attempt);
    }
    return 0;
}

/* --- what was learnt ----------------------------------------------------------------------------
 */

int memory_put_credential(void *self, const struct credential *c, struct error *err)
{
    static const char doing[] = "writing a credential's limits";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    struct credential *row = malloc(sizeof(*row));
    if (row != NULL) {
        *row = *c;
        row->name = strdup(c->name);
        if (row->name == NULL) {
            free(row);
            row = NULL;
        }
    }
    return memory_put(m, &m->credentials, row, doing, err);
}

int memory_get_credential(void *self, const char *name, struct credential *out, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading a credential's limits", err);
    if (r < 0)
        return r;
    const struct credential *row = memory_named(&m->credentials, name);
    if (row == NULL)
        return STORE_NONE;
    char *own = out->name;
    *out = *row;
    out->name = own;
    return 0;
}

int memory_put_target_memory(void *self, const char *target, const struct target_memory *memory,
                             struct error *err)
{
    static const char doing[] = "writing what a target taught";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    struct target_row *row = malloc(sizeof(*row));
    if (row != NULL) {
        *row = (struct target_row){.name = strdup(target), .memory = *memory};
        if (row->name == NULL) {
            free(row);
            row = NULL;
        }
    }
    return memory_put(m, &m->targets, row, doing, err);
}

int memory_get_target_memory(void *self, const char *target, struct target_memory *out,
                             struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading what a target taught", err);
    if (r < 0)
        return r;
    const struct target_row *row = memory_named(&m->targets, target);
    if (row == NULL)
        return STORE_NONE;
    *out = row->memory;
    return 0;
}
