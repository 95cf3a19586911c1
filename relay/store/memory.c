/* Life, transactions and faults of the store in memory. Rows are changed at once; the list of
 * changes undoes them. */
#include "relay/store/memory.h"

#include "relay/store/memory_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_KEPT 1024 /* room that stays between transactions */

/* --- faults and refusals ------------------------------------------------------------------------
 */

static bool is_faulty(struct memory_store *m, enum memory_operation operation)
{
    struct memory_fault *f = &m->fault;
    if ((f->operations & (unsigned)operation) == 0 || f->times == 0)
        return false;
    if (f->skip > 0) {
        f->skip--;
        return false;
    }
    f->times--;
    m->failures++;
    return true;
}

int memory_fail(struct memory_store *m, int code, const char *doing, struct error *err)
{
    m->failed = true;
    return error_set(err, code, "store %s: %s: %s", MEMORY_NAME, doing, strerror(-code));
}

int memory_read(struct memory_store *m, const char *doing, struct error *err)
{
    return is_faulty(m, MEMORY_READ) ? memory_fail(m, m->fault.code, doing, err) : 0;
}

static int check_transaction(const struct memory_store *m, const char *doing, struct error *err)
{
    if (!m->in_transaction || m->failed)
        return error_set(err, -EPROTO,
                         "store %s: %s: outside of a transaction, or after a failure in it",
                         MEMORY_NAME, doing);
    return 0;
}

int memory_change(struct memory_store *m, const char *doing, struct error *err)
{
    int r = check_transaction(m, doing, err);
    if (r == 0 && is_faulty(m, MEMORY_CHANGE))
        r = memory_fail(m, m->fault.code, doing, err);
    return r;
}

/* --- changes ------------------------------------------------------------------------------------
 */

static bool reserve_change(struct memory_store *m)
{
    if (m->n_changes < m->cap_changes)
        return true;
    size_t cap = m->cap_changes == 0 ? 16 : 2 * m->cap_changes;
    struct memory_change *grown = realloc(m->changes, cap * sizeof(*grown));
    if (grown == NULL)
        return false;
    m->changes = grown;
    m->cap_changes = cap;
    return true;
}

int memory_put(struct memory_store *m, struct memory_table *table, void *row, const char *doing,
               struct error *err)
{
    void *before;
    if (row == NULL || !reserve_change(m) || !memory_table_put(table, row, &before)) {
        if (row != NULL)
            table->type->free(row);
        return memory_fail(m, -ENOMEM, doing, err);
    }
    m->changes[m->n_changes++] = (struct memory_change){table, row, before};
    return 0;
}

int memory_take(struct memory_store *m, struct memory_table *table, size_t index, const char *doing,
                struct error *err)
{
    if (!reserve_change(m))
        return memory_fail(m, -ENOMEM, doing, err);
    void *before = memory_table_take(table, index);
    m->changes[m->n_changes++] = (struct memory_change){table, NULL, before};
    return 0;
}

const void *memory_named(const struct memory_table *table, const char *id)
{
    size_t at = memory_table_find(table, (struct memory_id){id, strlen(id)});
    return at == MEMORY_NO_ROW ? NULL : table->rows[at];
}

/* Undoes a change, or does it again. */
static void swap_change(struct memory_store *m, struct memory_change *c)
{
    void *came = c->before;
    void *went = c->now;
    void *replaced;
    if (c->table == &m->macs && went != NULL)
        memory_ages_remove(&m->ages, went);
    if (came == NULL)
        (void)memory_table_take(c->table, memory_table_find(c->table, c->table->type->id(went)));
    else
        (void)memory_table_put(c->table, came, &replaced); /* there was room for it before */
    if (c->table == &m->macs && came != NULL)
        memory_ages_add(&m->ages, came);
    c->now = came;
    c->before = went;
}

static void swap_floor(struct memory_store *m)
{
    int64_t floor = m->floor;
    m->floor = m->floor_before;
    m->floor_before = floor;
}

static void undo(struct memory_store *m)
{
    for (size_t i = m->n_changes; i-- > 0;)
        swap_change(m, &m->changes[i]);
    swap_floor(m);
}

static void redo(struct memory_store *m)
{
    for (size_t i = 0; i < m->n_changes; i++)
        swap_change(m, &m->changes[i]);
    swap_floor(m);
}

/* Whatever they are, done or undone, they stay so. */
static void settle(struct memory_store *m)
{
    for (size_t i = 0; i < m->n_changes; i++) {
        if (m->changes[i].before != NULL)
            m->changes[i].table->type->free(m->changes[i].before);
    }
    m->n_changes = 0;
    m->doubtful = false;
    if (m->cap_changes > CHANGES_KEPT) {
        free(m->changes);
        m->changes = NULL;
        m->cap_changes = 0;
    }
}

/* --- transactions -------------------------------------------------------------------------------
 */

static void op_rollback(void *self)
{
    struct memory_store *m = self;
    if (!m->in_transaction)
        return;
    m->in_transaction = false;
    undo(m);
    if (!m->doubtful)
        settle(m);
}

static int op_begin(void *self, struct error *err)
{
    static const char doing[] = "beginning a transaction";
    struct memory_store *m = self;
    if (m->in_transaction)
        return error_set(err, -EPROTO, "store %s: begins a transaction inside of another",
                         MEMORY_NAME);
    if (is_faulty(m, MEMORY_BEGIN))
        return memory_fail(m, m->fault.code, doing, err);
    settle(m);
    m->in_transaction = true;
    m->failed = false;
    m->floor_before = m->floor;
    return 0;
}

