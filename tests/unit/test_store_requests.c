#include "tests/unit/store_fixture.h"

#include "relay/base/scope.h"

#include <errno.h>

/* --- one request --------------------------------------------------------------------------------
 */

static void assert_same_text(const char *got, const char *want)
{
    if (want == NULL)
        assert_null(got);
    else
        assert_string_equal(got, want);
}

static void assert_same(const struct request *got, const struct request *want)
{
    assert_string_equal(got->relay_id, want->relay_id);
    assert_int_equal(got->state, want->state);
    assert_string_equal(got->reason, want->reason);
    assert_string_equal(got->detail, want->detail);
    assert_same_text(got->route, want->route);
    assert_same_text(got->key, want->key);
    assert_same_text(got->target, want->target);
    assert_string_equal(got->cause, want->cause);
    assert_string_equal(got->notification, want->notification);
    assert_string_equal(got->replaces, want->replaces);
    assert_same_text(got->inputs, want->inputs);
    assert_int_equal(got->created_at, want->created_at);
    assert_int_equal(got->created_wall, want->created_wall);
    assert_int_equal(got->expires_ms, want->expires_ms);
    assert_int_equal(got->slot, want->slot);
    assert_int_equal(got->attempts, want->attempts);
    assert_int_equal(got->posted_at, want->posted_at);
    assert_int_equal(got->executed, want->executed);
    assert_int_equal(got->next_at, want->next_at);
    assert_int_equal(got->failures, want->failures);
    assert_int_equal(got->run_id, want->run_id);
    assert_same_text(got->run_url, want->run_url);
    assert_string_equal(got->run_status, want->run_status);
    assert_string_equal(got->conclusion, want->conclusion);
    assert_int_equal(got->run_attempt, want->run_attempt);
    assert_int_equal(got->accepted_at, want->accepted_at);
    assert_int_equal(got->polls, want->polls);
    assert_same_text(got->etag, want->etag);
    assert_same_text(got->redirect, want->redirect);
    assert_int_equal(got->hops, want->hops);
    assert_string_equal(got->effect, want->effect);
    assert_int_equal(got->effect_until, want->effect_until);
    assert_int_equal(got->effect_doubt, want->effect_doubt);
}

static void a_request_comes_back_with_every_field_in_every_state(void **state)
{
    struct fixture *f = *state;
    fixture_begin(f);
    for (unsigned i = 0; i < REQUEST_STATES; i++) {
        const struct request r = fixture_request(i, (enum request_state)i);
        put(f, &r);
    }
    fixture_commit(f);
    fixture_reopen(f);
    for (unsigned i = 0; i < REQUEST_STATES; i++) {
        const struct request want = fixture_request(i, (enum request_state)i);
        SCOPED(request_free) struct request got = {.state = REQUEST_QUEUED};
        OK(f, OPS(f)->get_request(SELF(f), want.relay_id, &got, &f->err));
        assert_same(&got, &want);
    }
}

static void what_is_unknown_comes_back_as_null(void **state)
{
    struct fixture *f = *state;
    struct request want = fixture_request(1, REQUEST_QUEUED);
    SCOPED(request_free) struct request got = {.state = REQUEST_QUEUED};
    want.run_url = NULL;
    want.etag = NULL;
    want.redirect = NULL;
    want.replaces[0] = '\0';
    want.slot = false;
    want.executed = false;
    fixture_begin(f);
    put(f, &want);
    fixture_commit(f);
    OK(f, OPS(f)->get_request(SELF(f), want.relay_id, &got, &f->err));
    assert_same(&got, &want);
}

/* --- loading ------------------------------------------------------------------------------------
 */

static int see_open(void *context, struct request *r)
{
    struct seen *s = context;
    see(s, r->relay_id);
    request_free(r);
    free(r);
    return s->refuse;
}

