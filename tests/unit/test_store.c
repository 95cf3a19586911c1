#include "tests/unit/store_fixture.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <sys/stat.h>

/* --- transactions and time ----------------------------------------------------------------------
 */

static void a_new_store_knows_nothing(void **state)
{
    struct fixture *f = *state;
    struct store_time t;
    struct store_notification n;
    struct store_mac m;
    struct request r;
    struct credential c;
    struct target_memory memory;
    int64_t floor = 0;
    int64_t oldest = 0;
    int64_t counts[REQUEST_STATES] = {7};
    unsigned char mac[STORE_MAC_SIZE] = {0};
    assert_true(f->report.created);
    assert_false(f->report.unclean);
    assert_int_equal(OPS(f)->get_time(SELF(f), &t, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->get_notification(SELF(f), "x", &n, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->get_mac(SELF(f), mac, &m, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->oldest_mac(SELF(f), &oldest, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->get_request(SELF(f), "x", &r, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->get_credential(SELF(f), "x", &c, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->get_target_memory(SELF(f), "x", &memory, &f->err), STORE_NONE);
    OK(f, OPS(f)->get_floor(SELF(f), &floor, &f->err));
    assert_true(floor == INT64_MIN);
    OK(f, OPS(f)->count_requests(SELF(f), counts, &f->err));
    for (size_t i = 0; i < REQUEST_STATES; i++)
        assert_int_equal(counts[i], 0);
}

static void the_time_of_the_last_commit_is_kept(void **state)
{
    struct fixture *f = *state;
    const struct store_time later = {
        .relay_ms = INT64_MAX, .boot_ms = 3, .wall_ms = -4, .boot_id = "boot-2", .wait_until = 5};
    struct store_time t;
    fixture_begin(f);
    fixture_commit(f);
    fixture_begin(f);
    OK(f, OPS(f)->commit(SELF(f), &later, &f->err));
    fixture_reopen(f);
    OK(f, OPS(f)->get_time(SELF(f), &t, &f->err));
    assert_int_equal(t.relay_ms, INT64_MAX);
    assert_int_equal(t.boot_ms, 3);
    assert_int_equal(t.wall_ms, -4);
    assert_int_equal(t.wait_until, 5);
    assert_string_equal(t.boot_id, "boot-2");
}

static void a_rollback_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct target_memory memory = {.marked = true};
    struct store_time t;
    fixture_begin(f);
    OK(f, OPS(f)->put_target_memory(SELF(f), "retrain", &memory, &f->err));
    OK(f, OPS(f)->get_target_memory(SELF(f), "retrain", &memory, &f->err));
    OPS(f)->rollback(SELF(f));
    OPS(f)->rollback(SELF(f)); /* none is open any more: nothing happens */
    assert_int_equal(OPS(f)->get_target_memory(SELF(f), "retrain", &memory, &f->err), STORE_NONE);
    assert_int_equal(OPS(f)->get_time(SELF(f), &t, &f->err), STORE_NONE);
}

static void closing_inside_a_transaction_is_a_rollback(void **state)
{
    struct fixture *f = *state;
    struct target_memory memory = {.marked = true};
    fixture_begin(f);
    OK(f, OPS(f)->put_target_memory(SELF(f), "retrain", &memory, &f->err));
    fixture_reopen(f);
    assert_false(f->report.unclean);
    assert_int_equal(OPS(f)->get_target_memory(SELF(f), "retrain", &memory, &f->err), STORE_NONE);
}

static void changes_outside_of_a_transaction_are_refused(void **state)
{
    struct fixture *f = *state;
    struct target_memory memory = {.marked = true};
    struct request r = fixture_request(1, REQUEST_QUEUED);
    assert_int_equal(OPS(f)->put_target_memory(SELF(f), "t", &memory, &f->err), -EPROTO);
    assert_int_equal(OPS(f)->put_request(SELF(f), &r, &f->err), -EPROTO);
    assert_int_equal(OPS(f)->delete_key(SELF(f), "k", &f->err), -EPROTO);
    assert_int_equal(OPS(f)->commit(SELF(f), &fixture_time, &f->err), -EPROTO);
    fixture_begin(f);
    assert_int_equal(OPS(f)->begin(SELF(f), &f->err), -EPROTO);
    assert_int_equal(OPS(f)->probe(SELF(f), &fixture_time, &f->err), -EPROTO);
    fixture_commit(f);
    assert_int_equal(OPS(f)->get_target_memory(SELF(f), "t", &memory, &f->err), STORE_NONE);
}

static void a_transaction_in_which_something_failed_cannot_be_committed(void **state)
{
    struct fixture *f = *state;
    char body[] = "{}";
    struct store_notification n = fixture_notification(1, body, 2);
    fixture_begin(f);
    OK(f, OPS(f)->put_notification(SELF(f), &n, &f->err));
    assert_true(OPS(f)->put_notification(SELF(f), &n, &f->err) < 0); /* the same id again */
    assert_non_null(strstr(f->err.text, f->path));
    assert_int_equal(OPS(f)->commit(SELF(f), &fixture_time, &f->err), -EPROTO);
    OPS(f)->rollback(SELF(f));
    assert_int_equal(OPS(f)->get_notification(SELF(f), n.id, &n, &f->err), STORE_NONE);
    fixture_begin(f);
    fixture_commit(f);
}

static void a_probe_is_a_transaction_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct store_time t;
    OK(f, OPS(f)->probe(SELF(f), &fixture_time, &f->err));
    OK(f, OPS(f)->probe(SELF(f), &fixture_time, &f->err));
    OK(f, OPS(f)->get_time(SELF(f), &t, &f->err));
    assert_int_equal(t.relay_ms, fixture_time.relay_ms);
}

/* --- notifications and signatures ---------------------------------------------------------------
 */

static void a_notification_comes_back_byte_for_byte(void **state)
{
    struct fixture *f = *state;
    char body[] = "{\"a\":\"\0\xff\xc3\x28\"}"; /* a NUL and bytes that are no UTF-8 */
    struct store_notification n = fixture_notification(1, body, sizeof(body) - 1);
    struct store_notification empty = fixture_notification(2, NULL, 0);
    SCOPED(store_notification_clear) struct store_notification got = {0};
    SCOPED(store_notification_clear) struct store_notification got_empty = {0};
    fixture_begin(f);
    OK(f, OPS(f)->put_notification(SELF(f), &n, &f->err));
    OK(f, OPS(f)->put_notification(SELF(f), &empty, &f->err));
    fixture_commit(f);
    fixture_reopen(f);
    OK(f, OPS(f)->get_notification(SELF(f), n.id, &got, &f->err));
    assert_string_equal(got.id, n.id);
    assert_string_equal(got.source, n.source);
    assert_string_equal(got.format, n.format);
    assert_string_equal(got.alerts, n.alerts);
    assert_int_equal(got.received_wall, n.received_wall);
    assert_int_equal(got.received_at, n.received_at);
    assert_int_equal(got.body_len, sizeof(body) - 1);
    assert_memory_equal(got.body, body, sizeof(body)); /* with the NUL after it */
    OK(f, OPS(f)->get_notification(SELF(f), empty.id, &got_empty, &f->err));
    assert_int_equal(got_empty.body_len, 0);
    assert_string_equal(got_empty.body, "");
}

static void a_signature_is_found_with_its_notification(void **state)
{
    struct fixture *f = *state;
    const struct store_mac m = fixture_mac(7, 1764000000000, 123);
    struct store_mac other = fixture_mac(8, INT64_MIN, 124);
    struct store_mac got;
    fixture_begin(f);
    OK(f, OPS(f)->put_mac(SELF(f), &m, &f->err));
    OK(f, OPS(f)->put_mac(SELF(f), &other, &f->err));
    fixture_commit(f);
    fixture_reopen(f);
    OK(f, OPS(f)->get_mac(SELF(f), m.mac, &got, &f->err));
    assert_memory_equal(got.mac, m.mac, STORE_MAC_SIZE);
    assert_string_equal(got.notification, m.notification);
    assert_int_equal(got.signed_wall, 1764000000000);
    assert_int_equal(got.received_at, 123);
    OK(f, OPS(f)->get_mac(SELF(f), other.mac, &got, &f->err));
    assert_true(got.signed_wall == INT64_MIN);
    other.mac[STORE_MAC_SIZE - 1] ^= 1; /* one bit is enough to be another */
    assert_int_equal(OPS(f)->get_mac(SELF(f), other.mac, &got, &f->err), STORE_NONE);
}

static void forget(struct fixture *f, int64_t before, size_t want)
{
    size_t forgotten = 99;
    fixture_begin(f);
    OK(f, OPS(f)->forget_macs(SELF(f), before, &forgotten, &f->err));
    fixture_commit(f);
    assert_int_equal(forgotten, want);
}

static void assert_floor(struct fixture *f, int64_t want)
{
    int64_t floor = 0;
    OK(f, OPS(f)->get_floor(SELF(f), &floor, &f->err));
    assert_true(floor == want);
}

static void forgetting_signatures_raises_the_floor_and_never_lowers_it(void **state)
{
    struct fixture *f = *state;
    const struct store_mac macs[] = {
        fixture_mac(1, 500, 10), fixture_mac(2, 900, 20), fixture_mac(3, INT64_MIN, 5),
        fixture_mac(4, 300, 30), fixture_mac(5, 950, 40),
    };
    struct store_mac got;
    int64_t oldest = 0;
    fixture_begin(f);
    for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
        OK(f, OPS(f)->put_mac(SELF(f), &macs[i], &f->err));
    fixture_commit(f);
    OK(f, OPS(f)->oldest_mac(SELF(f), &oldest, &f->err));
    assert_int_equal(oldest, 10); /* the one received at 5 signs no time */
    forget(f, 10, 1);             /* received before 10: only that one, which raises no floor */
    assert_floor(f, INT64_MIN);
    forget(f, 30, 2);
    assert_floor(f, 900);
    forget(f, 31, 1); /* signed 300: an older time does not lower it */
    assert_floor(f, 900);
    forget(f, 31, 0);
    assert_int_equal(OPS(f)->get_mac(SELF(f), macs[1].mac, &got, &f->err), STORE_NONE);
    OK(f, OPS(f)->get_mac(SELF(f), macs[4].mac, &got, &f->err));
    OK(f, OPS(f)->oldest_mac(SELF(f), &oldest, &f->err));
    assert_int_equal(oldest, 40);
    fixture_reopen(f);
    assert_floor(f, 900);
}

static void forgetting_takes_at_most_a_thousand_of_the_oldest(void **state)
{
    struct fixture *f = *state;
    int64_t oldest = 0;
    fixture_begin(f);
    for (unsigned i = 0; i < 1500; i++) {
        /* In no order; the signed times run against the order of arrival. */
        const unsigned n = (i * 7U) % 1500U;
        const struct store_mac m = fixture_mac(n, 10000 - (int64_t)n, (int64_t)n);
        OK(f, OPS(f)->put_mac(SELF(f), &m, &f->err));
    }
    fixture_commit(f);
    forget(f, 5000, 1000);
    assert_floor(f, 10000); /* of the one that came first */
    OK(f, OPS(f)->oldest_mac(SELF(f), &oldest, &f->err));
    assert_int_equal(oldest, 1000);
    forget(f, 5000, 500);
    assert_int_equal(OPS(f)->oldest_mac(SELF(f), &oldest, &f->err), STORE_NONE);
}

/* --- the journal --------------------------------------------------------------------------------
 */

static int64_t journal_size(const struct fixture *f)
{
    char name[192];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s-wal", f->path);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void the_journal_shrinks_after_a_peak_and_is_gone_after_closing(void **state)
{
    struct fixture *f = *state;
    const size_t len = (size_t)24 * 1024 * 1024;
    char *body = malloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    const struct store_notification n = fixture_notification(1, body, len);
    fixture_begin(f);
    OK(f, OPS(f)->put_notification(SELF(f), &n, &f->err));
    fixture_commit(f);
    free(body);
    assert_true(journal_size(f) > (int64_t)len);
    for (int i = 0; i < 3; i++)
        OK(f, OPS(f)->probe(SELF(f), &fixture_time, &f->err));
    assert_in_range(journal_size(f), 1, 8 * 1024 * 1024);
    fixture_close(f);
    assert_int_equal(journal_size(f), -1);
    fixture_open(f);
}

static int64_t file_size(const struct fixture *f)
{
    struct stat st;
    return stat(f->path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void the_journal_is_taken_over_when_it_is_long_enough(void **state)
{
    struct fixture *f = *state;
    char body[65536];
    memset(body, 'x', sizeof(body));
    const struct store_notification n = fixture_notification(1, body, sizeof(body));
    fixture_begin(f);
    OK(f, OPS(f)->put_notification(SELF(f), &n, &f->err));
    OK(f, OPS(f)->checkpoint(SELF(f), 1, &f->err)); /* not within a transaction */
    fixture_commit(f);
    const int64_t before = file_size(f);
    OK(f, OPS(f)->checkpoint(SELF(f), 1000, &f->err)); /* it is not as long as that */
    assert_int_equal(file_size(f), before);
    OK(f, OPS(f)->checkpoint(SELF(f), 15, &f->err));
    assert_true(file_size(f) >= before + (int64_t)sizeof(body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_new_store_knows_nothing),
        ON_BOTH(the_time_of_the_last_commit_is_kept),
        ON_BOTH(a_rollback_leaves_nothing),
        ON_BOTH(closing_inside_a_transaction_is_a_rollback),
        ON_BOTH(changes_outside_of_a_transaction_are_refused),
        ON_BOTH(a_transaction_in_which_something_failed_cannot_be_committed),
        ON_BOTH(a_probe_is_a_transaction_of_its_own),
        ON_BOTH(a_notification_comes_back_byte_for_byte),
        ON_BOTH(a_signature_is_found_with_its_notification),
        ON_BOTH(forgetting_signatures_raises_the_floor_and_never_lowers_it),
        ON_BOTH(forgetting_takes_at_most_a_thousand_of_the_oldest),
        ON_SQLITE(the_journal_is_taken_over_when_it_is_long_enough),
        ON_SQLITE(the_journal_shrinks_after_a_peak_and_is_gone_after_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
