/* memory_private.h - what the files of the memory store share; nobody else includes it.
 *
 *   memory.c         life, transactions, faults, the table of functions
 *   memory_rows.c    notifications, keys, requests
 *   memory_learnt.c  attempts, and what they taught of credentials and targets
 *   memory_outcomes.c, memory_pauses.c, memory_changes.c
 *   memory_macs.c    MACs, also by their age
 *   memory_table.c   rows by id */
#ifndef RELAY_STORE_MEMORY_PRIVATE_H
#define RELAY_STORE_MEMORY_PRIVATE_H

#include "relay/store/memory.h"
#include "relay/store/memory_table.h"

/* One row came, went or was replaced. Undone, `now` and `before` change places. */
struct memory_change {
    struct memory_table *table;
    void *now;    /* the table's; NULL: taken out */
    void *before; /* ours; NULL: there was none */
};

/* MACs by (received_at, mac): macs[first] to macs[end - 1], borrowed from their table. */
struct memory_ages {
    struct store_mac **macs;
    size_t first, end, cap;
};

struct memory_store {
    struct memory_table notifications, macs, keys, requests, attempts, credentials, targets,
        outcomes, pauses, changed, events;
    struct memory_ages ages;
    bool has_time;
    struct store_time time;
    int64_t floor, floor_before; /* before: when the transaction began */
    struct memory_change *changes;
    size_t n_changes, cap_changes;
    bool open, in_transaction, failed;
    bool doubtful; /* its last commit failed so that a crash would keep it */
    struct store_time doubtful_time;
    struct memory_fault fault;
    size_t failures;
};

#define MEMORY_NAME "memory" /* where a file has its path */

/* --- memory.c: how every function begins -------------------------------------------------------
 */
__attribute__((warn_unused_result)) int memory_read(struct memory_store *m, const char *doing,
                                                    struct error *err);
__attribute__((warn_unused_result)) int memory_change(struct memory_store *m, const char *doing,
                                                      struct error *err);
/* Fails the transaction. */
int memory_fail(struct memory_store *m, int code, const char *doing, struct error *err);
/* Takes row (NULL: out of memory), also when it fails. */
__attribute__((warn_unused_result)) int memory_put(struct memory_store *m,
                                                   struct memory_table *table, void *row,
                                                   const char *doing, struct error *err);
__attribute__((warn_unused_result)) int memory_take(struct memory_store *m,
                                                    struct memory_table *table, size_t index,
                                                    const char *doing, struct error *err);
/* The row with that text as its id; NULL: none. */
const void *memory_named(const struct memory_table *table, const char *id);

/* --- the tables ---------------------------------------------------------------
 */
extern const struct memory_table_type memory_notification_type, memory_mac_type, memory_key_type,
    memory_request_type, memory_attempt_type, memory_credential_type, memory_target_type,
    memory_outcome_type, memory_pause_type, memory_changed_type, memory_event_type;

/* Room for one more MAC. */
bool memory_ages_reserve(struct memory_ages *a);
void memory_ages_add(struct memory_ages *a, struct store_mac *mac);
void memory_ages_remove(struct memory_ages *a, const struct store_mac *mac);

/* --- the functions of struct store_ops, where each is documented --------------------------------
 */
int memory_put_notification(void *self, const struct store_notification *n, struct error *err);
int memory_get_notification(void *self, const char *id, struct store_notification *out,
                            struct error *err);
int memory_list_notifications(void *self, const char *cursor, size_t limit,
                              bool (*each)(void *context, const struct store_notification *n),
                              void *context, char next[static 64], struct error *err);
int memory_put_mac(void *self, const struct store_mac *mac, struct error *err);
int memory_get_mac(void *self, const unsigned char mac[STORE_MAC_SIZE], struct store_mac *out,
                   struct error *err);
int memory_forget_macs(void *self, int64_t before, size_t *forgotten, struct error *err);
int memory_oldest_mac(void *self, int64_t *received_at, struct error *err);
int memory_get_floor(void *self, int64_t *out, struct error *err);
int memory_put_key(void *self, const struct key *k, struct error *err);
int memory_delete_key(void *self, const char *text, struct error *err);
int memory_load_keys(void *self, int (*each)(void *context, struct key *k), void *context,
                     struct error *err);
int memory_put_request(void *self, const struct request *r, struct error *err);
int memory_get_request(void *self, const char *relay_id, struct request *out, struct error *err);
int memory_load_open_requests(void *self, int (*each)(void *context, struct request *r),
                              void *context, struct error *err);
int memory_load_watched_requests(void *self, int (*each)(void *context, struct request *r),
                                 void *context, struct error *err);
int memory_load_slots(void *self, int64_t since,
                      int (*each)(void *context, const char *route, const char *target, int64_t at,
                                  const char *relay_id),
                      void *context, struct error *err);
int memory_count_requests(void *self, int64_t counts[static REQUEST_STATES], struct error *err);
int memory_list_requests(void *self, const char *cursor, size_t limit,
                         bool (*each)(void *context, const struct request *r), void *context,
                         char next[static 64], struct error *err);
int memory_forget_history(void *self, const struct store_retention *before, size_t limit,
                          struct store_forgotten *out, struct error *err);
int memory_get_size(void *self, int64_t *bytes, struct error *err);
int memory_backup_start(void *self, struct error *err);
int memory_backup_step(void *self, struct store_backup *out, struct error *err);
void memory_backup_end(void *self);
int memory_add_outcome(void *self, const struct store_outcome_row *o, struct error *err);
int memory_list_outcomes(void *self, const char *key,
                         void (*each)(void *context, const struct store_outcome_row *o),
                         void *context, struct error *err);
int memory_put_pause(void *self, const struct store_pause *p, struct error *err);
int memory_delete_pause(void *self, enum engine_scope scope, const char *name, struct error *err);
int memory_load_pauses(void *self, int (*each)(void *context, const struct store_pause *p),
                       void *context, struct error *err);
int memory_add_change(void *self, const struct store_change *change, struct error *err);
int memory_list_changes(void *self, const char *cursor, size_t limit,
                        bool (*each)(void *context, const struct store_change *change),
                        void *context, char next[static 64], struct error *err);
int memory_add_event(void *self, const char *relay_id, const struct store_event *e,
                     struct error *err);
int memory_list_events(void *self, const char *relay_id,
                       void (*each)(void *context, const struct store_event *e), void *context,
                       struct error *err);
int memory_add_attempt(void *self, const char *relay_id, const struct attempt *a,
                       struct error *err);
int memory_list_attempts(void *self, const char *relay_id,
                         void (*each)(void *context, const struct attempt *a), void *context,
                         struct error *err);
int memory_put_credential(void *self, const struct credential *c, struct error *err);
int memory_get_credential(void *self, const char *name, struct credential *out, struct error *err);
int memory_put_target_memory(void *self, const char *target, const struct target_memory *memory,
                             struct error *err);
int memory_get_target_memory(void *self, const char *target, struct target_memory *out,
                             struct error *err);

#endif
