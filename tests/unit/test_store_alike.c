/* The two stores, given the same random operations, answer the same and come to hold the same. */
#include "tests/unit/store_fixture.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <inttypes.h>

#define SEEDS      8
#define OPERATIONS 600
#define IDS        12 /* few, so that rows meet */

/* xorshift64 (Marsaglia, 2003): a seed is a whole run. */
static unsigned draw(uint64_t *random, unsigned below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (unsigned)((*random >> 33) % below);
}

/* --- what a store holds, as text ----------------------------------------------------------------
 */

struct lines {
    char *line[2 * IDS];
    size_t n;
};

static int take_key(void *context, struct key *k)
{
    struct lines *lines = context;
    struct buf b = BUF_INIT(4096);
    buf_addf(&b, "key %s %" PRId64 " %d %d", k->text, k->disarmed_at, k->executed, k->by_operator);
    buf_addf(&b, " %" PRId64 " %" PRId64 " %" PRId64 " %d:", k->hold_began, k->hold_from,
             k->deferred_at, (int)k->deferred_for);
    for (size_t i = 0; i < k->n_members; i++)
        buf_addf(&b, " %s/%" PRId64 "/%d", k->members[i].fingerprint, k->members[i].heard_at,
                 k->members[i].waits);
    buf_add_char(&b, '\n');
    assert_true(lines->n < IDS);
    lines->line[lines->n++] = buf_give(&b);
    key_free(k);
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void write_lines(struct lines *lines, struct buf *out)
{
    qsort(lines->line, lines->n, sizeof(lines->line[0]), compare_lines);
    for (size_t i = 0; i < lines->n; i++) {
        buf_add_text(out, lines->line[i]);
        free(lines->line[i]);
    }
}

/* Their order is not promised. */
static void write_keys(struct fixture *f, struct buf *out)
{
    struct lines lines = {.n = 0};
    OK(f, OPS(f)->load_keys(SELF(f), take_key, &lines, &f->err));
    write_lines(&lines, out);
}

static void write_attempt(void *context, const struct attempt *a)
{
    buf_addf(context, " %" PRId64, a->at_wall);
}

static void write_event(void *context, const struct store_event *e)
{
    buf_addf(context, " %s at %" PRId64 " %s", e->event, e->at_wall, e->detail);
}

/* Only some are wanted: the cursors go by those that were looked at. */
static bool write_request(void *context, const struct request *r)
{
    buf_addf(context, "request %s %s %" PRId64 " %d %s\n", r->relay_id,
             request_state_text(r->state), r->next_at, r->slot, r->etag == NULL ? "-" : r->etag);
    return r->next_at % 3 != 0;
}

static int write_open(void *context, struct request *r)
{
    buf_add_text(context, "open ");
    (void)write_request(context, r);
    request_free(r);
    free(r);
    return 0;
}

static int write_slot(void *context, const char *route, const char *target, int64_t at,
                      const char *relay_id)
{
    buf_addf(context, "slot %s %s %" PRId64 " %s\n", route, target, at, relay_id);
    return 0;
}

static void write_requests(struct fixture *f, struct buf *out)
{
    char cursor[64] = "";
    char next[64];
    int64_t counts[REQUEST_STATES];
    do {
        OK(f, OPS(f)->list_requests(SELF(f), cursor, 5, write_request, out, next, &f->err));
        buf_addf(out, "next %s\n", next);
        memcpy(cursor, next, sizeof(cursor));
    } while (cursor[0] != '\0');
    OK(f, OPS(f)->load_open_requests(SELF(f), write_open, out, &f->err));
    OK(f, OPS(f)->load_watched_requests(SELF(f), write_open, out, &f->err));
    OK(f, OPS(f)->load_slots(SELF(f), 150, write_slot, out, &f->err));
    OK(f, OPS(f)->count_requests(SELF(f), counts, &f->err));
    for (size_t i = 0; i < REQUEST_STATES; i++)
        buf_addf(out, " %" PRId64, counts[i]);
    for (unsigned i = 0; i < IDS; i++) {
        char id[ULID_SIZE];
        fixture_id(id, 'R', i);
        buf_addf(out, "\nattempts %s", id);
        OK(f, OPS(f)->list_attempts(SELF(f), id, write_attempt, out, &f->err));
        OK(f, OPS(f)->list_events(SELF(f), id, write_event, out, &f->err));
    }
}

static bool write_notification(void *context, const struct store_notification *n)
{
    buf_addf(context, "\nnotification %s %" PRId64, n->id, n->received_at);
    return true;
}

static void write_macs(struct fixture *f, struct buf *out)
{
    int64_t floor = 0;
    int64_t oldest = -1;
    OK(f, OPS(f)->get_floor(SELF(f), &floor, &f->err));
    int r = OPS(f)->oldest_mac(SELF(f), &oldest, &f->err);
    buf_addf(out, "\nfloor %" PRId64 " oldest %d %" PRId64, floor, r, oldest);
    for (unsigned i = 0; i < IDS; i++) {
        const struct store_mac wanted = fixture_mac(i, 0, 0);
        struct store_mac got = {.signed_wall = 0};
        r = OPS(f)->get_mac(SELF(f), wanted.mac, &got, &f->err);
        buf_addf(out, "\nmac %u %d %" PRId64 " %" PRId64, i, r, got.signed_wall, got.received_at);
    }
}

static void write_outcome(void *context, const struct store_outcome_row *o)
{
    buf_addf(context, "\noutcome %" PRId64 " %s %s %s %s %s", o->at_wall, o->key,
             o->route == NULL ? "-" : o->route, o->verdict, o->reason, o->relay_id);
}

static bool write_change(void *context, const struct store_change *c)
{
    buf_addf(context, "\nchange %" PRId64 " %s %s %s %s %s %s", c->at_wall, c->who, c->action,
             c->scope, c->name, c->why, c->detail);
    return c->at_wall % 2 == 0;
}

static int take_pause(void *context, const struct store_pause *p)
{
    struct lines *lines = context;
    struct buf b = BUF_INIT(256);
    buf_addf(&b, "\npause %d %s %" PRId64 " %" PRId64 " %s %s", (int)p->scope, p->name,
             p->since_wall, p->until, p->who, p->why);
    assert_true(lines->n < 2 * IDS);
    lines->line[lines->n++] = buf_give(&b);
    return 0;
}

/* Their order is not promised. */
static void write_pauses(struct fixture *f, struct buf *out)
{
    struct lines lines = {.n = 0};
    OK(f, OPS(f)->load_pauses(SELF(f), take_pause, &lines, &f->err));
    write_lines(&lines, out);
}

static void write_all(struct fixture *f, struct buf *out)
{
    char next[64];
    struct store_time time = {.relay_ms = -1};
    struct credential c = {.not_before = -1};
    struct target_memory t = {.marked = false};
    write_keys(f, out);
    write_requests(f, out);
    OK(f, OPS(f)->list_notifications(SELF(f), "", 7, write_notification, out, next, &f->err));
    write_macs(f, out);
    write_pauses(f, out);
    OK(f, OPS(f)->list_outcomes(SELF(f), "kospi/1", write_outcome, out, &f->err));
    OK(f, OPS(f)->list_changes(SELF(f), "", 3, write_change, out, next, &f->err));
    buf_addf(out, "\nnext %s", next);
    int r = OPS(f)->get_time(SELF(f), &time, &f->err);
    buf_addf(out, "\ntime %d %" PRId64, r, r == 0 ? time.relay_ms : 0);
    r = OPS(f)->get_credential(SELF(f), "retrain", &c, &f->err);
    buf_addf(out, "\ncredential %d %" PRId64, r, c.not_before);
    r = OPS(f)->get_target_memory(SELF(f), "retrain", &t, &f->err);
    buf_addf(out, "\ntarget %d %d\n", r, t.marked);
    assert_false(buf_failed(out));
}

static void assert_alike(struct fixture *const f[2], uint64_t seed, unsigned operation)
{
    SCOPED(buf_free) struct buf a = BUF_INIT(1 << 20);
    SCOPED(buf_free) struct buf b = BUF_INIT(1 << 20);
    write_all(f[0], &a);
    write_all(f[1], &b);
    if (strcmp(buf_text(&a), buf_text(&b)) != 0)
        fail_msg("seed %" PRIu64 ", operation %u:\n%s\n--- and in memory ---\n%s", seed, operation,
                 buf_text(&a), buf_text(&b));
}

/* --- one operation on one store -----------------------------------------------------------------
 */

enum operation {
    BEGIN,
    COMMIT,
    ROLLBACK,
    CRASH,
    PROBE,
    PUT_NOTIFICATION,
    PUT_MAC,
    FORGET_MACS,
    PUT_KEY,
    DELETE_KEY,
    PUT_REQUEST,
    ADD_ATTEMPT,
    PUT_CREDENTIAL,
    PUT_TARGET,
    ADD_OUTCOME,
    ADD_CHANGE,
    ADD_EVENT,
    PUT_PAUSE,
    DELETE_PAUSE,
};

static int put_key(struct fixture *f, const char *text, unsigned n, int64_t value)
{
    struct key *k = key_new(text, "kospi");
    assert_non_null(k);
    k->disarmed_at = value;
    k->executed = n % 2 == 0;
    k->by_operator = n % 3 == 0;
    k->hold_began = value + 1;
    k->hold_from = value + 2;
    k->deferred_at = value + 3;
    k->deferred_for = value % 2 == 0 ? REASON_PAUSED : REASON_COOLDOWN;
    for (unsigned i = 0; i < n % 4; i++) {
        const char fingerprint[] = {(char)('a' + i), '\0'};
        struct member *m = key_add_member(k, "grafana", fingerprint);
        m->heard_at = value + i;
        m->waits = (value + i) % 2 == 0;
    }
    int r = OPS(f)->put_key(SELF(f), k, &f->err);
    key_free(k);
    return r;
}

static int add_outcome(struct fixture *f, char *key, int64_t value)
{
    static char route[] = "kospi";
    static char verdict[] = "dispatch";
    static char reason[] = "first";
    struct store_outcome_row o = {.at_wall = value,
                                  .key = key,
                                  .route = value % 3 == 0 ? NULL : route,
                                  .verdict = verdict,
                                  .reason = reason};
    fixture_id(o.relay_id, 'R', (unsigned)value);
    return OPS(f)->add_outcome(SELF(f), &o, &f->err);
}

static int add_change(struct fixture *f, char *name, int64_t value)
{
    static char who[] = "uid 0";
    static char action[] = "rearm";
    static char scope[] = "key";
    static char why[] = "";
    static char detail[] = "words";
    const struct store_change change = {.at_wall = value,
                                        .who = who,
                                        .action = action,
                                        .scope = scope,
                                        .name = name,
                                        .why = why,
                                        .detail = detail};
    return OPS(f)->add_change(SELF(f), &change, &f->err);
}

static int put_row(struct fixture *f, enum operation operation, unsigned n, int64_t value)
{
    static char body[] = "{}";
    static char name[] = "retrain";
    char text[32];
    struct request r = fixture_request(n, (enum request_state)(value % REQUEST_STATES));
    struct store_notification notification =
        fixture_notification(n + IDS * (unsigned)(value % 20), body, 2);
    struct store_mac mac = fixture_mac(n, value % 3 == 0 ? INT64_MIN : value, value % 40);
    struct attempt attempt = {.at_wall = value, .outcome = "limited"};
    const struct store_event event = {.at_wall = value, .event = "held", .detail = "words"};
    struct credential credential = {.name = name, .not_before = value};
    struct target_memory target = {.marked = value % 2 == 0};
    size_t forgotten = 0;
    (void)snprintf(text, sizeof(text), "kospi/%u", n);
    r.next_at = value;
    r.created_at = 148 + n / 2;
    r.slot = value % 2 == 0;
    (void)snprintf(r.effect, sizeof(r.effect), "%s", value % 3 == 0 ? "watched" : "");
    r.etag = value % 4 == 0 ? NULL : r.etag;
    if (operation == PUT_NOTIFICATION)
        return OPS(f)->put_notification(SELF(f), &notification, &f->err);
    if (operation == PUT_MAC)
        return OPS(f)->put_mac(SELF(f), &mac, &f->err);
    if (operation == FORGET_MACS)
        return OPS(f)->forget_macs(SELF(f), value % 20, &forgotten, &f->err);
    if (operation == PUT_KEY)
        return put_key(f, text, n, value);
    if (operation == DELETE_KEY)
        return OPS(f)->delete_key(SELF(f), text, &f->err);
    if (operation == PUT_REQUEST)
        return OPS(f)->put_request(SELF(f), &r, &f->err);
    if (operation == ADD_ATTEMPT)
        return OPS(f)->add_attempt(SELF(f), r.relay_id, &attempt, &f->err);
    if (operation == PUT_CREDENTIAL)
        return OPS(f)->put_credential(SELF(f), &credential, &f->err);
    if (operation == ADD_OUTCOME)
        return add_outcome(f, n < IDS / 2 ? (char[]){"kospi/1"} : text, value);
    if (operation == ADD_CHANGE)
        return add_change(f, text, value);
    if (operation == ADD_EVENT)
        return OPS(f)->add_event(SELF(f), r.relay_id, &event, &f->err);
    const struct store_pause pause = {.scope = value % 2 == 0 ? ENGINE_ROUTE : ENGINE_TARGET,
                                      .name = text,
                                      .since_wall = value,
                                      .until = value / 3,
                                      .who = name,
                                      .why = body};
    if (operation == PUT_PAUSE)
        return OPS(f)->put_pause(SELF(f), &pause, &f->err);
    if (operation == DELETE_PAUSE)
        return OPS(f)->delete_pause(SELF(f), pause.scope, text, &f->err);
    return OPS(f)->put_target_memory(SELF(f), name, &target, &f->err);
}

static int operate(struct fixture *f, enum operation operation, unsigned n, int64_t value)
{
    struct store_time time = fixture_time;
    time.relay_ms = value;
    if (operation == BEGIN)
        return OPS(f)->begin(SELF(f), &f->err);
    if (operation == COMMIT)
        return OPS(f)->commit(SELF(f), &time, &f->err);
    if (operation == PROBE)
        return OPS(f)->probe(SELF(f), &time, &f->err);
    if (operation == ROLLBACK)
        OPS(f)->rollback(SELF(f));
    else if (operation == CRASH)
        fixture_reopen(f);
    else
        return put_row(f, operation, n, value);
    return 0;
}

/* Rows more often than ends of transactions; mostly inside of one. */
static enum operation draw_operation(uint64_t *random)
{
    static const enum operation frames[] = {BEGIN,  BEGIN,  BEGIN,    BEGIN, COMMIT,
                                            COMMIT, COMMIT, ROLLBACK, CRASH, PROBE};
    const unsigned n = sizeof(frames) / sizeof(frames[0]);
    unsigned drawn = draw(random, 3 * n);
    if (drawn < n)
        return frames[drawn];
    return (enum operation)(PUT_NOTIFICATION + draw(random, DELETE_PAUSE - PUT_NOTIFICATION + 1));
}

static void run(uint64_t seed)
{
    void *states[2];
    assert_int_equal(fixture_setup(&states[0]), 0);
    assert_int_equal(fixture_setup_memory(&states[1]), 0);
    struct fixture *const f[2] = {states[0], states[1]};
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        enum operation operation = draw_operation(&random);
        unsigned n = draw(&random, IDS);
        int64_t value = 1 + draw(&random, 400);
        int want = operate(f[0], operation, n, value);
        int got = operate(f[1], operation, n, value);
        if (got != want)
            fail_msg("seed %" PRIu64 ", operation %u (%d): SQLite %d (%s), memory %d (%s)", seed, i,
                     (int)operation, want, f[0]->err.text, got, f[1]->err.text);
        assert_alike(f, seed, i);
    }
    (void)fixture_teardown(&states[0]);
    (void)fixture_teardown(&states[1]);
}

static void both_answer_and_hold_the_same_whatever_is_done_to_them(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_answer_and_hold_the_same_whatever_is_done_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
