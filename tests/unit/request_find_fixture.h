/* request_find_fixture.h - a request whose POST was cut at NOW, and the lists it is looked for in.
 */
#ifndef TESTS_UNIT_REQUEST_FIND_FIXTURE_H
#define TESTS_UNIT_REQUEST_FIND_FIXTURE_H

#include "relay/base/buf.h"
#include "tests/unit/request_fixture.h"

#define AT(ago) (NOW + (ago)) /* relay time after the POST */
#define MARK    "[" RELAY_ID "]"

struct run {
    int64_t id;
    const char *title; /* JSON */
    const char *more;  /* ",…" */
};
#define DISPATCHED ",\"event\":\"workflow_dispatch\",\"created_at\":\"2025-11-24T16:00:00Z\""

/* POSTed at NOW, ambiguous at once. */
static inline struct request cut_off(void)
{
    struct request r = a_request(REQUEST_QUEUED);
    struct exchange_answer cut = answer_none(EXCHANGE_UNKNOWN, "cut");
    struct target_memory memory = {0};
    enum outcome outcome;
    struct attempt attempt;

    posting(&r, NOW);
    request_posted(&r, &cut, &target, &memory, &outcome, &attempt, NOW, wall, &rng);
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    return r;
}

static inline void listed(struct request *r, bool marked, int64_t now, int64_t total,
                          const struct run *runs, size_t n)
{
    struct buf body = BUF_INIT(1024 * 1024);

    buf_addf(&body, "{\"total_count\":%lld,\"workflow_runs\":[", (long long)total);
    for (size_t i = 0; i < n; i++)
        buf_addf(&body, "%s{\"id\":%lld,\"display_title\":%s%s}", i == 0 ? "" : ",",
                 (long long)runs[i].id, runs[i].title, runs[i].more);
    buf_add_text(&body, "]}");
    struct exchange_answer a = answer_make(200, "", buf_text(&body));
    request_looking(r, wall.ms + (now - NOW), now);
    request_listed(r, &a, marked, wall.ms + (now - NOW), now);
    exchange_answer_clear(&a);
    buf_free(&body);
}

static inline void answered(struct request *r, bool marked, int64_t now, int status,
                            const char *body)
{
    struct exchange_answer a = answer_make(status, "", body);

    request_looking(r, wall.ms + (now - NOW), now);
    request_listed(r, &a, marked, wall.ms + (now - NOW), now);
    exchange_answer_clear(&a);
}

#endif