static void only_open_requests_are_loaded_oldest_first(void **state)
{
    struct fixture *f = *state;
    static const unsigned want[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct seen s = {.n = 0};
    fixture_begin(f);
    for (unsigned i = 0; i < REQUEST_STATES; i++) {
        const struct request r = fixture_request(i, (enum request_state)i);
        put(f, &r);
    }
    fixture_commit(f);
    OK(f, OPS(f)->load_open_requests(SELF(f), see_open, &s, &f->err));
    assert_ids(&s, 'R', want, 8); /* done, dead and parked are the last three */
    s = (struct seen){.refuse = -ENOMEM};
    assert_int_equal(OPS(f)->load_open_requests(SELF(f), see_open, &s, &f->err), -ENOMEM);
    assert_int_equal(s.n, 1);
}

static void watched_requests_are_loaded_until_they_are_judged(void **state)
{
    struct fixture *f = *state;
    static const unsigned want[] = {1, 3};
    struct seen s = {.n = 0};
    for (unsigned i = 0; i < 5; i++) {
        struct request r = fixture_request(i, i == 4 ? REQUEST_QUEUED : REQUEST_DONE);
        (void)snprintf(r.effect, sizeof(r.effect), "%s",
                       i == 0 || i == 4 ? ""
                       : i == 2         ? "effective"
                                        : "watched");
        fixture_begin(f);
        put(f, &r);
        fixture_commit(f);
    }
    OK(f, OPS(f)->load_watched_requests(SELF(f), see_open, &s, &f->err));
    assert_ids(&s, 'R', want, 2);
    struct request judged = fixture_request(1, REQUEST_DONE);
    (void)snprintf(judged.effect, sizeof(judged.effect), "unknown");
    fixture_begin(f);
    put(f, &judged);
    fixture_commit(f);
    s = (struct seen){.refuse = -ENOMEM};
    assert_int_equal(OPS(f)->load_watched_requests(SELF(f), see_open, &s, &f->err), -ENOMEM);
    assert_ids(&s, 'R', want + 1, 1);
}

static void count_attempt(void *context, const struct attempt *a)
{
    (void)a;
    ++*(size_t *)context;
}

static void a_request_put_again_keeps_its_place_and_its_attempts(void **state)
{
    struct fixture *f = *state;
    static const unsigned newest_first[] = {3, 2, 1};
    static const unsigned open[] = {2, 3};
    const struct attempt a = {.at_wall = 1, .outcome = "limited"};
    struct seen s = {.n = 0};
    size_t attempts = 0;
    int64_t counts[REQUEST_STATES];
    char next[64];
    put_many(f, 3, REQUEST_QUEUED);
    struct request r = fixture_request(1, REQUEST_DONE);
    fixture_begin(f);
    OK(f, OPS(f)->add_attempt(SELF(f), r.relay_id, &a, &f->err));
    put(f, &r);
    fixture_commit(f);
    OK(f, OPS(f)->list_requests(SELF(f), "", 10, see_listed, &s, next, &f->err));
    assert_ids(&s, 'R', newest_first, 3);
    s.n = 0;
    OK(f, OPS(f)->load_open_requests(SELF(f), see_open, &s, &f->err));
    assert_ids(&s, 'R', open, 2);
    OK(f, OPS(f)->list_attempts(SELF(f), r.relay_id, count_attempt, &attempts, &f->err));
    assert_int_equal(attempts, 1);
    OK(f, OPS(f)->count_requests(SELF(f), counts, &f->err));
    assert_int_equal(counts[REQUEST_QUEUED], 2);
    assert_int_equal(counts[REQUEST_DONE], 1);
    assert_int_equal(counts[REQUEST_DEAD], 0);
}

static int see_slot(void *context, const char *route, const char *target, int64_t at,
                    const char *relay_id)
{
    struct seen *s = context;
    assert_string_equal(route, "kospi");
    assert_string_equal(target, "retrain");
    assert_true(at > 102);
    see(s, relay_id);
    return s->refuse;
}

static void slots_are_those_held_and_taken_after_the_time_given(void **state)
{
    struct fixture *f = *state;
    static const unsigned want[] = {4, 2};
    struct seen s = {.n = 0};
    struct request r[4];
    for (unsigned i = 0; i < 4; i++)
        r[i] = fixture_request(i + 1, REQUEST_DEAD);
    r[0].created_at = 102; /* not after */
    r[1].created_at = 200;
    r[2].slot = false; /* given back */
    r[3].created_at = 103;
    fixture_begin(f);
    for (unsigned i = 0; i < 4; i++)
        put(f, &r[i]);
    fixture_commit(f);
    OK(f, OPS(f)->load_slots(SELF(f), 102, see_slot, &s, &f->err));
    assert_ids(&s, 'R', want, 2);
    s = (struct seen){.refuse = -ENOMEM};
    assert_int_equal(OPS(f)->load_slots(SELF(f), 102, see_slot, &s, &f->err), -ENOMEM);
}

/* --- attempts -----------------------------------------------------------------------------------
 */

struct attempts {
    struct attempt list[STORE_LIST_MAX];
    size_t n;
};

static void see_attempt(void *context, const struct attempt *a)
{
    struct attempts *all = context;
    assert_true(all->n < STORE_LIST_MAX);
    all->list[all->n++] = *a;
}

static void attempts_are_listed_oldest_first_and_only_of_their_request(void **state)
{
    struct fixture *f = *state;
    const struct attempt first = {
        .at_wall = 9, .outcome = "limited", .http_status = 429, .detail = "slow down"};
    const struct attempt second = {.at_wall = 8, .outcome = "not_sent"};
    struct attempts all = {.n = 0};
    put_many(f, 2, REQUEST_QUEUED);
    const struct request r = fixture_request(1, REQUEST_QUEUED);
    const struct request other = fixture_request(2, REQUEST_QUEUED);
    fixture_begin(f);
    OK(f, OPS(f)->add_attempt(SELF(f), r.relay_id, &first, &f->err));
    OK(f, OPS(f)->add_attempt(SELF(f), other.relay_id, &first, &f->err));
    OK(f, OPS(f)->add_attempt(SELF(f), r.relay_id, &second, &f->err));
    fixture_commit(f);
    fixture_reopen(f);
    OK(f, OPS(f)->list_attempts(SELF(f), r.relay_id, see_attempt, &all, &f->err));
    assert_int_equal(all.n, 2);
    assert_int_equal(all.list[0].at_wall, 9);
    assert_string_equal(all.list[0].outcome, "limited");
    assert_int_equal(all.list[0].http_status, 429);
    assert_string_equal(all.list[0].detail, "slow down");
    assert_string_equal(all.list[1].outcome, "not_sent");
    assert_int_equal(all.list[1].http_status, 0);
}

static void at_most_two_hundred_attempts_are_listed(void **state)
{
    struct fixture *f = *state;
    struct attempts all = {.n = 0};
    put_many(f, 1, REQUEST_QUEUED);
    const struct request r = fixture_request(1, REQUEST_QUEUED);
    fixture_begin(f);
    for (int i = 0; i < 250; i++) {
        const struct attempt a = {.at_wall = i, .outcome = "not_sent"};
        OK(f, OPS(f)->add_attempt(SELF(f), r.relay_id, &a, &f->err));
    }
    fixture_commit(f);
    OK(f, OPS(f)->list_attempts(SELF(f), r.relay_id, see_attempt, &all, &f->err));
    assert_int_equal(all.n, STORE_LIST_MAX);
    assert_int_equal(all.list[199].at_wall, 199);
}

static void an_attempt_without_its_request_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct attempt a = {.at_wall = 1, .outcome = "limited"};
    fixture_begin(f);
    assert_true(OPS(f)->add_attempt(SELF(f), "01R0000", &a, &f->err) < 0);
    assert_int_equal(OPS(f)->commit(SELF(f), &fixture_time, &f->err), -EPROTO);
    OPS(f)->rollback(SELF(f));
}

