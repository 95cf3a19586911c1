/* What operators changed, and the steps of a request; rows are only ever added. */
#include "relay/store/memory_private.h"

#include "relay/store/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_ID_SIZE (ULID_SIZE + 11) /* relay_id/number, from 0 */

struct changed_row {
    char id[24]; /* its number, from 0 */
    struct store_change change;
};

struct event_row {
    char id[EVENT_ID_SIZE];
    struct store_event event;
};

static struct memory_id changed_id(const void *row)
{
    const struct changed_row *c = row;
    return (struct memory_id){c->id, strlen(c->id)};
}

static void free_changed(void *row)
{
    struct changed_row *c = row;
    if (c == NULL)
        return;
    free(c->change.who);
    free(c->change.action);
    free(c->change.scope);
    free(c->change.name);
    free(c->change.why);
    free(c->change.detail);
    free(c);
}

static struct memory_id event_id(const void *row)
{
    const struct event_row *e = row;
    return (struct memory_id){e->id, strlen(e->id)};
}

const struct memory_table_type memory_changed_type = {.id = changed_id, .free = free_changed};
const struct memory_table_type memory_event_type = {.id = event_id, .free = free};

static struct changed_row *copy(const struct store_change *c, size_t number)
{
    struct changed_row *row = calloc(1, sizeof(*row));
    if (row == NULL)
        return NULL;
    (void)snprintf(row->id, sizeof(row->id), "%zu", number);
    row->change = (struct store_change){.at_wall = c->at_wall,
                                        .who = strdup(c->who),
                                        .action = strdup(c->action),
                                        .scope = strdup(c->scope),
                                        .name = strdup(c->name),
                                        .why = strdup(c->why),
                                        .detail = strdup(c->detail)};
    const struct store_change *made = &row->change;
    if (made->who != NULL && made->action != NULL && made->scope != NULL && made->name != NULL &&
        made->why != NULL && made->detail != NULL)
        return row;
    free_changed(row);
    return NULL;
}

int memory_add_change(void *self, const struct store_change *change, struct error *err)
{
    static const char doing[] = "writing a change";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    return r < 0 ? r : memory_put(m, &m->changed, copy(change, m->changed.n), doing, err);
}

int memory_list_changes(void *self, const char *cursor, size_t limit,
                        bool (*each)(void *context, const struct store_change *change),
                        void *context, char next[static 64], struct error *err)
{
    struct memory_store *m = self;
    struct page page;
    int r = page_start(&page, MEMORY_NAME, cursor, limit, err);
    if (r == 0)
        r = memory_read(m, "listing changes", err);
    if (r < 0)
        return r;
    size_t newest = page.before <= (int64_t)m->changed.n ? (size_t)page.before - 1 : m->changed.n;
    for (size_t seq = newest; seq > 0 && page_looks(&page, (int64_t)seq); seq--) {
        const struct changed_row *row = m->changed.rows[seq - 1];
        page_took(&page, each(context, &row->change));
    }
    page_end(&page, next);
    return 0;
}

/* --- the steps of a request ---------------------------------------------------------------------
 */

static const struct event_row *find_event(const struct memory_store *m, const char *relay_id,
                                          uint32_t number)
{
    char id[EVENT_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%s/%" PRIu32, relay_id, number);
    return memory_named(&m->events, id);
}

int memory_add_event(void *self, const char *relay_id, const struct store_event *e,
                     struct error *err)
{
    static const char doing[] = "writing an event";
    struct memory_store *m = self;
    int r = memory_change(m, doing, err);
    if (r < 0)
        return r;
    if (memory_named(&m->requests, relay_id) == NULL)
        return memory_fail(m, -EINVAL, doing, err);
    uint32_t number = 0;
    while (find_event(m, relay_id, number) != NULL)
        number++;
    struct event_row *row = calloc(1, sizeof(*row));
    if (row != NULL) {
        (void)snprintf(row->id, sizeof(row->id), "%s/%" PRIu32, relay_id, number);
        row->event = *e;
    }
    return memory_put(m, &m->events, row, doing, err);
}

int memory_list_events(void *self, const char *relay_id,
                       void (*each)(void *context, const struct store_event *e), void *context,
                       struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "listing events", err);
    const struct event_row *row;
    for (uint32_t i = 0; r == 0 && i < STORE_LIST_MAX && (row = find_event(m, relay_id, i)) != NULL;
         i++)
        each(context, &row->event);
    return r;
}
