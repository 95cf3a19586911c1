/* The whole table: what each event makes of each state. */
#include "relay/github/request.h"

#include "tests/unit/request_fixture.h"

enum event {
    POSTING,
    DIE,
    RECOVER,
    POST_200,
    POST_204,
    POST_NOT_SENT,
    POST_LIMITED,
    POST_401,
    POST_307,
    POST_NO_DETAILS,
    POST_NO_RELAY_ID,
    POST_404,
    POST_500,
    POST_CUT,
    POLL_QUEUED,
    POLL_DONE,
    POLL_304,
    POLL_404,
    POLL_500,
    POLL_CUT,
    EVENTS,
};

static void post_event(struct request *r, enum event event)
{
    static const struct {
        int status;
        const char *headers, *body;
    } answers[EVENTS] = {
        [POST_200] = {200, "", OK_BODY},
        [POST_204] = {204, "", ""},
        [POST_LIMITED] = {429, "retry-after: 60\n", ""},
        [POST_401] = {401, "", ""},
        [POST_307] = {307, MOVED, ""},
        [POST_NO_DETAILS] = {422, "", NO_DETAILS},
        [POST_NO_RELAY_ID] = {422, "", NO_RELAY_ID},
        [POST_404] = {404, "", ""},
        [POST_500] = {500, "", ""},
    };
    struct target_memory memory = {0};

    if (answers[event].headers != NULL) {
        posted(r, answers[event].status, answers[event].headers, answers[event].body, &memory, NOW);
        return;
    }
    enum exchange_transport how = event == POST_CUT ? EXCHANGE_UNKNOWN : EXCHANGE_NOT_SENT;
    struct exchange_answer a = answer_none(how, "no");
    enum outcome outcome;
    struct attempt attempt;
    request_posted(r, &a, &target, &memory, &outcome, &attempt, NOW, wall, &rng);
    assert_int_equal(attempt.http_status, 0);
}

static void poll_event(struct request *r, enum event event)
{
    struct exchange_answer cut = answer_none(EXCHANGE_UNKNOWN, "cut");
    struct target_memory memory = {0};

    if (event == POLL_QUEUED)
        polled(r, 200, "", RUN("\"queued\"", "null", "null"), NOW);
    else if (event == POLL_DONE)
        polled(r, 200, "", RUN("\"completed\"", "\"success\"", "null"), NOW);
    else if (event == POLL_304)
        polled(r, 304, "", "", NOW);
    else if (event == POLL_404)
        polled(r, 404, "", "", NOW);
    else if (event == POLL_500)
        polled(r, 500, "", "", NOW);
    else
        request_polled(r, &cut, &memory, NOW);
}

static void happen(struct request *r, enum event event)
{
    if (event == POSTING)
        request_posting(r, NOW);
    else if (event == DIE)
        request_die(r, "expired");
    else if (event == RECOVER)
        request_recover(r);
    else if (event < POLL_QUEUED)
        post_event(r, event);
    else
        poll_event(r, event);
}

/* clang-format off */
#define Q REQUEST_QUEUED
#define S REQUEST_SENDING
#define A REQUEST_ACCEPTED
#define N REQUEST_ACCEPTED_NO_ID
#define M REQUEST_AMBIGUOUS
#define O REQUEST_ADOPTED
#define R REQUEST_RUNNING
#define L REQUEST_LOST
#define D REQUEST_DONE
#define X REQUEST_DEAD
#define P REQUEST_PARKED
static const enum request_state next_state[EVENTS][REQUEST_STATES] = {
    /* from:                queued sending accepted no_id ambig. adopted running lost done dead parked */
    [POSTING]          = { S,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [DIE]              = { X,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [RECOVER]          = { Q,     P,      A,       D,    P,     O,      R,      P,   D,   X,   P },
    [POST_200]         = { Q,     A,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_204]         = { Q,     D,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_NOT_SENT]    = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_LIMITED]     = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_401]         = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_307]         = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_NO_DETAILS]  = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_NO_RELAY_ID] = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_404]         = { Q,     X,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_500]         = { Q,     P,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_CUT]         = { Q,     P,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_QUEUED]      = { Q,     S,      R,       N,    M,     R,      R,      L,   D,   X,   P },
    [POLL_DONE]        = { Q,     S,      D,       N,    M,     D,      D,      L,   D,   X,   P },
    [POLL_304]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_404]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_500]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_CUT]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
};
/* clang-format on */

static void every_state_meets_every_event(void **state)
{
    (void)state;
    for (int event = 0; event < EVENTS; event++) {
        for (int from = 0; from < REQUEST_STATES; from++) {
            struct request r = a_request((enum request_state)from);
            happen(&r, (enum event)event);
            enum request_state want = next_state[event][from];
            if (r.state != want)
                fail_msg("event %d in %s gives %s, not %s", event,
                         request_state_text((enum request_state)from), request_state_text(r.state),
                         request_state_text(want));
            /* Only a poll may count where nothing else changes; an ended request is left alone. */
            if (!request_is_open((enum request_state)from)) {
                struct request untouched = a_request((enum request_state)from);
                assert_memory_equal(&r, &untouched, sizeof(r));
            }
            request_free(&r);
        }
    }
}

static void what_may_have_run_is_never_posted_again(void **state)
{
    (void)state;
    for (int event = POSTING; event < EVENTS; event++) {
        struct request r = a_request(REQUEST_SENDING);
        int64_t at;
        happen(&r, (enum event)event);
        if (r.executed && request_next_step(&r, &at) == STEP_POST)
            fail_msg("event %d", event);
        /* A run that may exist is marked as such in whatever end. */
        assert_true(r.executed == (r.state == REQUEST_ACCEPTED || r.state == REQUEST_DONE ||
                                   r.state == REQUEST_PARKED));
        request_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_meets_every_event),
        cmocka_unit_test(what_may_have_run_is_never_posted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