/* --- what was learnt ----------------------------------------------------------------------------
 */

static void a_credentials_limits_are_replaced(void **state)
{
    struct fixture *f = *state;
    static char name[] = "retrain";
    struct credential c = {.name = name,
                           .not_before = 1,
                           .last_write = 2,
                           .blocks = 3,
                           .remaining = -1,
                           .token_expiry_s = 5,
                           .reason = "secondary rate limit"};
    struct credential got = {.name = name};
    fixture_begin(f);
    OK(f, OPS(f)->put_credential(SELF(f), &c, &f->err));
    c.not_before = 100;
    OK(f, OPS(f)->put_credential(SELF(f), &c, &f->err));
    fixture_commit(f);
    fixture_reopen(f);
    OK(f, OPS(f)->get_credential(SELF(f), "retrain", &got, &f->err));
    assert_ptr_equal(got.name, name); /* the caller's own */
    assert_int_equal(got.not_before, 100);
    assert_int_equal(got.last_write, 2);
    assert_int_equal(got.blocks, 3);
    assert_int_equal(got.remaining, -1);
    assert_int_equal(got.token_expiry_s, 5);
    assert_string_equal(got.reason, "secondary rate limit");
}

static void a_targets_memory_is_replaced(void **state)
{
    struct fixture *f = *state;
    static const struct target_memory all[] = {
        {.no_run_details = true}, {.no_relay_id = true}, {.marked = true}};
    for (size_t i = 0; i < 3; i++) {
        struct target_memory got = {.marked = false};
        fixture_begin(f);
        OK(f, OPS(f)->put_target_memory(SELF(f), "retrain", &all[i], &f->err));
        fixture_commit(f);
        OK(f, OPS(f)->get_target_memory(SELF(f), "retrain", &got, &f->err));
        assert_int_equal(got.no_run_details, i == 0);
        assert_int_equal(got.no_relay_id, i == 1);
        assert_int_equal(got.marked, i == 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_request_comes_back_with_every_field_in_every_state),
        ON_BOTH(what_is_unknown_comes_back_as_null),
        ON_BOTH(only_open_requests_are_loaded_oldest_first),
        ON_BOTH(watched_requests_are_loaded_until_they_are_judged),
        ON_BOTH(a_request_put_again_keeps_its_place_and_its_attempts),
        ON_BOTH(slots_are_those_held_and_taken_after_the_time_given),
        ON_BOTH(attempts_are_listed_oldest_first_and_only_of_their_request),
        ON_BOTH(at_most_two_hundred_attempts_are_listed),
        ON_BOTH(an_attempt_without_its_request_is_refused),
        ON_BOTH(a_credentials_limits_are_replaced),
        ON_BOTH(a_targets_memory_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
