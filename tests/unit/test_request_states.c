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
    LIST_SHOWS,
    LIST_EMPTY,
    LIST_500,
    LIST_CUT,
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

/* A whole list, of one page. */
static void list_event(struct request *r, enum event event, bool marked)
{
    static const char shows[] =
        "{\"total_count\":1,\"workflow_runs\":[{\"id\":43042502224,\"display_title\":\"[" RELAY_ID
        "]\",\"event\":\"workflow_dispatch\",\"created_at\":\"2025-11-24T16:00:00Z\"}]}";
    struct exchange_answer a =
        event == LIST_SHOWS   ? answer_make(200, "", shows)
        : event == LIST_EMPTY ? answer_make(200, "", "{\"total_count\":0,\"workflow_runs\":[]}")
        : event == LIST_500   ? answer_make(500, "", "")
                              : answer_none(EXCHANGE_UNKNOWN, "cut");

    if (r->state == REQUEST_AMBIGUOUS || r->state == REQUEST_ACCEPTED_NO_ID)
        request_looking(r, wall.ms, NOW);
    request_listed(r, &a, marked, wall.ms, NOW);
    exchange_answer_clear(&a);
}

static void happen(struct request *r, enum event event, bool marked)
{
    if (event == POSTING)
        posting(r, NOW);
    else if (event == DIE)
        request_die(r, "expired");
    else if (event == RECOVER)
        request_recover(r, NOW);
    else if (event < POLL_QUEUED)
        post_event(r, event);
    else if (event < LIST_SHOWS)
        poll_event(r, event);
    else
        list_event(r, event, marked);
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
    [RECOVER]          = { Q,     M,      A,       N,    M,     O,      R,      M,   D,   X,   P },
    [POST_200]         = { Q,     A,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_204]         = { Q,     N,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_NOT_SENT]    = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_LIMITED]     = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_401]         = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_307]         = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_NO_DETAILS]  = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_NO_RELAY_ID] = { Q,     Q,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_404]         = { Q,     X,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_500]         = { Q,     M,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POST_CUT]         = { Q,     M,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_QUEUED]      = { Q,     S,      R,       N,    M,     R,      R,      L,   D,   X,   P },
    [POLL_DONE]        = { Q,     S,      D,       N,    M,     D,      D,      L,   D,   X,   P },
    [POLL_304]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_404]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_500]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [POLL_CUT]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [LIST_SHOWS]       = { Q,     S,      A,       O,    O,     O,      R,      L,   D,   X,   P },
    [LIST_EMPTY]       = { Q,     S,      A,       D,    P,     O,      R,      L,   D,   X,   P },
    [LIST_500]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
    [LIST_CUT]         = { Q,     S,      A,       N,    M,     O,      R,      L,   D,   X,   P },
};

/* What is otherwise. */
static const struct {
    const char *name;
    enum event event;
    enum request_state from, want;
    bool uncorrelated, marked, lost, executed;
} exceptions[] = {
    { "nothing to look for: cut",            POST_CUT,   S, P, .uncorrelated = true },
    { "nothing to look for: 500",            POST_500,   S, P, .uncorrelated = true },
    { "nothing to look for: 204",            POST_204,   S, D, .uncorrelated = true },
    { "nothing to look for: crash",          RECOVER,    S, P, .uncorrelated = true },
    { "lost",                                LIST_EMPTY, M, Q, .marked = true },
    { "lost again",                          LIST_EMPTY, M, P, .marked = true, .lost = true },
    { "204 on a marked target",              LIST_EMPTY, N, D, .marked = true },
    { "found on a marked target",            LIST_SHOWS, M, O, .marked = true },
    { "a failed list on a marked target",    LIST_500,   M, M, .marked = true },
    { "lost, then refused",                  POST_404,   S, P, .lost = true, .executed = true },
    { "lost, then expired",                  DIE,        Q, P, .lost = true, .executed = true },
    { "lost, then limited",                  POST_LIMITED, S, Q, .lost = true, .executed = true },
    { "lost, then accepted",                 POST_200,   S, A, .lost = true, .executed = true },
    { "lost, then cut",                      POST_CUT,   S, M, .lost = true, .executed = true },
    { "lost, then a crash",                  RECOVER,    S, M, .lost = true, .executed = true },
};
/* clang-format on */

static void every_state_meets_every_event(void **state)
{
    (void)state;
    for (int event = 0; event < EVENTS; event++) {
        for (int from = 0; from < REQUEST_STATES; from++) {
            struct request r = a_request((enum request_state)from);
            happen(&r, (enum event)event, false);
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

static void the_rest_depends_on_what_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        struct request r = a_request(exceptions[i].from);
        r.correlated = !exceptions[i].uncorrelated;
        r.lost = exceptions[i].lost;
        r.executed = r.executed || exceptions[i].executed;
        bool executed = r.executed;
        happen(&r, exceptions[i].event, exceptions[i].marked);
        if (r.state != exceptions[i].want)
            fail_msg("%s: %s", exceptions[i].name, request_state_text(r.state));
        assert_true(r.executed || !executed); /* what may have run once always may have */
        request_free(&r);
    }
}

static void what_may_have_run_is_posted_again_only_when_lost(void **state)
{
    (void)state;
    for (int event = POSTING; event < EVENTS; event++) {
        struct request r = a_request(REQUEST_SENDING);
        int64_t at;
        happen(&r, (enum event)event, false);
        if (r.executed && request_next_step(&r, &at) == STEP_POST)
            fail_msg("event %d", event);
        /* A run that may exist is marked as such in whatever end. */
        assert_true(r.executed ==
                    (r.state == REQUEST_ACCEPTED || r.state == REQUEST_ACCEPTED_NO_ID ||
                     r.state == REQUEST_AMBIGUOUS));
        request_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_meets_every_event),
        cmocka_unit_test(the_rest_depends_on_what_is_known),
        cmocka_unit_test(what_may_have_run_is_posted_again_only_when_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
