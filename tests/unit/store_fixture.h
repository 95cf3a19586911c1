/* store_fixture.h - a store in a folder of its own or in memory, and rows with every field set, for
 * test_store*.c. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "relay/store/memory.h"
#include "relay/store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    char path[128];              /* its name in errors */
    struct memory_store *memory; /* NULL: it is in SQLite */
    struct store store;
    struct sqlite_report report;
    struct error err;
};

#define OPS(f)  ((f)->store.ops)
#define SELF(f) ((f)->store.self)
/* A call that must do what it says; its words when it does not. */
#define OK(f, call)                                                                                \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, (f)->err.text);                                              \
    } while (0)

static const struct store_time fixture_time = {
    .relay_ms = 1000, .boot_ms = 2000, .wall_ms = 1764000000000, .boot_id = "boot-1"};

static inline void fixture_folder(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/drift-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/relay.db", f->folder);
}

static inline void fixture_open(struct fixture *f)
{
    if (f->memory != NULL)
        OK(f, memory_store_open(f->memory, &f->store, &f->err));
    else
        OK(f, sqlite_store_open(&f->store, f->path, &f->report, &f->err));
}

static inline void fixture_close(struct fixture *f)
{
    if (f->store.ops != NULL)
        OPS(f)->close(SELF(f));
    f->store = (struct store){.self = NULL};
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static inline void fixture_remove(struct fixture *f)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    fixture_close(f);
    if (f->memory != NULL) {
        memory_store_free(f->memory);
        return;
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[192];
        (void)snprintf(name, sizeof(name), "%s%s", f->path, ends[i]);
        (void)unlink(name);
    }
    assert_int_equal(rmdir(f->folder), 0); /* and nothing else was left in it */
}

static inline void fixture_begin(struct fixture *f)
{
    OK(f, OPS(f)->begin(SELF(f), &f->err));
}

static inline void fixture_commit(struct fixture *f)
{
    OK(f, OPS(f)->commit(SELF(f), &fixture_time, &f->err));
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = malloc(sizeof(*f));
    assert_non_null(f);
    fixture_folder(f);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_setup_memory(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->path, sizeof(f->path), "memory");
    f->report.created = true;
    OK(f, memory_store_new(&f->memory, &f->err));
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

/* What store.h says is tested on both stores. */
#define ON_SQLITE(test)                                                                            \
    {                                                                                              \
#test " (SQLite)", test, fixture_setup, fixture_teardown, NULL                             \
    }
#define ON_MEMORY(test)                                                                            \
    {                                                                                              \
#test " (memory)", test, fixture_setup_memory, fixture_teardown, NULL                      \
    }
#define ON_BOTH(test) ON_SQLITE(test), ON_MEMORY(test)

/* 26 characters that differ in n. */
static inline void fixture_id(char out[ULID_SIZE], char kind, unsigned n)
{
    (void)snprintf(out, ULID_SIZE, "01%c%023u", kind, n % 1000000000U);
}

/* Borrows body and alerts; nothing to free. */
static inline struct store_notification fixture_notification(unsigned n, char *body, size_t len)
{
    static char source[] = "grafana";
    static char format[] = "grafana";
    static char alerts[] =
        "[{\"fingerprint\":\"ab\",\"verdict\":\"dispatch\",\"reason\":\"first\"}]";
    struct store_notification row = {.source = source,
                                     .format = format,
                                     .received_wall = 1764000000000 + n,
                                     .received_at = 5000 + n,
                                     .body = body,
                                     .body_len = len,
                                     .alerts = alerts};
    fixture_id(row.id, 'N', n);
    return row;
}

static inline struct store_mac fixture_mac(unsigned n, int64_t signed_wall, int64_t received_at)
{
    struct store_mac m = {.signed_wall = signed_wall, .received_at = received_at};
    memset(m.mac, 0xa5, sizeof(m.mac));
    memcpy(m.mac, &n, sizeof(n));
    fixture_id(m.notification, 'N', n);
    return m;
}

/* Every field has a value of its own, so that two that are swapped show. Borrows; nothing to free.
 */
static inline struct request fixture_request(unsigned n, enum request_state state)
{
    static char route[] = "kospi";
    static char key[] = "kospi/kospi-prediction%2Fmodel";
    static char target[] = "retrain";
    static char inputs[] = "{\"model\":\"상승 \\\"x\\\"\"}";
    static char url[] = "https://github.com/acme/kospi/actions/runs/30433642";
    static char etag[] = "W/\"abc\"";
    static char redirect[] = "https://api.github.com/repositories/1/dispatches";
    struct request r = {
        .state = state,
        .reason = "limited",
        .detail = "You have exceeded a secondary rate limit",
        .route = route,
        .key = key,
        .target = target,
        .cause = "timer",
        .inputs = inputs,
        .created_at = 101 + n,
        .created_wall = 1764000000102,
        .expires_ms = 103,
        .slot = true,
        .attempts = 104,
        .posted_at = 105,
        .executed = true,
        .next_at = 106,
        .failures = 107,
        .run_id = INT64_C(30433642000000107),
        .run_url = url,
        .run_status = "in_progress",
        .conclusion = "timed_out",
        .run_attempt = 108,
        .accepted_at = 109,
        .polls = 110,
        .etag = etag,
        .redirect = redirect,
        .hops = 2,
        .effect = "unknown",
        .effect_until = 111,
        .effect_doubt = true,
    };
    fixture_id(r.relay_id, 'R', n);
    fixture_id(r.notification, 'N', n);
    fixture_id(r.replaces, 'O', n);
    return r;
}

static inline void put(struct fixture *f, const struct request *r)
{
    OK(f, OPS(f)->put_request(SELF(f), r, &f->err));
}

static inline void put_many(struct fixture *f, unsigned n, enum request_state state)
{
    fixture_begin(f);
    for (unsigned i = 1; i <= n; i++) {
        const struct request r = fixture_request(i, state);
        put(f, &r);
    }
    fixture_commit(f);
}

/* The ids a listing or a loading gave, in its order. */
struct seen {
    char ids[512][ULID_SIZE];
    size_t n;
    int refuse;
};

static inline void see(struct seen *s, const char *id)
{
    assert_true(s->n < 512);
    memcpy(s->ids[s->n++], id, ULID_SIZE);
}

static inline bool see_listed(void *context, const struct request *r)
{
    see(context, r->relay_id);
    return true;
}

static inline void assert_ids(const struct seen *s, char kind, const unsigned *want, size_t n)
{
    assert_int_equal(s->n, n);
    for (size_t i = 0; i < n; i++) {
        char id[ULID_SIZE];
        fixture_id(id, kind, want[i]);
        assert_string_equal(s->ids[i], id);
    }
}

#endif
