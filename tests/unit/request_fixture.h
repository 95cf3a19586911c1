/* request_fixture.h - requests, a target and GitHub's answers for the tests of request.h. */
#ifndef TESTS_UNIT_REQUEST_FIXTURE_H
#define TESTS_UNIT_REQUEST_FIXTURE_H

#include "relay/github/request.h"
#include "tests/unit/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RELAY_ID "01JD0000000000000000000000"
#define MINUTE   60000
#define HOUR     (60 * MINUTE)
#define NOW      INT64_C(1000000000)
#define RUN_ID   INT64_C(43042502224)
#define OK_BODY                                                                                    \
    "{\"workflow_run_id\":43042502224,"                                                            \
    "\"run_url\":\"https://api.github.com/repos/acme/ml/actions/runs/43042502224\","               \
    "\"html_url\":\"https://github.com/acme/ml/actions/runs/43042502224\"}"
#define SAYS(message) "{\"message\":\"" message "\"}"
#define RUN(status, conclusion, title)                                                             \
    "{\"id\":43042502224,\"status\":" status ",\"conclusion\":" conclusion                         \
    ",\"run_attempt\":1,\"display_title\":" title                                                  \
    ",\"html_url\":\"https://github.com/acme/ml/actions/runs/43042502224\"}"
#define NO_RELAY_ID SAYS("Unexpected inputs provided: [\\\"relay_id\\\"]")
#define NO_DETAILS  SAYS("\\\"return_run_details\\\" is not a permitted key.")
#define MOVED       "location: /repositories/7/actions/workflows/r.yml/dispatches\n"

static char name[] = "retrain", api_url[] = "https://api.github.com", repository[] = "acme/ml",
            workflow[] = "r.yml", ref[] = "main", credential[] = "github";
static const struct target target = {.name = name,
                                     .api_url = api_url,
                                     .repository = repository,
                                     .workflow = workflow,
                                     .ref = ref,
                                     .credential = credential};
static const struct wall wall = {INT64_C(1764000000000)};

/* Draws the 32 bits that self points to. */
static inline void draw(void *self, void *out, size_t len)
{
    assert_int_equal(len, sizeof(uint32_t));
    memcpy(out, self, len);
}

static uint32_t request_middle = UINT32_C(0x80000000); /* the delay itself, but for rounding */
static const struct rng rng = {&request_middle, draw};

static inline struct request a_request(enum request_state state)
{
    struct request r = {
        .state = state, .created_at = NOW - MINUTE, .next_at = NOW, .correlated = true};

    (void)snprintf(r.relay_id, sizeof(r.relay_id), "%s", RELAY_ID);
    if (state == REQUEST_ACCEPTED || state == REQUEST_ADOPTED || state == REQUEST_RUNNING) {
        r.run_id = RUN_ID;
        r.accepted_at = NOW - 2 * MINUTE;
    }
    if (state == REQUEST_ADOPTED)
        r.adopted = true;
    if (state == REQUEST_ACCEPTED_NO_ID || state == REQUEST_AMBIGUOUS) {
        r.look_from = r.posted_at = NOW - HOUR;
        r.look_wall = wall.ms - HOUR;
        r.grace_until = NOW - HOUR + REQUEST_GRACE_MS;
        r.executed = true;
    }
    return r;
}

static inline void posting(struct request *r, int64_t now)
{
    static char place[] = "https://api.github.com/repos/acme/ml/actions/workflows/r.yml@main";
    const struct exchange x = {.place = place, .correlated = r->correlated};

    assert_int_equal(request_posting(r, &x, wall.ms, now), 0);
}

/* The answer to a POST; fills what it says. */
static inline enum outcome posted(struct request *r, int status, const char *headers,
                                  const char *body, struct target_memory *memory, int64_t now)
{
    struct exchange_answer a = answer_make(status, headers, body);
    enum outcome outcome;
    struct attempt attempt;

    request_posted(r, &a, &target, memory, &outcome, &attempt, now, wall, &rng);
    assert_int_equal(attempt.http_status, status);
    assert_true(attempt.at_wall == wall.ms);
    assert_string_equal(attempt.outcome, outcome_text(outcome));
    exchange_answer_clear(&a);
    return outcome;
}

static inline bool polled(struct request *r, int status, const char *headers, const char *body,
                          int64_t now)
{
    struct exchange_answer a = answer_make(status, headers, body);
    struct target_memory memory = {0};

    bool changed = request_polled(r, &a, &memory, now);
    assert_true(changed == memory.marked);
    exchange_answer_clear(&a);
    return changed;
}

#endif