static void keep(struct memory_store *m, const struct store_time *now)
{
    m->time = *now;
    m->has_time = true;
    settle(m);
}

static int op_commit(void *self, const struct store_time *now, struct error *err)
{
    static const char doing[] = "committing";
    struct memory_store *m = self;
    int r = check_transaction(m, doing, err);
    if (r < 0)
        return r;
    if (is_faulty(m, MEMORY_COMMIT)) {
        m->doubtful = m->fault.doubtful;
        m->doubtful_time = *now;
        return memory_fail(m, m->fault.code, doing, err);
    }
    m->in_transaction = false;
    keep(m, now);
    return 0;
}

static int op_probe(void *self, const struct store_time *now, struct error *err)
{
    int r = op_begin(self, err);
    if (r < 0)
        return r;
    r = memory_change(self, "probing the disk", err);
    if (r == 0)
        r = op_commit(self, now, err);
    if (r < 0)
        op_rollback(self);
    return r;
}

static int op_get_time(void *self, struct store_time *out, struct error *err)
{
    struct memory_store *m = self;
    int r = memory_read(m, "reading the time", err);
    if (r < 0)
        return r;
    *out = m->time;
    return m->has_time ? 0 : STORE_NONE;
}

/* --- open and close -----------------------------------------------------------------------------
 */

static void op_close(void *self)
{
    struct memory_store *m = self;
    op_rollback(m);
    if (m->doubtful) {
        redo(m);
        keep(m, &m->doubtful_time);
    }
    m->open = false;
}

static int op_checkpoint(void *self, int pages, struct error *err)
{
    (void)self;
    (void)pages;
    (void)err;
    return 0;
}

static const struct store_ops ops = {
    .close = op_close,
    .begin = op_begin,
    .commit = op_commit,
    .rollback = op_rollback,
    .probe = op_probe,
    .checkpoint = op_checkpoint,
    .get_time = op_get_time,
    .get_floor = memory_get_floor,
    .put_notification = memory_put_notification,
    .get_notification = memory_get_notification,
    .put_mac = memory_put_mac,
    .get_mac = memory_get_mac,
    .forget_macs = memory_forget_macs,
    .oldest_mac = memory_oldest_mac,
    .put_key = memory_put_key,
    .delete_key = memory_delete_key,
    .load_keys = memory_load_keys,
    .put_request = memory_put_request,
    .get_request = memory_get_request,
    .add_attempt = memory_add_attempt,
    .load_open_requests = memory_load_open_requests,
    .load_watched_requests = memory_load_watched_requests,
    .load_slots = memory_load_slots,
    .count_requests = memory_count_requests,
    .put_credential = memory_put_credential,
    .get_credential = memory_get_credential,
    .put_target_memory = memory_put_target_memory,
    .get_target_memory = memory_get_target_memory,
    .list_requests = memory_list_requests,
    .list_attempts = memory_list_attempts,
    .forget_history = memory_forget_history,
    .add_outcome = memory_add_outcome,
    .list_outcomes = memory_list_outcomes,
    .get_size = memory_get_size,
    .backup_start = memory_backup_start,
    .backup_step = memory_backup_step,
    .backup_end = memory_backup_end,
    .add_change = memory_add_change,
    .list_changes = memory_list_changes,
    .add_event = memory_add_event,
    .list_events = memory_list_events,
    .put_pause = memory_put_pause,
    .delete_pause = memory_delete_pause,
    .load_pauses = memory_load_pauses,
    .list_notifications = memory_list_notifications,
};

int memory_store_new(struct memory_store **out, struct error *err)
{
    struct memory_store *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return error_set(err, -ENOMEM, "store %s: out of memory", MEMORY_NAME);
    m->notifications.type = &memory_notification_type;
    m->macs.type = &memory_mac_type;
    m->outcomes.type = &memory_outcome_type;
    m->pauses.type = &memory_pause_type;
    m->changed.type = &memory_changed_type;
    m->events.type = &memory_event_type;
    m->keys.type = &memory_key_type;
    m->requests.type = &memory_request_type;
    m->attempts.type = &memory_attempt_type;
    m->credentials.type = &memory_credential_type;
    m->targets.type = &memory_target_type;
    m->floor = INT64_MIN;
    *out = m;
    return 0;
}

void memory_store_free(struct memory_store *m)
{
    if (m == NULL)
        return;
    memory_table_free(&m->notifications);
    memory_table_free(&m->macs);
    memory_table_free(&m->keys);
    memory_table_free(&m->requests);
    memory_table_free(&m->attempts);
    memory_table_free(&m->credentials);
    memory_table_free(&m->targets);
    memory_table_free(&m->outcomes);
    memory_table_free(&m->pauses);
    memory_table_free(&m->changed);
    memory_table_free(&m->events);
    free(m->ages.macs);
    free(m->changes);
    free(m);
}

int memory_store_open(struct memory_store *m, struct store *out, struct error *err)
{
    if (m->open)
        return error_set(err, -EBUSY, "store %s: it is open already", MEMORY_NAME);
    m->open = true;
    *out = (struct store){.self = m, .ops = &ops};
    return 0;
}

void memory_store_fail(struct memory_store *m, const struct memory_fault *fault)
{
    m->fault = *fault;
    m->failures = 0;
}

size_t memory_store_failures(const struct memory_store *m)
{
    return m->failures;
}
